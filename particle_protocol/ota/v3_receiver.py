"""Receiving an update, version 3: the device's end, without I/O.

Source: Device OS 6.2.0, communication/src/firmware_update.cpp; recorded transfers of 6.2.0.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final, Protocol

from particle_protocol.coap import Code, Message
from particle_protocol.control_requests.codes import Result
from particle_protocol.messages.errors import MessageError
from particle_protocol.ota.answers import Reply, UpdateFault, coap_code, diagnostic
from particle_protocol.ota.outcomes import ApplyUpdate, ReceiverEvent, TransferEnded, TransferProgress, TransferStarted
from particle_protocol.ota.v3_messages import UpdateAck, UpdateChunk, UpdateFinish, UpdateStart, UpdateStarted
from particle_protocol.ota.v3_sender import MAX_CHUNK_SIZE, MIN_CHUNK_SIZE
from particle_protocol.protocol_errors import ProtocolErrorCode
from particle_protocol.secure_channel import ChannelError

WINDOW_BYTES: Final = 131072
"""How much of a file may be under way, in bytes."""
ACK_CHUNKS: Final = 2
"""After so many chunks an acknowledgement is sent,"""
ACK_DELAY: Final = 0.2
"""or after so long, in seconds."""
TRANSFER_TIMEOUT: Final = 300.0
"""How long a transfer may stand still before the device puts it aside, in seconds."""
DIAGNOSTIC_ROOM: Final = 200


class UpdateStore(Protocol):
    """Where a file goes that comes over the air. Sizes and offsets in bytes."""

    @property
    def capacity(self) -> int:
        """The largest file that can be taken."""

    def begin(self, size: int, sha256: bytes | None, *, discard: bool, module_function: int | None) -> int:
        """Make room for a file; how much of the same file (by size and hash) is held from an interrupted transfer.

        Raises:
            UpdateFault: it cannot be taken.
        """

    def write(self, offset: int, data: bytes) -> None:
        """Store a piece of the file.

        Raises:
            UpdateFault: it cannot be written.
        """

    def validate(self) -> None:
        """The file is complete: judge it.

        Raises:
            UpdateFault: it is no good.
        """

    def suspend(self, *, discard: bool) -> None:
        """The transfer is over before its time. Keep what was received without a gap, unless it is to be discarded."""


@dataclass(slots=True)
class _Transfer:
    """A transfer under way. `received` is how many chunks have come without a gap, bit n of `beyond` whether chunk received + 1 + n has."""

    size: int
    offset: int
    chunk_size: int
    window: int
    count: int
    received: int = 0
    beyond: int = 0
    unacknowledged: int = 0
    chunks: int = 0
    duplicates: int = 0
    out_of_order: int = 0
    acknowledgements: int = 0

    def has(self, index: int) -> bool:
        return index <= self.received or bool(self.beyond >> (index - self.received - 1) & 1)

    def note(self, index: int) -> None:
        self.beyond |= 1 << (index - self.received - 1)
        while self.beyond & 1:
            self.beyond >>= 1
            self.received += 1

    def report(self) -> bytes:
        """What the device says of the transfer in the end. Processing takes no time here."""
        told = {
            "recv_chunks": self.chunks,
            "dup_chunks": self.duplicates,
            "ooo_chunks": self.out_of_order,
            "sent_acks": self.acknowledgements,
            "proc_time": 0,
        }
        return json.dumps(told, separators=(",", ":")).encode()


class UpdateReceiver:
    """At most one transfer at a time.

    The owner gives it the cloud's requests (each once: it knows repeated ones by their id), and sends what `messages_to_send` gives.
    """

    def __init__(self, store: UpdateStore, max_chunk_size: int = MAX_CHUNK_SIZE) -> None:
        self._store = store
        self._max_chunk_size = max_chunk_size
        self._transfer: _Transfer | None = None
        self._finished = False
        self._ack_at: float | None = None
        self._last_chunk = 0.0
        self._out: list[Reply | UpdateAck] = []
        self._events: list[ReceiverEvent] = []

    @property
    def running(self) -> bool:
        """Whether a transfer is under way. No pings are sent meanwhile."""
        return self._transfer is not None

    def messages_to_send(self) -> list[Reply | UpdateAck]:
        """What is to be sent now, in this order. Each is given once."""
        out, self._out = self._out, []
        return out

    def events(self) -> list[ReceiverEvent]:
        """What has happened since the last time this was asked."""
        events, self._events = self._events, []
        return events

    def take_start(self, message: Message, now: float) -> None:
        """The cloud asks to begin. A transfer under way is put aside."""
        try:
            start = UpdateStart.decode(message)
            self._check(start)
        except MessageError as error:
            self._refuse(message, UpdateFault(Result.INVALID_ARGUMENT, str(error)), in_ack=True)
            return
        except UpdateFault as fault:
            self._refuse(message, fault, in_ack=True)
            return
        self._put_aside(discard=False)
        try:
            offset = self._store.begin(start.file_size, start.sha256, discard=start.discard, module_function=start.module_function)
        except UpdateFault as fault:
            self._refuse(message, fault)
            return
        window = WINDOW_BYTES // start.chunk_size
        count = -(-(start.file_size - offset) // start.chunk_size)
        self._transfer = _Transfer(start.file_size, offset, start.chunk_size, window, count)
        self._finished = False
        self._last_chunk = now
        self._events.append(TransferStarted(start.file_size, start.chunk_size, offset))
        self._out.append(Reply(message, Code.CREATED, UpdateStarted(window, offset).options()))

    def take_chunk(self, message: Message, now: float) -> bool:
        """A piece of the file has come; False if there is no transfer that it could belong to, and it is to be answered by a reset.

        Raises:
            ChannelError: it cannot belong to the transfer either: the connection is given up (firmware_update.cpp; error 32).
        """
        transfer = self._transfer
        if transfer is None:
            return False
        if self._finished:
            return True  # a late copy: everything has come
        try:
            chunk = UpdateChunk.decode(message)
        except MessageError as error:
            raise self._broken(str(error)) from None
        if not 1 <= chunk.index <= min(transfer.count, transfer.received + transfer.window):
            raise self._broken(f"chunk {chunk.index}, where {transfer.received + 1} to {transfer.received + transfer.window} may come")
        at = transfer.offset + (chunk.index - 1) * transfer.chunk_size
        size = min(transfer.chunk_size, transfer.size - at)
        if len(chunk.data) != size:
            raise self._broken(f"chunk {chunk.index} of {len(chunk.data)} bytes, where {size} were expected")
        self._last_chunk = now
        self._store_chunk(transfer, chunk, at, now)
        return True

    def take_finish(self, message: Message) -> None:
        """The cloud has nothing more to send, or wants no more of it."""
        transfer = self._transfer
        try:
            finish = UpdateFinish.decode(message)
            if transfer is None or self._finished:
                raise UpdateFault(Result.INVALID_STATE, "no update is under way")
            if not finish.cancel and transfer.received < transfer.count:
                raise UpdateFault(Result.INVALID_STATE, f"{transfer.count - transfer.received} chunks are missing")
        except MessageError as error:
            self._refuse(message, UpdateFault(Result.INVALID_ARGUMENT, str(error)), in_ack=True)
            return
        except UpdateFault as fault:
            self._refuse(message, fault)
            return
        self._ack_at = None
        if finish.cancel:
            self._put_aside(discard=finish.discard)
            self._events.append(TransferEnded(None))
            self._out.append(Reply(message, Code.CHANGED))
            return
        try:
            self._store.validate()
        except UpdateFault as fault:
            self._put_aside(discard=True)
            self._events.append(TransferEnded(fault))
            self._refuse(message, fault)
            return
        self._finished = True
        self._out.append(Reply(message, Code.CHANGED, payload=transfer.report()))

    def reply_acknowledged(self) -> None:
        """The cloud has acknowledged the last answer. If it was that the file is good, now it is applied, and not before (:83-137)."""
        if self._finished:
            self._finished = False
            self._transfer = None
            self._events.append(ApplyUpdate(0))

    def cancel(self) -> None:
        """The connection is gone. What has come is kept, in case the cloud begins with the same file again."""
        self._put_aside(discard=False)
        self._out.clear()

    def deadline(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        if self._transfer is None:
            return None
        idle = self._last_chunk + TRANSFER_TIMEOUT
        return idle if self._ack_at is None else min(idle, self._ack_at)

    def handle_timer(self, now: float) -> None:
        """Time has passed: acknowledge what waits for it, give up a transfer that stands still."""
        if self._transfer is not None and now >= self._last_chunk + TRANSFER_TIMEOUT:
            self._put_aside(discard=False)
            self._events.append(TransferEnded(UpdateFault(Result.TIMEOUT, f"no chunk came for {TRANSFER_TIMEOUT:g} s")))
        elif self._transfer is not None and self._ack_at is not None and now >= self._ack_at:
            self._acknowledge(self._transfer)

    def _check(self, start: UpdateStart) -> None:
        if not 0 < start.file_size <= self._store.capacity:
            text = f"a file of {start.file_size} bytes; 1 to {self._store.capacity} are taken"
            raise UpdateFault(Result.TOO_LARGE if start.file_size else Result.INVALID_ARGUMENT, text)
        if not MIN_CHUNK_SIZE <= start.chunk_size <= self._max_chunk_size or start.chunk_size % 4:
            text = f"chunks of {start.chunk_size} bytes; {MIN_CHUNK_SIZE} to {self._max_chunk_size} in steps of 4 are taken"
            raise UpdateFault(Result.INVALID_ARGUMENT, text)

    def _store_chunk(self, transfer: _Transfer, chunk: UpdateChunk, at: int, now: float) -> None:
        transfer.unacknowledged += 1
        if transfer.has(chunk.index):
            transfer.duplicates += 1
            self._acknowledge(transfer)
            return
        try:
            self._store.write(at, chunk.data)
        except UpdateFault as fault:
            self._put_aside(discard=False)
            self._events.append(TransferEnded(fault))
            raise self._broken(f"chunk {chunk.index} cannot be written: {fault}") from None
        transfer.chunks += 1
        in_order, had_gap = chunk.index == transfer.received + 1, bool(transfer.beyond)
        transfer.out_of_order += not in_order
        transfer.note(chunk.index)
        done = transfer.offset + (transfer.received + transfer.beyond.bit_count()) * transfer.chunk_size
        self._events.append(TransferProgress(min(done, transfer.size), transfer.size))
        if not in_order or had_gap or transfer.received == transfer.count or transfer.unacknowledged >= ACK_CHUNKS:
            self._acknowledge(transfer)
        elif self._ack_at is None:
            self._ack_at = now + ACK_DELAY

    def _acknowledge(self, transfer: _Transfer) -> None:
        self._ack_at = None
        transfer.unacknowledged = 0
        transfer.acknowledgements += 1
        self._out.append(UpdateAck(transfer.received, transfer.beyond))

    def _refuse(self, request: Message, fault: UpdateFault, *, in_ack: bool = False) -> None:
        self._out.append(Reply(request, coap_code(fault.result), (), diagnostic(fault, DIAGNOSTIC_ROOM), in_ack))

    def _put_aside(self, *, discard: bool) -> None:
        if self._transfer is not None:
            self._transfer = None
            self._finished = False
            self._ack_at = None
            self._store.suspend(discard=discard)

    @staticmethod
    def _broken(why: str) -> ChannelError:
        return ChannelError(ProtocolErrorCode.OTA_UPDATE, why)
