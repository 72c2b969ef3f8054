"""Requests about the connection to the cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.device_os.control.handlers import Handler
from particle_protocol.control_requests.codes import RequestType, Result
from particle_protocol.control_requests.device import Request

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs


class CloudRequests:
    """The requests of one boot, by type in `handlers`."""

    def __init__(self, system: DeviceOs) -> None:
        self._system = system
        self._board = system.board
        self.handlers: dict[int, Handler] = {
            RequestType.GET_CLOUD_CONNECTION_STATUS: self._cloud_status,
            RequestType.CLOUD_CONNECT: self._cloud_connect,
            RequestType.CLOUD_DISCONNECT: self._cloud_disconnect,
        }

    def _cloud_status(self, request: Request) -> None:
        status = int(self._system.cloud.status)
        request.reply(Result.OK, bytes((8, status)) if status else b"")

    def _cloud_connect(self, request: Request) -> None:
        self._system.connect_cloud()
        request.reply(Result.OK)

    def _cloud_disconnect(self, request: Request) -> None:
        self._system.disconnect_cloud()
        request.reply(Result.OK)
