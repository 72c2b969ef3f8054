"""The network of one Lab: names, servers, access points and cells, and connections between boards and servers."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Protocol

from emulator.clock import Clock, Signal
from emulator.network.access_points import AccessPoint
from emulator.network.cells import Cell
from emulator.network.datagrams import Address, DatagramPort, Datagrams, DatagramSocket, detour, pass_on
from emulator.network.link import Link, Path, Way
from emulator.network.outlets import Outlet
from emulator.network.streams import Detour, Stream, StreamEnd
from emulator.network.weather import Weather
from particle_protocol.listening.wifi import WifiCipher, WifiSecurity


class Outside(Protocol):
    """The way out of the Lab, to real sockets. Only a served Lab has one."""

    def connect(self, address: Address, opened: Callable[[Stream], None], failed: Callable[[str], None]) -> Callable[[], None]:
        """Open a stream to a real server; returns the function that gives up."""

    def open_datagrams(self, address: Address) -> DatagramSocket:
        """A socket for datagrams to a real server."""


@dataclass(frozen=True, slots=True)
class NetworkState:
    """What a network was made of at a moment; `facts` are the fields of every access point, cell, outlet and link."""

    names: dict[str, str]
    routes: dict[Address, Address]
    servers: dict[Address, Callable[[Stream], None]]
    access_points: list[AccessPoint]
    cells: list[Cell]
    outlets: list[Outlet]
    facts: list[tuple[AccessPoint | Cell | Outlet | Link, dict[str, Any]]]


def _facts(thing: AccessPoint | Cell | Outlet | Link) -> dict[str, Any]:
    values = {each.name: getattr(thing, each.name) for each in fields(thing)}
    return {name: value for name, value in values.items() if not isinstance(value, Signal)}


class Network:
    """Names, servers and access points of one Lab."""

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._servers: dict[Address, Callable[[Stream], None]] = {}
        self.names: dict[str, str] = {}
        self.access_points: list[AccessPoint] = []
        self.hosted: dict[str, AccessPoint] = {}
        """The networks that boards have opened themselves, by device id."""
        self.cells: list[Cell] = []
        self.outlets: list[Outlet] = []
        self.routes: dict[Address, Address] = {}
        """Where a connection goes instead of the address it is for, as a router's port forwarding does."""
        self.outside: Outside | None = None
        self._ports = itertools.cycle(range(49_152, 65_536))
        self.weather = Weather()
        self._beyond = Way((self.weather.link, self.weather.rng))
        self._datagrams = Datagrams(clock, self._way, self._ports.__next__)

    def access_point(self, ssid: str, password: str = "", **more: object) -> AccessPoint:
        """Set up an access point; `more` are the other fields of `AccessPoint`. Without a password it is open."""
        security = more.setdefault("security", WifiSecurity.WPA2 if password else WifiSecurity.OPEN)
        more.setdefault("cipher", WifiCipher.NOT_SET if security in (WifiSecurity.OPEN, WifiSecurity.WEP) else WifiCipher.AES)
        number = len(self.access_points) + 1
        more.setdefault("bssid", bytes((2, 0, 0x5E, 0, 0x53, number & 0xFF)))
        more.setdefault("address", f"203.0.113.{number & 0xFF}")
        made = AccessPoint(ssid, password, **more)  # type: ignore[arg-type]  # checked by the dataclass's names
        self.access_points.append(made)
        return made

    def snapshot(self) -> NetworkState:
        """What the network is made of now, to hand to `restore`."""
        places: list[AccessPoint | Cell | Outlet] = [*self.access_points, *self.cells, *self.outlets]
        return NetworkState(
            names=dict(self.names),
            routes=dict(self.routes),
            servers=dict(self._servers),
            access_points=list(self.access_points),
            cells=list(self.cells),
            outlets=list(self.outlets),
            facts=[(thing, _facts(thing)) for thing in (*(each for place in places for each in (place, place.link)), self.weather.link)],
        )

    def restore(self, state: NetworkState) -> None:
        """Be made of that again, with every access point, cell and link as it was. Nobody may be connected meanwhile."""
        self.names, self.routes, self._servers = dict(state.names), dict(state.routes), dict(state.servers)
        self.access_points, self.cells, self.outlets = list(state.access_points), list(state.cells), list(state.outlets)
        for thing, facts in state.facts:
            for name, value in facts.items():
                setattr(thing, name, value)
        self.weather.resume()

    def in_the_air(self) -> list[AccessPoint]:
        """Every access point that can be heard, those of boards too, in the order of their channels."""
        return sorted((point for point in (*self.access_points, *self.hosted.values()) if point.reached), key=lambda point: point.channel)

    def listen(self, host: str, port: int, accept: Callable[[Stream], None]) -> None:
        """Be the server at `host`:`port`: `accept` is handed the server's end of each new stream."""
        self._servers[(host, port)] = accept

    def listen_datagrams(self, host: str, port: int) -> DatagramPort:
        """Be the server for datagrams at `host`:`port`."""
        return self._datagrams.listen((host, port))

    def open_datagrams(self, via: Path, address: Address) -> DatagramSocket | str:
        """A socket for datagrams to a server, or why there is none, in words."""
        host, port = address
        target = self.resolve(host)
        way = self._way(via)
        if target is None or way.blocked is not None or not via.internet:
            return f"cannot resolve {host}" if target is None else f"{host}:{port} is unreachable: the network is down"
        target, port = self.routes.get((target, port), (target, port))
        socket = self._datagrams.open(via, (target, port))
        if socket is None and self.outside is not None:
            made = self.outside.open_datagrams((target, port))
            return made if self._is_own((target, port)) else detour(made, self._clock, self._beyond)
        return socket if socket is not None else f"{host}:{port} has no server for datagrams"

    def forget_translations(self) -> None:
        """Let every address translation (NAT) forget its connections for datagrams: servers see boards come from elsewhere from now on."""
        self._datagrams.rebind_all()

    def resolve(self, name: str) -> str | None:
        """The address behind a name, or None. Addresses in numbers are their own; `*.` in `names` stands for anything in front."""
        if name in self.names:
            return self.names[name]
        if name.replace(".", "").isdigit():
            return name
        parts = name.split(".")
        wild = (self.names.get(".".join(("*", *parts[number:]))) for number in range(1, len(parts)))
        return next((address for address in wild if address is not None), None)

    def connect(self, via: Path, address: Address, opened: Callable[[Stream], None], failed: Callable[[str], None]) -> Callable[[], None]:
        """Open a stream through an access point. Returns the function that gives up.

        Exactly one of `opened(stream)` and `failed(reason)` is called later, unless the caller gives up first.
        """
        host, port = address
        target = self.resolve(host)
        way = self._way(via)
        if target is None or way.blocked is not None or not via.internet:
            reason = f"cannot resolve {host}" if target is None else f"{host}:{port} is unreachable: the network is down"
            return self._clock.call_later(via.link.latency + 1.0, failed, reason).cancel
        target, port = self.routes.get((target, port), (target, port))
        accept = self._servers.get((target, port))
        if accept is None:
            if self.outside is not None:
                return self._connect_outside(self.outside, (target, port), opened, failed)
            return self._clock.call_later(2 * way.delay(), failed, f"{host}:{port} refused the connection").cancel
        return self._establish(via, way, address, opened, accept)

    def connect_on(self, point: AccessPoint, address: Address, opened: Callable[[Stream], None], failed: Callable[[str], None]) -> None:
        """Open a stream from a station of an access point, to a server on that network or behind it. See `connect`."""
        accept = point.servers.get(address)
        if accept is None or point.link.down:
            self.connect(point, address, opened, failed)
        else:
            self._establish(point, Way((point.link, self._rng)), address, opened, accept)

    def visited(self, stream: Stream) -> Stream:
        """A stream to somebody outside of the Lab, with the weather in between."""
        return Detour(stream, self._clock, self._beyond)

    def pass_on(self, data: bytes, arrive: Callable[..., None], *args: object) -> None:
        """Have `arrive(*args)` called when a datagram from or to somebody outside is through the weather, for each copy of it."""
        pass_on(self._clock, self._beyond, data, arrive, *args)

    def _way(self, via: Path) -> Way:
        """What lies between an access point or cell and the servers behind it."""
        return Way((via.link, self._rng), (self.weather.link, self.weather.rng))

    def _connect_outside(
        self, outside: Outside, address: Address, opened: Callable[[Stream], None], failed: Callable[[str], None]
    ) -> Callable[[], None]:
        """Open a stream to a server outside, which is as far away as it is; the weather comes on top."""
        if self._is_own(address):
            return outside.connect(address, opened, failed)
        give_up: list[Callable[[], None]] = []

        def connect() -> None:
            give_up[:] = [outside.connect(address, lambda stream: opened(self.visited(stream)), failed)]

        delay = 2 * self._beyond.delay()
        if delay:
            give_up.append(self._clock.call_later(delay, connect).cancel)
        else:
            connect()
        return lambda: give_up[0]()

    def _is_own(self, address: Address) -> bool:
        """Whether an address outside is one of this Lab's own doors, behind which there is weather already."""
        return address in self.routes.values()

    def _establish(
        self, via: Path, way: Way, address: Address, opened: Callable[[Stream], None], accept: Callable[[Stream], None]
    ) -> Callable[[], None]:
        def establish() -> None:
            near = StreamEnd(f"{address[0]}:{address[1]}", self._clock, way)
            far = StreamEnd(f"{via.address}:{next(self._ports)}", self._clock, way)
            near.other, far.other = far, near
            near.local, far.local = far.peer, near.peer
            opened(near)
            accept(far)

        return self._clock.call_later(2 * way.delay(), establish).cancel
