"""What nobody foresaw: logged at a bounded rate, counted, and kept from everybody else."""

from __future__ import annotations

import errno
import os

import pytest

from emulator.clock import Clock
from emulator.mishaps import EVERY, MAX_KINDS, Mishaps


def fail(error):
    raise error


def test_a_thousand_of_a_kind_are_a_line_now_and_then(caplog):
    clock = Clock()
    mishaps = Mishaps(clock)
    for _ in range(1000):
        mishaps.fenced("a listener", fail, ValueError("x"))
    mishaps.fenced("another one", fail, ValueError("x"))
    assert [record.getMessage() for record in caplog.records] == ["a listener failed", "another one failed"]
    clock.advance(EVERY)
    mishaps.fenced("a listener", fail, ValueError("x"))
    assert caplog.records[-1].getMessage() == "a listener failed (999 more like it since)"
    assert caplog.records[-1].exc_info[1].args == ("x",)
    assert mishaps.counted == {"a listener: ValueError": 1001, "another one: ValueError": 1}


def test_kinds_are_bounded_too():
    mishaps = Mishaps(Clock())
    for number in range(2 * MAX_KINDS):
        mishaps.note(f"number {number}", ValueError())
    assert len(mishaps.counted) == MAX_KINDS + 1


def test_a_system_that_can_open_no_more_is_one_sentence(caplog):
    Mishaps(Clock()).note("accepting", OSError(errno.EMFILE, os.strerror(errno.EMFILE)))
    (record,) = caplog.records
    assert record.getMessage() == "accepting: Too many open files; close programs, or let more files be open (ulimit -n)"
    assert record.exc_info is None


def test_what_ends_a_program_is_not_fenced():
    with pytest.raises(KeyboardInterrupt):
        Mishaps(Clock()).fenced("a listener", fail, KeyboardInterrupt())
