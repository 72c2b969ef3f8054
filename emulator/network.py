"""The Lab's network: Wi-Fi access points, names, servers, and the streams between them.

A `Stream` is one end of an ordered byte stream, as TCP gives it: whatever the link does, bytes arrive in order or the stream ends. A `Link`
adds latency, jitter and loss (a lost segment costs its retransmission, as with TCP) and can fail altogether; all of it is drawn from the
Lab's seed.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from emulator.clock import Clock, Signal
from particle_protocol.listening.wifi import WifiCipher, WifiSecurity

Address: TypeAlias = tuple[str, int]


class Stream:
    """One end of an ordered byte stream.

    Its owner sets `on_data` and `on_closed`. `on_closed(reason)` is called at most once, and never after the owner's own `close()` or
    `abort()`.
    """

    __slots__ = ("on_closed", "on_data", "peer")

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.on_data: Callable[[bytes], None] = _ignore
        self.on_closed: Callable[[str], None] = _ignore

    def write(self, data: bytes) -> None:
        """Send bytes. Ignored once the stream has ended."""
        raise NotImplementedError

    def close(self) -> None:
        """End the stream in good order: what was written still arrives, then the peer is told."""
        raise NotImplementedError

    def abort(self) -> None:
        """Be gone without a word, as a board that loses power: the peer is not told, and what it sends is lost."""
        raise NotImplementedError


@dataclass(slots=True)
class Link:
    """What lies between a board and the servers. Times in seconds; `loss` is the share of segments that must be sent again."""

    latency: float = 0.02
    jitter: float = 0.0
    loss: float = 0.0
    retransmission: float = 0.3
    down: bool = False
    restored: Signal = field(default_factory=Signal)

    def fail(self) -> None:
        """Carry nothing from now on."""
        self.down = True

    def restore(self) -> None:
        """Carry again, first what was held back."""
        self.down = False
        self.restored.fire()

    def delay(self, rng: random.Random) -> float:
        """How long one segment takes this time."""
        delay = self.latency
        if self.jitter:
            delay += rng.uniform(0, self.jitter)
        again = self.retransmission
        while self.loss and rng.random() < self.loss:
            delay += again
            again *= 2
        return delay


class _End(Stream):
    """One end of a stream inside the Lab."""

    __slots__ = ("_arrives", "_clock", "_held", "_link", "_resumed", "_rng", "alive", "other")

    def __init__(self, peer: str, clock: Clock, link: Link, rng: random.Random) -> None:
        super().__init__(peer)
        self.alive = True
        self.other: _End | None = None
        self._clock = clock
        self._link = link
        self._rng = rng
        self._arrives = 0.0
        self._held: list[tuple[Callable[..., None], bytes | str]] = []
        self._resumed: Callable[[], None] = _nothing

    def write(self, data: bytes) -> None:
        if self.alive and data:
            self._send(_End._deliver, data)

    def close(self) -> None:
        if self.alive:
            self._send(_End._end, "closed by the peer")
            self.alive = False

    def abort(self) -> None:
        self.alive = False

    def _resume(self) -> None:
        self._resumed()
        held, self._held = self._held, []
        for action, what in held:
            self._send(action, what)

    def _send(self, action: Callable[..., None], what: bytes | str) -> None:
        if self.other is None:
            return
        if self._link.down:
            if not self._held:
                self._resumed = self._link.restored.subscribe(self._resume)
            self._held.append((action, what))
            return
        self._arrives = max(self._arrives, self._clock.now + self._link.delay(self._rng))
        self._clock.call_at(self._arrives, action, self.other, what)

    def _deliver(self, data: bytes) -> None:
        if self.alive:
            self.on_data(data)

    def _end(self, reason: str) -> None:
        if self.alive:
            self.alive = False
            self.on_closed(reason)


@dataclass(slots=True, eq=False)
class AccessPoint:
    """A Wi-Fi access point within reach of the Lab's boards. `rssi` in dBm; `password` empty on an open network."""

    ssid: str
    password: str = ""
    security: WifiSecurity = WifiSecurity.WPA2
    cipher: WifiCipher = WifiCipher.AES
    channel: int = 6
    rssi: int = -52
    bssid: bytes = b"\x02\x00\x5e\x00\x53\x01"
    address: str = "203.0.113.1"
    """What servers see all its stations come from (RFC 5737 keeps 203.0.113.0/24 for examples)."""
    hidden: bool = False
    on_air: bool = True
    internet: bool = True
    link: Link = field(default_factory=Link)
    lost: Signal = field(default_factory=Signal)
    """Fired when the access point goes off the air: stations lose it."""

    def switch_off(self) -> None:
        """Go off the air. Stations lose the network; open streams through it stand still."""
        self.on_air = False
        self.link.fail()
        self.lost.fire()

    def switch_on(self) -> None:
        """Be on the air again."""
        self.on_air = True
        self.link.restore()


class Outside(Protocol):
    """The way out of the Lab, to real sockets. Only a served Lab has one."""

    def connect(self, address: Address, opened: Callable[[Stream], None], failed: Callable[[str], None]) -> Callable[[], None]:
        """Open a stream to a real server; returns the function that gives up."""


class Network:
    """Names, servers and access points of one Lab."""

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._servers: dict[Address, Callable[[Stream], None]] = {}
        self.names: dict[str, str] = {}
        self.access_points: list[AccessPoint] = []
        self.routes: dict[Address, Address] = {}
        """Where a connection goes instead of the address it is for, as a router's port forwarding does."""
        self.outside: Outside | None = None
        self._ports = itertools.cycle(range(49_152, 65_536))

    def access_point(self, ssid: str, password: str = "", **more: object) -> AccessPoint:
        """Set up an access point; `more` are the other fields of `AccessPoint`. Without a password it is open."""
        more.setdefault("security", WifiSecurity.WPA2 if password else WifiSecurity.OPEN)
        number = len(self.access_points) + 1
        more.setdefault("bssid", bytes((2, 0, 0x5E, 0, 0x53, number & 0xFF)))
        more.setdefault("address", f"203.0.113.{number & 0xFF}")
        made = AccessPoint(ssid, password, **more)  # type: ignore[arg-type]  # checked by the dataclass's names
        self.access_points.append(made)
        return made

    def listen(self, host: str, port: int, accept: Callable[[Stream], None]) -> None:
        """Be the server at `host`:`port`: `accept` is handed the server's end of each new stream."""
        self._servers[(host, port)] = accept

    def resolve(self, name: str) -> str | None:
        """The address behind a name, or None. Addresses in numbers are their own."""
        if name in self.names:
            return self.names[name]
        return name if name.replace(".", "").isdigit() else None

    def connect(
        self, via: AccessPoint, address: Address, opened: Callable[[Stream], None], failed: Callable[[str], None]
    ) -> Callable[[], None]:
        """Open a stream through an access point. Returns the function that gives up.

        Exactly one of `opened(stream)` and `failed(reason)` is called later, unless the caller gives up first.
        """
        host, port = address
        target = self.resolve(host)
        link = via.link
        if target is None or link.down or not via.internet:
            reason = f"cannot resolve {host}" if target is None else f"{host}:{port} is unreachable: the network is down"
            return self._clock.call_later(link.latency + 1.0, failed, reason).cancel
        target, port = self.routes.get((target, port), (target, port))
        accept = self._servers.get((target, port))
        if accept is None:
            if self.outside is not None:
                return self.outside.connect((target, port), opened, failed)
            return self._clock.call_later(2 * link.delay(self._rng), failed, f"{host}:{port} refused the connection").cancel

        def establish() -> None:
            near = _End(f"{host}:{port}", self._clock, link, self._rng)
            far = _End(f"{via.address}:{next(self._ports)}", self._clock, link, self._rng)
            near.other, far.other = far, near
            opened(near)
            accept(far)

        return self._clock.call_later(2 * link.delay(self._rng), establish).cancel


def _ignore(_: object) -> None:
    """The default of the callbacks: nobody is listening."""


def _nothing() -> None:
    """The default of the functions that end something: there is nothing to end."""
