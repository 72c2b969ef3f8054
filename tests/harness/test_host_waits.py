"""Waiting on a host: looks at changes and at intervals, and ends with what was seen."""

import pytest

from harness.errors import BoardLabel, NotReached
from harness.host import wait_until


class FakeClock:
    def __init__(self):
        self.time = 0.0

    def now(self):
        return self.time


class FakeHost:
    """Time passes only in `rest`. `quiet`: nothing more can happen."""

    def __init__(self, quiet=False):
        self.clock = FakeClock()
        self.quiet = quiet
        self.rests = []

    def rest(self, seconds, *, port=None):
        self.rests.append((seconds, port))
        if self.quiet:
            return False
        self.clock.time += seconds
        return True


def test_what_is_there_already_takes_no_time():
    host = FakeHost()
    assert wait_until(host, lambda: "here", timeout=1, awaited="it", seen=str) == "here"
    assert host.rests == []


def test_a_wait_looks_at_every_interval():
    host = FakeHost()
    assert wait_until(host, lambda: host.clock.now() >= 1 or None, timeout=5, awaited="it", seen=str, poll=0.5, port="1-1")
    assert host.rests == [(0.5, "1-1"), (0.5, "1-1")]


def test_a_timeout_names_board_awaited_and_seen():
    host = FakeHost()
    with pytest.raises(NotReached, match=r"Photon 0123 at USB port 1-1: waited for DFU mode, but not within 1 s; seen: nothing on USB"):
        wait_until(
            host, lambda: None, timeout=1, awaited="DFU mode", seen=lambda: "nothing on USB", board=BoardLabel("0123", "1-1", "Photon")
        )
    assert host.clock.now() == 1


def test_a_wait_for_what_can_never_come_ends_at_once():
    host = FakeHost(quiet=True)
    with pytest.raises(NotReached, match="nothing more can happen") as caught:
        wait_until(host, lambda: None, timeout=1e9, awaited="a miracle", seen=lambda: "silence")
    assert caught.value.stalled
    assert len(host.rests) == 1


def test_what_the_last_event_brought_about_is_looked_at_before_giving_up():
    """Such as a SIM that the cloud activates while the board has nothing to do: nothing shows on the bus, and nothing more is due."""
    host = FakeHost(quiet=True)
    assert wait_until(host, lambda: host.rests or None, timeout=10, awaited="the last event", seen=str)
