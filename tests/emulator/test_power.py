"""Nothing from before a reset can act after it."""

import pytest

from emulator.board.power import PowerCut, PowerScope
from emulator.clock import Clock


@pytest.fixture
def clock():
    return Clock()


def run(clock):
    while clock.run_next():
        pass


def plainly(function, args):
    return function(*args)


def test_timers_of_a_scope_run_in_order(clock):
    scope, seen = PowerScope(clock, plainly), []
    scope.call_later(2, seen.append, "b")
    scope.call_later(1, seen.append, "a")
    scope.call_later(2, seen.append, "c")
    run(clock)
    assert seen == ["a", "b", "c"]


def test_a_scope_that_ended_is_silent(clock):
    scope, seen = PowerScope(clock, plainly), []
    scope.call_later(1, seen.append, "never")
    scope.on_end(lambda: seen.append("last registered, first called"))
    scope.end()
    scope.end()
    scope.call_later(0, seen.append, "never")
    run(clock)
    assert seen == ["last registered, first called"]


def test_a_timer_may_end_its_own_scope(clock):
    scope, seen = PowerScope(clock, plainly), []
    scope.call_later(1, scope.end)
    scope.call_later(1, seen.append, "never")
    run(clock)
    assert seen == []


def test_cancelled_timers_do_not_run(clock):
    scope, seen = PowerScope(clock, plainly), []
    scope.call_later(1, seen.append, "never").cancel()
    scope.call_later(2, seen.append, "yes")
    run(clock)
    assert seen == ["yes"]


def test_a_scope_arms_one_wake_up(clock):
    scope = PowerScope(clock, plainly)
    for delay in range(100, 0, -1):
        scope.call_later(delay, lambda: None)
    armed = [timer for _, _, timer in clock._heap if not timer.cancelled]
    assert len(armed) == 1
    assert armed[0].when == 1


def test_a_power_cut_in_a_timer_goes_to_the_guard(clock):
    caught = []

    def guard(function, args):
        try:
            function(*args)
        except PowerCut:
            caught.append("cut")
            scope.end()

    def cut():
        raise PowerCut

    scope = PowerScope(clock, guard)
    scope.call_later(1, cut)
    scope.call_later(2, caught.append, "never")
    run(clock)
    assert caught == ["cut"]
