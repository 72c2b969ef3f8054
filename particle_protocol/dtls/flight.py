"""Flights: the messages that an end sends at a time, and repeats until they are answered (RFC 6347, 4.2.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from particle_protocol.dtls.handshake import HEADER_SIZE, HandshakeMessage
from particle_protocol.dtls.record_layer import RecordLayer
from particle_protocol.dtls.records import ContentType

SAFE_DATAGRAM: Final = 508
"""What every IPv4 network carries, in bytes. A flight that had to be repeated twice goes in datagrams no longer than this
(RFC 6347, 4.1.1.1; mbedTLS 2.22, library/ssl_msg.c)."""
_WORTHWHILE: Final = 32
"""A piece of a message shorter than this, in bytes, is not put at the end of a datagram."""


@dataclass(frozen=True, slots=True)
class Part:
    """A handshake message in a flight; None is ChangeCipherSpec, which is none."""

    message: HandshakeMessage | None
    epoch: int = 0


class Flight:
    """What was sent last, and when it is to be repeated. Times in seconds."""

    __slots__ = ("_last_timeout", "_parts", "_size", "_timeout", "deadline", "times_sent")

    def __init__(self, parts: Sequence[Part], max_datagram: int, first_timeout: float | None, last_timeout: float) -> None:
        """`first_timeout` None is a flight that is repeated only when the other end repeats its own: the last one of a handshake."""
        self._parts = parts
        self._size = max_datagram
        self._timeout = first_timeout
        self._last_timeout = last_timeout
        self.deadline: float | None = None
        self.times_sent = 0

    def send(self, records: RecordLayer, now: float) -> list[bytes]:
        """The flight in datagrams, each record with a new number. The time runs from now."""
        self.times_sent += 1
        if self._timeout is not None:
            self.deadline = now + self._timeout
        return pack(self._parts, records, self._size if self.times_sent <= 2 else min(self._size, SAFE_DATAGRAM))

    def expired(self) -> bool:
        """The time has passed; whether the flight is to be sent again, after which twice that time has to pass. Else: give up."""
        if self._timeout is None or self._timeout >= self._last_timeout:
            return False
        self._timeout = min(2 * self._timeout, self._last_timeout)
        return True


def pack(parts: Sequence[Part], records: RecordLayer, size: int) -> list[bytes]:
    """Put messages into datagrams of at most `size` bytes, those that do not fit in pieces."""
    datagrams = [b""]
    for part in parts:
        if part.message is None:
            _put(datagrams, records.seal(ContentType.CHANGE_CIPHER_SPEC, 0, b"\1"), size)
            continue
        offset, length = 0, len(part.message.body)
        around = records.overhead(part.epoch) + HEADER_SIZE
        while True:
            room = size - len(datagrams[-1]) - around
            if room < min(length - offset, _WORTHWHILE) and datagrams[-1]:
                room = size - around
                datagrams.append(b"")
            piece = part.message.fragment(offset, min(length - offset, max(room, 1)))
            offset += len(piece) - HEADER_SIZE
            _put(datagrams, records.seal(ContentType.HANDSHAKE, part.epoch, piece), size)
            if offset == length:
                break
    return datagrams


def _put(datagrams: list[bytes], record: bytes, size: int) -> None:
    if datagrams[-1] and len(datagrams[-1]) + len(record) > size:
        datagrams.append(b"")
    datagrams[-1] += record
