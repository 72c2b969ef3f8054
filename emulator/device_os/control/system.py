"""Requests about the system: who it is, its modes, resets, features, diagnostics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from emulator.board.board import BootRequest
from emulator.board.otp import SERIAL_NUMBER
from emulator.device_os.control.handlers import NO_SUCH_FEATURE, Handler, Refused, reset_afterwards
from emulator.device_os.ethernet import look_for_ethernet, looks_for_ethernet
from emulator.device_os.startup import STARTUP_LISTEN, startup_mode
from particle_protocol.control_requests.codes import RequestType, Result
from particle_protocol.control_requests.device import Request
from particle_protocol.control_requests.generated import system_pb2
from particle_protocol.control_requests.messages import decode_message, encode_string
from particle_protocol.dct import FACTORY_RESET_ASKED, SystemFlag
from particle_protocol.messages.goodbye import ResetReason
from particle_protocol.vitals import by_name

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs


_MODE_SINCE: Final = (1, 1, 0)
"""On Gen 2: the first release that tells whether it listens; Gen 3 always did."""


class SystemRequests:
    """The requests of one boot, by type in `handlers`."""

    def __init__(self, system: DeviceOs) -> None:
        self._system = system
        self._board = system.board
        self._device_id = encode_string(system.board.device_id)
        self.handlers: dict[int, Handler] = {
            RequestType.ECHO: lambda request: request.reply(Result.OK, request.payload),
            RequestType.GET_DEVICE_ID: lambda request: request.reply(Result.OK, self._device_id),
            RequestType.GET_SERIAL_NUMBER: self._serial_number,
            RequestType.GET_SYSTEM_VERSION: lambda request: request.reply(Result.OK, encode_string(system.version)),
            RequestType.GET_SYSTEM_CAPABILITIES: lambda request: request.reply(Result.OK),
            RequestType.SET_FEATURE: self._set_feature,
            RequestType.GET_FEATURE: self._get_feature,
            RequestType.RESET: lambda request: reset_afterwards(system, request, ResetReason.USER),
            RequestType.FACTORY_RESET: self._factory_reset,
            RequestType.DFU_MODE: lambda request: reset_afterwards(system, request, ResetReason.DFU_MODE, BootRequest.DFU),
            RequestType.SAFE_MODE: lambda request: reset_afterwards(system, request, ResetReason.SAFE_MODE, BootRequest.SAFE_MODE),
            RequestType.START_LISTENING: self._start_listening,
            RequestType.STOP_LISTENING: self._stop_listening,
            RequestType.SET_STARTUP_MODE: self._set_startup_mode,
            RequestType.DIAGNOSTIC_INFO: self._diagnostics,
            RequestType.START_NYAN_SIGNAL: lambda request: self._nyan(request, on=True),
            RequestType.STOP_NYAN_SIGNAL: lambda request: self._nyan(request, on=False),
        }
        if system.board.platform.generation > 2 or system.version_numbers >= _MODE_SINCE:
            self.handlers[RequestType.GET_DEVICE_MODE] = self._device_mode

    def _serial_number(self, request: Request) -> None:
        serial = self._board.otp.text(*SERIAL_NUMBER)
        if not serial:
            raise Refused(Result.NOT_FOUND)
        request.reply(Result.OK, encode_string(serial))

    def _factory_reset(self, request: Request) -> None:
        self._board.settings.put_flag(SystemFlag.FACTORY_RESET, FACTORY_RESET_ASKED)
        reset_afterwards(self._system, request, ResetReason.FACTORY_RESET)

    def _start_listening(self, request: Request) -> None:
        self._system.listening.enter()
        request.reply(Result.OK)

    def _stop_listening(self, request: Request) -> None:
        self._system.listening.leave()
        request.reply(Result.OK)

    def _device_mode(self, request: Request) -> None:
        request.reply(Result.OK, b"\x08\x01" if self._system.listening.active else b"")

    def _set_feature(self, request: Request) -> None:
        """The one feature that there is, to look for an Ethernet FeatherWing, is none of Gen 2's chip."""
        wanted = decode_message(system_pb2.SetFeatureRequest, request.payload)
        _check_feature(wanted.feature)
        if self._board.platform.generation <= 2:
            raise Refused(NO_SUCH_FEATURE)
        look_for_ethernet(self._board, on=wanted.enabled)
        request.reply(Result.OK)

    def _get_feature(self, request: Request) -> None:
        _check_feature(decode_message(system_pb2.GetFeatureRequest, request.payload).feature)
        enabled = self._board.platform.generation > 2 and looks_for_ethernet(self._board)
        request.reply(Result.OK, system_pb2.GetFeatureReply(enabled=enabled).SerializeToString())

    def _set_startup_mode(self, request: Request) -> None:
        """Whether the next boot is to be one in listening mode; any other mode takes that back."""
        listen = decode_message(system_pb2.SetStartupModeRequest, request.payload).mode == system_pb2.LISTENING_MODE
        startup_mode(self._board, set_bits=STARTUP_LISTEN if listen else 0, clear_bits=STARTUP_LISTEN)
        request.reply(Result.OK)

    def _diagnostics(self, request: Request) -> None:
        if request.payload:
            raise Refused(Result.NOT_SUPPORTED)
        request.reply(Result.OK, json.dumps(by_name(self._system.diagnostics()), separators=(",", ":")).encode())

    def _nyan(self, request: Request, *, on: bool) -> None:
        self._system.show_nyan(on=on)
        request.reply(Result.OK)


def _check_feature(feature: int) -> None:
    if feature != system_pb2.ETHERNET_DETECTION:
        raise Refused(Result.NOT_SUPPORTED)
