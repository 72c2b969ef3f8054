"""Faults in a test: `with faults(loss=0.2, outage="cloud"): ...`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from harness.board import Board
from harness.errors import Blame, CapabilityMissing, HarnessError, hides
from harness.fault_plan import FaultPlan, WrongFault
from harness.modes import Capability
from harness.pointing import with_wrong_server_key
from harness.surroundings import PowerCutAhead, Surroundings

if TYPE_CHECKING:
    from harness.boards import Rig
    from harness.rack.lab_file import LabFaults, LabFile

__tracebackhide__ = hides


@dataclass(frozen=True, slots=True)
class Begun:
    """Faults that are there now, or were: what they are, and which boards have lost their power by them."""

    plan: FaultPlan
    _cuts: list[tuple[Board, PowerCutAhead]] = field(default_factory=list)

    @property
    def cut(self) -> list[Board]:
        """The boards whose power went away in a write, as the plan has it. They are off until somebody gives them power."""
        return [board for board, ahead in self._cuts if ahead.happened()]

    def __str__(self) -> str:
        return str(self.plan)


class Faults:
    """What goes wrong around the boards of a test, when it is asked to. All of it ends with its context, and with the test.

        with faults(loss=0.2, delay=(0.1, 2.0)):
            board.wait_for("online")
        with faults(power_cut="any") as begun:
            ...

    The faults, their values and what "any" draws are told in docs/writing-tests.md, "Faults". What is left to chance comes from the seed of
    the run and the test; the boards' journals tell it, and `seed=` gives the same again.
    """

    def __init__(self, boards: Callable[[], Sequence[Board]], *, seed: int = 0, test: str = "") -> None:
        self._boards = boards
        self._seed = seed
        self._test = test
        self._number = count(1)

    def plan(self, **faults: Any) -> FaultPlan:
        """Faults as data, to look at, and to begin with `faults(plan)`. Nothing happens yet.

        Raises:
            HarnessError: there is no such fault, or not with such a value; tells what there is.
        """
        try:
            return FaultPlan.read(faults, derived_seed(self._seed, self._test, next(self._number)))
        except WrongFault as error:
            raise HarnessError(f"faults(...): {error}", blame=Blame.REQUEST) from None

    @contextmanager
    def __call__(
        self, plan: FaultPlan | None = None, /, *, boards: Board | Sequence[Board] | None = None, **faults: Any
    ) -> Iterator[Begun]:
        """Have faults while the context lasts, besides those that are there already.

        Args:
            plan: which; or say it in words:
            boards: whose power is cut, and which get a wrong server key; those of the test unless given. All else concerns all boards.
            **faults: see `harness.fault_plan.FaultPlan`.

        Raises:
            CapabilityMissing: nobody can bring such a fault about around these boards. Nothing was done then.
            ChangesNotAllowed: it takes a change of a real board.
            HarnessError: there is no such fault, there is no board.
        """
        if plan is not None and faults:
            raise HarnessError("faults(...): give a plan or words, not both", blame=Blame.REQUEST)
        wanted = self.plan(**faults) if plan is None else plan
        given: object = wanted
        if not isinstance(given, FaultPlan):
            raise HarnessError(
                f"faults({given!r}): this is no plan",
                blame=Blame.REQUEST,
                remedy="Write faults(loss=0.1), or make one with faults.plan(...)",
            )
        chosen = [boards] if isinstance(boards, Board) else list(self._boards() if boards is None else boards)
        with begun_around(chosen, wanted) as begun:
            yield begun


def derived_seed(seed: int, test: str, number: int) -> int:
    """The seed of the faults that a test begins as its `number`-th: another one for each, and the same in every run."""
    from zlib import crc32

    return crc32(f"{seed} {test} {number}".encode())


@contextmanager
def begun_around(boards: Sequence[Board], plan: FaultPlan, around: Surroundings | None = None) -> Iterator[Begun]:
    """Have the faults of a plan around boards while the context lasts. See `Faults.__call__`.

    `around` is what has no board in it yet; else it is what the boards have around them.
    """
    surroundings = _check(boards, plan, around)
    begun = Begun(plan)
    with ExitStack() as ends:
        if plan.wrong_server_key:
            for board in boards:
                ends.enter_context(with_wrong_server_key(board))
        for board in boards:
            board.journal.did(f"had these faults begin: {plan}")
        ends.callback(_tell_end, boards, begun)
        if plan.power_cut is not None:
            for board in boards:
                ahead = _around(board).cut_power(board.device_id, *plan.power_cut)
                ends.callback(ahead.take_back)
                begun._cuts.append((board, ahead))
        if surroundings is not None:
            ends.callback(surroundings.begin(plan))
        yield begun


def _check(boards: Sequence[Board], plan: FaultPlan, around: Surroundings | None) -> Surroundings | None:
    """Refuse what cannot be, before anything is done; gives what the network and the cloud are changed by, if they are."""
    if not boards and around is None:
        raise HarnessError("faults(...): there is no board for them", blame=Blame.REQUEST, remedy="Take the fixture `board` or `boards`")
    for board in boards:
        for each in plan.needs:
            if each is Capability.CHANGES:
                board.must_allow_changes("give it a wrong server key", Capability.USB)
            elif each not in board.capabilities:
                raise CapabilityMissing(each, board=board.label, remedy=REMEDIES.get(each, ""))
    if not boards and around is not None:
        missing = next((each for each in plan.needs if each in REMEDIES and each not in around.offers), None)
        if missing is not None:
            raise CapabilityMissing(missing, remedy=REMEDIES[missing])
    if not (plan.is_weather or plan.is_trouble or plan.outage):
        return None
    return boards[0].surroundings if around is None else around


def _around(board: Board) -> Surroundings:
    if board.surroundings is None:
        raise CapabilityMissing(Capability.POWER_CUTS, board=board.label)
    return board.surroundings


def _tell_end(boards: Sequence[Board], begun: Begun) -> None:
    ahead = {board.device_id: cut for board, cut in begun._cuts}
    for board in boards:
        cut = ahead.get(board.device_id)
        if cut is not None and begun.plan.power_cut is not None:
            write, phase = begun.plan.power_cut
            came = f"its power went away in write {write} ({phase})"
            board.journal.saw(came if cut.happened() else f"no power cut: it was to come in write {write}, and there were {cut.writes()}")
        board.journal.did(f"had the faults end: {begun.plan}")


class StandingFaults:
    """The faults of a lab file: they are there as long as it says so."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._ends = ExitStack()
        self._now: tuple[LabFaults | None, list[str]] = (None, [])
        self.told = ""
        """What there is now."""

    def follow(self, file: LabFile, rig: Rig) -> None:
        """Have what a file says, around these boards, in place of what was there.

        Raises:
            HarnessError: a board cannot have it.
        """
        wanted = file.faults, [board.device_id for board in rig.boards]
        if wanted == self._now:
            return
        self.close()
        if file.faults is not None:
            begun = self._ends.enter_context(begun_around(tuple(rig.boards), file.faults.plan(self._seed), rig.surroundings))
            self.told = str(begun)
        self._now = wanted

    def close(self) -> None:
        """Have them end."""
        self._now, self.told = (None, []), ""
        self._ends.close()


REMEDIES = {
    Capability.AIR: "Only the network of emulated boards can be changed by a program: run it on emu: boards",
    Capability.POWER_CUTS: "No switch of a real board knows when it writes: run it on emu: boards",
    Capability.CLOUD_FAULTS: "A real cloud has no faults to order: run it on emu: boards",
}
"""What to do without."""
