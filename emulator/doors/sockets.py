"""The socket door: real TCP connections as the Lab's streams, in both directions, on a served Lab's own loop.

Inwards, boards outside of the Lab (a Device OS virtual device, a board on a desk) reach the Lab's cloud. Outwards, emulated boards reach
servers outside: the Lab's own cloud over loopback, or somebody else's.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable

from emulator.doors.accepting import BACKLOG, ONE_AT_A_TIME
from emulator.doors.datagram_sockets import UdpClients
from emulator.drivers.served import ServedDriver
from emulator.network import Address, DatagramSocket, Stream

CONNECT_TIMEOUT = 20.0
"""Seconds until a connection that nobody answers counts as failed (Device OS 2.3.1, hal/src/photon/socket_hal.cpp)."""


class TcpListener:
    """A listening socket whose connections become streams.

    `patient`: a client that does not read what it is sent is not read from either, so that it cannot have more and more kept for it; and
    one that has said all it wants to say is told to the stream's owner, who may still answer and has to close the stream.
    """

    def __init__(
        self, driver: ServedDriver, accept: Callable[[Stream], None], host: str = "127.0.0.1", port: int = 0, *, patient: bool = False
    ) -> None:
        self._driver = driver
        self._patient = patient
        self._accept = accept
        self.host = host
        self.port = port
        self._server: asyncio.Server | None = None
        self._wires: set[_Wire] = set()

    def open(self) -> None:
        """Begin to listen; `port` is then the real one.

        Raises:
            OSError: the port is taken, or not allowed.
        """
        listening = socket.create_server((self.host, self.port))
        listening.setblocking(False)
        self.port = listening.getsockname()[1]
        try:
            self._server = self._driver.run(self._serve(listening), timeout=30)
        except BaseException:
            listening.close()
            raise

    def close(self) -> None:
        """Stop listening, and hang up on everybody. Closing twice does nothing."""
        server, self._server = self._server, None
        if server is not None:
            self._driver.call(self._shut, server)

    async def _serve(self, listening: socket.socket) -> asyncio.Server:
        server = await self._driver.loop.create_server(self._connection, sock=listening, backlog=ONE_AT_A_TIME)
        listening.listen(BACKLOG)
        return server

    def _connection(self) -> _Wire:
        kind = _PatientWire if self._patient else _Wire
        wire = kind(self._driver, self._accepted, self._wires.discard)
        self._wires.add(wire)
        return wire

    def _accepted(self, stream: Stream) -> None:
        self._accept(stream)

    def _shut(self, server: asyncio.Server) -> None:
        server.close()
        for wire in tuple(self._wires):
            wire.abort()


class RealNetwork:
    """The way out of a served Lab (`emulator.network.Outside`)."""

    def __init__(self, driver: ServedDriver) -> None:
        self._driver = driver
        self._wires: set[_Wire] = set()
        self._datagrams = UdpClients(driver)

    def connect(self, address: Address, opened: Callable[[Stream], None], failed: Callable[[str], None]) -> Callable[[], None]:
        """See `Outside.connect`. Called where the Lab lives."""
        task = self._driver.loop.create_task(self._connect(address, opened, failed))
        return lambda: None if task.done() else _cancel(task)

    def open_datagrams(self, address: Address) -> DatagramSocket:
        """See `Outside.open_datagrams`. Called where the Lab lives."""
        return self._datagrams.open(address)

    def close(self) -> None:
        """Drop every connection."""
        self._driver.call(self._shut)
        self._datagrams.close()

    async def _connect(self, address: Address, opened: Callable[[Stream], None], failed: Callable[[str], None]) -> None:
        loop, (host, port) = self._driver.loop, address

        def wire() -> _Wire:
            made = _Wire(self._driver, opened, self._wires.discard)
            self._wires.add(made)
            return made

        try:
            await asyncio.wait_for(loop.create_connection(wire, host, port), CONNECT_TIMEOUT)
        except TimeoutError:
            self._driver.call(failed, f"{host}:{port} did not answer within {CONNECT_TIMEOUT:g} s")
        except OSError as error:
            reason = os.strerror(error.errno).lower() if error.errno else str(error)
            self._driver.call(failed, f"{host}:{port}: {reason}")

    def _shut(self) -> None:
        for wire in tuple(self._wires):
            wire.abort()


class _Wire(asyncio.Protocol, Stream):
    """One TCP connection: what asyncio calls, and the stream that the Lab holds."""

    __slots__ = ("__weakref__", "_connected", "_driver", "_lost", "_over", "_transport")

    def __init__(self, driver: ServedDriver, connected: Callable[[Stream], None], lost: Callable[[_Wire], None]) -> None:
        Stream.__init__(self, "")
        self._driver = driver
        self._connected = connected
        self._lost = lost
        self._over = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(f"a stream transport was expected, not {transport!r}")
        self._transport = transport
        # asyncio leaves Nagle's delay on for sockets that it did not make itself.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = transport.get_extra_info("peername")
        self.peer = f"{peer[0]}:{peer[1]}" if peer else "a socket"
        self._driver.call(self._connected, self)

    def data_received(self, data: bytes) -> None:
        if not self._over:
            self._driver.call(self.on_data, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost(self)
        if not self._over:
            self._end("closed by the peer" if exc is None else f"the connection broke: {exc}")
            self._over = True

    def _end(self, why: str) -> None:
        """Tell the stream's owner that the other side is gone."""
        self._driver.call(self.on_closed, why)

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self._over:
            self._transport.write(data)

    def close(self) -> None:
        self._over = True
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        self._over = True
        if self._transport is not None:
            self._transport.abort()


class _PatientWire(_Wire):
    """See `TcpListener`."""

    __slots__ = ("_ended",)

    def __init__(self, driver: ServedDriver, connected: Callable[[Stream], None], lost: Callable[[_Wire], None]) -> None:
        super().__init__(driver, connected, lost)
        self._ended = False

    def eof_received(self) -> bool:
        self._end("closed by the peer")
        return not self._over

    def pause_writing(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _end(self, why: str) -> None:
        if not self._ended:
            self._ended = True
            super()._end(why)


def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
