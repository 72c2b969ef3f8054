"""What the preload library and we say to each other: one connection per file that a program has open.

Every message starts with three native `unsigned long`s: what, and two arguments (umockdev 0.17.16, src/ioctl_tree.h and
src/libumockdev-preload.c: remote_emulate). A program waits inside its ioctl until we end it with DONE; meanwhile we may ask for its
memory and write into it.
"""

from __future__ import annotations

import asyncio
import enum
import select
import socket
import struct
from collections.abc import Callable, Generator
from typing import Final, TypeAlias

from emulator.doors.accepting import PAUSE
from emulator.mishaps import NO_DESCRIPTORS

HEADER: Final = struct.Struct("@LLL")
_SIGNED: Final = struct.Struct("@LlL")

Steps: TypeAlias = Generator[int, bytes, None]
"""A conversation: yields how many bytes it needs next, and is sent them."""


class Message(enum.IntEnum):
    """What a message is."""

    IOCTL = 1
    RESULT = 2
    DONE = 3
    RUN = 4
    READ_MEMORY = 5
    WRITE_MEMORY = 6
    READ = 7
    WRITE = 8


UNHANDLED: Final = -100
"""The result that makes the program do the real call."""

_SPLIT: Final = 2048
"""The program reads a header in one go: a long payload is sent by itself, so that no header is cut in two."""


def read_memory(address: int, length: int) -> bytes:
    """Ask for a piece of the program's memory; the bytes follow bare."""
    return HEADER.pack(Message.READ_MEMORY, address, length)


def write_memory(address: int, data: bytes) -> bytes:
    """Put bytes into the program's memory."""
    return HEADER.pack(Message.WRITE_MEMORY, address, len(data)) + data


def done(result: int, error: int = 0) -> bytes:
    """End the call with a result and an errno."""
    return _SIGNED.pack(Message.DONE, result, error)


def hung_up(descriptor: int) -> bool:
    """Whether nobody has the other end of a socket or a pty open."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(events & select.POLLHUP for _, events in poll.poll(0))


_MOMENT: Final = 1
"""Milliseconds."""


class Connection:
    """One open file of a program. `serve` is the conversation on it; `on_closed` is called once, when the program closed it or died."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        link: socket.socket,
        inside: Callable[[Callable[[], None]], None],
        serve: Callable[[Connection], Steps],
        on_closed: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._link = link
        self._inside = inside
        self._on_closed = on_closed
        self._in = bytearray()
        self._out = bytearray()
        self._open = True
        self._fetching = False
        self._poll = select.poll()
        self._poll.register(link.fileno(), select.POLLIN)
        link.setblocking(False)
        self._steps = serve(self)
        self._needed = next(self._steps)
        loop.add_reader(link.fileno(), self._readable)

    @property
    def ended(self) -> bool:
        """Whether the program has closed the file or died, although that was not read yet."""
        return hung_up(self._link.fileno())

    def send(self, *parts: bytes) -> None:
        """Send messages, those that fit together in one go."""
        together = b"".join(parts)
        if len(together) <= _SPLIT:
            self._write(together)
        else:
            for part in parts:
                self._write(part)

    def close(self) -> None:
        """Close our end. The program dies at its next call on the file, so this is for the end of the door only."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._link.fileno())
        self._loop.remove_writer(self._link.fileno())
        self._link.close()
        self._steps.close()
        self._on_closed()

    def fetch(self, address: int, length: int) -> Generator[int, bytes, bytes]:
        """Read a piece of the program's memory."""
        if not length:
            return b""
        self.send(read_memory(address, length))
        self._fetching = True
        return (yield length)

    def _readable(self) -> None:
        if self._receive():
            self._inside(self._pump)

    def _receive(self) -> bool:
        """Whether bytes came."""
        try:
            data = self._link.recv(65536)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._inside(self.close)
        self._in += data
        return bool(data)

    def _pump(self) -> None:
        while self._open:
            if len(self._in) >= self._needed:
                piece = bytes(self._in[: self._needed])
                del self._in[: self._needed]
                self._fetching = False
                self._needed = self._steps.send(piece)
            elif not (self._fetching and self._answers_soon() and self._receive()):
                return

    def _answers_soon(self) -> bool:
        """A program that was asked for its memory only has to copy it: waiting a moment is cheaper than a turn of the loop."""
        return bool(self._poll.poll(_MOMENT))

    def _write(self, data: bytes) -> None:
        if not self._open:
            return
        if self._out:
            self._out += data
            return
        try:
            sent = self._link.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return  # the program is gone; reading tells
        if sent < len(data):
            self._out += data[sent:]
            self._loop.add_writer(self._link.fileno(), self._writable)

    def _writable(self) -> None:
        data, self._out = bytes(self._out), bytearray()
        self._loop.remove_writer(self._link.fileno())
        self._write(data)


class Listener:
    """Accepts the connections for one device node, on a unix socket at `path`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, path: str, accept: Callable[[socket.socket], None]) -> None:
        self._loop = loop
        self._accept = accept
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._socket.bind(path)
        self._socket.listen(64)
        self._again: asyncio.TimerHandle | None = None
        loop.add_reader(self._socket.fileno(), self._readable)

    def close(self) -> None:
        """Accept those who are at the door already, then no more: a program that is turned away dies."""
        self._readable()
        if self._again is not None:
            self._again.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _readable(self) -> None:
        while True:
            try:
                link, _ = self._socket.accept()
            except OSError as error:
                if error.errno in NO_DESCRIPTORS:
                    self._pause()
                return
            self._accept(link)

    def _pause(self) -> None:
        """Who waits at the door cannot come in now: look again later, instead of all the time."""
        self._loop.remove_reader(self._socket.fileno())
        self._again = self._loop.call_later(PAUSE, self._resume)

    def _resume(self) -> None:
        self._again = None
        self._loop.add_reader(self._socket.fileno(), self._readable)
        self._readable()
