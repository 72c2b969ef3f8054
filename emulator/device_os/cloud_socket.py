"""A board's socket to its cloud: a TCP stream, or a UDP socket; the connection above does not see which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from emulator.board.board import Board
from emulator.network import DatagramSocket, Path, Stream
from particle_protocol.cloud_profiles import Transport

NO_SERVER = 1.0
"""Seconds until a socket that cannot be opened counts as failed. Chosen: the name server's answer."""


class CloudSocket(Protocol):
    """An open socket."""

    def send(self, pieces: Sequence[bytes]) -> None:
        """Send pieces: one after another in the stream, or as a datagram each."""

    def close(self) -> None:
        """Close in good order: what was sent still arrives."""

    def abandon(self) -> None:
        """Be gone without a word, as on a power cut."""


class StreamSocket:
    """A `CloudSocket` of TCP."""

    __slots__ = ("_stream",)

    def __init__(self, stream: Stream, received: Callable[[bytes], None], closed: Callable[[str], None]) -> None:
        self._stream = stream
        stream.on_data = received
        stream.on_closed = closed

    def send(self, pieces: Sequence[bytes]) -> None:
        """See `CloudSocket`."""
        self._stream.write(b"".join(pieces))

    def close(self) -> None:
        """See `CloudSocket`."""
        self._stream.close()

    def abandon(self) -> None:
        """See `CloudSocket`."""
        self._stream.abort()


class PacketSocket:
    """A `CloudSocket` of UDP: who closes it says nothing to anybody."""

    __slots__ = ("_socket", "close")

    def __init__(self, socket: DatagramSocket, received: Callable[[bytes], None]) -> None:
        self._socket = socket
        self.close = socket.close
        socket.on_datagram = received

    def send(self, pieces: Sequence[bytes]) -> None:
        """See `CloudSocket`."""
        for each in pieces:
            self._socket.send(each)

    def abandon(self) -> None:
        """See `CloudSocket`."""
        self.close()


def open_socket(
    board: Board,
    path: Path,
    transport: Transport,
    server: tuple[str, int],
    *,
    opened: Callable[[CloudSocket], None],
    refused: Callable[[str], None],
    received: Callable[[bytes], None],
    closed: Callable[[str], None],
) -> Callable[[], None]:
    """Open a socket. Exactly one of `opened` and `refused` is called later, unless what is returned is called before: it gives up."""
    if transport is Transport.TCP:

        def streaming(stream: Stream) -> None:
            board.outgoing.append(stream.local)
            opened(StreamSocket(stream, received, closed))

        return board.network.connect(path, server, streaming, refused)
    found = board.network.open_datagrams(path, server)
    if isinstance(found, str):
        return board.clock.call_later(NO_SERVER, refused, found).cancel
    return board.clock.call_later(0.0, opened, PacketSocket(found, received)).cancel
