"""From the document of a lab file to a `LabFile`, with everything checked that the form cannot say."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from harness.boards import Moniker, kind_named
from harness.errors import BoardNotAvailable, hides
from harness.fault_plan import FaultPlan, WrongFault
from harness.rack.lab_errors import LabFileWrong, Place, Problem
from harness.rack.lab_file import (
    LabAccount,
    LabBoard,
    LabCustomer,
    LabDevice,
    LabFaults,
    LabFile,
    LabFirmware,
    LabMember,
    LabOrganization,
    LabProduct,
    LabProject,
    LabSim,
    LabWifi,
    Listed,
    Secret,
)
from harness.rack.lab_reading import close_to, read_document, read_text
from harness.rack.lab_schema import DEVICE_ID, MONIKER
from harness.rack.toml_lines import Path as KeyPath
from particle_protocol.listening.wifi import SECURITIES, WifiSecurity

__tracebackhide__ = hides

Table = Mapping[str, Any]
T = TypeVar("T")
_ID: Final = re.compile(DEVICE_ID)


def read_lab(path: str | Path) -> LabFile:
    """Read a lab file.

    Raises:
        LabFileWrong: it cannot be read, or says what cannot be; tells all that is wrong, with lines and remedies.
    """
    return _Builder(Path(path)).lab()


class _Builder:
    """Goes through one document, and notes every problem on the way."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._document = read_document(path)
        self._data = self._document.data
        self._problems: list[Problem] = []
        self._watched: dict[Path, None] = {path: None}
        self._taken: dict[tuple[str, Any], Place] = {}
        self._hubs: dict[str, Place] = {}

    def lab(self) -> LabFile:
        """The whole.

        Raises:
            LabFileWrong: something in it cannot be.
        """
        self._check_secrets()
        lab = LabFile(
            path=self._path,
            boards=tuple(self._each("board", self._board)),
            wifi=tuple(self._each_named("wifi", self._wifi)),
            accounts=tuple(self._each_named("account", self._account)),
            sims=tuple(self._each("sim", self._sim)),
            organizations=tuple(self._each("organization", self._organization)),
            products=tuple(self._each("product", self._product)),
            devices=tuple(device for devices in self._each("device", self._devices) for device in devices),
            customers=tuple(self._each("customer", self._customer)),
            projects=tuple(self._each("project", self._project)),
            faults=self._faults(),
            watched=tuple(self._watched),
        )
        self._check_hubs()
        if self._problems:
            raise LabFileWrong(self._problems)
        return lab

    def _check_hubs(self) -> None:
        """Refuse a hub in a port that has a board."""
        for hub, place in self._hubs.items():
            taken = self._taken.get(("USB port", hub))
            if taken is not None:
                self._wrong(place, f"the hub {hub} is in the port of the board in {taken}", "Mend hub and port of one of them")

    def _each(self, key: str, make: Callable[[Table, KeyPath], T]) -> Iterator[T]:
        for number, table in enumerate(self._data.get(key, ())):
            yield make(table, (key, number))

    def _each_named(self, key: str, make: Callable[[str, Table, KeyPath], T]) -> Iterator[T]:
        for name, table in self._data.get(key, {}).items():
            yield make(name, table, (key, name))

    def _place(self, *path: str | int) -> Place:
        return Place(self._path, self._document.line(path))

    def _wrong(self, place: Place, what: str, remedy: str = "") -> None:
        self._problems.append(Problem(place, what, remedy))

    def _once(self, kind: str, value: Any, place: Place, remedy: str = "") -> None:
        """Note that something is taken, or that it was before."""
        first = self._taken.setdefault((kind, value), place)
        if first is not place:
            self._wrong(place, f"the {kind} {value} is that of {first}, too", remedy or "Give each its own")

    def _known(self, key: str, word: str | None, place: Place) -> None:
        """Note it when there is no account, product or organization of a name."""
        entries = self._data.get(key, {})
        words = list(entries) if isinstance(entries, dict) else [entry["slug"] for entry in entries]
        if word is not None and word not in words:
            table = f"[{key}.{word}]" if isinstance(entries, dict) else f"[[{key}]] with slug = {word!r}"
            self._wrong(place, f"there is no {key} {word!r}", f"{close_to(word, words)}; add {table}" if words else f"Add {table}")

    def _check_secrets(self) -> None:
        """Refuse passwords in a file that others may read."""
        if os.name != "posix":
            return
        mode = stat.S_IMODE(self._path.stat().st_mode)
        if mode & (stat.S_IRGRP | stat.S_IROTH):
            for path in sorted((path for path in self._document.lines if path[-1] == "password"), key=self._document.line):
                remedy = f"Write password_env and put it into the environment, or let nobody else read the file: chmod 600 {self._path}"
                self._wrong(self._place(*path), "a password in clear, in a file that others can read", remedy)

    def _secret(self, table: Table, path: KeyPath) -> Secret | None:
        text, variable = table.get("password"), table.get("password_env")
        if text is None and variable is None:
            return None
        return Secret(self._place(*path, "password" if variable is None else "password_env"), text, variable)

    def _board(self, table: Table, path: KeyPath) -> LabBoard:
        place, name = self._place(*path), table["name"]
        self._once("name", name, place, "Give each board a name of its own")
        port = _port(table["hub"], table["port"]) if "hub" in table else None
        if port is not None:
            self._once("USB port", port, self._place(*path, "hub"), "One port has one board")
            self._hubs.setdefault(table["hub"], self._place(*path, "hub"))
        text = table.get("moniker", f"usb:{port}")
        at = self._place(*path, "moniker")
        board = LabBoard(name=name, moniker=text, port=port, sim=table.get("sim"), application=table.get("application"), place=place)
        if board.sim is not None:
            self._once("SIM", board.sim, self._place(*path, "sim"))
        try:
            self._check_moniker(Moniker.parse(text), board, path)
        except BoardNotAvailable as error:
            self._wrong(at, error.what, error.remedy or MONIKER)
        except LookupError as error:
            self._wrong(at, str(error), MONIKER)
        return board

    def _check_moniker(self, moniker: Moniker, board: LabBoard, path: KeyPath) -> None:
        at = self._place(*path, "moniker")
        kind_named(moniker.kind).check(moniker)
        if moniker.kind == "emu":
            self._check_emulated(moniker, board, path)
        elif board.application is not None:
            self._wrong(
                self._place(*path, "application"), f"{moniker} runs what is flashed to it", "Only emulated boards run Python classes"
            )
        if moniker.kind == "usb":
            on_port = not _ID.match(moniker.name)
            if on_port and board.port is None:
                self._once("USB port", moniker.name, at, "One port has one board")
            elif on_port and moniker.name != board.port:
                self._wrong(at, f"{moniker} is another port than hub and port say: {board.port}", "Leave the moniker out")
            elif not on_port:
                self._once("device id", moniker.name.lower(), at)

    def _check_emulated(self, moniker: Moniker, board: LabBoard, path: KeyPath) -> None:
        from harness.boards.emu import starting_state
        from particle_protocol.platforms import platform_by_name

        at = self._place(*path, "moniker")
        starting_state(moniker)
        platform_by_name(moniker.name or "photon")
        if "id" in moniker.options:
            if not _ID.match(moniker.options["id"]):
                self._wrong(at, f"id={moniker.options['id']} is no device id", "Give 24 hexadecimal digits")
            self._once("device id", moniker.options["id"].lower(), at)
        for key, option in (("sim", "sim"), ("sim", "iccid"), ("application", "application")):
            if key in self._data["board"][path[1]] and option in moniker.options:
                remedy = (
                    "Leave it out of the moniker; what form the SIM has is said in a [[sim]]" if key == "sim" else "Leave one of them out"
                )
                self._wrong(at, f"{key!r} and {option}= in the moniker contradict each other", remedy)

    def _wifi(self, name: str, table: Table, path: KeyPath) -> LabWifi:
        place, password = self._place(*path), self._secret(table, path)
        self._once("network", table["ssid"], place)
        security = SECURITIES[table.get("security", "open" if password is None else "wpa2")]
        if (password is None) is not (security is WifiSecurity.OPEN):
            self._wrong(
                self._place(*path, "security"),
                "an open network has a password" if password is not None else f"a network with {table['security']} has no password",
                "Leave out the one or the other",
            )
        return LabWifi(
            name=name,
            ssid=table["ssid"],
            password=password,
            security=security,
            hidden=table.get("hidden", False),
            **{key: table[key] for key in ("signal", "channel") if key in table},
            place=place,
        )

    def _account(self, name: str, table: Table, path: KeyPath) -> LabAccount:
        place, user = self._place(*path), table["user"].lower()
        self._once("account", user, place)
        return LabAccount(name=name, user=user, password=self._secret(table, path), place=place)

    def _sim(self, table: Table, path: KeyPath) -> LabSim:
        place, state, owner = self._place(*path), table.get("state", "inactive"), table.get("owner")
        self._once("ICCID", table["iccid"], place)
        self._known("account", owner, self._place(*path, "owner"))
        if owner is not None and state == "inactive":
            self._wrong(
                self._place(*path, "owner"), "a SIM that was never active has no owner", "Leave the owner out, or give another state"
            )
        return LabSim(iccid=table["iccid"], form=table.get("form"), state=state, owner=owner, place=place)

    def _faults(self) -> LabFaults | None:
        words = self._data.get("faults")
        if not words:
            return None
        for word in words:
            try:
                FaultPlan.read({word: words[word]})
            except WrongFault as error:
                what, _, remedy = str(error).partition(": ")
                self._wrong(self._place("faults", word), f"{what} cannot be", remedy[:1].upper() + remedy[1:])
        return LabFaults(words=words, place=self._place("faults"))

    def _members(self, table: Table, path: KeyPath) -> tuple[LabMember, ...]:
        found = []
        accounts = self._data.get("account", {})
        for number, entry in enumerate(table.get("members", ())):
            said: Table = {"account": entry} if isinstance(entry, str) else entry
            word = said["account"]
            if "@" not in word:
                self._known("account", word, self._place(*path, "members", number))
            user = accounts[word]["user"] if word in accounts else word
            found.append(LabMember(user.lower(), said.get("role", "Developer")))
        return tuple(found)

    def _organization(self, table: Table, path: KeyPath) -> LabOrganization:
        place, slug = self._place(*path), table["slug"]
        self._once("organization", slug, place)
        self._known("account", table.get("owner"), self._place(*path, "owner"))
        return LabOrganization(
            slug=slug,
            name=table.get("name", slug),
            owner=table.get("owner"),
            plan=table.get("plan", "growth"),
            members=self._members(table, path),
            place=place,
        )

    def _product(self, table: Table, path: KeyPath) -> LabProduct:
        place, slug = self._place(*path), table["slug"]
        self._once("product", slug, place)
        if "id" in table:
            self._once("product id", table["id"], self._place(*path, "id"))
        self._once("product name", table.get("name", slug).lower(), place)
        self._known("account", table.get("owner"), self._place(*path, "owner"))
        self._known("organization", table.get("organization"), self._place(*path, "organization"))
        if "plan" in table and "organization" in table:
            self._wrong(self._place(*path, "plan"), "a product of an organization is on its plan", "Give the plan to the organization")
        devices = tuple(self._listed(table.get("devices", ()), (*path, "devices")))
        for each in devices:
            self._once("device", each.board or each.device_id, each.place, "A device is in one product at most")
        return LabProduct(
            slug=slug,
            name=table.get("name", slug),
            platform=table["platform"],
            id=table.get("id"),
            description=table.get("description", ""),
            owner=table.get("owner"),
            organization=table.get("organization"),
            plan=table.get("plan"),
            quarantine=table.get("quarantine", True),
            groups=tuple(table.get("groups", ())),
            members=self._members(table, path),
            firmware=tuple(
                self._firmware(each, slug, (*path, "firmware", number)) for number, each in enumerate(table.get("firmware", ()))
            ),
            devices=devices,
            place=place,
        )

    def _firmware(self, table: Table, slug: str, path: KeyPath) -> LabFirmware:
        place, version = self._place(*path), table["version"]
        self._once(f"version of {slug}", version, place)
        file = None if "file" not in table else self._file(table["file"], self._place(*path, "file"))
        return LabFirmware(version=version, file=file, application=table.get("application"), title=table.get("title", ""), place=place)

    def _file(self, text: str, place: Place) -> Path:
        file = self._path.parent / text
        self._watched[file] = None
        if not file.is_file():
            self._wrong(place, f"{file}: {'this is no file' if file.exists() else 'there is no such file'}", _PATHS)
        return file

    def _listed(self, entries: list[str] | tuple[()], path: KeyPath, *, boards: bool = True) -> Iterator[Listed]:
        """The devices of a list: its ids, its boards, and the ids in its files."""
        names = [board["name"] for board in self._data.get("board", ())] if boards else []
        for number, entry in enumerate(entries):
            place = self._place(*path, number)
            if _ID.match(entry):
                yield Listed(entry.lower(), place=place)
            elif entry in names:
                yield Listed("", entry, place)
            else:
                yield from self._tray(entry, place)

    def _tray(self, text: str, place: Place) -> Iterator[Listed]:
        """The ids in a file: one a line; blank lines, and what comes after a number sign, say nothing."""
        file = self._path.parent / text
        self._watched[file] = None
        try:
            lines = read_text(file, f"Give a device id of 24 hexadecimal digits, the name of a board, or a file of ids. {_PATHS}", place)
        except LabFileWrong as error:
            self._problems += error.problems
            return
        for line, words in enumerate(lines.split("\n"), 1):
            word = words.partition("#")[0].strip()
            at = Place(file, line)
            if word and not _ID.match(word):
                self._wrong(at, f"{word!r} is no device id", "Write one device id of 24 hexadecimal digits a line")
            elif word:
                yield Listed(word.lower(), place=at)

    def _devices(self, table: Table, path: KeyPath) -> tuple[LabDevice, ...]:
        from particle_protocol.skus import UnknownSku, find_sku

        owner = table.get("owner")
        self._known("account", owner, self._place(*path, "owner"))
        if "sku" in table:
            try:
                find_sku(table["sku"])
            except UnknownSku as error:
                self._wrong(self._place(*path, "sku"), str(error), "Give the platform instead")
        if "id" in table:
            listed = [Listed(table["id"].lower(), place=self._place(*path))]
        else:
            listed = list(self._listed(table["ids"], (*path, "ids"), boards=False))
        facts = {key: table.get(key) for key in ("platform", "sku", "serial_number", "mobile_secret", "imei", "iccid", "name")}
        for each in listed:
            self._once("device id", each.device_id, each.place)
        return tuple(LabDevice(id=each.device_id, **facts, owner=owner, place=each.place) for each in listed)

    def _customer(self, table: Table, path: KeyPath) -> LabCustomer:
        place, user = self._place(*path), table["user"].lower()
        self._known("product", table["product"], self._place(*path, "product"))
        self._once(f"customer of {table['product']}", user, place)
        return LabCustomer(
            product=table["product"],
            user=user,
            password=self._secret(table, path),
            devices=tuple(self._listed(table.get("devices", ()), (*path, "devices"))),
            place=place,
        )

    def _project(self, table: Table, path: KeyPath) -> LabProject:
        place, folder = self._place(*path), self._path.parent / table["folder"]
        self._once("folder", str(folder.resolve()), place)
        if not folder.is_dir():
            what = "this is no folder" if folder.exists() else "there is no such folder"
            self._wrong(self._place(*path, "folder"), f"{folder}: {what}", _PATHS)
        return LabProject(folder=folder, application=table["application"], place=place)


_PATHS: Final = "Paths are counted from the folder of the lab file"


def _port(hub: str, port: int) -> str:
    """The USB port in Linux's words: port 2 of hub 1-1.4 is 1-1.4.2, that of the root hub of bus 1 is 1-2."""
    return f"{hub}.{port}" if "-" in hub else f"{hub}-{port}"
