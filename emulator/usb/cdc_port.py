"""The serial port that a board shows over USB (CDC ACM), as its firmware sees it."""

from __future__ import annotations

import struct
from collections.abc import Callable

from particle_protocol.usb import Setup, Stall

SET_LINE_CODING, GET_LINE_CODING, SET_CONTROL_LINE_STATE, SEND_BREAK = 0x20, 0x21, 0x22, 0x23
"""Class requests to the communication interface (USB CDC PSTN 1.2, table 13)."""
_LINE_CODING = struct.Struct("<IBBB")
BUFFER = 65536
"""Bytes kept for a host that does not read; more is lost, as on the board (whose own buffer is smaller)."""


class CdcPort:
    """Bytes to and from the host.

    Firmware sets `on_receive` and `on_line_coding`. What it writes waits until the host asks for it.
    """

    __slots__ = ("_line_coding", "_out", "dtr", "on_line_coding", "on_readable", "on_receive", "rts")

    def __init__(self) -> None:
        self.on_receive: Callable[[bytes], None] = _ignore
        self.on_line_coding: Callable[[int], None] = _ignore
        self.on_readable: Callable[[], None] = _nothing
        self.dtr = False
        self.rts = False
        self._line_coding = _LINE_CODING.pack(9600, 0, 0, 8)
        self._out = bytearray()

    @property
    def baud(self) -> int:
        """The speed the host has set. It says nothing of how fast bytes travel."""
        return int(_LINE_CODING.unpack(self._line_coding)[0])

    def write(self, data: bytes) -> None:
        """Send bytes to the host."""
        if data:
            self._out += data[: BUFFER - len(self._out)]
            self.on_readable()

    def take(self, length: int) -> bytes | None:
        """Give the host up to `length` bytes, or None when there are none."""
        if not self._out:
            return None
        data = bytes(self._out[:length])
        del self._out[:length]
        return data

    def control(self, setup: Setup, data: bytes) -> bytes:
        """Carry out a class request.

        Raises:
            Stall: it is none.
        """
        if setup.request_type == 0x21:
            if setup.request == SET_LINE_CODING and len(data) == _LINE_CODING.size:
                self._line_coding = bytes(data)
                self.on_line_coding(self.baud)
                return b""
            if setup.request == SET_CONTROL_LINE_STATE:
                self.dtr, self.rts = bool(setup.value & 1), bool(setup.value & 2)
                return b""
            if setup.request == SEND_BREAK:
                return b""
        elif setup.request_type == 0xA1 and setup.request == GET_LINE_CODING:
            return self._line_coding[: setup.length]
        raise Stall(f"no request of a serial port: {setup}")


def _ignore(_: object) -> None:
    """Nobody is listening."""


def _nothing() -> None:
    """Nobody wants to know."""
