"""Counting who asks how often: windows, the lock after failed logins, open streams."""

from __future__ import annotations

import pytest

from emulator.clock import Clock
from emulator.cloud.errors import TooManyRequests
from emulator.cloud.rates import MAX_KEYS, Bucket, Rates
from emulator.cloud.settings import RateLimits

LIMITS = RateLimits(window=60.0, requests=3, logins=2, failed_logins=2, lock=600.0, open_streams=2, serial_numbers=1, serial_window=3600.0)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def rates(clock):
    return Rates(clock, LIMITS)


def test_a_window_holds_so_many_and_begins_with_the_first(clock, rates):
    clock.advance(100.0)
    for _ in range(3):
        rates.count(Bucket.ALL, "a")
    clock.advance(130.0)
    with pytest.raises(TooManyRequests) as refused:
        rates.count(Bucket.ALL, "a")
    assert refused.value.wait == pytest.approx(30.0)
    rates.count(Bucket.ALL, "b")
    rates.count(Bucket.GRANTS, "a")
    clock.advance(159.9)
    with pytest.raises(TooManyRequests):
        rates.count(Bucket.ALL, "a")
    clock.advance(160.0)
    rates.count(Bucket.ALL, "a")


def test_serial_numbers_have_a_window_of_their_own(clock, rates):
    rates.count(Bucket.SERIALS, "account")
    clock.advance(3599.0)
    with pytest.raises(TooManyRequests):
        rates.count(Bucket.SERIALS, "account")
    clock.advance(3600.0)
    rates.count(Bucket.SERIALS, "account")


def test_failed_logins_in_a_row_lock_an_address_out(clock, rates):
    for well in (True, False, True, False):
        rates.logged_in("a", well=well)
    rates.check_lock("a")
    rates.logged_in("a", well=False)
    rates.check_lock("b")
    clock.advance(599.0)
    with pytest.raises(TooManyRequests) as refused:
        rates.check_lock("a")
    assert (str(refused.value), refused.value.wait) == ("too many failed logins", pytest.approx(1.0))
    clock.advance(600.0)
    rates.check_lock("a")
    rates.logged_in("a", well=False)
    rates.check_lock("a")


def test_so_many_streams_may_be_open_at_once(rates):
    rates.open_stream("a")
    rates.open_stream("a")
    with pytest.raises(TooManyRequests) as refused:
        rates.open_stream("a")
    assert (str(refused.value), refused.value.wait) == ("too many open event streams", 0.0)
    rates.open_stream("b")
    rates.close_stream("a")
    rates.open_stream("a")
    with pytest.raises(TooManyRequests):
        rates.open_stream("a")
    for _ in range(2):
        rates.close_stream("a")
    rates.close_stream("b")
    assert rates._open == {}
    rates.open_stream("a")
    rates.open_stream("a")
    with pytest.raises(TooManyRequests):
        rates.open_stream("a")


def test_without_limits_everything_is_allowed(clock):
    rates = Rates(clock, None)
    assert not rates.on
    for _ in range(20_000):
        rates.count(Bucket.ALL, "a")
    for _ in range(200):
        rates.logged_in("a", well=False)
        rates.open_stream("a")
        rates.close_stream("b")
    rates.check_lock("a")


def test_a_lock_outlives_the_sweep(clock, rates):
    for _ in range(2):
        rates.logged_in("a", well=False)
    for number in range(MAX_KEYS + 1):
        rates.count(Bucket.GRANTS, str(number))
    with pytest.raises(TooManyRequests):
        rates.check_lock("a")
    rates.count(Bucket.GRANTS, "0")
    with pytest.raises(TooManyRequests):
        rates.count(Bucket.GRANTS, "0")


def test_windows_that_are_over_are_forgotten_and_others_are_not(clock, rates):
    for number in range(MAX_KEYS):
        rates.count(Bucket.GRANTS, str(number))
    clock.advance(60.0)
    rates.count(Bucket.SERIALS, "x")
    assert len(rates._windows) == 1
    rates.count(Bucket.GRANTS, "y")
    with pytest.raises(TooManyRequests):
        rates.count(Bucket.SERIALS, "x")
