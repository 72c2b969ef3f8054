"""What is around the boards of a Lab: its access points and cells, the weather between them and the cloud, the boards' power, the cloud."""

from __future__ import annotations

from collections.abc import Callable

from emulator.board.board import Board
from emulator.board.flash import Cut, CutPhase
from emulator.drivers import Driver
from emulator.lab import Lab
from emulator.network import AccessPoint, Cell, Transmitter
from harness.errors import Blame, HarnessError, hides
from harness.fault_plan import FaultPlan
from harness.modes import Capability, no_such
from harness.surroundings import Place
from particle_protocol.listening.wifi import WifiSecurity

__tracebackhide__ = hides


class LabSurroundings:
    """See `Surroundings`."""

    def __init__(self, lab: Lab) -> None:
        self.offers = frozenset({Capability.AIR, Capability.POWER_CUTS, Capability.CLOUD_FAULTS})
        self._lab = lab
        self._driver = lab.driver
        self._active: list[FaultPlan] = []
        self._silenced: list[Transmitter] = []
        """What an outage has taken off the air."""

    def places(self) -> list[Place]:
        """See `Surroundings.places`."""
        return self._driver.call(lambda: [_seen(each) for each in self._all()])

    def add_access_point(self, ssid: str, password: str, security: WifiSecurity, *, signal: int, hidden: bool) -> None:
        """See `Surroundings.add_access_point`."""
        self._driver.call(lambda: self._lab.network.access_point(ssid, password, security=security, rssi=signal, hidden=hidden))

    def switch(self, name: str, *, on: bool) -> None:
        """See `Surroundings.switch`."""
        self._driver.call(self._switch, name, on)

    def set_signal(self, name: str, signal: int) -> None:
        """See `Surroundings.set_signal`."""
        self._driver.call(self._set_signal, name, signal)

    def set_internet(self, name: str, *, on: bool) -> None:
        """See `Surroundings.set_internet`."""
        self._driver.call(self._set_internet, name, on)

    def set_password(self, name: str, password: str) -> None:
        """See `Surroundings.set_password`."""
        self._driver.call(self._set_password, name, password)

    def ban_modem(self, device_id: str, *, banned: bool) -> None:
        """See `Surroundings.ban_modem`."""
        imei = self._lab.boards[device_id].identity.imei
        if not imei:
            raise HarnessError(f"device {device_id} has no modem that could be banned", blame=Blame.REQUEST)
        self._driver.call(lambda: self._lab.cloud.factory.ban_imei(imei, banned=banned))

    def forget_translations(self) -> None:
        """See `Surroundings.forget_translations`."""
        self._driver.call(self._lab.network.forget_translations)

    def begin(self, faults: FaultPlan) -> Callable[[], None]:
        """See `Surroundings.begin`."""
        self._driver.call(self._change, [*self._active, faults])

        def end() -> None:
            left = [each for each in self._active if each is not faults]
            if len(left) < len(self._active):
                self._driver.call(self._change, left)

        return end

    def cut_power(self, device_id: str, write: int, phase: str) -> _CutAhead:
        """See `Surroundings.cut_power`."""
        return _CutAhead(self._driver, self._lab.boards[device_id], write, CutPhase(phase))

    def forget(self) -> None:
        """The Lab was brought back to a state in which there was none of this."""
        self._silenced.clear()
        self._driver.call(self._change, [])

    def _all(self) -> list[AccessPoint | Cell]:
        return [*self._lab.network.access_points, *self._lab.network.cells]

    def _find(self, name: str) -> AccessPoint | Cell:
        found = next((each for each in self._all() if _name(each) == name), None)
        if found is None:
            raise HarnessError(str(no_such("access point or cell", name, map(_name, self._all()))), blame=Blame.REQUEST)
        return found

    def _switch(self, name: str, on: bool) -> None:  # what the driver calls takes no keywords
        place = self._find(name)
        if place in self._silenced:
            self._silenced.remove(place)
        if on and not place.on_air:
            place.switch_on()
        elif not on and place.on_air:
            place.switch_off()

    def _set_signal(self, name: str, signal: int) -> None:
        self._find(name).set_signal(signal)

    def _set_internet(self, name: str, on: bool) -> None:
        self._find(name).set_internet(on=on)

    def _set_password(self, name: str, password: str) -> None:
        place = self._find(name)
        if isinstance(place, Cell):
            raise HarnessError(f"{name} is a cell, which takes SIMs and no password", blame=Blame.REQUEST)
        place.change_password(password)

    def _change(self, plans: list[FaultPlan]) -> None:
        """Have network and cloud be as all of some plans together say."""
        self._active = plans
        seed = " ".join(str(each.seed) for each in plans)
        weather = self._lab.network.weather
        weather.begin(
            seed,
            delay=sum(each.delay[0] for each in plans),
            jitter=sum(each.delay[1] - each.delay[0] for each in plans),
            loss=_together([each.loss for each in plans]),
            duplication=_together([each.duplication for each in plans]),
            reordering=_together([each.reordering for each in plans]),
        )
        dark = any("cloud" in each.outage for each in plans)
        errors = [each.cloud_error for each in plans if each.cloud_error is not None]
        status, share = errors[-1] if errors else (0, 1.0)
        self._lab.cloud.trouble.begin(
            seed,
            status=status,
            share=share,
            delay=sum(each.cloud_delay for each in plans),
            dark=dark,
            full=any(each.full_disk for each in plans),
        )
        if dark != weather.link.down:
            (weather.link.fail if dark else weather.link.restore)()
        self._silence(wanted=any("network" in each.outage for each in plans))

    def _silence(self, *, wanted: bool) -> None:
        if wanted:
            everything: list[Transmitter] = [*self._all(), *self._lab.network.outlets]
            for place in everything:
                if place.on_air:
                    place.switch_off()
                    self._silenced.append(place)
            return
        silenced, self._silenced = self._silenced, []
        for each in silenced:
            if not each.on_air:
                each.switch_on()


class _CutAhead:
    """See `PowerCutAhead`."""

    def __init__(self, driver: Driver, board: Board, write: int, phase: CutPhase) -> None:
        self._driver = driver
        self._board = board
        self._cut = Cut(write - 1, phase)
        driver.call(board.await_cut, self._cut)
        self._before = driver.call(lambda: board.flash_operations)

    def happened(self) -> bool:
        """See `PowerCutAhead.happened`."""
        return self._driver.call(lambda: self._cut.happened)

    def writes(self) -> int:
        """See `PowerCutAhead.writes`."""
        return self._driver.call(lambda: self._board.flash_operations) - self._before

    def take_back(self) -> None:
        """See `PowerCutAhead.take_back`."""
        self._driver.call(self._board.forget_cut, self._cut)


def _together(shares: list[float]) -> float:
    """The share that is lost where each of several loses its own."""
    left = 1.0
    for each in shares:
        left *= 1.0 - each
    return 1.0 - left if any(shares) else 0.0


def _name(place: AccessPoint | Cell) -> str:
    return place.ssid if isinstance(place, AccessPoint) else place.name


def _seen(place: AccessPoint | Cell) -> Place:
    kind = "Wi-Fi" if isinstance(place, AccessPoint) else "cellular"
    password, security = (place.password, int(place.security)) if isinstance(place, AccessPoint) else ("", 0)
    return Place(_name(place), kind, place.on_air, place.rssi, place.internet, password, security)
