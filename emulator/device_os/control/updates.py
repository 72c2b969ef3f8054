"""Requests that bring an update, piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.board.flash import FlashError
from emulator.board.status_led import LedSignal
from emulator.device_os.control.handlers import Handler, Refused, reset_afterwards
from emulator.device_os.receiver import CannotBegin
from particle_protocol.control_requests.codes import RequestType, Result
from particle_protocol.control_requests.device import Request
from particle_protocol.control_requests.generated import storage_pb2
from particle_protocol.control_requests.messages import decode_message
from particle_protocol.messages.goodbye import ResetReason

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs

UPDATE_CHUNK = 1024
"""Bytes of an update that one request carries (Device OS 2.3.1, system/src/control/storage.cpp)."""


class UpdateRequests:
    """The requests of one boot, by type in `handlers`."""

    def __init__(self, system: DeviceOs) -> None:
        self._system = system
        self._board = system.board
        self._running = False
        """Whether an update that came by these requests is under way: one over the air is none of theirs."""
        self._update_position = 0
        self.handlers: dict[int, Handler] = {
            RequestType.START_FIRMWARE_UPDATE: self._start_update,
            RequestType.FIRMWARE_UPDATE_DATA: self._update_data,
            RequestType.FINISH_FIRMWARE_UPDATE: self._finish_update,
            RequestType.CANCEL_FIRMWARE_UPDATE: self._cancel_update,
        }

    def _start_update(self, request: Request) -> None:
        wanted = decode_message(storage_pb2.StartFirmwareUpdateRequest, request.payload)
        if wanted.format != 0:
            raise Refused(Result.NOT_SUPPORTED)
        self._end_update()
        try:
            self._system.receiver.begin(wanted.size)
        except CannotBegin as error:
            raise Refused(error.result) from None
        self._running = True
        self._update_position = 0
        self._system.led.take_over(LedSignal.FIRMWARE_UPDATE)
        reply = storage_pb2.StartFirmwareUpdateReply(chunk_size=UPDATE_CHUNK)
        request.reply(Result.OK, reply.SerializeToString())

    def _update_data(self, request: Request) -> None:
        receiver = self._system.receiver
        if not self._running:
            raise Refused(Result.INVALID_STATE)
        data = decode_message(storage_pb2.FirmwareUpdateDataRequest, request.payload).data
        try:
            if not data:
                raise FlashError("an empty piece")
            receiver.write(self._update_position, data)
        except FlashError:
            self._end_update()
            raise Refused(Result.OUT_OF_RANGE) from None
        self._update_position += len(data)
        self._system.led.toggle()
        request.reply(Result.OK)

    def _finish_update(self, request: Request) -> None:
        receiver = self._system.receiver
        if not self._running or receiver.received < receiver.size:
            raise Refused(Result.INVALID_STATE)
        if decode_message(storage_pb2.FinishFirmwareUpdateRequest, request.payload).validate_only:
            request.reply(receiver.validate())
            return
        result = receiver.finish()
        self._end_update()
        if result != 0:
            raise Refused(result)
        reset_afterwards(self._system, request, ResetReason.UPDATE)

    def _cancel_update(self, request: Request) -> None:
        self._end_update()
        request.reply(Result.OK)

    def _end_update(self) -> None:
        if self._running:
            self._running = False
            self._system.receiver.cancel()
            self._system.led.give_back()
