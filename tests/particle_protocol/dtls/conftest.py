"""Recorded handshakes of Device OS, and both ends joined in memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from particle_protocol.dtls import (
    ClientEnd,
    DeviceIdentity,
    DtlsError,
    EndSettings,
    KeyProved,
    Listener,
    MessageReceived,
    PrivateKey,
    ServerEnd,
    device_dialect,
)

RECORDINGS = Path(__file__).parent / "recordings"
DEVICE_ID = bytes.fromhex("0123456789abcdef01234567")
SERVER_KEY = PrivateKey.from_number(0x5E17)
DEVICE_KEY = PrivateKey.from_number(0xDE71CE)
IDENTITY = DeviceIdentity(DEVICE_ID, DEVICE_KEY, SERVER_KEY.public)
VERSIONS = [(2, 3, 1), (3, 3, 1), (6, 2, 0)]
"""One version of each generation of the protocol."""


class Recording:
    """A conversation between Device OS and a test server: every datagram, and the keys of both."""

    def __init__(self, path: Path) -> None:
        self.keys: dict[str, bytes] = {}
        self.datagrams: list[tuple[str, bytes]] = []
        """Direction (`<` from the device) and bytes, in their order."""
        self.lost: set[int] = set()
        """Which of them the server never saw."""
        self.messages: list[tuple[str, bytes]] = []
        """What was in those that the server saw, decrypted."""
        for line in path.read_text().splitlines():
            word, _, rest = line.partition(" ")
            if word in "<>":
                self.datagrams.append((word, bytes.fromhex(rest)))
            elif word == "dropped":
                self.lost.add(len(self.datagrams) - 1)
            elif word == "message":
                self.messages.append((rest[0], bytes.fromhex(rest[2:])))
            else:
                self.keys[word] = bytes.fromhex(rest)


def load(name: str) -> Recording:
    return Recording(RECORDINGS / f"{name}.txt")


@pytest.fixture(params=sorted(path.stem for path in RECORDINGS.glob("*.txt")))
def recording(request) -> Recording:
    return load(request.param)


@pytest.fixture
def load_recording() -> Callable[[str], Recording]:
    return load


class Pair:
    """A device and a cloud's port, joined in memory; the cloud lets in whoever has a key. All that happens is kept in order."""

    def __init__(self, version=(6, 2, 0), *, identity=IDENTITY, server_key=SERVER_KEY, dialect=None, device=None, cloud=None, saved=None):
        self.dialect = dialect or device_dialect(version)
        self.now = 0.0
        self.address = ("10.0.0.1", 5684)
        self.client = ClientEnd(identity, self.dialect, 0.0, settings=EndSettings(**device or {}), saved=saved)
        self.listener = Listener(server_key, settings=EndSettings(**cloud or {}))
        self.server: ServerEnd | None = None
        self.client_events: list[object] = []
        self.server_events: list[object] = []
        self.client_error: DtlsError | None = None
        self.server_error: DtlsError | None = None

    def to_server(self, datagram: bytes) -> list[bytes]:
        """Give the cloud a datagram; what it sends to the device."""
        end = self.listener.receive_datagram(datagram, self.address, self.now)
        out = [data for data, address in self.listener.datagrams_to_send() if address == self.address]
        return out + self.served(end)

    def served(self, end: ServerEnd | None) -> list[bytes]:
        if end is None:
            return []
        self.server = end
        for event in end.events():
            self.server_events.append(event)
            if isinstance(event, KeyProved):
                self.listener.accept(end, self.now)
        self.server_events += end.events()
        self.server_error = end.error
        return end.pieces_to_send()

    def to_client(self, datagram: bytes) -> list[bytes]:
        """Give the device a datagram; what it sends."""
        if not self.client.has_failed:
            try:
                self.client.receive_data(datagram, self.now)
            except DtlsError as error:
                self.client_error = error
        return self.from_client()

    def from_client(self) -> list[bytes]:
        self.client_events += self.client.events()
        return self.client.pieces_to_send()

    def run(self, alter: Callable[[str, int, bytes], list[bytes]] = lambda _side, _number, datagram: [datagram]) -> Pair:
        """Carry datagrams until nobody has anything to say. `alter` makes of the nth datagram of a side what arrives."""
        counts = {"client": itertools.count(), "server": itertools.count()}
        queue = [("client", datagram) for datagram in self.from_client()]
        for _ in range(200):
            if not queue:
                return self
            side, datagram = queue.pop(0)
            for arriving in alter(side, next(counts[side]), datagram):
                answers = self.to_server(arriving) if side == "client" else self.to_client(arriving)
                queue += [("server" if side == "client" else "client", answer) for answer in answers]
        raise AssertionError("both ends talk without end")

    def wait(self) -> bool:
        """Let time pass until somebody wants to be woken; whether anybody does."""
        due = [time for time in (self.client.deadline(), self.listener.deadline()) if time is not None]
        if not due:
            return False
        self.now = min(due)
        if self.client.deadline() == self.now:
            try:
                self.client.handle_timer(self.now)
            except DtlsError as error:
                self.client_error = error
        return True

    def run_with_time(self, alter: Callable[[str, int, bytes], list[bytes]] = lambda _side, _number, datagram: [datagram]) -> Pair:
        """`run`, and whenever all is silent let time pass, until both ends are established, or nobody waits for anything any more."""
        for _ in range(60):
            self.run(alter)
            if (self.client.is_open and self.server is not None and self.server.is_open) or not self.wait():
                return self
            for end in self.listener.handle_timer(self.now):
                for datagram in self.served(end):
                    for answer in alter("server", -1, datagram):
                        for more in self.to_client(answer):
                            self.to_server(more)
        raise AssertionError("this goes on for ever")

    @property
    def established(self) -> bool:
        return self.client.is_open and self.server is not None and self.server.is_open

    def say(self, message: bytes) -> list[bytes]:
        """The device sends a message; the messages that arrive at the cloud."""
        self.client.send(message)
        before = len(self.server_events)
        for datagram in self.from_client():
            self.to_server(datagram)
        return [event.data for event in self.server_events[before:] if isinstance(event, MessageReceived)]

    def answer(self, message: bytes) -> list[bytes]:
        """The cloud sends a message; the messages that arrive at the device."""
        assert self.server is not None
        self.server.send(message)
        before = len(self.client_events)
        for datagram in self.server.pieces_to_send():
            self.to_client(datagram)
        return [event.data for event in self.client_events[before:] if isinstance(event, MessageReceived)]


@pytest.fixture
def make_pair() -> type[Pair]:
    return Pair


@pytest.fixture(params=VERSIONS, ids=lambda version: ".".join(map(str, version)))
def version(request) -> tuple[int, int, int]:
    return request.param
