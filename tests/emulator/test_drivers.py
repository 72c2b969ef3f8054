"""Both drivers keep the same promises; only the wall clock tells them apart."""

import threading
from concurrent.futures import Future

import pytest

from emulator.clock import Clock, Signal
from emulator.drivers import LabClosed, NestedWait, WaitTimeout, WrongThread
from emulator.drivers.inline import InlineDriver
from emulator.drivers.served import ServedDriver


@pytest.fixture(params=["inline", "served"])
def driver(request):
    made = InlineDriver() if request.param == "inline" else ServedDriver()
    yield made
    made.close()


@pytest.fixture
def inline():
    return InlineDriver()


def test_timers_run_in_the_order_of_their_times_and_then_of_their_setting():
    clock, seen = Clock(), []
    for when, name in [(2.0, "c"), (1.0, "a"), (1.0, "b")]:
        clock.call_at(when, seen.append, name)
    clock.call_at(1.5, seen.append, "never").cancel()
    while clock.run_next():
        pass
    assert seen == ["a", "b", "c"]
    assert clock.now == 2.0


def test_a_wait_ends_when_a_signal_makes_it_true(driver):
    signal, state = Signal(), []

    def happen():
        state.append("online")
        signal.fire()

    driver.call(driver.clock.call_later, 0.02, happen)
    assert driver.wait(lambda: state[0] if state else None, [signal], timeout=5, awaited="online") == "online"


def test_a_wait_that_is_true_already_takes_no_time(driver):
    before = driver.clock.now
    assert driver.wait(lambda: 7, [], timeout=1, awaited="seven") == 7
    assert driver.clock.now - before < 1


def test_a_timeout_tells_what_was_awaited_and_what_was_seen(driver):
    driver.call(driver.clock.call_later, 60, lambda: None)
    with pytest.raises(WaitTimeout, match=r"breathing cyan: not within 0\.02 s; seen: blinking green"):
        driver.wait(lambda: None, [], timeout=0.02, awaited="breathing cyan", seen=lambda: "blinking green")


def test_an_error_inside_the_lab_reaches_the_caller(driver):
    with pytest.raises(ZeroDivisionError):
        driver.call(lambda: 1 // 0)


def test_waiting_inside_the_lab_is_refused(driver):
    caught, signal = [], Signal()

    def misbehave():
        try:
            driver.wait(lambda: None, [], timeout=1, awaited="anything")
        except NestedWait as error:
            caught.append(error)
        signal.fire()

    driver.call(driver.clock.call_later, 0.0, misbehave)
    driver.wait(lambda: bool(caught), [signal], timeout=5, awaited="the refusal")
    assert caught


def test_flows_wait_side_by_side(driver):
    signal, turns = Signal(), []

    def take_turn(name):
        turns.append(name)
        signal.fire()

    def flow(name, before):
        def run():
            driver.wait(lambda: len(turns) == before, [signal], timeout=60, awaited=f"{before} turns")
            driver.call(take_turn, name)
            driver.wait(lambda: len(turns) == 3, [signal], timeout=60, awaited="all three")
            return name

        return run

    driver.call(driver.clock.call_later, 0.01, signal.fire)
    assert driver.gather([flow("a", 2), flow("b", 0), flow("c", 1)]) == ["a", "b", "c"]
    assert turns == ["b", "c", "a"]


def test_a_flow_that_fails_does_not_stop_the_others(driver):
    def fails():
        driver.sleep(0.001)
        raise LookupError("no such board")

    first, second = driver.gather([fails, lambda: driver.sleep(0.002)])
    assert isinstance(first, LookupError)
    assert second is None


def test_a_coroutine_of_the_lab_awaits_replies(driver):
    reply = driver.reply()
    driver.call(driver.clock.call_later, 0.01, reply.resolve, 41)

    async def handler():
        return await reply + 1

    assert driver.run(handler(), timeout=5) == 42


def test_the_first_answer_counts(driver):
    reply = driver.reply()
    reply.resolve(1)
    reply.fail(ValueError("late"))
    assert reply.result() == 1


def test_sleep_moves_the_clock(driver):
    before = driver.clock.now
    driver.sleep(0.01)
    assert driver.clock.now >= before + 0.01


def test_an_empty_heap_ends_a_wait_at_once(inline):
    with pytest.raises(WaitTimeout, match="nothing more can happen") as caught:
        inline.wait(lambda: None, [], timeout=1e9, awaited="a miracle")
    assert caught.value.stalled


def test_virtual_time_belongs_to_one_thread(inline):
    caught = []

    def use():
        try:
            inline.call(lambda: None)
        except WrongThread as error:
            caught.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert caught


def test_what_is_posted_from_any_thread_is_done_before_what_is_called_next(driver):
    done = []
    in_a_thread(driver.post, lambda: done.append("posted")).result(PATIENCE)
    driver.call(done.append, "called")
    assert done == ["posted", "called"]


def test_what_is_posted_from_any_thread_is_done_before_a_wait_looks(driver):
    done = []
    in_a_thread(driver.post, lambda: done.append("posted")).result(PATIENCE)
    assert driver.wait(lambda: done, [], timeout=0.01, awaited="what was posted") == ["posted"]


def test_what_is_posted_to_a_free_lab_in_virtual_time_is_done_at_once(inline):
    done = []
    inline.post(lambda: done.append("posted"))
    assert done == ["posted"]


def test_what_is_posted_in_the_middle_of_a_call_comes_after_it(driver):
    done = []

    def act():
        driver.post(lambda: done.append("posted"))
        driver.call(done.append, "nested")
        done.append("called")

    driver.call(act)
    driver.call(done.append, "next")
    assert done == ["nested", "called", "posted", "next"]


def test_what_is_posted_in_the_middle_of_a_call_that_fails_is_done(driver):
    done = []

    def act():
        driver.post(lambda: done.append("posted"))
        raise LookupError("no such board")

    with pytest.raises(LookupError):
        driver.call(act)
    driver.call(lambda: None)
    assert done == ["posted"]


def test_what_is_posted_in_the_middle_of_a_timer_comes_after_it_and_may_end_a_wait(driver):
    done, signal = [], Signal()

    def let_go():
        done.append("posted")
        signal.fire()

    def act():
        driver.post(let_go)
        driver.call(done.append, "nested")
        done.append("timer")

    driver.call(driver.clock.call_later, 0.0, act)
    driver.wait(lambda: "posted" in done, [signal], timeout=5, awaited="what was posted")
    assert done == ["nested", "timer", "posted"]


def test_what_is_posted_in_the_middle_of_a_timer_may_wake_a_flow(driver):
    done, signal = [], Signal()

    def let_go():
        done.append("posted")
        signal.fire()

    driver.call(driver.clock.call_later, 0.0, lambda: driver.post(let_go))
    results = driver.gather([lambda: driver.wait(lambda: bool(done), [signal], timeout=5, awaited="what was posted")])
    assert results == [True]


def test_what_is_posted_by_what_is_posted_comes_after_it(driver):
    done = []

    def first():
        driver.post(lambda: done.append("second"))
        done.append("first")

    driver.post(first)
    driver.call(lambda: None)
    driver.call(lambda: None)
    assert done == ["first", "second"]


def test_a_closed_lab_takes_what_is_posted_and_does_nothing(served):
    served.close()
    served.post(lambda: pytest.fail("it is closed"))


def test_virtual_time_jumps(inline):
    inline.sleep(3600 * 24)
    assert inline.clock.utc().day == 6


@pytest.fixture
def served():
    made = ServedDriver()
    yield made
    made.close()


def in_a_thread(function, *args, **named):
    """Start a call of another program; gives the future of its end. Nothing of it outlives the test by more than its wait."""
    done = Future()

    def run():
        try:
            done.set_result(function(*args, **named))
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return done


PATIENCE = 20
"""Seconds after which a caller counts as hanging."""


def test_a_closed_lab_is_told_from_one_that_hangs(served):
    served.close()

    async def coroutine():
        pass

    for use in (
        lambda: served.call(lambda: None),
        lambda: served.sleep(1),
        lambda: served.run(coroutine(), timeout=5),
        lambda: served.wait(lambda: None, [], timeout=5, awaited="a board"),
    ):
        with pytest.raises(LabClosed):
            in_a_thread(use).result(PATIENCE)


def test_whatever_comes_in_before_the_end_is_done_and_whatever_comes_later_is_refused():
    """Callers in several threads, and the Lab closed in the middle of their calls: each one gets its answer or `LabClosed`."""
    for _ in range(20):
        driver, ran = ServedDriver(), []
        many = threading.Barrier(5)

        def use(name, driver=driver, ran=ran, many=many):
            many.wait()
            told = 0
            try:
                while True:
                    driver.call(ran.append, name)
                    told += 1
            except LabClosed:
                return name, told

        callers = [in_a_thread(use, name) for name in range(4)]
        many.wait()
        driver.call(lambda: None)
        driver.close()
        for name, told in (caller.result(PATIENCE) for caller in callers):
            assert ran.count(name) == told, "what was answered was done, and what was refused was not"


def awaiting(driver, **more):
    """A wait for what never comes, as soon as it is under way."""
    asked = threading.Event()
    waiting = in_a_thread(driver.wait, lambda: asked.set(), [], timeout=600, awaited="breathing cyan", **more)
    assert asked.wait(PATIENCE)
    return waiting


def test_who_waits_while_the_lab_is_closed_is_told_what_was_seen(served):
    waiting = awaiting(served, seen=lambda: "blinking green")
    served.close()
    with pytest.raises(LabClosed, match="breathing cyan, but the Lab was closed; seen: blinking green"):
        waiting.result(PATIENCE)


def test_a_request_that_is_under_way_while_the_lab_is_closed_ends(served):
    begun, reply = threading.Event(), served.reply()

    async def handler():
        begun.set()
        return await reply

    asking = in_a_thread(served.run, handler(), timeout=600)
    assert begun.wait(PATIENCE)
    served.close()
    with pytest.raises(LabClosed):
        asking.result(PATIENCE)


def test_a_wait_that_cannot_tell_what_it_saw_ends_with_that_error(driver):
    driver.call(driver.clock.call_later, 60, lambda: None)
    with pytest.raises(ZeroDivisionError):
        driver.wait(lambda: None, [], timeout=0.01, awaited="anything", seen=lambda: str(1 // 0))


def test_a_wait_that_cannot_tell_what_it_saw_does_not_keep_the_lab_from_closing(served):
    broken, sound = awaiting(served, seen=lambda: str(1 // 0)), awaiting(served)
    served.close()
    with pytest.raises(ZeroDivisionError):
        broken.result(PATIENCE)
    with pytest.raises(LabClosed):
        sound.result(PATIENCE)


def test_a_lab_may_close_itself(served):
    served.call(served.clock.call_later, 0.0, served.close)
    with pytest.raises(LabClosed):
        in_a_thread(served.wait, lambda: None, [], timeout=600, awaited="the end").result(PATIENCE)
