"""`lab.toml`: boards, and the cloud around them, as one file for `serve`, `check` and pytest (docs/lab-file.md).

`harness.rack.lab_building.read_lab` gives a `LabFile` in which everything fits together: names are found, files are there, nothing stands
twice. What it needs from the environment (passwords) is looked up when it is used.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.cloud import WifiNetwork
from harness.errors import hides
from harness.fault_plan import FaultPlan
from harness.rack.lab_errors import Place, wrong
from harness.surroundings import USUAL_SIGNAL
from particle_protocol.listening.wifi import WifiSecurity, password_fault

__tracebackhide__ = hides


@dataclass(frozen=True, slots=True)
class Secret:
    """A password: in the file itself, or in a variable of the environment."""

    place: Place = field(compare=False)
    text: str | None = field(default=None, repr=False)
    variable: str | None = None

    def __str__(self) -> str:
        return f"${self.variable}" if self.variable is not None else str(self.place)

    def reveal(self) -> str:
        """The password.

        Raises:
            LabFileWrong: the variable is not set.
        """
        if self.text is not None:
            return self.text
        value = os.environ.get(self.variable or "")
        if not value:
            raise wrong(
                self.place,
                f"{self.variable} is not set in the environment",
                f"Put the password into it: read -rs {self.variable} && export {self.variable}",
            )
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class LabBoard:
    """A board. `port` is its USB port where hub and port are given; `moniker` names that port where the file has none."""

    name: str
    moniker: str
    port: str | None = None
    sim: str | None = None
    application: str | None = None
    place: Place = field(compare=False)

    @property
    def kind(self) -> str:
        """`emu`, `usb`, ..."""
        return self.moniker.partition(":")[0].lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabWifi:
    """A Wi-Fi network; without a password an open one."""

    name: str
    ssid: str
    password: Secret | None = None
    security: WifiSecurity = WifiSecurity.OPEN
    hidden: bool = False
    signal: int = USUAL_SIGNAL
    channel: int = 6
    place: Place = field(compare=False)

    def revealed(self) -> str:
        """Its password.

        Raises:
            LabFileWrong: it is in no variable of the environment, or no network of that kind can have it.
        """
        password = "" if self.password is None else self.password.reveal()
        fault = password_fault(self.security, password)
        if fault:
            raise wrong(
                self.place if self.password is None else self.password.place, fault, "Give it another password, or another security"
            )
        return password


@dataclass(frozen=True, slots=True, kw_only=True)
class LabAccount:
    """A developer account. Without a password one is drawn by chance, so that nobody logs in."""

    name: str
    user: str
    password: Secret | None = None
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabSim:
    """A SIM. `form` is None where the board it is in decides; `owner` is an account's name."""

    iccid: str
    form: str | None = None
    state: str = "inactive"
    owner: str | None = None
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class LabMember:
    """Somebody of a team, by e-mail address."""

    user: str
    role: str = "Developer"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabOrganization:
    """An organization."""

    slug: str
    name: str
    owner: str | None = None
    plan: str = "growth"
    members: tuple[LabMember, ...] = ()
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabFirmware:
    """A version of a product's firmware: a file, or what runs an application."""

    version: int
    file: Path | None = None
    application: str | None = None
    title: str = ""
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """A device in a list: by its id, or (`board`) as the board of that name; and where it stands."""

    device_id: str
    board: str = ""
    place: Place = field(default=Place(Path(), 0), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabProduct:
    """A product."""

    slug: str
    name: str
    platform: str
    id: int | None = None
    description: str = ""
    owner: str | None = None
    organization: str | None = None
    plan: str | None = None
    quarantine: bool = True
    groups: tuple[str, ...] = ()
    members: tuple[LabMember, ...] = ()
    firmware: tuple[LabFirmware, ...] = ()
    devices: tuple[Listed, ...] = ()
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabDevice:
    """A device without a board."""

    id: str
    platform: str | None = None
    sku: str | None = None
    serial_number: str | None = None
    mobile_secret: str | None = None
    imei: str | None = None
    iccid: str | None = None
    name: str | None = None
    owner: str | None = None
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabCustomer:
    """A customer of the product of that slug."""

    product: str
    user: str
    password: Secret | None = None
    devices: tuple[Listed, ...] = ()
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabProject:
    """A folder of sources, and the application that stands for what they compile to."""

    folder: Path
    application: str
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabFaults:
    """What goes wrong around emulated boards all the time, in the words of `harness.fault_plan`."""

    words: Mapping[str, Any]
    place: Place = field(compare=False)

    def plan(self, seed: int) -> FaultPlan:
        """The same as a plan; `seed` is where chance comes from unless the file says it."""
        return FaultPlan.read(self.words, seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabFile:
    """All that a lab file says. `watched` are the files it is made of, the lab file itself among them."""

    path: Path
    boards: tuple[LabBoard, ...] = ()
    wifi: tuple[LabWifi, ...] = ()
    accounts: tuple[LabAccount, ...] = ()
    sims: tuple[LabSim, ...] = ()
    organizations: tuple[LabOrganization, ...] = ()
    products: tuple[LabProduct, ...] = ()
    devices: tuple[LabDevice, ...] = ()
    customers: tuple[LabCustomer, ...] = ()
    projects: tuple[LabProject, ...] = ()
    faults: LabFaults | None = None
    watched: tuple[Path, ...] = ()

    @property
    def folder(self) -> Path:
        """Where its paths begin, and where modules of applications are looked for."""
        return self.path.parent

    def board(self, name: str) -> LabBoard | None:
        """The board of a name, or None."""
        return next((board for board in self.boards if board.name == name), None)

    def account(self, name: str | None) -> LabAccount | None:
        """The account of a name; the first one for None."""
        return next((account for account in self.accounts if name in (None, account.name)), None)

    def sim(self, iccid: str | None) -> LabSim | None:
        """The SIM of a number, if the file says more of it."""
        return next((sim for sim in self.sims if sim.iccid == iccid), None)

    def network(self) -> WifiNetwork | None:
        """The network that boards are given: the first one. None: there is none.

        Raises:
            LabFileWrong: its password is in no variable of the environment.
        """
        for wifi in self.wifi:
            return WifiNetwork(wifi.ssid, wifi.revealed(), int(wifi.security))
        return None

    def options_of(self, board: LabBoard) -> dict[str, str]:
        """What the file adds to the options of an emulated board's moniker."""
        if board.kind != "emu":
            return {}
        sim = self.sim(board.sim)
        said = {"iccid": board.sim, "sim": None if sim is None else sim.form, "application": board.application}
        return {option: value for option, value in said.items() if value is not None}

    @property
    def applications(self) -> Mapping[str, Place]:
        """Every application that is named, with the first place that does."""
        named: dict[str, Place] = {}
        for application, place in self._applications():
            named.setdefault(application, place)
        return named

    def _applications(self) -> Iterator[tuple[str, Place]]:
        things: Sequence[LabBoard | LabFirmware | LabProject] = (
            *self.boards,
            *(firmware for product in self.products for firmware in product.firmware),
            *self.projects,
        )
        yield from ((each.application, each.place) for each in things if each.application is not None)

    @property
    def secrets(self) -> Mapping[str, Place]:
        """The variables of the environment that are named, each with the first place that does."""
        named: dict[str, Place] = {}
        things: Sequence[LabAccount | LabWifi | LabCustomer] = (*self.accounts, *self.wifi, *self.customers)
        for secret in (each.password for each in things):
            if secret is not None and secret.variable is not None:
                named.setdefault(secret.variable, secret.place)
        return named
