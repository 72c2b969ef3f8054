"""The boards of one pytest run: opened when first needed, brought back to their first state before every test, closed at the end."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import pytest
from _pytest.outcomes import Failed  # the public name, pytest.fail.Exception, is no class to a type checker

from harness.board import Board
from harness.boards import OpenOptions, Rig
from harness.cloud import Account, Cloud, CloudTarget, WifiNetwork
from harness.errors import Blame, HarnessError
from harness.from_environment import cloud_from_environment, parse_wifi
from harness.hiding import hides
from harness.host import HostClock, WallClock
from harness.pool.pool import PATIENCE, Keep, Pool, PoolOptions, Wanted
from harness.pytest_plugin.settings import PREFIX, board_names, is_asked_for, lab_of, lease_of, patience_of, seed_of, setting

__tracebackhide__ = hides


class BoardsUnavailable(Failed):
    """A test cannot have the boards that it wants. Reported as one sentence, without a traceback."""

    __module__ = "builtins"  # as pytest does it, so that its summary does not begin with our module

    def __init__(self, error: HarnessError) -> None:
        self.error = error
        super().__init__(str(error), pytrace=False)


class Bench:
    """The boards of a run's pool while tests have them, and what belongs to them: a cloud, a network, a clock, a first state."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.names = pool.names
        self.options = pool.options
        self.in_use: list[Board] = []
        """What is handed out now."""
        self._account: Account | None = None
        self._snapshots: dict[int, object] = {}
        self._fresh: set[int] = set()
        """The rigs, by identity, that were brought back to their first state for whoever has the boards now."""
        pool.on_open = self._opened

    @classmethod
    def from_config(cls, config: pytest.Config) -> Bench:
        """The bench that command line, environment and ini file describe."""
        return cls(Pool(board_names(config), options_of(config), how_of(config)))

    def _opened(self, rig: Rig) -> None:
        if rig.snapshot is not None:
            self._snapshots[id(rig)] = rig.snapshot()

    def rig_of(self, name: str | None) -> Rig | None:
        """The rig that a board is part of. Without a name that of a board that is handed out, else one that is the run's own.

        Raises:
            BoardsUnavailable: it cannot be opened.
        """
        if name is None and self.in_use:
            return self.rig_with(self.in_use[0])
        slots = [self.pool.slot(name)] if name is not None else [slot for slot in map(self.pool.slot, self.names) if not slot.shared]
        if not slots:
            return None
        try:
            self.pool.open(slots[0])
        except HarnessError as error:
            raise BoardsUnavailable(error) from None
        return slots[0].rig

    def has(self, name: str) -> bool:
        """Whether the board of a name is handed out now."""
        slot = self.pool.slot(name)
        return slot.is_open and slot.board in self.in_use

    @property
    def uses_shared(self) -> bool:
        """Whether a board is handed out that is no run's own."""
        return any(slot.shared for slot in self.pool.slots_of(board.device_id for board in self.in_use))

    def failed(self, error: HarnessError) -> None:
        """A test ended in an error of the harness: what went away counts as a fault, and whatever is concerned is looked at again."""
        ids = [board.device_id for board in self.in_use]
        concerned = [error.board.device_id] if error.board is not None and error.board.device_id in ids else ids
        for slot in self.pool.slots_of(concerned):
            slot.well = False
            if error.blame is Blame.RACK and len(concerned) == 1:
                self.pool.fault(slot.board.device_id, error)

    def end_of_module(self) -> None:
        """The last test of a module has ended."""
        if self.pool.how.keep is not Keep.SESSION:
            self.pool.release_unused()

    def rig_with(self, board: Board) -> Rig:
        """The rig that a board is part of."""
        return next(rig for rig in self.pool.rigs if board in rig.boards)

    def hand_out(self, wanted: Wanted) -> list[Board]:
        """Boards for a test, as they were when the run began where their kind can bring them back, with empty journals.

        Raises:
            HarnessError: see `Pool.secure`.
        """
        boards = [slot.board for slot in self.pool.secure(wanted)]
        for rig in self.pool.rigs:
            if any(board in boards for board in rig.boards):
                self.refresh(rig)
        self.in_use += [board for board in boards if board not in self.in_use]
        for board in boards:
            board.handed_out()
            self._let_watch(board)
        return boards

    def refresh(self, rig: Rig | None) -> None:
        """Bring a rig back to its first state, once for whoever has the boards now."""
        if rig is None or id(rig) in self._fresh:
            return
        self._fresh.add(id(rig))
        if id(rig) in self._snapshots and rig.restore is not None:
            rig.restore(self._snapshots[id(rig)])
            for board in rig.boards:
                board.brought_back()

    def return_unfit(self, boards: Sequence[Board]) -> None:
        """These boards will not do: let others have them."""
        self.in_use = [board for board in self.in_use if board not in boards]
        self.pool.give_up(board.device_id for board in boards)

    def take_back(self) -> None:
        """Nobody has the boards any more."""
        self.in_use.clear()
        self._fresh.clear()
        self.pool.give_back()

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
        self._account = account
        for rig in self.pool.rigs:
            for board in rig.boards:
                self._let_watch(board)

    def _let_watch(self, board: Board) -> None:
        account = self._account
        board.account = account if account is not None and self.rig_with(board).cloud is account.cloud.target else None

    def clock(self, rig: Rig | None) -> HostClock:
        """The time of a rig's host."""
        return rig.boards[0].host.clock if rig is not None and rig.boards else WallClock()

    def close(self) -> None:
        """Give every board back."""
        self.pool.close()


def how_of(config: pytest.Config) -> PoolOptions:
    """How the pool of a run deals with its boards."""
    return PoolOptions(
        patience=patience_of(config, PATIENCE),
        health=not config.getoption("--no-board-check"),
        keep=Keep(lease_of(config, list(Keep))),
        run=str(getattr(config, "workerinput", {}).get("testrunuid") or uuid.uuid4().hex),
    )


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
