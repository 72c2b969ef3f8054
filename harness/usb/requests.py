"""The control requests that the harness asks of a board, with its errors turned into the harness's.

Each opens the board, asks, and closes it again, so that other programs can use it in between, as particle-cli leaves it too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from harness.errors import ConversationFailed, RequestRefused, hides
from harness.modes import CloudStatus, DeviceMode
from harness.usb.board_usb import BoardUsb
from particle_protocol.control_requests import calls
from particle_protocol.control_requests.codes import RequestType, Result, request_name, result_text
from particle_protocol.control_requests.errors import ControlRequestError, RequestError
from particle_protocol.control_requests.host import raw_system_version, request
from particle_protocol.os_versions import ModuleNeed
from particle_protocol.platforms import ModuleFunction, ModuleKey
from particle_protocol.usb import HostSteps

if TYPE_CHECKING:
    from particle_protocol.control_requests.generated.storage_pb2 import LegacyModule, Module

__tracebackhide__ = hides

T = TypeVar("T")

ANSWER_TIMEOUT = 10.0
"""Seconds for requests that only ask, as particle-cli has it when it lists boards (particle-cli 3.49.2, src/cmd/usb-util.js)."""

_QUESTIONS = frozenset(
    {
        RequestType.GET_DEVICE_MODE,
        RequestType.GET_CLOUD_CONNECTION_STATUS,
        RequestType.GET_MODULE_INFO,
        RequestType.GET_SERIAL_NUMBER,
        RequestType.IS_CLAIMED,
    }
)
"""Requests that change nothing."""

INTEGRITY_FAILED = 0x01
DEPENDENCY_FAILED = 0x02
"""Bits of a module's validity in the old form of module info (device-os-protobuf, control/storage.proto)."""

_CURRENT_INTEGRITY = 0x02
_CURRENT_DEPENDENCIES = 0x04
"""Bits of a module's checks since Device OS 5.6.0 (the same file)."""

_OLD_FUNCTIONS = {
    1: ModuleFunction.BOOTLOADER,
    2: ModuleFunction.SYSTEM_PART,
    3: ModuleFunction.USER_PART,
    4: ModuleFunction.MONOLITHIC,
    5: ModuleFunction.NCP,
    6: ModuleFunction.RADIO_STACK,
}
"""Module types in the old form of module info; the new form uses the numbers of the module prefix plus none (Device OS 5.6.0)."""


@dataclass(frozen=True, slots=True)
class InstalledModule:
    """A module as the board itself reports it (control request 90)."""

    key: ModuleKey
    version: int
    intact: bool
    dependencies_met: bool
    needs: tuple[ModuleNeed, ...] = ()
    needs_assets: bool = False

    def __str__(self) -> str:
        trouble = "" if self.intact else ", damaged"
        trouble += "" if self.dependencies_met else ", needs a module that is missing or too old"
        return f"{self.key} version {self.version}{trouble}"


@dataclass(frozen=True, slots=True)
class BoardAssets:
    """Assets by name and digest (control request 91)."""

    there: set[tuple[str, bytes]]
    needed: set[tuple[str, bytes]]


def _need(need: LegacyModule.Dependency | Module.Dependency, function: ModuleFunction | None) -> ModuleNeed:
    return ModuleNeed(ModuleKey(function or ModuleFunction.NONE, need.index), need.version)


class ControlRequests:
    """The control requests of one board."""

    def __init__(self, usb: BoardUsb) -> None:
        self._usb = usb

    def ask(self, name: str, steps: HostSteps[T], *, changes: bool = True) -> T:
        """Carry out one request; say `changes=False` of one that only asks.

        Raises:
            RequestRefused: the board answered with an error.
            ConversationFailed: it did not answer as the protocol demands.
            BoardNotAvailable: it is not there, or may not be opened.
        """
        try:
            return self._usb.run(steps, changes=name if changes else "")
        except RequestError as error:
            raise RequestRefused(name, error.result, result_text(error.result), board=self._usb.label) from error
        except ControlRequestError as error:
            raise ConversationFailed(str(error), board=self._usb.label, seen=self._usb.describe()) from error

    def system_version(self) -> str | None:
        """The Device OS version, such as "2.3.1"; None where the board does not tell (DFU mode)."""
        return self.ask("the raw version request", raw_system_version(), changes=False)

    def device_mode(self) -> DeviceMode:
        """Whether the board listens."""
        return DeviceMode.LISTENING if self._named(RequestType.GET_DEVICE_MODE, calls.is_listening()) else DeviceMode.NORMAL

    def cloud_status(self) -> CloudStatus:
        """What the board says of its cloud connection.

        Raises:
            RequestRefused: with result -120 from Device OS versions that do not know this request.
        """
        steps = request(RequestType.GET_CLOUD_CONNECTION_STATUS, timeout=ANSWER_TIMEOUT)
        data = self._named(RequestType.GET_CLOUD_CONNECTION_STATUS, steps)
        # The reply is one enum in field 1; an empty one is its default (device-os-protobuf, control/cloud.proto).
        try:
            return CloudStatus(data[1]) if len(data) == 2 and data[0] == 0x08 else CloudStatus(len(data))
        except ValueError:
            raise ConversationFailed(f"the board answered control request 300 with {data.hex()}", board=self._usb.label) from None

    def modules(self) -> list[InstalledModule]:
        """The modules on the board, in the order in which it lists them."""
        reply = self._named(RequestType.GET_MODULE_INFO, calls.get_module_info())
        old = [
            InstalledModule(
                ModuleKey(_OLD_FUNCTIONS.get(each.type, ModuleFunction.NONE), each.index),
                each.version,
                intact=not each.validity & INTEGRITY_FAILED,
                dependencies_met=not each.validity & DEPENDENCY_FAILED,
                needs=tuple(_need(need, _OLD_FUNCTIONS.get(need.type)) for need in each.dependencies),
            )
            for each in reply.legacy_modules
        ]
        if old:
            return old
        return [
            InstalledModule(
                ModuleKey(ModuleFunction(each.type), each.index),
                each.version,
                intact=not (each.checked_flags & ~each.passed_flags) & _CURRENT_INTEGRITY,
                dependencies_met=not (each.checked_flags & ~each.passed_flags) & _CURRENT_DEPENDENCIES,
                needs=tuple(_need(need, ModuleFunction(need.type)) for need in each.dependencies),
                needs_assets=bool(each.asset_dependencies),
            )
            for each in reply.modules
        ]

    def assets(self) -> BoardAssets | None:
        """The assets that the board has and needs; None: it tells of none, before Device OS 5.6.0 and without room for any."""
        try:
            reply = self._named(RequestType.GET_ASSET_INFO, calls.get_asset_info())
        except RequestRefused as error:
            if error.result == Result.NOT_SUPPORTED:
                return None
            raise
        return BoardAssets(*({(each.name, each.hash) for each in told} for told in (reply.available, reply.required)))

    def unmet_dependency(self) -> str:
        """The first module whose dependency is not met, or asset that is missing; an empty string if there is none."""
        modules = self.modules()
        unmet = next((str(module.key) for module in modules if not module.dependencies_met), "")
        if unmet or not any(module.needs_assets for module in modules):
            return unmet
        assets = self.assets()
        return ", ".join(sorted(f"asset {name!r}" for name, _ in assets.needed - assets.there)) if assets is not None else ""

    def serial_number(self) -> str:
        """The serial number, as on the label.

        Raises:
            RequestRefused: it has none, as some older boards, or its Device OS has no such request.
        """
        return self._named(RequestType.GET_SERIAL_NUMBER, calls.get_serial_number())

    def is_claimed(self) -> bool:
        """Whether the board was ever claimed, as far as it knows itself; the cloud may know better."""
        return self._named(RequestType.IS_CLAIMED, calls.is_claimed())

    def set_claim_code(self, code: str) -> None:
        """Store a claim code of 63 characters, for the board to bring along when it connects next."""
        self._named(RequestType.SET_CLAIM_CODE, calls.set_claim_code(code))

    def start_listening(self) -> None:
        """Have the board enter listening mode."""
        self._named(RequestType.START_LISTENING, calls.start_listening())

    def stop_listening(self) -> None:
        """Have the board leave listening mode."""
        self._named(RequestType.STOP_LISTENING, calls.stop_listening())

    def reset(self) -> None:
        """Have the board reset, a second after its answer."""
        self._named(RequestType.RESET, calls.reset())

    def enter_dfu(self) -> None:
        """Have the board reset into DFU mode, a second after its answer."""
        self._named(RequestType.DFU_MODE, calls.enter_dfu_mode())

    def enter_safe_mode(self) -> None:
        """Have the board reset into safe mode, a second after its answer."""
        self._named(RequestType.SAFE_MODE, calls.enter_safe_mode())

    def has_ethernet(self) -> bool:
        """Whether it has an Ethernet interface: a board of Gen 3 or later with a FeatherWing that it was told to look for."""
        try:
            return self.ask(RequestType.GET_INTERFACE_LIST.name, calls.has_ethernet(), changes=False)
        except RequestRefused as refused:
            if refused.result == Result.NOT_SUPPORTED:
                return False
            raise

    def set_setup_done(self, *, done: bool) -> None:
        """Mark the board as set up."""
        self._named(RequestType.SET_DEVICE_SETUP_DONE, calls.set_setup_done(done))

    def update_module(self, image: bytes, progress: Callable[[int, int], None]) -> None:
        """Hand the board a module to check and apply; it resets after a good answer."""
        self._named(RequestType.FINISH_FIRMWARE_UPDATE, calls.update_firmware(image, progress=progress))

    def _named(self, request_type: RequestType, steps: HostSteps[T]) -> T:
        return self.ask(f"control request {request_name(request_type)}", steps, changes=request_type not in _QUESTIONS)
