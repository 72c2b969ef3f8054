"""Requests about Wi-Fi on Gen 2: what the board's own network is called when it listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.device_os.control.handlers import Handler
from particle_protocol.control_requests.codes import RequestType, Result
from particle_protocol.control_requests.device import Request
from particle_protocol.control_requests.generated import config_pb2
from particle_protocol.control_requests.messages import decode_message
from particle_protocol.dct import DctField

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs


class SoftApRequests:
    """The requests of one boot, by type in `handlers`."""

    def __init__(self, system: DeviceOs) -> None:
        self._board = system.board
        self.handlers: dict[int, Handler] = {RequestType.SET_SOFTAP_SSID: self._set_softap_ssid}

    def _set_softap_ssid(self, request: Request) -> None:
        """What the board's own network is called when it listens: both parts are cut to what the DCT has room for."""
        wanted = decode_message(config_pb2.SetSoftapSsidRequest, request.payload)
        prefix = wanted.prefix.encode()[: DctField.SSID_PREFIX.size - 1]
        suffix = wanted.suffix.encode()[: DctField.DEVICE_CODE.size]
        self._board.settings.write(DctField.SSID_PREFIX.offset, bytes((len(prefix),)) + prefix)
        self._board.settings.write(DctField.DEVICE_CODE.offset, (suffix + b"\0")[: DctField.DEVICE_CODE.size])
        request.reply(Result.OK)
