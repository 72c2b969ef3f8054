"""Datagrams: what UDP gives. Each is one message that may be lost, repeated, or overtaken by another.

Between a board and a server lies an address translation (NAT): the server sees an address and a port of the translation's, which it may
change whenever it likes (`DatagramSocket.rebind`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from emulator.clock import Clock
from emulator.network.link import Path, Way

Address: TypeAlias = tuple[str, int]


class DatagramPort:
    """A server's end: datagrams come from many addresses. Its owner sets `on_datagram(data, sender)`."""

    __slots__ = ("_send", "on_datagram")

    def __init__(self, send: Callable[[bytes, Address], None]) -> None:
        self._send = send
        self.on_datagram: Callable[[bytes, Address], None] = _ignore_from

    def send(self, data: bytes, address: Address) -> None:
        """Send one datagram."""
        self._send(data, address)


class DatagramSocket:
    """A board's end: datagrams go to one server. Its owner sets `on_datagram(data)`."""

    __slots__ = ("_close", "_rebind", "_send", "on_datagram", "peer")

    def __init__(self, peer: str, send: Callable[[bytes], None], rebind: Callable[[], None], close: Callable[[], None]) -> None:
        self.peer = peer
        self.on_datagram: Callable[[bytes], None] = _ignore
        self._send = send
        self._rebind = rebind
        self._close = close

    def send(self, data: bytes) -> None:
        """Send one datagram. Ignored once the socket is closed."""
        self._send(data)

    def rebind(self) -> None:
        """Be seen under another address from now on, as after the translation forgot this connection."""
        self._rebind()

    def close(self) -> None:
        """Receive nothing any more."""
        self._close()


class Datagrams:
    """The datagram traffic of one Lab: the servers' ports, and the translation's table."""

    def __init__(self, clock: Clock, way: Callable[[Path], Way], next_port: Callable[[], int]) -> None:
        self.clock = clock
        self.way = way
        """What lies between an access point or cell and the servers behind it."""
        self.next_port = next_port
        self._ports: dict[Address, DatagramPort] = {}
        self.mapped: dict[Address, Callable[[bytes], None]] = {}
        self._open: dict[DatagramSocket, None] = {}

    def closed(self, socket: DatagramSocket) -> None:
        """A socket is no longer open."""
        self._open.pop(socket, None)

    def rebind_all(self) -> None:
        """Let the translation forget everybody."""
        for socket in self._open:
            socket.rebind()

    def listen(self, address: Address) -> DatagramPort:
        """Be the server at `address`."""

        def send(data: bytes, to: Address) -> None:
            deliver = self.mapped.get(to)
            if deliver is not None:
                deliver(data)

        port = DatagramPort(send)
        self._ports[address] = port
        return port

    def open(self, via: Path, address: Address) -> DatagramSocket | None:
        """A socket towards the server at `address`, or None when nobody is there."""
        port = self._ports.get(address)
        if port is None:
            return None
        way = _Translation(self, via, port)
        socket = DatagramSocket(f"{address[0]}:{address[1]}", way.send, way.bind, way.close)
        way.socket = socket
        self._open[socket] = None
        way.bind()
        return socket


class _Translation:
    """One socket's way to its server and back, under the address that the translation gives it."""

    __slots__ = ("_address", "_datagrams", "_port", "_via", "_way", "socket")

    def __init__(self, datagrams: Datagrams, via: Path, port: DatagramPort) -> None:
        self._datagrams = datagrams
        self._via = via
        self._way = datagrams.way(via)
        self._port = port
        self._address: Address | None = None
        self.socket: DatagramSocket | None = None

    def send(self, data: bytes) -> None:
        """Towards the server, as what the translation makes of it now."""
        datagrams, via, sender = self._datagrams, self._via, self._address
        if sender is not None and via.internet:
            for delay in self._way.arrivals(len(data)):
                datagrams.clock.call_later(delay, self._arrive, data, sender)

    def bind(self) -> None:
        """Be seen under a new address."""
        self._forget()
        address = self._via.address, self._datagrams.next_port()
        self._address = address
        self._datagrams.mapped[address] = self._deliver

    def close(self) -> None:
        """Nothing gets through any more."""
        self._forget()
        if self.socket is not None:
            self._datagrams.closed(self.socket)

    def _forget(self) -> None:
        if self._address is not None:
            self._datagrams.mapped.pop(self._address, None)
            self._address = None

    def _arrive(self, data: bytes, sender: Address) -> None:
        self._port.on_datagram(data, sender)

    def _deliver(self, data: bytes) -> None:
        for delay in self._way.arrivals(len(data)):
            self._datagrams.clock.call_later(delay, self._receive, data)

    def _receive(self, data: bytes) -> None:
        if self._address is not None and self.socket is not None:
            self.socket.on_datagram(data)


def pass_on(clock: Clock, way: Way, data: bytes, arrive: Callable[..., None], *args: object) -> None:
    """Have `arrive(*args)` called for each copy of a datagram that a way lets through: at once where that takes no time."""
    for delay in way.arrivals(len(data)):
        if delay:
            clock.call_later(delay, arrive, *args)
        else:
            arrive(*args)


def detour(inner: DatagramSocket, clock: Clock, way: Way) -> DatagramSocket:
    """A socket towards a server outside of the Lab, with a way of the Lab's before it."""
    outer = DatagramSocket(inner.peer, lambda data: pass_on(clock, way, data, inner.send, data), inner.rebind, inner.close)
    inner.on_datagram = lambda data: pass_on(clock, way, data, lambda: outer.on_datagram(data))
    return outer


def _ignore(_: bytes) -> None:
    """The default of `DatagramSocket.on_datagram`: nobody is listening."""


def _ignore_from(_: bytes, __: Address) -> None:
    """The default of `DatagramPort.on_datagram`: nobody is listening."""
