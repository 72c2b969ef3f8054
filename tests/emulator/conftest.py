"""A Lab in virtual time, and short ways to look at a board from outside."""

import struct
from contextlib import closing

import pytest

from emulator.board_spec import BoardSpec
from emulator.lab import Lab
from particle_protocol.control_requests.host import request
from particle_protocol.usb import Pause, Setup, Stall


class Unplugged(Exception):
    """The board vanished from the bus in the middle of a conversation."""


class Bench:
    """One Lab and what a person at a bench would do and see."""

    Unplugged = Unplugged

    def __init__(self):
        self.lab = Lab(seed=1)

    def board(self, **more):
        return self.lab.add_board(BoardSpec(**more))

    def sleep(self, seconds):
        self.lab.driver.sleep(seconds)

    def wait_led(self, board, text, timeout=60.0):
        self.lab.driver.wait(
            lambda: board.led.describe() == text,
            [board.changed],
            timeout=timeout,
            awaited=f"LED {text}",
            seen=lambda: ", ".join(str(change.status) for change in board.led.timeline),
        )

    def watch(self, board, seconds):
        """What an eye sees for so many seconds: (milliseconds since now, colour) of every change of colour."""
        start = self.lab.clock.now
        self.sleep(seconds)
        return [(round((time - start) * 1000), colour) for time, colour in board.led.seen(start, start + seconds)]

    def click(self, board, seconds=0.1):
        """Press MODE for so long."""
        board.buttons.press_mode()
        self.sleep(seconds)
        board.buttons.release_mode()

    def usb(self, board):
        """(vendor id, product id) as enumerated, or None."""
        if board.plug.function is None:
            return None
        descriptor = board.plug.function.control(Setup(0x80, 6, 0x0100, 0, 18), b"")
        return struct.unpack_from("<HH", descriptor, 8)

    def run(self, board, steps):
        """Run a host-side conversation against the board's USB function, in virtual time."""
        function, answer, stall = board.plug.function, b"", None
        try:
            while True:
                wanted = steps.send(answer or None) if stall is None else steps.throw(stall)
                answer, stall = b"", None
                if isinstance(wanted, Pause):
                    self.sleep(wanted.seconds)
                    continue
                try:
                    answer = function.control(wanted.setup, wanted.data)
                except Stall as error:
                    if board.plug.function is not function:
                        raise Unplugged from error
                    stall = error
        except StopIteration as stop:
            return stop.value

    def request(self, board, kind, payload=b""):
        return self.run(board, request(kind, payload))

    def hold(self, board, seconds):
        """Hold MODE, tap RESET, hold on for `seconds`, release."""
        board.buttons.press_mode()
        board.buttons.press_reset()
        self.sleep(0.1)
        board.buttons.release_reset()
        self.sleep(seconds)
        board.buttons.release_mode()
        self.sleep(0.2)

    def close(self):
        self.lab.close()


@pytest.fixture
def bench():
    with closing(Bench()) as made:
        yield made


@pytest.fixture(scope="session")
def new_bench():
    """Makes a bench; whoever calls it closes it."""
    return Bench
