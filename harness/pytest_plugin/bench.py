"""The boards of one pytest run: opened when first needed, brought back to their first state before every test, closed at the end."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import pytest
from _pytest.outcomes import Failed  # the public name, pytest.fail.Exception, is no class to a type checker

from harness.board import Board
from harness.boards import OpenOptions, Rig, open_boards
from harness.cloud import Account, Cloud, CloudTarget, WifiNetwork
from harness.errors import HarnessError, hides
from harness.host import HostClock, WallClock
from harness.pytest_plugin.settings import PREFIX, board_names, is_asked_for, lab_of, moniker_of, seed_of, setting
from harness.rack.lab_file import LabFile

__tracebackhide__ = hides


class BoardsUnavailable(Failed):
    """The boards of the run cannot be opened. Reported as one sentence, without a traceback."""

    def __init__(self, error: HarnessError) -> None:
        self.error = error
        super().__init__(str(error), pytrace=False)


class Bench:
    """The boards by name: those of the run, and those that a test names itself, which are opened as a rig of their own."""

    def __init__(self, names: Sequence[str], options: OpenOptions) -> None:
        self.names = list(names)
        self.options = options
        self.in_use: list[Board] = []
        """What is handed out now."""
        self._rigs: list[Rig] | None = None
        self._boards: dict[str, Board] = {}
        self._unavailable: dict[str, HarnessError] = {}
        self._snapshots: dict[int, object] = {}
        self._fresh: set[int] = set()
        """The rigs, by identity, that were brought back to their first state for whoever has the boards now."""

    @classmethod
    def from_config(cls, config: pytest.Config) -> Bench:
        """The bench that command line, environment and ini file describe."""
        return cls(board_names(config), options_of(config))

    def rigs(self) -> list[Rig]:
        """The opened boards of the run, kind by kind.

        Raises:
            BoardsUnavailable: one cannot be opened; tells why. It is not tried again.
        """
        if self._rigs is None:
            self._rigs = self._open("", self.names, self.options)
        return self._rigs

    def _open(self, key: str, names: Sequence[str], options: OpenOptions) -> list[Rig]:
        if key in self._unavailable:
            raise BoardsUnavailable(self._unavailable[key])
        try:
            rigs = open_boards([moniker_of(name) for name in names], options)
        except HarnessError as error:
            self._unavailable[key] = error
            raise BoardsUnavailable(error) from None
        opened = [board for rig in rigs for board in rig.boards]
        for name in names:
            board = next(each for each in opened if each.moniker == moniker_of(name))
            opened.remove(board)
            self._boards[name] = board
        for rig in rigs:
            if rig.snapshot is not None:
                self._snapshots[id(rig)] = rig.snapshot()
        return rigs

    def board(self, name: str) -> Board:
        """The board of a name. One that is none of the run's is opened now.

        Raises:
            BoardsUnavailable: it cannot be opened.
        """
        rigs = self.rigs()
        if name not in self._boards:
            rigs += self._open(name, [name], replace(self.options, seed=self.options.seed + len(rigs)))
        return self._boards[name]

    def rig_of(self, name: str | None) -> Rig | None:
        """The rig that a board is part of; without a name the first one. None: the run has no boards."""
        return next(iter(self.rigs()), None) if name is None else self.rig_with(self.board(name))

    def rig_with(self, board: Board) -> Rig:
        """The rig that a board is part of."""
        return next(rig for rig in self.rigs() if board in rig.boards)

    def hand_out(self, names: Sequence[str]) -> list[Board]:
        """The boards of these names, as they were when the run began where their kind can bring them back, with empty journals."""
        wanted = [self.board(name) for name in names]
        for rig in self.rigs():
            if any(board in wanted for board in rig.boards):
                self.refresh(rig)
        self.in_use += [board for board in wanted if board not in self.in_use]
        for board in wanted:
            board.handed_out()
        return wanted

    def refresh(self, rig: Rig | None) -> None:
        """Bring a rig back to its first state, once for whoever has the boards now."""
        if rig is None or id(rig) in self._fresh:
            return
        self._fresh.add(id(rig))
        if id(rig) in self._snapshots and rig.restore is not None:
            rig.restore(self._snapshots[id(rig)])
            for board in rig.boards:
                board.brought_back()

    def take_back(self) -> None:
        """Nobody has the boards any more."""
        self.in_use.clear()
        self._fresh.clear()

    def cloud_target(self, rig: Rig | None) -> CloudTarget | None:
        """The cloud of a rig's boards; the one that was named where there are no boards."""
        return self.options.cloud if rig is None else rig.cloud

    def wifi(self, rig: Rig | None) -> WifiNetwork | None:
        """A Wi-Fi network that a rig's boards can join."""
        return self.options.wifi if rig is None or rig.wifi is None else rig.wifi

    def account_in(self, cloud: Cloud) -> Account:
        """The user whose token or password was given; an emulated cloud has one to begin with."""
        account = cloud.own_account()
        if account is not None:
            return account
        pytest.skip(f"no account in the cloud at {cloud.target.url}: set {PREFIX}TOKEN, or {PREFIX}USER and {PREFIX}PASSWORD")

    def watch(self, account: Account | None) -> None:
        """Let `account` be the witness of what its cloud says of the boards there; None ends it."""
        for rig in self._rigs or ():
            for board in rig.boards:
                board.account = account if account is not None and rig.cloud is account.cloud.target else None

    def clock(self, rig: Rig | None) -> HostClock:
        """The time of a rig's host."""
        return rig.boards[0].host.clock if rig is not None and rig.boards else WallClock()

    def close(self) -> None:
        """Give every board back."""
        for rig in self._rigs or ():
            rig.close()
        self._rigs = None


def options_of(config: pytest.Config) -> OpenOptions:
    """The options for opening boards, from the command line, the environment and the ini file."""
    allow, lab = bool(config.getoption("--allow-changes")), lab_of(config)
    return OpenOptions(
        allow_changes=allow,
        cloud=cloud_from_environment(setting(config, "cloud"), allow_changes=allow, lab=lab),
        cloud_is_default=not is_asked_for(config, "cloud"),
        wifi=parse_wifi(setting(config, "wifi")) or (None if lab is None else lab.network()),
        served=bool(config.getoption("--served")),
        seed=seed_of(config),
        lab=lab,
        device_os=tuple(config.getoption("--device-os")),
        webhooks=tuple(config.getoption("--allow-webhook")),
    )


def cloud_from_environment(url: str | None, *, allow_changes: bool, lab: LabFile | None = None) -> CloudTarget | None:
    """The real cloud at `url`, with the account that the environment names, else the first one of the lab file. None without a URL."""
    if not url:
        return None
    account = None if lab is None else lab.account(None)
    if account is not None and account.password is not None and not any(os.environ.get(PREFIX + name) for name in ("TOKEN", "USER")):
        return CloudTarget(url, WallClock(), username=account.user, password=account.password.reveal(), allow_changes=allow_changes)
    return CloudTarget(
        url,
        WallClock(),
        token=os.environ.get(PREFIX + "TOKEN", ""),
        username=os.environ.get(PREFIX + "USER", ""),
        password=os.environ.get(PREFIX + "PASSWORD", ""),
        allow_changes=allow_changes,
    )


def parse_wifi(text: str | None) -> WifiNetwork | None:
    """A network written as SSID:PASSWORD, or SSID alone for one without a password."""
    if not text:
        return None
    ssid, colon, password = text.partition(":")
    return WifiNetwork(ssid, password, 3 if colon else 0)
