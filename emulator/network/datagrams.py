"""Datagrams: what UDP gives. Each is one message that may be lost, repeated, or overtaken by another.

Between a board and a server lies an address translation (NAT): the server sees an address and a port of the translation's, which it may
change whenever it likes (`DatagramSocket.rebind`).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeAlias

from emulator.clock import Clock
from emulator.network.link import Path

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

    def __init__(self, clock: Clock, rng: random.Random, next_port: Callable[[], int]) -> None:
        self._clock = clock
        self._rng = rng
        self._next_port = next_port
        self._ports: dict[Address, DatagramPort] = {}
        self._mapped: dict[Address, Callable[[bytes], None]] = {}

    def listen(self, address: Address) -> DatagramPort:
        """Be the server at `address`."""

        def send(data: bytes, to: Address) -> None:
            deliver = self._mapped.get(to)
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
        mapping: list[Address] = []

        def send(data: bytes) -> None:
            if mapping and via.internet:
                for delay in via.link.arrivals(self._rng, len(data)):
                    self._clock.call_later(delay, lambda sender: port.on_datagram(data, sender), mapping[0])

        def deliver(data: bytes) -> None:
            for delay in via.link.arrivals(self._rng, len(data)):
                self._clock.call_later(delay, receive, data)

        def receive(data: bytes) -> None:
            if mapping:
                socket.on_datagram(data)

        def forget() -> None:
            while mapping:
                self._mapped.pop(mapping.pop(), None)

        def bind() -> None:
            forget()
            mapping.append((via.address, self._next_port()))
            self._mapped[mapping[0]] = deliver

        socket = DatagramSocket(f"{address[0]}:{address[1]}", send, bind, forget)
        bind()
        return socket


def _ignore(_: bytes) -> None:
    """The default of `DatagramSocket.on_datagram`: nobody is listening."""


def _ignore_from(_: bytes, __: Address) -> None:
    """The default of `DatagramPort.on_datagram`: nobody is listening."""
