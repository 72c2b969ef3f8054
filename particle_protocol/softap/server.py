"""One of the board's two SoftAP servers: connections in, commands run one after the other. Without I/O.

A server has one thread. While a command waits for a scan, everybody else waits too; and where the thread reads requests itself (port
5609), everybody waits for a client that has begun one and does not go on.

Feed it with `opened`, `receive_data` and `receive_eof`; then act on `actions()`, and tell it by `scan_done` when a scan that it wanted is
over.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from particle_protocol.softap.commands import Heard, Scan, SoftApFirmware, Steps, run
from particle_protocol.softap.http import HttpReader
from particle_protocol.softap.line import LineReader
from particle_protocol.softap.names import HTTP_PORT, TCP_PORT
from particle_protocol.softap.requests import MAX_BODY, PageRequest, Reader, Request

MAX_WAITING: Final = 2 * MAX_BODY
"""Bytes that are kept of what a client sends before its turn has come; one that sends more is hung up on. Chosen: a board's window."""


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes for a connection."""

    connection: Hashable
    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The board closes a connection."""

    connection: Hashable


@dataclass(frozen=True, slots=True)
class ScanWanted:
    """A scan is to be begun; its outcome is awaited by `scan_done`."""


Action: TypeAlias = Send | Close | ScanWanted


@dataclass(slots=True)
class _Connection:
    reader: Reader
    inbox: bytearray = field(default_factory=bytearray)
    ended: bool = False


@dataclass(frozen=True, slots=True)
class _Running:
    """The command that waits for a scan."""

    connection: Hashable
    steps: Steps
    pieces: list[bytes]


class SoftApServer:
    """The server of one port. Connections are whatever the caller names them by."""

    def __init__(self, firmware: SoftApFirmware, reader: Callable[[], Reader], sockets: int) -> None:
        self._firmware = firmware
        self._reader = reader
        self._sockets = sockets
        self._connections: dict[Hashable, _Connection] = {}
        self._turns: list[Hashable] = []
        """Who has sent something that was not read yet, in the order in which it came."""
        self._running: _Running | None = None
        self._actions: list[Action] = []

    def opened(self, connection: Hashable) -> bool:
        """A client has connected. False: there is no socket left for it."""
        if len(self._connections) >= self._sockets:
            return False
        self._connections[connection] = _Connection(self._reader())
        return True

    def receive_data(self, connection: Hashable, data: bytes) -> None:
        """Bytes have come from a client."""
        known = self._connections.get(connection)
        if known is None or not data:
            return
        known.inbox += data
        self._take_turn(connection)
        self._work()
        if len(known.inbox) > MAX_WAITING and connection in self._connections:
            self._close(connection)

    def receive_eof(self, connection: Hashable) -> None:
        """A client has closed its connection."""
        known = self._connections.get(connection)
        if known is not None:
            known.ended = True
            self._take_turn(connection)
            self._work()

    def scan_done(self, heard: Heard) -> None:
        """The scan is over, or (None) could not be begun."""
        running, self._running = self._running, None
        if running is not None:
            self._go_on(running, heard)
            self._work()

    def actions(self) -> list[Action]:
        """What is to be done now, in order, each once."""
        actions, self._actions = self._actions, []
        return actions

    def _take_turn(self, connection: Hashable) -> None:
        if connection not in self._turns:
            self._turns.append(connection)

    def _work(self) -> None:
        """Read and serve as far as it goes."""
        while self._turns and self._running is None:
            connection = self._turns[0]
            known = self._connections[connection]
            found = known.reader.read(known.inbox, ended=known.ended)
            if isinstance(found, Request):
                self._start(connection, found)
            elif isinstance(found, PageRequest):
                answer = known.reader.answer_page(self._firmware.page(found.path, found.body))
                self._answer(connection, answer.data, closes=answer.closes)
            elif found is not None:
                self._answer(connection, found.data, closes=found.closes)
            elif known.ended:
                self._close(connection)
            elif known.reader.waits:
                return
            else:
                self._turns.pop(0)

    def _start(self, connection: Hashable, request: Request) -> None:
        steps = run(request.name, request.body, self._firmware)
        if steps is None:
            answer = self._connections[connection].reader.answer((), known=False)
            self._answer(connection, answer.data, closes=answer.closes)
        else:
            self._go_on(_Running(connection, steps, []), None, begins=True)

    def _go_on(self, running: _Running, heard: Heard, *, begins: bool = False) -> None:
        try:
            step = next(running.steps) if begins else running.steps.send(heard)
            while not isinstance(step, Scan):
                running.pieces.append(step)
                step = next(running.steps)
        except StopIteration:
            known = self._connections.get(running.connection)
            if known is not None:
                answer = known.reader.answer(running.pieces, known=True)
                self._answer(running.connection, answer.data, closes=answer.closes)
            return
        self._running = running
        self._actions.append(ScanWanted())

    def _answer(self, connection: Hashable, data: bytes, *, closes: bool) -> None:
        known = self._connections[connection]
        if data:
            self._actions.append(Send(connection, data))
        if closes or known.ended:
            self._close(connection)
        elif not known.inbox and connection in self._turns:
            self._turns.remove(connection)

    def _close(self, connection: Hashable) -> None:
        del self._connections[connection]
        if connection in self._turns:
            self._turns.remove(connection)
        self._actions.append(Close(connection))


SERVERS: Final[dict[int, tuple[Callable[[], Reader], int]]] = {TCP_PORT: (LineReader, 5), HTTP_PORT: (HttpReader, 10)}
"""The servers by their ports: how each reads, and how many sockets it has (softap.cpp, `TCPServerDispatcher`, `HTTPDispatcher`)."""
