"""A lab for a script, or for a fixture of one's own: boards, and the cloud and the network around them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Self

from harness.board import Board
from harness.boards import OpenOptions, moniker_of, open_boards
from harness.cloud import Account, Cloud, WifiNetwork
from harness.errors import Blame, CapabilityMissing, HarnessError, hides
from harness.from_environment import cloud_from_environment, parse_wifi
from harness.host import HostClock
from harness.kit.faults import Faults, StandingFaults
from harness.kit.network import Network
from harness.modes import Capability
from harness.monikers import names_of
from harness.rack.lab_building import read_lab

__tracebackhide__ = hides


class Lab:
    """Boards that are open, and what is around them, until it is closed. A context manager.

        with Lab("emu:photon", seed=7) as lab:
            lab.board.set_wifi(lab.wifi.ssid, lab.wifi.password)
            lab.board.wait_for("online")
            lab.account.claim(lab.board.device_id)

    Args:
        *boards: monikers, or names in the lab file; without any all boards of the file.
        file: a lab file; its networks and its cloud are around emulated boards, and its faults as well.
        seed: where everything random around emulated boards comes from.
        served: whether they live in real time, with their cloud on a loopback port (`lab.cloud.target.url`).
        cloud: the URL of the cloud of real boards. Its account is that of the environment (PARTICLE_HIL_TOKEN, or PARTICLE_HIL_USER and
            PARTICLE_HIL_PASSWORD), else the first one of the lab file.
        wifi: the network that real boards may join: a WifiNetwork, or "SSID:PASSWORD".
        allow_changes: whether real boards and a real cloud may be changed.
        device_os: what the emulated cloud heals boards with, as for --device-os.
        applications: applications of emulated boards, as "module:Class": the first is what boards run that name none.

    Raises:
        BoardNotAvailable: a board cannot be had; nothing stays open.
        LabFileWrong: the file says what cannot be.
    """

    def __init__(
        self,
        *boards: str,
        file: str | Path | None = None,
        seed: int = 0,
        served: bool = False,
        cloud: str | None = None,
        wifi: WifiNetwork | str | None = None,
        allow_changes: bool = False,
        device_os: Sequence[str] = (),
        applications: Sequence[str] = (),
    ) -> None:
        lab = None if file is None else read_lab(file)
        named = list(boards) or ([] if lab is None else [board.name for board in lab.boards])
        if not named:
            what = "Lab(...): name a board, such as Lab('emu:photon')" if lab is None else f"{lab.path} has no boards; name one"
            raise HarnessError(what, blame=Blame.REQUEST)
        network = parse_wifi(wifi) if isinstance(wifi, str) else wifi
        options = OpenOptions(
            allow_changes=allow_changes,
            cloud=cloud_from_environment(cloud, allow_changes=allow_changes, lab=lab),
            wifi=network or (None if lab is None else lab.network()),
            served=served,
            seed=seed,
            device_os=tuple(device_os),
            lab=lab,
            applications=tuple(applications),
        )
        self._options = options
        self._stack = ExitStack()
        self._account: Account | None = None
        self._cloud: Cloud | None = None
        try:
            self._rigs = open_boards(named, options)
            for rig in self._rigs:
                self._stack.callback(rig.close)
            self.boards: list[Board] = [board for rig in self._rigs for board in rig.boards]
            """All of them, in the order in which they are named within each kind."""
            self._names = dict(zip(names_of([board.moniker for board in self.boards]), self.boards, strict=True))
            self.faults = Faults(lambda: self.boards, seed=seed)
            """What goes wrong around the boards: `with lab.faults(loss=0.2): ...`."""
            self.network = Network(lambda: self.boards, lambda: self.boards[0], self._rigs[0].wifi or options.wifi)
            """The network around the boards of the first kind."""
            self._begin_standing()
        except BaseException:
            self.close()
            raise

    @property
    def board(self) -> Board:
        """The board, where there is one.

        Raises:
            HarnessError: there are several.
        """
        if len(self.boards) != 1:
            names = ", ".join(self._names)
            raise HarnessError(f"lab.board: there are {len(self.boards)} boards; name one: lab[NAME]; names: {names}", blame=Blame.REQUEST)
        return self.boards[0]

    def __getitem__(self, name: str) -> Board:
        """A board by its name in the lab file, its moniker (the second of two that are alike is `emu:photon#2`), or its device id.

        Raises:
            HarnessError: there is no such board; tells what there is.
        """
        found = self._names.get(name) or next((board for board in self.boards if board.device_id == name.lower()), None)
        if found is None:
            raise HarnessError(f"there is no board {name!r}; there are: {', '.join(self._names)}", blame=Blame.REQUEST)
        return found

    def add(self, moniker: str) -> Board:
        """Make one more emulated board, as by the same moniker in the beginning: in the state in which it starts.

        Raises:
            BoardNotAvailable: it cannot be emulated so.
            HarnessError: the lab has no emulated boards, or this is none.
        """
        wanted = moniker_of(moniker, None)
        add = next((rig.add for rig in self._rigs if rig.add is not None), None)
        if add is None or wanted.kind != "emu":
            what = f"lab.add({moniker!r}): boards are made only where emulated ones are"
            raise HarnessError(
                what, blame=Blame.REQUEST, remedy="Open a lab with an emu: board, and add emu: boards; plug real ones in before"
            )
        board = add(wanted)
        self.boards.append(board)
        self._names = dict(zip(names_of([each.moniker for each in self.boards]), self.boards, strict=True))
        if self._account is not None:
            board.account = self._account
        return board

    @property
    def cloud(self) -> Cloud:
        """The cloud: the emulated boards' own, else the one that was named.

        Raises:
            CapabilityMissing: there is none.
        """
        if self._cloud is None:
            target = next((rig.cloud for rig in self._rigs if rig.cloud is not None), self._options.cloud)
            if target is None:
                raise CapabilityMissing(Capability.CLOUD, remedy="Name one: Lab(..., cloud=URL)")
            self._cloud = self._stack.enter_context(closing(Cloud(target)))
        return self._cloud

    @property
    def account(self) -> Account:
        """The user of the run, who is logged in; from then on a witness of what the cloud says of the boards.

        Raises:
            CapabilityMissing: there is no cloud, or nobody is named who could log in there.
        """
        if self._account is None:
            cloud = self.cloud
            account = cloud.own_account()
            if account is None:
                raise CapabilityMissing(
                    Capability.CLOUD, remedy="Set PARTICLE_HIL_TOKEN, or PARTICLE_HIL_USER and PARTICLE_HIL_PASSWORD, in the environment"
                )
            self._account = account
            for rig in self._rigs:
                if (rig.cloud or self._options.cloud) is cloud.target:
                    for board in rig.boards:
                        board.account = account
        return self._account

    @property
    def wifi(self) -> WifiNetwork:
        """The network that the boards are to join.

        Raises:
            CapabilityMissing: there is none.
        """
        return self.network.wifi

    @property
    def clock(self) -> HostClock:
        """The boards' time: `now()`, `utc()`, `sleep(seconds)`."""
        return self.boards[0].host.clock

    def close(self) -> None:
        """Give everything back. Closing twice does nothing."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin_standing(self) -> None:
        """Have the faults of the lab file, once the user of the run has logged in: it may be the last that the cloud answers."""
        lab = self._options.lab
        for rig in self._rigs:
            if lab is not None and lab.faults is not None and rig.surroundings is not None:
                _ = self.account
                self._stack.enter_context(closing(StandingFaults(self._options.seed))).follow(lab, rig)
