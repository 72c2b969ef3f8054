"""Boards for a test: found among those of the run, and brought to the state that the test asks for.

Where a test takes any board and one turns out to be of no use, another is tried.
"""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from harness.board import Board
from harness.errors import Blame, CapabilityMissing, ChangesNotAllowed, HarnessError, InTheWay, NeedNotMet
from harness.fault_plan import WORDS, FaultPlan, WrongFault
from harness.hiding import hides
from harness.kit.faults import REMEDIES, begun_around, derived_seed
from harness.modes import Capability, Mode
from harness.pool.needs import Needs
from harness.pool.pool import Wanted
from harness.pytest_plugin.bench import Bench, BoardsUnavailable
from harness.pytest_plugin.junit import is_wanted, properties_of
from harness.pytest_plugin.settings import seed_of, takes_any
from harness.pytest_plugin.state import BOARDS, HANDED_OUT, PROPERTIES, begin_changes
from harness.rack.lab_file import LabFaults
from harness.starting import Start

__tracebackhide__ = hides


def start_of(item: pytest.Item) -> Start:
    """The state that the marker of a test asks for. One that asks for what there is not fails the test in one sentence."""
    try:
        return Start.of(item.get_closest_marker("start"))
    except ValueError as error:
        wrong = str(error)
    pytest.fail(f"the marker start(...): {wrong}", pytrace=False)


def plans_of(item: pytest.Item) -> list[FaultPlan]:
    """The faults that the markers of a test, its class and its module ask for, all of which it has. See `start_of`."""
    marks = [mark for mark in item.iter_markers("faults") if mark.kwargs or mark.args]
    plans = []
    try:
        for number, mark in enumerate(marks):
            if mark.args:
                raise WrongFault(f"it takes words with values, such as {WORDS[0]}=3, not {mark.args[0]!r}; there are: {', '.join(WORDS)}")
            plans.append(FaultPlan.read(mark.kwargs, derived_seed(seed_of(item.config), item.nodeid, -1 - number)))
    except WrongFault as error:
        wrong = str(error)
    else:
        return plans
    pytest.fail(f"the marker faults(...): {wrong}", pytrace=False)


def standing_faults(item: pytest.Item, bench: Bench, faults: LabFaults, ends: ExitStack) -> None:
    """Have the faults of the lab file around the boards that a test has, and the cloud that it asks, as far as they are emulated."""
    asks_cloud = not {"cloud", "account"}.isdisjoint(getattr(item, "fixturenames", ()))
    plan = faults.plan(derived_seed(seed_of(item.config), item.nodeid, 0))
    for rig in bench.pool.rigs:
        boards = tuple(board for board in rig.boards if board in bench.in_use)
        if rig.surroundings is None or not rig.surroundings.offers.issuperset(set(plan.needs) & REMEDIES.keys()):
            continue
        if boards or (asks_cloud and not bench.in_use):
            ends.enter_context(begun_around(boards, plan, rig.surroundings))


def needs_of(item: pytest.Item) -> tuple[Needs, ...]:
    """What the markers of a test, its class and its module need; all of it has to be met. See `start_of`."""
    faults = tuple(Needs(capabilities=plan.needs) for plan in plans_of(item))
    try:
        return (*Needs.of(item.iter_markers("needs")), *faults)
    except ValueError as error:
        wrong = str(error)
    pytest.fail(f"the marker needs(...): {wrong}", pytrace=False)


def wanted_by(item: pytest.Item, name: str | None) -> Wanted:
    """What a test wants: the board of that name; without one as many as it asks for, of all the boards of the run."""
    needs = needs_of(item)
    several = "boards" in getattr(item, "fixturenames", ())
    count = next((each.count for each in needs if each.count is not None), None)
    if count is not None and count > 1 and not several:
        pytest.fail(f"the marker needs(count={count}): ask for `boards`, for `board` is one", pytrace=False)
    if name is not None:
        return Wanted((name,), 1, needs, item.nodeid)
    return Wanted(None, count if several else 1, needs, item.nodeid)


def secure(bench: Bench, wanted: Wanted) -> list[Board]:
    """Get boards; a test whose needs no board meets is skipped.

    Raises:
        BoardsUnavailable: they cannot be had.
    """
    try:
        return bench.hand_out(wanted)
    except NeedNotMet as error:
        lacks = str(error)
    except (CapabilityMissing, ChangesNotAllowed):
        raise
    except HarnessError as error:
        raise BoardsUnavailable(error) from None
    pytest.skip(f"what this test needs is not there: {lacks}")


def hand_out(request: pytest.FixtureRequest, item: pytest.Item, bench: Bench, name: str | None, boards: list[Board]) -> list[Board]:
    """Boards in the state that a test asks for: those that it has already, else such as it wants.

    Raises:
        BoardsUnavailable: there are none; or an error of the harness: they cannot be brought there.
    """
    wanted = wanted_by(item, name)
    boards = boards or secure(bench, wanted)
    if start_of(item).claimed is not None or "account" in getattr(item, "fixturenames", ()) or _joins_by_account(item, bench, boards):
        request.getfixturevalue("account")
    while True:
        try:
            prepare(item, bench, boards)
        except HarnessError as error:
            culprit = _culprit(bench, boards, error)
            _note(bench, culprit, error)
            if not takes_any(item.config) or name is not None or not _is_of_one_board(error):
                raise
            wanted.without.update((slot.name, error) for slot in bench.pool.slots_of([culprit.device_id]))
            bench.return_unfit(boards)
            boards = secure(bench, wanted)
        else:
            return boards


def _joins_by_account(item: pytest.Item, bench: Bench, boards: list[Board]) -> bool:
    """Whether it takes an account to bring boards to where a test starts, as it does to have a SIM activated, and the run has one."""
    if start_of(item).mode not in (Mode.ONLINE, Mode.SAFE, Mode.RUNNING):
        return False
    for board in boards:
        rig = bench.rig_with(board)
        target = bench.cloud_target(rig)
        lacks = board.network.lacks(bench.wifi(rig)) if Capability.NETWORK in board.capabilities else None
        if lacks is not None and lacks.capability is Capability.CLOUD and target is not None and (target.token or target.username):
            return True
    return False


def _culprit(bench: Bench, boards: list[Board], error: HarnessError) -> Board:
    """The board that an error is about."""
    label = error.board
    return next((board for board in boards if label is not None and board.device_id == label.device_id), boards[0])


def _is_of_one_board(error: HarnessError) -> bool:
    """Whether it may be otherwise with another board."""
    return error.blame in (Blame.BOARD, Blame.RACK) or isinstance(error, CapabilityMissing | ChangesNotAllowed | InTheWay)


def _note(bench: Bench, board: Board, error: HarnessError) -> None:
    """Count it as a fault of the board, unless it is none."""
    if error.blame in (Blame.BOARD, Blame.RACK) and not isinstance(error, CapabilityMissing | InTheWay):
        bench.pool.fault(board.device_id, error)


def prepare(item: pytest.Item, bench: Bench, boards: list[Board]) -> None:
    """Bring `boards` to that state. What is done to them from then on is the test's."""
    had = item.stash.get(BOARDS, [])
    item.stash[BOARDS] = [*had, *(board for board in boards if board not in had)]
    begin_changes(item)
    start = start_of(item)
    bench.pool.serves(item.nodeid)
    for board in boards:
        start.bring(board, bench.wifi(bench.rig_with(board)))
        board.journal.clear()
    item.stash[HANDED_OUT] = True
    _tell_of(item, bench)
    begin_changes(item)


def _tell_of(item: pytest.Item, bench: Bench) -> None:
    """Have the reports of a test say which boards it has, in place of those that it had before."""
    before = item.stash.get(PROPERTIES, [])
    now = properties_of(bench, bench.in_use, ask=is_wanted(item.config))
    item.user_properties[:] = [*(each for each in item.user_properties if each not in before), *now]
    item.stash[PROPERTIES] = now


def prepare_again(item: pytest.Item, bench: Bench, name: str | None) -> bool:
    """Have boards that a wider scope has serve one more test; gives whether they meet what it needs, or have to be given up for others."""
    needs = needs_of(item)
    used = bench.in_use if name is None else [board for board in bench.in_use if bench.pool.slot(name).board is board]
    count = next((each.count for each in needs if each.count is not None), None)
    if (count is not None and "boards" in getattr(item, "fixturenames", ()) and count != len(used)) or bench.pool.meets(needs):
        return False
    for board in used:
        board.handed_out()
    try:
        prepare(item, bench, used)
    except HarnessError as error:
        _note(bench, _culprit(bench, used, error), error)
        raise
    return True
