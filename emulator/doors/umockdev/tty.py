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

from emulator.doors.cdc_acm import AcmPort, LineState
from emulator.doors.umockdev.wire import HEADER, UNHANDLED, Connection, Listener, Message, Steps, done, hung_up, write_memory
from particle_protocol.cdc import ControlLine, LineCoding

_TCGETS2: Final = 0x802C542A
_TERMIOS2: Final = struct.Struct("@IIIIB19sII")
_SERIAL: Final = struct.Struct("@ii64x")
"""struct serial_struct: type, line, and what only a UART has."""

_POLL_SECONDS: Final = 0.02
_CHUNK: Final = 4096


class TtyIoctl(enum.IntEnum):
    """Requests that are answered here (Linux 6.1, include/uapi/asm-generic/ioctls.h): the modem lines, breaks, the port's parameters."""

    TIOCMGET = 0x5415
    TIOCMBIS = 0x5416
    TIOCMBIC = 0x5417
    TIOCMSET = 0x5418
    TIOCGSERIAL = 0x541E
    TIOCSSERIAL = 0x541F
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
    """One serial port. `slave` is the real path of its pseudo-terminal.

    A program's open() is told to us, its close() only for the file that it opened, not for copies it made of it (a shell's redirection):
    the port counts as open until the pty itself says that nobody has it open any more.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, inside: Callable[[Callable[[], None]], None], port: AcmPort, ioctl_socket: str
    ) -> None:
        self.port = port
        self.files: set[TtyFile] = set()
        self._loop = loop
        self._inside = inside
        self._master, slave = os.openpty()
        self.slave = os.ttyname(slave)
        _set_defaults(slave)
        os.close(slave)
        os.set_blocking(self._master, False)
        self._late = bytearray()
        self._open = False
        self._listening = False
        self._poll: asyncio.TimerHandle | None = None
        self._listener = Listener(loop, ioctl_socket, self._accept)
        self._unsubscribe = port.changed.subscribe(self._changed)

    def unplugged(self) -> None:
        """The device is gone: the program's end of the pty reports a hang-up. The port is open until the program closes its file."""
        self._unsubscribe()
        self._listener.close()
        self._stop_following()
        os.close(self._master)
        self._master = -1
        self._check_closed()

    def close(self) -> None:
        """The door closes: hang up on every program."""
        if self._master >= 0:
            self.unplugged()
        for file in tuple(self.files):
            file.connection.close()

    def opened(self, file: TtyFile) -> None:
        """A program opened the port."""
        self.files.add(file)
        if not self._open and self._master >= 0:
            self._open = True
            self.port.open()
            self._poll = self._loop.call_later(_POLL_SECONDS, self._polled)
        self._look()

    def closed(self, file: TtyFile) -> None:
        """A program closed the file it had opened, or died."""
        self.files.discard(file)
        self._check_closed()

    def _polled(self) -> None:
        self._poll = self._loop.call_later(_POLL_SECONDS, self._polled)
        self._inside(self._look)

    def _look(self) -> None:
        """Follow the settings, and listen to the pty as long as somebody has it open: then only can it be waited on."""
        if self._open and self._master >= 0:
            self.port.configure(_settings(self._master))
            if not self._listening and not hung_up(self._master):
                self._listening = True
                self._loop.add_reader(self._master, self._inside, self._drain_program)
            self._check_closed()

    def _check_closed(self) -> None:
        """See whether nobody has the pty open any more. What a program set last still counts, what it did not read is lost.

        Another program may open it, and write, at any moment in between: what it wrote waits for its own turn.
        """
        if self._master < 0:
            if not self.files:
                self._set_closed()
            return
        if not self._deserted():
            return
        self._drain_program()
        if self._deserted():
            self._set_closed()
            with open(self.slave, "rb", buffering=0, opener=_without_control) as slave:
                termios.tcflush(slave, termios.TCIFLUSH)

    def _deserted(self) -> bool:
        """Whether the port counts as open, and nobody has it open any more."""
        return self._open and not self.files and hung_up(self._master)

    def _set_closed(self) -> None:
        if not self._open:
            return
        self._open = False
        if self._master >= 0:
            self._stop_following()
        self.port.close()

    def _stop_following(self) -> None:
        """Neither poll the pty any more, nor wait for what the program writes or reads."""
        if self._poll is not None:
            self._poll.cancel()
            self._poll = None
        self._stop_listening()
        self._loop.remove_writer(self._master)
        self._late.clear()

    def _stop_listening(self) -> None:
        self._listening = False
        self._loop.remove_reader(self._master)

    def _accept(self, link: socket.socket) -> None:
        self._inside(lambda: self.opened(TtyFile(self, self._loop, self._inside, link)))

    def _drain_program(self) -> None:
        """Bytes from the program to the device."""
        if self._master < 0:
            return
        self.port.configure(_settings(self._master))
        while self._open:
            try:
                data = os.read(self._master, _CHUNK)
            except BlockingIOError:
                return
            except OSError:  # nobody has the pty open, and it would always be readable
                self._stop_listening()
                return
            self.port.write(data)

    def _changed(self) -> None:
        """Bytes from the device to the program."""
        while self._open and self.port.present:
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
            if kind != Message.IOCTL or request not in _ANSWERED:
                connection.send(done(UNHANDLED))
            elif not port.present:
                connection.send(done(-1, errno.EIO))
            elif request == TtyIoctl.TIOCGSERIAL:
                connection.send(write_memory(argument, _SERIAL.pack(0, port.number)), done(0))
            elif request == TtyIoctl.TIOCSSERIAL:  # nothing in it that an ACM port heeds (cdc-acm.c: set_serial_info)
                connection.send(done(0))
            elif request == TtyIoctl.TIOCMGET:
                connection.send(write_memory(argument, struct.pack("@i", _lines_of(port))), done(0))
            elif request in {TtyIoctl.TIOCSBRK, TtyIoctl.TIOCCBRK}:
                port.send_break(on=request == TtyIoctl.TIOCSBRK)
                connection.send(done(0))
            else:
                (wanted,) = struct.unpack("@i", (yield from connection.fetch(argument, 4)))
                _move_lines(port, request, wanted)
                connection.send(done(0))


_ANSWERED: Final = frozenset(int(each) for each in TtyIoctl)


def _lines_of(port: AcmPort) -> int:
    """The modem lines: what we drive, what the device reports, and CTS, which CDC ACM lacks and Linux shows as set."""
    lines = ModemLine.CTS
    if port.control_lines & ControlLine.DTR:
        lines |= ModemLine.DTR
    if port.control_lines & ControlLine.RTS:
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
    if request == TtyIoctl.TIOCMBIS:
        lines |= wanted
    elif request == TtyIoctl.TIOCMBIC:
        lines &= ~wanted
    else:
        lines = wanted
    port.set_control_lines(dtr=bool(lines & ModemLine.DTR), rts=bool(lines & ModemLine.RTS))


def _without_control(path: str, flags: int) -> int:
    """Open a terminal without making it ours."""
    return os.open(path, flags | os.O_NOCTTY)


def _set_defaults(tty: int) -> None:
    """9600 baud, as Linux opens a ttyACM; all else as for any new terminal."""
    settings = termios.tcgetattr(tty)
    settings[2] = termios.CS8 | termios.CREAD | termios.HUPCL | termios.CLOCAL
    settings[4] = settings[5] = termios.B9600
    termios.tcsetattr(tty, termios.TCSANOW, settings)


def _settings(tty: int) -> LineCoding:
    """The line settings of a terminal: its speed, which is a number here and not one of the old constants, and its stop bits.

    A pty is always of 8 bits without parity (Linux 6.1, drivers/tty/pty.c: pty_set_termios).
    """
    flags, speed = _TERMIOS2.unpack(fcntl.ioctl(tty, _TCGETS2, bytes(_TERMIOS2.size)))[2::5]
    return LineCoding(speed, 2 if flags & termios.CSTOPB else 0)
