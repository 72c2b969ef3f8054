"""The socket door for datagrams: real UDP on a served Lab's own loop, in both directions (see `emulator.doors.sockets`)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from emulator.drivers.served import ServedDriver
from emulator.network import Address, DatagramSocket

LARGEST = 65_535
"""Bytes of the largest datagram there is."""
AT_A_TIME = 64
"""How many datagrams one socket may take at a time, before others have their turn."""
RECEIVE_BUFFER = 4 << 20
"""Bytes that wait at the port until they are taken, if the system allows so many: thousands of boards may come back at once."""


class UdpListener:
    """A bound socket. Its owner sets `on_datagram(data, sender)`, which is called where the Lab lives."""

    def __init__(self, driver: ServedDriver, host: str = "127.0.0.1", port: int = 0) -> None:
        self._driver = driver
        self.host = host
        self.port = port
        self.on_datagram: Callable[[bytes, Address], None] = lambda _, __: None
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Begin to listen; `port` is then the real one.

        Raises:
            OSError: the port is taken, or not allowed.
        """
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            made.bind((self.host, self.port))
        except BaseException:
            made.close()
            raise
        self.port = made.getsockname()[1]
        self._socket = made
        self._driver.call(self._driver.loop.add_reader, made, self._readable)

    def send(self, data: bytes, address: Address) -> None:
        """Send one datagram, which may be lost. Called where the Lab lives."""
        if self._socket is not None:
            _lossy(self._socket.sendto, data, address)

    def close(self) -> None:
        """Stop listening. Closing twice does nothing."""
        made, self._socket = self._socket, None
        if made is not None:
            self._driver.call(self._driver.loop.remove_reader, made)
            made.close()

    def _readable(self) -> None:
        for _ in range(AT_A_TIME):
            taken = None if self._socket is None else _take(self._socket)
            if taken is None:
                return
            self._driver.call(self.on_datagram, *taken)


class UdpClients:
    """The boards' own sockets to servers outside of the Lab."""

    def __init__(self, driver: ServedDriver) -> None:
        self._driver = driver
        self._open: set[socket.socket] = set()

    def open(self, address: Address) -> DatagramSocket:
        """A socket that speaks to one server. Called where the Lab lives."""
        loop = self._driver.loop
        mine: list[socket.socket] = []

        def close() -> None:
            while mine:
                self._drop(mine.pop(), loop)

        def bind() -> None:
            close()
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            made.setblocking(False)
            made.connect(address)
            mine.append(made)
            self._open.add(made)
            loop.add_reader(made, readable, made)

        def readable(made: socket.socket) -> None:
            for _ in range(AT_A_TIME):
                taken = _take(made) if made in mine else None
                if taken is None:
                    return
                self._driver.call(board.on_datagram, taken[0])

        def send(data: bytes) -> None:
            if mine:
                _lossy(mine[0].send, data)

        board = DatagramSocket(f"{address[0]}:{address[1]}", send, bind, close)
        bind()
        return board

    def close(self) -> None:
        """Close them all."""
        self._driver.call(self._close)

    def _close(self) -> None:
        for made in tuple(self._open):
            self._drop(made, self._driver.loop)

    def _drop(self, made: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._open.discard(made)
        if made.fileno() >= 0:
            loop.remove_reader(made)
            made.close()


def _take(made: socket.socket) -> tuple[bytes, Address] | None:
    """The next datagram and its sender; None when there is none. That nobody listened to an earlier one of ours is no news."""
    try:
        data, sender = made.recvfrom(LARGEST)
    except OSError:
        return None
    return data, (sender[0], sender[1])


def _lossy(send: Callable[..., int], *args: object) -> None:
    """Send; what cannot go out is lost, as it may be anywhere on its way."""
    try:
        send(*args)
    except OSError:
        pass
