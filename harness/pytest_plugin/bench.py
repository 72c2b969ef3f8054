"""The boards of one pytest run: opened when first needed, brought back to their first state before every test, closed at the end."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest
from _pytest.outcomes import Failed  # the public name, pytest.fail.Exception, is no class to a type checker

from harness.board import Board
from harness.boards import OpenOptions, Rig, open_boards
from harness.cloud import Account, Cloud, CloudTarget, WifiNetwork
from harness.errors import HarnessError
from harness.host import HostClock, WallClock
from harness.witness import Boot

PREFIX = "PARTICLE_HIL_"
"""What the names of environment variables begin with."""


class BoardsUnavailable(Failed):
    """The boards of the run cannot be opened. Reported as one sentence, without a traceback."""

    def __init__(self, error: HarnessError) -> None:
        self.error = error
        super().__init__(str(error), pytrace=False)


class Bench:
    """See the module."""

    def __init__(self, monikers: Sequence[str], options: OpenOptions) -> None:
        self.monikers = list(monikers)
        self.options = options
        self._rigs: list[Rig] | None = None
        self._unavailable: HarnessError | None = None
        self._snapshots: dict[int, object] = {}

    @classmethod
    def from_config(cls, config: pytest.Config) -> Bench:
        """The bench that the options of the command line describe."""
        return cls(config.getoption("--board"), options_of(config))

    def rigs(self) -> list[Rig]:
        """The opened boards, kind by kind.

        Raises:
            BoardsUnavailable: one cannot be opened; tells why. It is not tried again.
        """
        if self._unavailable is not None:
            raise BoardsUnavailable(self._unavailable)
        if self._rigs is None:
            try:
                self._rigs = open_boards(self.monikers, self.options)
            except HarnessError as error:
                self._unavailable = error
                raise BoardsUnavailable(error) from None
            for place, rig in enumerate(self._rigs):
                if rig.snapshot is not None:
                    self._snapshots[place] = rig.snapshot()
        return self._rigs

    def hand_out(self, monikers: Sequence[str]) -> list[Board]:
        """The boards of these monikers, as they were when the run began where their kind can bring them back."""
        wanted: list[Board] = []
        taken: set[int] = set()
        for moniker in monikers:
            board = next(each for rig in self.rigs() for each in rig.boards if each.moniker == moniker and id(each) not in taken)
            taken.add(id(board))
            wanted.append(board)
        for place, rig in enumerate(self.rigs()):
            if place in self._snapshots and rig.restore is not None and any(board in wanted for board in rig.boards):
                rig.restore(self._snapshots[place])
                for board in rig.boards:
                    board.begin_epoch("it was brought back to its first state", boot=Boot.UNKNOWN)
                    board.journal.clear()
        return wanted

    def wifi_of(self, board: Board) -> WifiNetwork | None:
        """A Wi-Fi network that this board can join."""
        return next((rig.wifi for rig in self.rigs() if board in rig.boards), None)

    def wifi(self) -> WifiNetwork | None:
        """A Wi-Fi network that the boards can join."""
        return next((rig.wifi for rig in self.rigs() if rig.wifi is not None), self.options.wifi)

    def cloud_target(self) -> CloudTarget | None:
        """The cloud of the boards: the one of the command line first."""
        if self.options.cloud is not None:
            return self.options.cloud
        return next((rig.cloud for rig in self.rigs() if rig.cloud is not None), None)

    def account_in(self, cloud: Cloud) -> Account:
        """The user whose token or password was given; an emulated cloud has one to begin with."""
        account = cloud.own_account()
        if account is not None:
            return account
        pytest.skip(f"no account in the cloud at {cloud.target.url}: set {PREFIX}TOKEN, or {PREFIX}USER and {PREFIX}PASSWORD")

    def watch(self, account: Account | None) -> None:
        """Let `account` be the witness of what the cloud says of the boards."""
        for rig in self.rigs():
            for board in rig.boards:
                board.account = account

    def clock(self) -> HostClock:
        """The time of the boards' host."""
        for rig in self.rigs():
            if rig.boards:
                return rig.boards[0].host.clock
        return WallClock()

    def close(self) -> None:
        """Give every board back."""
        for rig in self._rigs or ():
            rig.close()
        self._rigs = None


def options_of(config: pytest.Config) -> OpenOptions:
    """The options for opening boards, from the command line and the environment."""
    allow = bool(config.getoption("--allow-changes"))
    return OpenOptions(
        allow_changes=allow,
        cloud=cloud_from_environment(config.getoption("--cloud"), allow_changes=allow),
        wifi=parse_wifi(config.getoption("--wifi")),
        served=bool(config.getoption("--served")),
        seed=int(config.getoption("--lab-seed")),
        device_os=tuple(config.getoption("--device-os")),
    )


def cloud_from_environment(url: str | None, *, allow_changes: bool) -> CloudTarget | None:
    """The real cloud at `url`, with the account that the environment names. None without a URL."""
    if not url:
        return None
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
