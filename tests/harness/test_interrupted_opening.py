"""Ctrl-C at any moment while boards are opened: nothing goes on running, and the state file is free again.

A signal is handled where a function begins, so that is where these interruptions come.
"""

import gc
import sys
import threading
from pathlib import Path

import pytest

from emulator.cloud import Storage
from harness.boards import Moniker, OpenOptions, Serving
from harness.boards.emu import KIND

OURS = tuple(str(Path(__file__).parents[2] / package) for package in ("harness", "emulator", "particle_protocol", "firmware_images"))
SOME = 5


class Interruption:
    """Raises as Ctrl-C does, when the function begins that comes after `number` others of this project. None: it only counts them."""

    def __init__(self, number=None):
        self.number, self.begun = number, 0

    def __call__(self, frame, event, argument):
        if event == "call" and frame.f_code.co_filename.startswith(OURS):
            self.begun += 1
            if self.begun - 1 == self.number:
                raise KeyboardInterrupt

    def __enter__(self):
        self.before = sys.gettrace()
        sys.settrace(self)
        return self

    def __exit__(self, *error):
        sys.settrace(self.before)


def labs():
    return {thread for thread in threading.enumerate() if thread.name == "particle-hil-lab"}


def open_one(path, interruption):
    serving = Serving(http_port=0, device_port=0, device_udp_port=0, state=str(path))
    with interruption:
        return KIND.open([Moniker.parse("emu:boron")], OpenOptions(served=True, serving=serving))


@pytest.fixture
def functions(tmp_path):
    """How many functions begin in the course of an opening, what is done once a process apart."""
    for name in ("first", "second"):
        interruption = Interruption()
        open_one(tmp_path / name, interruption).close()
    return interruption.begun


def interrupted(path, number):
    """Whether it came through: Python drops what is raised where a generator is thrown away. Who opens boards then presses Ctrl-C again."""
    try:
        open_one(path, Interruption(number)).close()
    except KeyboardInterrupt:
        return True  # and nobody holds the frames that it came through
    return False


def interrupt(path, number):
    """One point; whether the opening was ended."""
    before = labs()
    ended = interrupted(path, number)
    for thread in labs() - before:
        thread.join(timeout=10)
        assert not thread.is_alive(), f"a Lab goes on after an interruption at function {number}"
    gc.collect()
    Storage(path).close()
    return ended


# A socket or a loop that was made and not yet known to anybody is closed by Python.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def test_an_opening_that_is_interrupted_leaves_nothing_behind(tmp_path, functions, tried):
    ended = [interrupt(tmp_path / f"{place}.db", functions * (2 * place + 1) // (2 * SOME)) for place in range(SOME)]
    assert any(ended)
    tried(SOME, functions)


@pytest.mark.soak
def test_an_opening_that_is_interrupted_anywhere_leaves_nothing_behind(tmp_path, functions, tried):
    ended = [interrupt(tmp_path / f"{number}.db", number) for number in range(functions - 5)]
    assert sum(ended) > 0.98 * len(ended)
    tried(functions - 5, functions)
