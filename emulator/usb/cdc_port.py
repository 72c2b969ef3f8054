"""The board's end of its USB serial port: what firmware calls `Serial`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from particle_protocol.cdc import CdcRequest, ControlLine, LineCoding
from particle_protocol.usb import Setup, Stall

SEND_BUFFER: Final = 16 * 1024
"""Bytes that wait for a host that has the port open, but does not read. A board holds fewer, and makes its firmware wait instead."""

RECEIVE_BUFFER: Final = 1024
"""Bytes kept for firmware that has not said yet what to do with them."""


class CdcPort:
    """One serial port.

    The port is open while the host asserts DTR, or once it has sent or fetched data; what firmware writes to a closed port is lost, and
    opening throws away what was left (Device OS 2.3.1, platform/MCU/STM32F2xx/SPARK_Firmware_Driver/src/usbd_mcdc.c).

    Attributes:
        on_receive: called with what the host sent; while it is None, up to `RECEIVE_BUFFER` bytes are kept and handed over when it is set.
        on_line_coding: called with the baud rate whenever the host sets a line coding. 14,400 baud asks for DFU mode.
        on_open: called with True and False as the port opens and closes.
        on_readable: called when data is there for a host that had found none; the board tells its `UsbPlug`.
        line_coding, dtr, rts, is_open: as the host set them last.
    """

    def __init__(self) -> None:
        self.line_coding = LineCoding()
        self.dtr = False
        self.rts = False
        self.is_open = False
        self.on_line_coding: Callable[[int], None] | None = None
        self.on_open: Callable[[bool], None] | None = None
        self.on_readable: Callable[[], None] | None = None
        self._on_receive: Callable[[bytes], None] | None = None
        self._to_host = bytearray()
        self._from_host = bytearray()

    @property
    def on_receive(self) -> Callable[[bytes], None] | None:
        """Who gets what the host sends."""
        return self._on_receive

    @on_receive.setter
    def on_receive(self, callback: Callable[[bytes], None] | None) -> None:
        self._on_receive = callback
        if callback is not None and self._from_host:
            kept = bytes(self._from_host)
            self._from_host.clear()
            callback(kept)

    def write(self, data: bytes) -> int:
        """Send to the host; returns how many bytes were taken: none while the port is closed, fewer when the host does not read."""
        if not self.is_open:
            return 0
        room = SEND_BUFFER - len(self._to_host)
        taken = data[:room]
        was_empty = not self._to_host
        self._to_host += taken
        if was_empty and taken and self.on_readable is not None:
            self.on_readable()
        return len(taken)

    def fetch(self, length: int) -> bytes | None:
        """The host reads: up to `length` bytes, or None when there is nothing."""
        self._set_open(True)
        if not self._to_host:
            return None
        data = bytes(self._to_host[:length])
        del self._to_host[:length]
        return data

    def receive(self, data: bytes) -> None:
        """The host sends."""
        self._set_open(True)
        if self._on_receive is not None:
            self._on_receive(bytes(data))
        else:
            self._from_host += data[: RECEIVE_BUFFER - len(self._from_host)]

    def control(self, setup: Setup, data: bytes) -> bytes:
        """Answer a class request to the communication interface; those that mean nothing to a board are acknowledged, as boards do.

        Raises:
            Stall: it asks for something that the port does not have, or a line coding is cut short.
        """
        if setup.is_in:
            if setup.request == CdcRequest.GET_LINE_CODING:
                return self.line_coding.encode()[: setup.length]
            raise Stall(f"no CDC request: {setup}")
        if setup.request == CdcRequest.SET_LINE_CODING:
            try:
                self.line_coding = LineCoding.decode(data)
            except ValueError as error:
                raise Stall(str(error)) from None
            if self.on_line_coding is not None:
                self.on_line_coding(self.line_coding.baud)
        elif setup.request == CdcRequest.SET_CONTROL_LINE_STATE:
            self.dtr = bool(setup.value & ControlLine.DTR)
            self.rts = bool(setup.value & ControlLine.RTS)
            self._set_open(self.dtr)
        return b""

    def reset(self) -> None:
        """The host is gone, or starts anew: the port is closed, nothing waits."""
        self.dtr = self.rts = False
        self._set_open(False)
        self._to_host.clear()
        self._from_host.clear()

    def _set_open(self, is_open: bool) -> None:
        if is_open != self.is_open:
            self._to_host.clear()
            self.is_open = is_open
            if self.on_open is not None:
                self.on_open(is_open)
