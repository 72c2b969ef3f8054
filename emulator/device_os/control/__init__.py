"""What Device OS answers to control requests over USB.

Requests come in groups, one module each; which groups a board has is decided by its platform and the version that runs. A type without
a handler goes to the application, and is not supported (-120) where that has no answer, which is also what host tools expect of requests
that came with later boards, or are of other kinds of boards. On Gen 2 those are 31, 73, 74, 76, 77, 91, 400 and 401, 500 to 507, and 550
to 554; 110 to 115 are those of Photon and P1 up to 1.x. Nowhere any more: 120 to 122, 260 to 264, 1001 to 1012. Facts: Device OS 2.3.1,
system/src/system_control_internal.cpp and system/src/control/*.cpp.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from emulator.device_os.control.cellular import CellularRequests
from emulator.device_os.control.cloud import CloudRequests
from emulator.device_os.control.config import ConfigRequests, ServerRequests
from emulator.device_os.control.handlers import Handler, Refused
from emulator.device_os.control.network import NetworkRequests
from emulator.device_os.control.setup import SetupRequests
from emulator.device_os.control.storage import StorageRequests
from emulator.device_os.control.system import SystemRequests
from emulator.device_os.control.updates import UpdateRequests
from emulator.device_os.control.wifi import SoftApRequests
from emulator.device_os.control.wifi_networks import WifiRequests
from emulator.device_os.control.wifi_old import OLD_WIFI_UNTIL, OldWifiRequests
from emulator.device_os.control.wifi_radio import NoNetworks, WifiRadioRequests
from particle_protocol.control_requests.codes import Result
from particle_protocol.control_requests.device import ControlRequestChannel, RawRequests, Request
from particle_protocol.control_requests.errors import BadMessage
from particle_protocol.messages.goodbye import ResetReason

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs


def _groups(system: DeviceOs) -> Iterator[dict[int, Handler]]:
    """The handlers of every group that this board has in this version."""
    board = system.board
    yield SystemRequests(system).handlers
    yield ConfigRequests(system).handlers
    yield StorageRequests(system).handlers
    yield UpdateRequests(system).handlers
    yield CloudRequests(system).handlers
    wifi = system.interfaces.wifi
    if board.platform.generation <= 2:
        yield ServerRequests(system).handlers
        if board.platform.has_softap:
            yield SoftApRequests(system).handlers
        if wifi is not None and system.version_numbers < OLD_WIFI_UNTIL:
            yield OldWifiRequests(system, wifi).handlers
        return
    yield SetupRequests(system).handlers
    yield NetworkRequests(system).handlers
    if board.platform.has_wifi_radio:
        yield WifiRadioRequests(system).handlers
        yield NoNetworks().handlers if wifi is None else WifiRequests(system, wifi).handlers
    if system.interfaces.cellular is not None:
        yield CellularRequests(system).handlers


class ControlRequests:
    """The requests of one boot."""

    def __init__(self, system: DeviceOs) -> None:
        self._system = system
        self._handlers: dict[int, Handler] = {}
        for handlers in _groups(system):
            self._handlers |= handlers
        self.channel = ControlRequestChannel(self._handle)
        self.raw = RawRequests(
            device_id=system.board.device_id,
            version=system.version,
            reset=lambda: self._later(0.0, system.reset, ResetReason.USER),
            cloud_disconnect=system.disconnect_cloud,
        )

    def _handle(self, request: Request) -> None:
        handler = self._handlers.get(request.type, self._ask_application)
        try:
            handler(request)
        except Refused as refused:
            request.reply(refused.result)
        except BadMessage:
            request.reply(Result.BAD_DATA)

    def _ask_application(self, request: Request) -> None:
        application = self._system.application
        answer = None if application is None else application.control_request(request.type, request.payload)
        if answer is None:
            raise Refused(Result.NOT_SUPPORTED)
        request.reply(Result.OK, answer)

    def _later(self, delay: float, callback: Callable[..., None], *args: object) -> None:
        self._system.scope.call_later(delay, callback, *args)
