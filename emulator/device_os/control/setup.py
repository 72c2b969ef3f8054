"""Requests of Gen 3 about set-up: the mark that says it is done, and Device Protection.

Device OS 6.2.0, system/src/control/config.cpp:245-254 (from 4.0.1 on the mark is done for ever); 3.3.1, the same file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.device_os.control.handlers import Handler, Refused
from emulator.device_os.startup import SETUP_DONE, SETUP_NOT_DONE, setup_is_done
from particle_protocol.control_requests.codes import RequestType, Result
from particle_protocol.control_requests.device import Request
from particle_protocol.control_requests.generated import system_pb2
from particle_protocol.control_requests.messages import decode_message
from particle_protocol.dct import DctField

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs

_ALWAYS_DONE_SINCE = (4, 0, 1)
_PROTECTION_SINCE = (6, 0, 0)
_NOT_PROTECTED = b"\x08\x00\x10\x00"
"""GetProtectedStateReply with both of its fields there, and false: protobuf would leave them out."""


class SetupRequests:
    """The requests of one boot, by type in `handlers`."""

    def __init__(self, system: DeviceOs) -> None:
        self._board = system.board
        self._always_done = system.version_numbers >= _ALWAYS_DONE_SINCE
        self.handlers: dict[int, Handler] = {
            RequestType.SET_DEVICE_SETUP_DONE: self._set_done,
            RequestType.IS_DEVICE_SETUP_DONE: self._is_done,
        }
        if system.version_numbers >= _PROTECTION_SINCE:
            self.handlers[RequestType.GET_PROTECTED_STATE] = _protected_state

    def _set_done(self, request: Request) -> None:
        done = decode_message(system_pb2.SetDeviceSetupDoneRequest, request.payload).done
        if self._always_done and not done:
            raise Refused(Result.NOT_SUPPORTED)
        if not self._always_done:
            self._board.settings.put(DctField.SETUP_DONE, SETUP_DONE if done else SETUP_NOT_DONE)
        request.reply(Result.OK)

    def _is_done(self, request: Request) -> None:
        done = self._always_done or setup_is_done(self._board)
        request.reply(Result.OK, system_pb2.IsDeviceSetupDoneReply(done=done).SerializeToString())


def _protected_state(request: Request) -> None:
    """No board made here is protected."""
    request.reply(Result.OK, _NOT_PROTECTED)
