"""Boards by moniker: `emu:photon?mode=dfu&os=2.1.0&claimed=1`, `usb:0123456789abcdef01234567`.

The part before the colon is the kind. Kinds are entry points of the group `particle_hil.boards`, imported only when named, so another
distribution can add its own: an entry point names a `Kind`, or a callable `open_boards(monikers, options) -> Rig` that checks its monikers'
options itself.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qsl

from harness.board import Board
from harness.cloud import CloudTarget, WifiNetwork
from harness.errors import BoardNotAvailable, Unavailable, hides
from harness.modes import Capability
from harness.monikers import expanded
from harness.pointing import put_back_left

if TYPE_CHECKING:
    from harness.rack.lab_file import LabFile
    from harness.surroundings import Surroundings

__tracebackhide__ = hides

ENTRY_POINTS = "particle_hil.boards"

_BUILT_IN = {"emu": "harness.boards.emu:KIND", "usb": "harness.boards.usb:KIND", "vdev": "harness.boards.virtual_device:KIND"}
"""The kinds that are there even when the package was not installed (a source tree on the path has no entry points)."""


@dataclass(frozen=True, slots=True)
class Moniker:
    """A board's name on a command line, taken apart: kind, what it names there, options."""

    text: str
    kind: str
    name: str
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Moniker:
        """Take `kind:name?option=value&option=value` apart.

        Raises:
            BoardNotAvailable: it has no kind, or an option without a value or twice.
        """
        kind, colon, rest = text.partition(":")
        if not colon or not kind:
            raise BoardNotAvailable(
                Unavailable.BAD_MONIKER,
                f"{text!r} has no kind",
                remedy="Write emu:photon, or usb: and the device id; kinds: " + ", ".join(kinds()),
            )
        name, _, query = rest.partition("?")
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
        except ValueError as error:
            raise BoardNotAvailable(
                Unavailable.BAD_MONIKER, f"the options of {text!r}: {error}", remedy="Write option=value&option=value"
            ) from error
        options = dict(pairs)
        if len(options) != len(pairs):
            raise BoardNotAvailable(Unavailable.BAD_MONIKER, f"{text!r} gives an option twice")
        return cls(text, kind.lower(), name, options)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class OpenOptions:
    """What the user chose for all boards of a run."""

    allow_changes: bool = False
    """Whether real boards may be flashed, claimed and rewritten."""
    cloud: CloudTarget | None = None
    """The cloud of boards whose kind has none of its own."""
    cloud_is_default: bool = False
    """Whether nobody asked for that cloud in this run: then a kind with a cloud of its own passes over it."""
    wifi: WifiNetwork | None = None
    """The network that real boards may join."""
    served: bool = False
    """Whether emulated boards live in real time."""
    seed: int = 0
    """Where everything random in an emulated run comes from."""
    device_os: tuple[str, ...] = ()
    """What the cloud of emulated boards heals boards in safe mode with and hands out over REST; see `harness.device_os`."""
    webhooks: tuple[str, ...] = ()
    """Where webhooks of a served cloud may go besides public addresses: HOST, HOST:PORT, a network, or * for everywhere."""
    serving: Serving | None = None
    """How emulated boards and their cloud are put before other programs; None is any free ports and no state file."""
    lab: LabFile | None = None
    """The lab file of the run: boards can be named as it names them, and its networks and its cloud are around emulated ones."""
    applications: tuple[str, ...] = ()
    """Applications of emulated boards, as `module:Class`: the first is what boards run that name none; all can be flashed by name."""
    leases: bool = True
    """Whether boards that other runs may want too are leased when they are opened. Else whoever opens them does that (`harness.pool`)."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What `particle-hil serve` adds to a served run.

    Port 0 is any free one; `device_host` is the loopback address for boards, if it is to be another than 127.0.0.1. `state` is the
    file that keeps the cloud's state; `rate_limits`: the REST API refuses who asks too often.
    `password` is that of the run's user, drawn by chance without it. `hosts` are names of the REST API besides loopback's, `origins` the
    web pages that may use it.
    """

    http_port: int = 0
    device_port: int = 0
    device_udp_port: int = 0
    state: str | None = None
    rate_limits: bool = False
    password: str | None = field(default=None, repr=False)
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    device_host: str | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """What a served cloud notes of devices that connect to it.

    `kind` is "refused" for a device that was turned away, "dropped" for a message that was not understood, "disbelieved" for what a device
    says of itself and cannot be true. `device_id` is None where the connection ended before the device told it.
    """

    kind: str
    peer: str
    device_id: str | None
    why: str


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """A served cloud from outside: where boards connect, and the key they must hold (SubjectPublicKeyInfo, DER); over TCP, and over UDP.

    `incidents` gives what has happened since it was asked last.
    """

    device_address: tuple[str, int]
    server_public_key: bytes
    device_udp_address: tuple[str, int]
    udp_server_public_key: bytes
    incidents: Callable[[], list[Incident]] = list
    setup: Mapping[str, SetupAddresses] = field(default_factory=dict)
    """Where set-up programs reach boards that listen, by device id: boards that open a network of their own."""


@dataclass(frozen=True, slots=True)
class SetupAddresses:
    """Where a board's own network is on this computer: host and port of its two servers."""

    tcp: tuple[str, int]
    """The line protocol, which is on port 5609 of the board's network."""
    http: tuple[str, int]
    """HTTP, on port 80 there."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What became of boards whose lab file has changed: those that are new, the names of those that are gone, what could not be done."""

    added: Sequence[Board]
    removed: Sequence[str]
    problems: Sequence[str]


@dataclass(slots=True)
class Rig:
    """The boards of one kind that were opened together, and what belongs to them."""

    boards: list[Board]
    cloud: CloudTarget | None = None
    """The kind's own cloud, if it has one."""
    wifi: WifiNetwork | None = None
    """A network the boards can join."""
    service: ServiceFacts | None = None
    """What other programs need to know, when it is served."""
    snapshot: Callable[[], object] | None = None
    """Takes a snapshot of all of it, if the kind can."""
    restore: Callable[[object], None] | None = None
    door: Callable[[], AbstractContextManager[dict[str, str]]] | None = None
    """Shows the boards to other programs on this computer while its context lasts; gives the environment variables that they need."""
    surroundings: Surroundings | None = None
    """What is around the boards that a program can change."""
    add: Callable[[Moniker], Board] | None = None
    """Makes one more board, in the state in which it starts."""
    reload: Callable[[LabFile], Reloaded] | None = None
    """Makes of it what its lab file says now."""
    close: Callable[[], None] = lambda: None
    """Gives everything back."""


OpenBoards: TypeAlias = Callable[[Sequence[Moniker], OpenOptions], Rig]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of boards: how they are opened, and the options that their monikers take."""

    open_boards: OpenBoards
    options: Mapping[str, str] | None = None
    """What each option means, by its name. None: the kind checks its monikers itself."""
    no_options: str = "Boards of this kind take none"
    """What to do instead, for a kind without options."""
    shared: bool = False
    """Whether its boards are the same ones for every run on this computer. Each is then opened by itself, and leased while it is used."""
    never: frozenset[Capability] = frozenset()
    """What none of its boards ever has: a board of such a kind need not be there to be known to lack it."""

    def open(self, monikers: Sequence[Moniker], options: OpenOptions) -> Rig:
        """Open boards whose monikers have no options but those of the kind.

        Raises:
            BoardNotAvailable: one has others (the message lists those there are), or cannot be opened.
        """
        for moniker in monikers:
            self.check(moniker)
        return self.open_boards(monikers, options)

    def check(self, moniker: Moniker) -> None:
        """Look at the options of a moniker.

        Raises:
            BoardNotAvailable: it has others than those of the kind; the message lists those there are.
        """
        unknown = set() if self.options is None else set(moniker.options) - set(self.options)
        if unknown and not self.options:
            raise BoardNotAvailable(Unavailable.BAD_MONIKER, f"{moniker} has options", remedy=self.no_options)
        if unknown:
            there_are = f"There are: {', '.join(sorted(self.options or ()))}"
            raise BoardNotAvailable(Unavailable.BAD_MONIKER, f"{moniker} has the option {min(unknown)!r}", remedy=there_are)


def kinds() -> list[str]:
    """The kinds of boards there are, built-in ones first."""
    return list(_BUILT_IN) + sorted({point.name for point in importlib.metadata.entry_points(group=ENTRY_POINTS)} - set(_BUILT_IN))


def open_boards(monikers: Sequence[str], options: OpenOptions | None = None) -> list[Rig]:
    """Open every board, kind by kind in the order in which the kinds are first named; boards keep their order within a kind.

    Raises:
        BoardNotAvailable: a moniker cannot be read, there is no such kind, or a board cannot be opened. Nothing stays open then.
    """
    options = options if options is not None else OpenOptions()
    by_kind: dict[str, list[Moniker]] = {}
    for moniker in (moniker_of(text, options.lab) for text in every(monikers)):
        by_kind.setdefault(moniker.kind, []).append(moniker)
    loaded = {kind: kind_named(kind) for kind in by_kind}
    rigs: list[Rig] = []
    try:
        rigs.extend(loaded[kind].open(wanted, options) for kind, wanted in by_kind.items())
        for rig in rigs:
            for board in rig.boards:
                put_back_left(board)
    except BaseException:
        for rig in rigs:
            rig.close()
        raise
    return rigs


def moniker_of(text: str, lab: LabFile | None) -> Moniker:
    """The moniker that a word means: itself, or that of the lab file's board of this name, which goes on being called by it.

    Raises:
        BoardNotAvailable: it is neither.
    """
    board = None if lab is None else lab.board(text)
    if lab is None or board is None:
        if lab is not None and ":" not in text:
            names = ", ".join(each.name for each in lab.boards) or "none"
            raise BoardNotAvailable(Unavailable.BAD_MONIKER, f"{lab.path} has no board {text!r}", remedy=f"There are: {names}")
        return Moniker.parse(text)
    parsed = Moniker.parse(board.moniker)
    return Moniker(board.name, parsed.kind, parsed.name, {**parsed.options, **lab.options_of(board)})


def every(monikers: Sequence[str]) -> list[str]:
    """The monikers one by one, with `emu:photon*20` as twenty of `emu:photon`.

    Raises:
        BoardNotAvailable: what follows the star is no number.
    """
    try:
        return expanded(monikers)
    except ValueError as error:
        raise BoardNotAvailable(Unavailable.BAD_MONIKER, str(error), remedy="Write emu:photon*20 for twenty") from None


def kind_named(name: str) -> Kind:
    """A kind of boards.

    Raises:
        BoardNotAvailable: there is no such kind, or its code cannot be loaded.
    """
    target = _BUILT_IN.get(name)
    if target is None:
        for point in importlib.metadata.entry_points(group=ENTRY_POINTS, name=name):
            target = point.value
    if target is None:
        raise BoardNotAvailable(Unavailable.UNKNOWN_KIND, name, remedy="There are: " + ", ".join(f"{kind}:" for kind in kinds()))
    module, _, attribute = target.partition(":")
    try:
        found: Kind | OpenBoards = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise BoardNotAvailable(Unavailable.UNKNOWN_KIND, f"{name}: its code {target} cannot be loaded", seen=str(error)) from error
    return found if isinstance(found, Kind) else Kind(found)
