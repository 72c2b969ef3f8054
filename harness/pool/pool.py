"""The boards of a run, and which of them a test gets.

A test names its board, or takes any that meets its needs. Boards that other runs may want too are leased for as long as they are used; one
that is absent, fails its health check or its start is passed over where another will do, and set aside when it fails again. What no board
can serve any more is an error of the rack, not of what is tested.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.boards import OpenOptions, Rig, kind_named, moniker_of, open_boards
from harness.errors import Blame, BoardLabel, BoardNotAvailable, CapabilityMissing, ChangesNotAllowed, HarnessError, NeedNotMet, Unavailable
from harness.flashing.installed import installed_version
from harness.hiding import hides
from harness.host import HostClock, WallClock
from harness.modes import Capability
from harness.monikers import without_number
from harness.pool.health import RETURN, check_health
from harness.pool.lease import wait_for
from harness.pool.needs import Needs, Offer
from harness.pool.slot import Slot, Standing

if TYPE_CHECKING:
    from harness.board import Board
    from harness.cloud import CloudTarget, WifiNetwork

__tracebackhide__ = hides

PATIENCE = 300.0
"""Seconds to wait for a board that somebody else has, unless told: a test that flashes Device OS takes about a minute."""

LOOK_AGAIN = 0.25
"""Seconds between two looks for a board that is not on the bus."""

_PASSING = frozenset({Unavailable.NOT_FOUND, Unavailable.UNPLUGGED, Unavailable.UNREADABLE})
"""What is seen of a board on its way from one mode to another."""


class Keep(enum.StrEnum):
    """How long a lease is kept. Whatever this says, one that is in nobody's hands ends before its run waits for another board."""

    TEST = "test"
    MODULE = "module"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a test asks for.

    Attributes:
        names: the boards that will do. None: any of the run.
        count: how many of them. None: all that can be had, one at least.
        needs: what each has to meet.
        test: whom they are for.
        without: boards, by name, that were tried for it and will not do, with the reason.
    """

    names: tuple[str, ...] | None = None
    count: int | None = 1
    needs: tuple[Needs, ...] = ()
    test: str = ""
    without: dict[str, HarnessError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """How a pool deals with its boards."""

    patience: float = PATIENCE
    health: bool = True
    """Whether boards are looked at before their first test, and after each fault."""
    keep: Keep = Keep.TEST
    run: str = ""
    """The pytest run: the same in every process of one, so that they share what they know of the boards."""
    folder: Path | None = None
    """Where lock files are, unless it is the usual place."""


class Pool:
    """See the module."""

    def __init__(self, names: Sequence[str], options: OpenOptions, how: PoolOptions | None = None) -> None:
        self.names = list(names)
        self.options = options
        self.how = how if how is not None else PoolOptions()
        self.clock: HostClock = WallClock()
        self.rigs: list[Rig] = []
        """What was opened so far."""
        self.on_open: Callable[[Rig], None] = lambda rig: None
        """Called with every rig right after it was opened."""
        self._slots: dict[str, Slot] = {}
        self._refused: dict[str, HarnessError] = {}
        self._in_use: list[Slot] = []
        self._seeds_taken = bool(self.names) + 0
        """A board that a test names itself gets a seed of its own, so that it is no twin of another one."""

    def slot(self, name: str) -> Slot:
        """The slot of a name; one that is none of the run's is made now.

        Raises:
            BoardNotAvailable: there is no such kind.
        """
        if name not in self._slots:
            kind = kind_named(moniker_of(without_number(name), self.options.lab).kind)
            self._slots[name] = Slot(name, shared=kind.shared, never=kind.never)
        return self._slots[name]

    def open(self, slot: Slot) -> None:
        """Open a board, with every other one of its kind in the run unless they are shared with other runs.

        Raises:
            HarnessError: it cannot be opened. What was wrong with the request is not tried again.
        """
        if slot.is_open:
            return
        together = [slot] if slot.shared or slot.name not in self.names else [each for each in self._of_run() if not each.shared]
        key = together[0].name
        if key in self._refused:
            raise self._refused[key]
        seed = self.options.seed + self._seeds_taken * (slot.name not in self.names)
        try:
            rigs = open_boards([each.moniker for each in together], replace(self.options, leases=False, seed=seed))
            boards = [(board, rig) for rig in rigs for board in rig.boards]
            if slot.shared:
                self._must_be_another(slot, boards[0][0])
        except HarnessError as error:
            if error.blame is Blame.REQUEST or not slot.shared:
                self._refused[key] = error
            raise
        for each in together:
            found = next(pair for pair in boards if pair[0].moniker == each.moniker)
            boards.remove(found)
            each.opened(*found)
        self.rigs += rigs
        self._seeds_taken += slot.name not in self.names
        for rig in rigs:
            self.on_open(rig)

    def _must_be_another(self, slot: Slot, board: Board) -> None:
        other = next((each for each in self.slots_of([board.device_id]) if each.shared), None)
        if other is None:
            return
        if board.port != other.board.port:
            raise BoardNotAvailable(
                Unavailable.AMBIGUOUS, board=board.label, seen=f"the same serial number at {other.board.port}", remedy="Unplug one of them"
            )
        raise HarnessError(
            f"{slot.name} and {other.name} are the same board", board=board.label, blame=Blame.REQUEST, remedy="Name it once"
        )

    def _of_run(self) -> list[Slot]:
        return [self.slot(name) for name in self.names]

    def secure(self, wanted: Wanted) -> list[Slot]:
        """Get boards for a test: opened, leased, well, and such that they meet its needs; none of them touched where a need is not met.

        Raises:
            NeedNotMet: no board of those that will do meets the needs of the test, whatever state it is in.
            BoardNotAvailable: too few of those that might can be used; tells why of each. BUSY: somebody has them.
            HarnessError: the request itself is wrong.
        """
        reasons: dict[str, HarnessError] = dict(wanted.without)
        unmet: dict[str, str] = {}
        slots = self._of_run() if wanted.names is None else [self.slot(name) for name in wanted.names]
        able = [slot for slot in slots if slot.name not in reasons and self._is_able(slot, wanted, reasons, unmet)]
        able = self._with_missing(able, slots, wanted, reasons, unmet)
        while len(able) >= (wanted.count or 1):
            chosen = self._lease(able, wanted.count or len(able), wanted.test)
            unfit = [slot for slot in chosen if not self._is_fit(slot, wanted, reasons, unmet)]
            if not unfit:
                self._in_use += [slot for slot in chosen if slot not in self._in_use]
                return chosen
            self.release_unused()
            able = [slot for slot in able if slot not in unfit]
        raise self._nobody(slots, wanted, reasons, unmet)

    def _is_able(self, slot: Slot, wanted: Wanted, reasons: dict[str, HarnessError], unmet: dict[str, str]) -> bool:
        """Whether a board may serve, as far as can be known before it is leased."""
        if slot.shared and not self._run_meets(slot, wanted, unmet):
            return False
        if slot.set_aside:
            if not slot.is_open or self._meets(slot, wanted, unmet, ask=False):
                reasons[slot.name] = self._why_set_aside(slot)
            return False
        try:
            self.open(slot)
        except HarnessError as error:
            if error.blame is Blame.REQUEST:
                raise
            reasons[slot.name] = error
            slot.trouble = error
            slot.missing_since = self.clock.now() if slot.missing_since is None else slot.missing_since
            if not self._may_return(slot, error):
                slot.fault(error)
            return False
        if slot.missing_since is not None:
            slot.missing_since = slot.trouble = None
        return self._meets(slot, wanted, unmet, ask=not slot.shared)

    def _run_meets(self, slot: Slot, wanted: Wanted, unmet: dict[str, str]) -> bool:
        """Whether the run has what a test needs of it, and the kind of board what it needs of any. It need not be there to be judged so."""
        has = self._of_the_run(self.options.cloud, self.options.wifi, allow_changes=self.options.allow_changes)
        lacks = next((lack for each in wanted.needs if (lack := each.unmet_by_run(has) or each.unmet_by_kind(slot.never))), "")
        if lacks:
            unmet[slot.name] = lacks
        return not lacks

    def _may_return(self, slot: Slot, error: HarnessError) -> bool:
        """Whether a board that could not be opened may be back in a moment: somebody else may just have reset it."""
        passing = isinstance(error, BoardNotAvailable) and error.reason in _PASSING
        return passing and slot.missing_since is not None and self.clock.now() - slot.missing_since < RETURN

    def _with_missing(
        self, able: list[Slot], slots: Sequence[Slot], wanted: Wanted, reasons: dict[str, HarnessError], unmet: dict[str, str]
    ) -> list[Slot]:
        """The boards that may serve; where they are too few, others that come back on the bus within the time of a reset are among them."""
        while len(able) < (wanted.count or 1):
            waiting = [slot for slot in slots if slot.name in reasons and self._may_return(slot, reasons[slot.name])]
            if not waiting:
                break
            self.clock.sleep(LOOK_AGAIN)
            for slot in waiting:
                del reasons[slot.name]
            able = able + [slot for slot in waiting if self._is_able(slot, wanted, reasons, unmet)]
        return able

    def _meets(self, slot: Slot, wanted: Wanted, unmet: dict[str, str], *, ask: bool) -> bool:
        """Whether a board meets the needs; `ask`: also those for which it has to be asked."""
        if not wanted.needs:
            return True
        offer = self.offer(slot)
        lacks = next((lack for each in wanted.needs if (lack := (each if ask else replace(each, os=None)).unmet(offer))), "")
        if lacks:
            unmet[slot.name] = lacks
        return not lacks

    def offer(self, slot: Slot) -> Offer:
        """What is known of an opened board, and of what the run has for it."""
        board, rig = slot.board, slot.rig
        assert rig is not None
        cloud = self.options.cloud if rig.cloud is None else rig.cloud
        run = self._of_the_run(cloud, rig.wifi, allow_changes=board.allow_changes)
        snapshot = {Capability.SNAPSHOT} if rig.snapshot is not None else set[Capability]()
        return Offer(board.platform, board.capabilities | run | snapshot, lambda: installed_version(board))

    @staticmethod
    def _of_the_run(cloud: CloudTarget | None, wifi: WifiNetwork | None, *, allow_changes: bool) -> frozenset[Capability]:
        """What a run has for a board, whatever board that is."""
        has = {
            Capability.CLOUD: cloud is not None and (cloud.ours or bool(cloud.token or cloud.username)),
            Capability.MAILS: cloud is not None and cloud.ours,
            Capability.WIFI: wifi is not None,
            Capability.CHANGES: allow_changes,
        }
        return frozenset(capability for capability, there in has.items() if there)

    def _lease(self, able: Sequence[Slot], count: int, test: str) -> list[Slot]:
        """Some of the boards that may serve: first those that this run has already, then those that need no lease."""
        at_hand = sorted((slot for slot in able if slot.lease is not None or not slot.shared), key=lambda slot: slot.lease is None)
        chosen = at_hand[:count]
        if len(chosen) == count:
            return chosen
        self.release_unused()  # whoever waits holds nothing that another may wait for
        chosen = [slot for slot in chosen if slot.lease is not None or not slot.shared]
        by_id = {slot.board.device_id: slot for slot in able if slot.shared and slot.lease is None}
        leases = wait_for(
            list(by_id),
            count=count - len(chosen),
            timeout=self.how.patience,
            folder=self.how.folder,
            test=test,
            run=self.how.run,
            clock=self.clock,
        )
        for lease in leases:
            by_id[lease.device_id].leased(lease)
        return chosen + [by_id[lease.device_id] for lease in leases]

    def _is_fit(self, slot: Slot, wanted: Wanted, reasons: dict[str, HarnessError], unmet: dict[str, str]) -> bool:
        """Whether a board that is leased now is well and meets the needs for which it has to be asked."""
        if slot.lease is not None and slot.just_leased:
            slot.just_leased = False
            before = slot.lease.before
            if slot.lease.in_other_hands:
                slot.board.brought_back("somebody else may have used it")
            if before is not None and not before.given_back:
                slot.well = False
            if slot.set_aside:
                reasons[slot.name] = self._why_set_aside(slot)
                return False
        try:
            if slot.shared and not slot.well and self.how.health:
                check_health(slot.board)
            slot.well = True
            return not slot.shared or self._meets(slot, wanted, unmet, ask=True)
        except HarnessError as error:
            slot.fault(error)
            reasons[slot.name] = error
            return False

    def _why_set_aside(self, slot: Slot) -> HarnessError:
        label = slot.board.label if slot.is_open else BoardLabel(slot.name)
        seen = slot.trouble_elsewhere if slot.trouble is None else slot.trouble.what
        return BoardNotAvailable(Unavailable.SET_ASIDE, board=label, seen=seen)

    def _nobody(self, slots: Sequence[Slot], wanted: Wanted, reasons: dict[str, HarnessError], unmet: dict[str, str]) -> HarnessError:
        """The error that tells why no board serves."""
        told = [f"{slot.name}: {unmet.get(slot.name) or reasons.get(slot.name, 'it could')}" for slot in slots]
        told = [text.replace(f"{slot.name}: {slot.name}: ", f"{slot.name}: ") for slot, text in zip(slots, told, strict=True)]
        skips = [each for each in reasons.values() if isinstance(each, CapabilityMissing | ChangesNotAllowed)]
        if skips and len(skips) == len(reasons) and len(skips) + len(unmet) == len(slots):
            return skips[0]
        if len(slots) - len(unmet) < (wanted.count or 1):
            several = f"needs {wanted.count} boards; " if (wanted.count or 1) > 1 else ""
            return NeedNotMet(f"{several}{'; '.join(told)}" if told else "there is no board in this run")
        if len(slots) == 1:
            return reasons[slots[0].name]
        return BoardNotAvailable(Unavailable.NONE_LEFT, seen="; ".join(told), remedy="`particle-hil boards` lists what is attached")

    def fault(self, device_id: str, error: HarnessError) -> Slot | None:
        """A board failed while it was used; gives its slot if that counts: an emulated one is made anew for the next test."""
        slot = next(iter(self.slots_of([device_id])), None)
        if slot is None or not slot.shared:
            return None
        slot.fault(error)
        return slot

    def serves(self, test: str) -> None:
        """The boards in use serve a test now."""
        for slot in self._in_use:
            slot.tests += 1
            if slot.lease is not None:
                slot.lease.used_for(test)

    def meets(self, needs: Sequence[Needs]) -> str:
        """What the boards in use lack of what a test needs, in words; empty: nothing. A number of boards is no need here.

        Raises:
            HarnessError: a board that has to be asked does not answer.
        """
        lacks = ((slot, each.unmet(self.offer(slot))) for slot in self._in_use for each in needs)
        return next((f"{slot.name}: {lack}" for slot, lack in lacks if lack), "")

    def give_up(self, device_ids: Iterable[str]) -> None:
        """Some of the boards in use will not do."""
        unfit = self.slots_of(device_ids)
        self._in_use = [slot for slot in self._in_use if slot not in unfit]
        self.release_unused()

    def give_back(self) -> None:
        """Nobody uses the boards any more. Whether other runs may have them now is what `PoolOptions.keep` says."""
        self._in_use = []
        if self.how.keep is Keep.TEST:
            self.release_unused()

    def release_unused(self) -> None:
        """Let others have the boards that nobody uses here."""
        for slot in self._slots.values():
            if slot not in self._in_use:
                slot.release()

    def standings(self) -> list[Standing]:
        """What became of each board that was wanted, in this process."""
        return [slot.standing for slot in self._slots.values()]

    def kind_of(self, board: Board) -> str:
        """The kind of a board, as its moniker has it before the colon."""
        return moniker_of(board.moniker, self.options.lab).kind

    def slots_of(self, device_ids: Iterable[str]) -> list[Slot]:
        """The opened slots of some boards."""
        wanted = set(device_ids)
        return [slot for slot in self._slots.values() if slot.is_open and slot.board.device_id in wanted]

    def close(self) -> None:
        """Give everything back."""
        self._in_use = []
        self.release_unused()
        for rig in self.rigs:
            rig.close()
        self.rigs = []
        self._slots.clear()
