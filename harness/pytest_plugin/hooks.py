"""The hooks of the pytest plugin: one run of a test per `--board`, skips with reasons, the boards' journals beside a failure."""

from __future__ import annotations

import functools
import traceback
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness import changes, threads
from harness.changes import Changes
from harness.errors import CapabilityMissing, ChangesNotAllowed, HarnessError
from harness.hiding import hides
from harness.monikers import without_number
from harness.pytest_plugin import junit, long_waits
from harness.pytest_plugin.junit import JunitReport, attach_journal, is_wanted
from harness.pytest_plugin.outcomes import PLUGIN, Outcomes, class_of, is_infrastructure, mark
from harness.pytest_plugin.scopes import asking_scope, definitions_of, needed_scope, node_of
from harness.pytest_plugin.settings import board_names, lab_of, takes_any
from harness.pytest_plugin.state import BENCH, BOARDS, CHANGES, FAILED, HANDED_OUT, ITEM, OUTCOME_CLASS, begin_test, present_item

if TYPE_CHECKING:
    from harness.board import Board

__tracebackhide__ = hides

_HOME = Path(harness.__file__).resolve().parent.parent
_PACKAGES = ("harness", "emulator", "firmware_images", "particle_protocol", "particle_hil")

GROUND = "particle_hil_ground"
FIXTURES = frozenset({GROUND, "account", "board", "boards", "clock", "cloud", "wifi"})
"""The fixtures that end with the scope of whoever asked for them."""

_END_OF_GROUND: pytest.StashKey[Callable[[], object]] = pytest.StashKey()
_THREADS: pytest.StashKey[list[HarnessError]] = pytest.StashKey()


def board_name(item: pytest.Item) -> str | None:
    """The name of the board that a test is run on; None if it is run on none in particular."""
    name = getattr(getattr(item, "callspec", None), "params", {}).get("board")
    ours = any(definition.func.__module__ == "harness.pytest_plugin.fixtures" for definition in definitions_of(item, "board"))
    return str(name) if name is not None and ours else None


def pytest_configure(config: pytest.Config) -> None:
    """Gather outcomes."""
    config.pluginmanager.register(Outcomes(config), PLUGIN)
    long_waits.listen(config)
    if is_wanted(config) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(JunitReport(config), junit.PLUGIN)


def pytest_report_header(config: pytest.Config) -> str | None:
    """The boards of this run."""
    names = board_names(config)
    which = "any of " if takes_any(config) and len(names) > 1 else ""
    return f"particle-hil: {which}{shortened(names)}" if names else None


def shortened(names: Sequence[str]) -> str:
    """Names of boards in a line, with `emu:photon*20` for twenty that are called alike."""
    counts = Counter(map(without_number, names))
    return ", ".join(name if count == 1 else f"{name}*{count}" for name, count in counts.items())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `board` once for every `--board`."""
    names = [] if takes_any(metafunc.config) else board_names(metafunc.config)
    if names and "board" in metafunc.fixturenames and not _parametrized(metafunc):
        metafunc.parametrize("board", names, indirect=True, ids=names, scope=needed_scope(metafunc.definition, FIXTURES))


def _parametrized(metafunc: pytest.Metafunc) -> bool:
    names = (mark.args[0] if mark.args else mark.kwargs.get("argnames", "") for mark in metafunc.definition.iter_markers("parametrize"))
    return any("board" in (name.replace(" ", "").split(",") if isinstance(name, str) else name) for name in names)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """Watch what a test changes, and what becomes of its threads."""
    item.config.stash[ITEM] = item
    item.stash[_THREADS] = list[HarnessError]()
    with changes.watch() as seen:
        item.stash[CHANGES] = seen
        result = yield
    if seen.lasting:
        for board in item.stash.get(BOARDS, []):
            board.disturbed()
    bench = item.config.stash.get(BENCH, None)
    if bench is not None and (nextitem is None or nextitem.path != item.path):
        bench.end_of_module()
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> None:
    """Have the boards end with the scope of whoever asked for them, although they are made for the session."""
    if fixturedef.argname == GROUND:
        item = present_item(request.config)
        end: Callable[[], object] = functools.partial(fixturedef.finish, request=request)  # type: ignore[arg-type]
        request.config.stash[_END_OF_GROUND] = end
        node_of(item, [needed_scope(item, FIXTURES), asking_scope(request, FIXTURES)]).addfinalizer(end)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Bring boards that a fixture of a wider scope has to the state that this test asks for, without taking back what it did to them."""
    begin_test(item)
    bench = item.config.stash.get(BENCH, None)
    if bench is None or not bench.in_use:
        return
    name = board_name(item)
    if name is not None and not bench.has(name):
        item.config.stash[_END_OF_GROUND]()
    elif not {"board", "boards"}.isdisjoint(getattr(item, "fixturenames", ())):
        from harness.pytest_plugin.preparing import prepare_again

        if not prepare_again(item, bench, name):
            item.config.stash[_END_OF_GROUND]()


# These are the innermost wrappers, so that a thread that ends in an error of the harness is no mere warning of pytest's.
@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test if a thread of its ended in an error of the harness. The faults that it is to have are there meanwhile."""
    with threads.watch(item.stash.setdefault(_THREADS, [])), _wanted_faults(item):
        result = yield
    _raise_from_threads(item)
    return result


def _wanted_faults(item: pytest.Item) -> AbstractContextManager[object]:
    """The faults around a test's boards: those of its markers, and of the lab file around emulated ones."""
    marked, lab = item.get_closest_marker("faults") is not None, lab_of(item.config)
    if not marked and (lab is None or lab.faults is None):
        return nullcontext()
    from harness.kit.faults import begun_around
    from harness.pytest_plugin.preparing import plans_of, standing_faults

    bench = item.config.stash.get(BENCH, None)
    boards = [] if bench is None else bench.in_use
    if marked and not boards:
        pytest.fail("the marker faults(...): there is no board for them; take the fixture `board` or `boards`", pytrace=False)
    ends = ExitStack()
    try:
        if bench is not None and lab is not None and lab.faults is not None:
            standing_faults(item, bench, lab.faults, ends)
        for plan in plans_of(item):
            ends.enter_context(begun_around(tuple(boards), plan))
    except BaseException:
        ends.close()
        raise
    return ends


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """The same for threads that end only now."""
    with threads.watch(item.stash.setdefault(_THREADS, [])):
        result = yield
    _raise_from_threads(item)
    return result


def _raise_from_threads(item: pytest.Item) -> None:
    errors = item.stash.get(_THREADS, [])
    if errors:
        error = errors[0]
        errors.clear()
        raise error


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn "this board has no such thing" into a skip, unless something was changed before; put the journals beside a failure."""
    error = call.excinfo.value if call.excinfo is not None else None
    skips = False
    if isinstance(error, (CapabilityMissing, ChangesNotAllowed)):
        changed = _changed(item, call.when)
        skips = not changed
        if changed:
            error.what += f"; this is no skip, for something was changed before: {changed[0]}"
    bench = item.config.stash.get(BENCH, None)
    preparing = call.when == "setup" and BOARDS in item.stash and not item.stash.get(HANDED_OUT, False)
    infrastructure = is_infrastructure(error, bench, preparing=preparing)
    if isinstance(error, HarnessError) and not item.config.getoption("fulltrace", default=False):
        _hide_causes(error)
    report = yield
    if report.failed and skips:
        report.outcome = "skipped"
        report.longrepr = (str(item.path), (item.location[1] or 0) + 1, f"Skipped: {error}")
    elif report.failed:
        if infrastructure:
            mark(report)
        if FAILED not in item.stash:
            item.user_properties.append((OUTCOME_CLASS, class_of(error)))
            report.user_properties.append(item.user_properties[-1])
        if bench is not None and isinstance(error, HarnessError) and not preparing:
            bench.failed(error)
        told = [(f"what was done to {board} and seen", _story(board, report)) for board in item.stash.get(BOARDS, [])]
        report.sections.extend(told)
        errors = item.stash.get(_THREADS, [])
        report.sections.extend(("an error in another thread", str(each)) for each in errors if each is not error)
        errors.clear()
        item.stash.setdefault(FAILED, [text for _, text in told])
    if report.when == "teardown" and BOARDS in item.stash and is_wanted(item.config):
        boards: list[Board] = item.stash[BOARDS]
        stories = item.stash.get(FAILED, None)
        attach_journal(report, boards, stories or ())
    return report


def _story(board: Board, report: pytest.TestReport) -> str:
    """What is told of a board in a test that failed. In the end of a run the board may have been given back already."""
    from harness.meanwhile import whole_story

    return str(board.journal) if report.when == "teardown" else whole_story(board)


def _hide_causes(error: BaseException) -> None:
    """Leave only the words of what an error of the harness came from, where it is not from the test's own lines."""
    seen: BaseException | None = error
    while seen is not None:
        seen = seen.__cause__ or seen.__context__
        if seen is not None and all(_is_ours(frame.f_code.co_filename) for frame, _ in traceback.walk_tb(seen.__traceback__)):
            seen.__traceback__ = None


def _is_ours(file: str) -> bool:
    """Whether a file is one of ours, or of a library."""
    path = Path(file)
    return "site-packages" in path.parts or any(_HOME / package in path.parents for package in _PACKAGES)


def _changed(item: pytest.Item, phase: str) -> list[str]:
    """What was changed before. What a board is brought to its first state by counts only where it outlives a reset."""
    seen = item.stash.get(CHANGES, Changes())
    return seen.lasting if phase == "setup" and not item.stash.get(HANDED_OUT, False) else seen.all
