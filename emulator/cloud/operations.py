"""What is done on a connected device on behalf of a caller: functions, variables, ping, signal, and updates by hand.

Each check that needs no device raises at once; what the device says comes with the reply.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator.cloud.access import Kind, Principal
from emulator.cloud.assets import AssetShelf
from emulator.cloud.connections import Connections, Link
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices
from emulator.cloud.errors import DeviceOffline, FunctionUnknown, Invalid, PermissionDenied, UpdateRefused, VariableUnknown, WrongPlatform
from emulator.cloud.images import application_of, read_image
from emulator.cloud.records import Device
from emulator.cloud.relay import relay, settled
from emulator.cloud.sessions import Value
from emulator.cloud.updates import Updates
from emulator.drivers import Reply
from firmware_images.fields import ModuleFunction
from particle_protocol.coap import Code
from particle_protocol.messages import HelloFlag

MAX_ARGUMENT = 1024
TOO_LONG = {
    int(Code.BAD_REQUEST): "is longer than the device takes; it calls the function with as much of it as it does take",
    int(Code.REQUEST_ENTITY_TOO_LARGE): "is longer than fits into a message to the device",
}
"""What a refusal of a call means, by its code (Device OS 2.3.1, communication/src/functions.h)."""


@dataclass(frozen=True, slots=True)
class CallResult:
    """What a function returned (int32)."""

    device: Device
    value: int


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What a variable holds, and its type as the API names it."""

    device: Device
    name: str
    value: Value
    type: str


class Operations:
    """Reaches through to the devices."""

    def __init__(self, core: Core, devices: Devices, connections: Connections, updates: Updates, assets: AssetShelf) -> None:
        self._core = core
        self._devices = devices
        self._connections = connections
        self._updates = updates
        self._assets = assets
        self.check_paused: Callable[[Device], None]
        """Refuses a device whose account is paused (AccountPaused); the events' room says so."""

    def call(self, who: Principal, given: str, name: str, argument: str = "", *, product: str | int | None = None) -> Reply[CallResult]:
        """Call a cloud function.

        Raises:
            DeviceForbidden, DeviceNotInProduct, PermissionDenied, ScopeRefused: not for this caller.
            DeviceOffline: not connected.
            FunctionUnknown: the device has described itself, without this function.
            Invalid: the argument is too long.
            AccountPaused: the plan's data operations are used up.

        The reply fails with `NoAnswer` or `DeviceOffline`, or with `Invalid` when the argument is too long for this device.
        """
        device = self._devices.reach(who, given, "devices.function:call", product)
        self.check_paused(device)
        link = self._linked(device)
        if len(argument.encode()) > MAX_ARGUMENT:
            raise Invalid("arg", argument[:20], f"at most {MAX_ARGUMENT} bytes")
        if link.application is not None and name not in link.application.functions:
            raise FunctionUnknown(name)
        answer = link.session.call(name, argument)
        timeout = self._core.settings.answer_timeout
        return relay(
            self._core,
            device.id,
            f"function {name}",
            answer,
            lambda value: CallResult(device, value),
            timeout=timeout,
            refused=lambda no: Invalid("arg", argument[:20], TOO_LONG[no.code]) if no.code in TOO_LONG else None,
        )

    def read(self, who: Principal, given: str, name: str, *, product: str | int | None = None) -> Reply[ReadResult]:
        """Read a cloud variable.

        Raises and fails as `call`, with VariableUnknown in place of FunctionUnknown.
        """
        device = self._devices.reach(who, given, "devices.variable:get", product)
        self.check_paused(device)
        link = self._linked(device)
        kind = "string"
        if link.application is not None:
            if name not in link.application.variables:
                raise VariableUnknown(name)
            kind = link.application.variables[name].api_name
        answer = link.session.read(name)
        timeout = self._core.settings.answer_timeout
        return relay(
            self._core,
            device.id,
            f"variable {name}",
            answer,
            lambda value: ReadResult(device, name, value, kind),
            timeout=timeout,
            refused=lambda no: VariableUnknown(name) if no.code == Code.NOT_FOUND else None,
        )

    def ping(self, who: Principal, given: str, *, product: str | int | None = None) -> Reply[bool]:
        """Ask whether the device is there. Being away is an answer, not a failure; so is silence."""
        device = self._devices.reach(who, given, "devices:ping", product)
        link = self._connections.link(device.id)
        if link is None:
            return settled(self._core, value=False)
        reply: Reply[bool] = self._core.reply()
        answer = relay(self._core, device.id, "a ping", link.session.ping(), lambda _: True, timeout=self._core.settings.answer_timeout)

        def settle() -> None:
            try:
                reply.resolve(answer.result())
            except Exception:  # noqa: BLE001  # whatever went wrong, the device is not to be reached
                reply.resolve(value=False)

        if answer.done:
            settle()
        else:
            answer.settled.subscribe(settle)
        return reply

    def signal(self, who: Principal, given: str, *, on: bool, product: str | int | None = None) -> Reply[bool]:
        """Make the device shout rainbows, or stop. Raises and fails as `call`; gives `on`."""
        device = self._devices.reach(who, given, "devices:update", product)
        link = self._linked(device)
        answer = link.session.signal(on)
        return relay(self._core, device.id, "the signal", answer, lambda _: on, timeout=self._core.settings.answer_timeout)

    def flash(self, who: Principal, given: str, image: bytes, *, product: str | int | None = None) -> Reply[None]:
        """Send a module, or the application of a bundle, over the air, whatever the product's rules say. A bundle's assets follow it.

        Raises:
            DeviceForbidden, DeviceNotInProduct, ScopeRefused: not for this caller.
            PermissionDenied: a customer; updates are not for them.
            BadImage: not a module. WrongPlatform: one for another platform.
            DeviceOffline: not connected.
            UpdateRefused: another update is under way, or the device cannot take the file's form.

        The reply settles when the update has begun; `spark/flash/status` tells how it ends.
        """
        if who.kind is Kind.CUSTOMER:
            raise PermissionDenied("updates over the air are not for customers")
        device = self._devices.reach(who, given, "devices:update", product)
        application = application_of(image)
        facts = read_image(application)
        if facts.platform_id != device.platform_id and facts.function is not ModuleFunction.ASSET:
            raise WrongPlatform(facts.platform_id, device.platform_id)
        link = self._linked(device)
        if facts.packed and not link.session.hello.flags & HelloFlag.COMPRESSED_UPDATES:
            raise UpdateRefused(device.id, "it takes neither compressed modules nor several in one file")
        reply = self._updates.by_hand(device, application)
        self._assets.keep(image)
        return reply

    def _linked(self, device: Device) -> Link:
        link = self._connections.link(device.id)
        if link is None:
            raise DeviceOffline(device.id)
        return link
