"""The network around boards, as a test changes it: access points, cells, and whether they lead anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from harness.board import Board
from harness.cloud import WifiNetwork
from harness.errors import Blame, CapabilityMissing, HarnessError, hides
from harness.kit.faults import REMEDIES, Faults
from harness.modes import Capability, no_such
from harness.surroundings import USUAL_SIGNAL, Place, Surroundings
from particle_protocol.listening.wifi import SECURITIES, WifiSecurity, password_fault

__tracebackhide__ = hides

WEAKEST, STRONGEST = -120, 0


class Spot:
    """An access point or a cell: what boards join. What is changed of it holds until the test ends."""

    def __init__(self, network: Network, name: str) -> None:
        self._network = network
        self.name = name

    @property
    def state(self) -> Place:
        """How it is now: on the air, signal in dBm, whether it leads anywhere."""
        return self._network.place(self.name)

    @property
    def on_air(self) -> bool:
        """Whether boards can hear it."""
        return self.state.on_air

    def switch_off(self) -> None:
        """Have it go off the air: boards lose it, and look for it again."""
        self._do(lambda around: around.switch(self.name, on=False), f"switched {self.name!r} off")

    def switch_on(self) -> None:
        """Have it be on the air again."""
        self._do(lambda around: around.switch(self.name, on=True), f"switched {self.name!r} on")

    @contextmanager
    def off(self) -> Iterator[None]:
        """Have it be off the air while the context lasts."""
        self.switch_off()
        try:
            yield
        finally:
            self.switch_on()

    def set_signal(self, dbm: int) -> None:
        """Have boards receive it so strongly, as they report in their vitals.

        Below -80 dBm a Wi-Fi board loses frames, the more the weaker, and below -90 dBm the network; a modem loses its cell below -113 dBm.
        """
        if not WEAKEST <= dbm <= STRONGEST:
            raise HarnessError(f"a signal of {dbm!r}: it is a whole number of dBm from {WEAKEST} to {STRONGEST}", blame=Blame.REQUEST)
        self._do(lambda around: around.set_signal(self.name, dbm), f"gave {self.name!r} a signal of {dbm} dBm")

    @contextmanager
    def without_internet(self) -> Iterator[None]:
        """Have it lead to nowhere while the context lasts: boards stay joined, and reach no server."""
        self._do(lambda around: around.set_internet(self.name, on=False), f"cut {self.name!r} off from the internet")
        try:
            yield
        finally:
            self._do(lambda around: around.set_internet(self.name, on=True), f"gave {self.name!r} the internet back")

    def _do(self, change: Callable[[Surroundings], None], told: str) -> None:
        self._network.change(change, told)

    def __str__(self) -> str:
        return self.name


class Cell(Spot):
    """A cell of a mobile network. Which SIM may join is the matter of the cloud's SIMs."""

    def ban(self, board: Board) -> None:
        """Have the mobile network ban a board's modem by its IMEI: no SIM in it is let in any more."""
        self._do(lambda around: around.ban_modem(board.device_id, banned=True), f"banned the modem of {board.label}")

    def lift_ban(self, board: Board) -> None:
        """Have the mobile network let a board's modem in again."""
        self._do(lambda around: around.ban_modem(board.device_id, banned=False), f"lifted the ban of the modem of {board.label}")


class AccessPoint(Spot):
    """A Wi-Fi access point."""

    @property
    def wifi(self) -> WifiNetwork:
        """What a board has to be given to join it now."""
        state = self.state
        return WifiNetwork(state.name, state.password, state.security)

    def set_password(self, password: str) -> WifiNetwork:
        """Have it take another password from now on, so that those that boards have are wrong; gives what they need now."""
        check_password(password, WifiSecurity(self.state.security) if self.state.security and password else _kind(password))
        self._do(lambda around: around.set_password(self.name, password), f"changed the password of {self.name!r}")
        return self.wifi


class Network:
    """The network around the boards of a test. What is changed of it holds until the test ends.

    Without a rack that can do it, nothing around real boards can be changed: `CapabilityMissing`, which skips a test. `wifi` they have.
    """

    def __init__(self, boards: Callable[[], Sequence[Board]], around: Callable[[], Board | None], wifi: WifiNetwork | None) -> None:
        self._boards = boards
        self._around = around
        self._wifi = wifi

    @property
    def wifi(self) -> WifiNetwork:
        """The network that boards are to join: the run's own.

        Raises:
            CapabilityMissing: the run has none.
        """
        if self._wifi is None:
            raise CapabilityMissing(Capability.WIFI, remedy="Name one with --wifi SSID:PASSWORD")
        return self._wifi

    def access_points(self) -> list[AccessPoint]:
        """The access points around boards, those that are off the air as well; not the networks that boards open themselves."""
        return [AccessPoint(self, place.name) for place in self._places() if place.kind == "Wi-Fi"]

    def access_point(self, ssid: str | None = None) -> AccessPoint:
        """One of them: the run's own, if none is named.

        Raises:
            HarnessError: there is none of this name.
        """
        name = self.wifi.ssid if ssid is None else ssid
        there_are = [each.name for each in self.access_points()]
        if name not in there_are:
            raise HarnessError(str(no_such("access point", name, there_are)), blame=Blame.REQUEST)
        return AccessPoint(self, name)

    def cell(self) -> Cell:
        """The cell around boards.

        Raises:
            HarnessError: there is none.
        """
        found = next((place for place in self._places() if place.kind == "cellular"), None)
        if found is None:
            raise HarnessError("there is no cell around these boards", blame=Blame.REQUEST)
        return Cell(self, found.name)

    def add_access_point(
        self, ssid: str, password: str = "", *, signal: int = USUAL_SIGNAL, hidden: bool = False, security: str = ""
    ) -> AccessPoint:
        """Set up another access point.

        Args:
            ssid: its name.
            password: what stations need to join; without one it is open.
            signal: how strongly boards receive it, in dBm.
            hidden: it does not send its name.
            security: `open`, `wep`, `wpa` or `wpa2`, which is what one with a password is unless told.
        """
        size = len(ssid.encode())
        if not 1 <= size <= 32:
            raise HarnessError(f"an SSID of {size} bytes: it has 1 to 32", blame=Blame.REQUEST)
        kind = SECURITIES.get(security) if security else _kind(password)
        if kind is None:
            raise HarnessError(str(no_such("kind of network", security, list(SECURITIES))), blame=Blame.REQUEST)
        check_password(password, kind)
        if any(place.name == ssid for place in self._places()):
            raise HarnessError(f"there is {ssid!r} already", blame=Blame.REQUEST, remedy="Take another name, or change that one")
        self.change(
            lambda around: around.add_access_point(ssid, password, kind, signal=signal, hidden=hidden), f"set up the network {ssid!r}"
        )
        return AccessPoint(self, ssid)

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Have every access point and cell be off the air while the context lasts."""
        with Faults(self._boards_or_one)(outage="network"):
            yield

    def forget_connections(self) -> None:
        """Have every router (NAT) forget its connections: servers see boards come from elsewhere from then on."""
        self.change(lambda around: around.forget_translations(), "had the routers forget their connections")

    def place(self, name: str) -> Place:
        """How a place is now."""
        return next(each for each in self._places() if each.name == name)

    def change(self, change: Callable[[Surroundings], None], told: str) -> None:
        """Change something, and write it into the boards' journals."""
        change(self._surroundings())
        for board in self._boards():
            board.journal.did(told)

    def _places(self) -> list[Place]:
        return self._surroundings().places()

    def _boards_or_one(self) -> Sequence[Board]:
        boards, one = self._boards(), self._around()
        return boards or ([] if one is None else [one])

    def _surroundings(self) -> Surroundings:
        board = self._around()
        around = None if board is None else board.surroundings
        if around is None or Capability.AIR not in around.offers:
            label = None if board is None else board.label
            raise CapabilityMissing(Capability.AIR, board=label, remedy=REMEDIES[Capability.AIR])
        return around


def _kind(password: str) -> WifiSecurity:
    """What a network with this password is unless told."""
    return WifiSecurity.WPA2 if password else WifiSecurity.OPEN


def check_password(password: str, security: WifiSecurity) -> None:
    """Refuse a password that no network of that kind can have.

    Raises:
        HarnessError: it is too short or too long, or there is one where there can be none.
    """
    fault = password_fault(security, password)
    if fault:
        raise HarnessError(fault, blame=Blame.REQUEST)
