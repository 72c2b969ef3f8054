"""A serial port, `/dev/ttyACM<n>`: a pseudo-terminal whose other end is the kernel's ACM driver.

The program works on a real pty; only the modem lines, which a pty lacks, are emulated. The baud rate is read from the pty itself, every
20 ms while a program has it open and whenever bytes come: the C library's tcsetattr() cannot be seen otherwise.
"""

from __future__ import annotations

import asyncio
import enum
import errno
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Callable
from typing import Final

from emulator.doors.cdc_acm import AcmPort, LineSettings, LineState
from emulator.doors.umockdev.wire import HEADER, UNHANDLED, Connection, Listener, Message, Steps, done, read_memory, write_memory
from particle_protocol.usb import Stall

_TCGETS2: Final = 0x802C542A
_TERMIOS2: Final = struct.Struct("@IIIIB19sII")
_POLL_SECONDS: Final = 0.02
_CHUNK: Final = 4096


class ModemIoctl(enum.IntEnum):
    """Requests about the modem lines (Linux 6.1, include/uapi/asm-generic/ioctls.h)."""

    TIOCMGET = 0x5415
    TIOCMBIS = 0x5416
    TIOCMBIC = 0x5417
    TIOCMSET = 0x5418
    TIOCSBRK = 0x5427
    TIOCCBRK = 0x5428


class ModemLine(enum.IntFlag):
    """Bits of the modem lines."""

    DTR = 0x002
    RTS = 0x004
    CTS = 0x020
    CARRIER = 0x040
    RING = 0x080
    DSR = 0x100


class TtyNode:
    """One serial port. `slave` is the real path of its pseudo-terminal."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, inside: Callable[[Callable[[], None]], None], port: AcmPort, ioctl_socket: str
    ) -> None:
        self.port = port
        self._loop = loop
        self._inside = inside
        self._master, self._slave = os.openpty()
        self.slave = os.ttyname(self._slave)
        os.set_blocking(self._master, False)
        _set_defaults(self._slave)
        self._late = bytearray()
        self.files: set[TtyFile] = set()
        self._poll: asyncio.TimerHandle | None = None
        self._listener = Listener(loop, ioctl_socket, self._accept)
        self._unsubscribe = port.changed.subscribe(self._changed)
        loop.add_reader(self._master, self._from_program)

    def unplugged(self) -> None:
        """The device is gone: the program's end of the pty reports a hang-up."""
        self._unsubscribe()
        self._listener.close()
        self._stop_polling()
        self._loop.remove_reader(self._master)
        self._loop.remove_writer(self._master)
        os.close(self._slave)
        os.close(self._master)
        self._master = -1

    def close(self) -> None:
        """The door closes: hang up on every program."""
        if self._master >= 0:
            self.unplugged()
        for file in tuple(self.files):
            file.connection.close()

    def opened(self, file: TtyFile) -> None:
        """A program opened the port."""
        self.files.add(file)
        self.port.open()
        self.follow_settings()
        if self._poll is None:
            self._poll = self._loop.call_later(_POLL_SECONDS, self._polled)

    def closed(self, file: TtyFile) -> None:
        """A program closed the port, or died. What it set last still counts, what it did not read is lost."""
        self.files.discard(file)
        if self._master >= 0:
            self._drain_program()
            if not self.files:
                self._stop_polling()
                self._late.clear()
                termios.tcflush(self._slave, termios.TCIOFLUSH)
        self.port.close()

    def follow_settings(self) -> None:
        """Hand the line settings of the pty to the device."""
        self.port.configure(_settings(self._slave))

    def _polled(self) -> None:
        self._poll = self._loop.call_later(_POLL_SECONDS, self._polled)
        self._inside(self.follow_settings)

    def _stop_polling(self) -> None:
        if self._poll is not None:
            self._poll.cancel()
            self._poll = None

    def _accept(self, link: socket.socket) -> None:
        self._inside(lambda: self.opened(TtyFile(self, self._loop, self._inside, link)))

    def _from_program(self) -> None:
        self._inside(self._drain_program)

    def _drain_program(self) -> None:
        """Bytes from the program to the device."""
        self.follow_settings()
        while self._master >= 0:
            try:
                data = os.read(self._master, _CHUNK)
            except OSError:
                return
            try:
                self.port.write(data)
            except Stall:
                return

    def _changed(self) -> None:
        """Bytes from the device to the program."""
        while self._master >= 0 and self.port.present:
            if not self._late:
                self._late += self.port.read(_CHUNK)
            if not self._late:
                self._loop.remove_writer(self._master)
                return
            try:
                sent = os.write(self._master, self._late)
            except BlockingIOError:
                self._loop.add_writer(self._master, self._inside, self._changed)
                return
            del self._late[:sent]


class TtyFile:
    """One program's open file on the port."""

    def __init__(
        self, node: TtyNode, loop: asyncio.AbstractEventLoop, inside: Callable[[Callable[[], None]], None], link: socket.socket
    ) -> None:
        self.node = node
        self.connection = Connection(loop, link, inside, self._serve, lambda: node.closed(self))

    def _serve(self, connection: Connection) -> Steps:
        port = self.node.port
        while True:
            kind, request, argument = HEADER.unpack((yield HEADER.size))
            request &= 0xFFFFFFFF
            if kind != Message.IOCTL or request not in _MODEM_REQUESTS:
                connection.send(done(UNHANDLED))
            elif not port.present:
                connection.send(done(-1, errno.EIO))
            elif request == ModemIoctl.TIOCMGET:
                connection.send(write_memory(argument, struct.pack("@i", _lines_of(port))), done(0))
            elif request in {ModemIoctl.TIOCSBRK, ModemIoctl.TIOCCBRK}:
                port.send_break(on=request == ModemIoctl.TIOCSBRK)
                connection.send(done(0))
            else:
                connection.send(read_memory(argument, 4))
                (wanted,) = struct.unpack("@i", (yield 4))
                _move_lines(port, request, wanted)
                connection.send(done(0))


_MODEM_REQUESTS: Final = frozenset(int(each) for each in ModemIoctl)


def _lines_of(port: AcmPort) -> int:
    """The modem lines: what we drive, what the device reports, and CTS, which CDC ACM lacks and Linux shows as set."""
    lines = ModemLine.CTS
    if port.control_lines & 1:
        lines |= ModemLine.DTR
    if port.control_lines & 2:
        lines |= ModemLine.RTS
    if port.line_state & LineState.CARRIER:
        lines |= ModemLine.CARRIER
    if port.line_state & LineState.RING:
        lines |= ModemLine.RING
    if port.line_state & LineState.DATA_SET_READY:
        lines |= ModemLine.DSR
    return int(lines)


def _move_lines(port: AcmPort, request: int, wanted: int) -> None:
    lines = _lines_of(port)
    if request == ModemIoctl.TIOCMBIS:
        lines |= wanted
    elif request == ModemIoctl.TIOCMBIC:
        lines &= ~wanted
    else:
        lines = wanted
    port.set_control_lines(dtr=bool(lines & ModemLine.DTR), rts=bool(lines & ModemLine.RTS))


def _set_defaults(tty: int) -> None:
    """9600 baud, as Linux opens a ttyACM; all else as for any new terminal."""
    settings = termios.tcgetattr(tty)
    settings[2] = termios.CS8 | termios.CREAD | termios.HUPCL | termios.CLOCAL
    settings[4] = settings[5] = termios.B9600
    termios.tcsetattr(tty, termios.TCSANOW, settings)


def _settings(tty: int) -> LineSettings:
    """The line settings of a terminal: its speed, which is a number here and not one of the old constants, and its stop bits.

    A pty is always of 8 bits without parity (Linux 6.1, drivers/tty/pty.c: pty_set_termios).
    """
    flags, speed = _TERMIOS2.unpack(fcntl.ioctl(tty, _TCGETS2, bytes(_TERMIOS2.size)))[2::5]
    return LineSettings(speed, 2 if flags & termios.CSTOPB else 0)
