"""What is left of Device OS after a panic: the LED signals SOS and a number, twice, and the board resets.

Device OS 6.2.0, services/src/panic.c:70-105. Meanwhile nothing else runs; a host sees the board gone from USB, as nobody answers there.
"""

from __future__ import annotations

from typing import Final

from emulator.board.board import Board
from emulator.board.led_patterns import panic_shown
from particle_protocol.messages.goodbye import ResetReason

CODES: Final = range(1, 16)
"""1 hard fault, 2 NMI, 3 memory management, 4 bus fault, 5 usage fault, 6 invalid length, 7 exit, 8 out of heap, 9 SPI overrun,
10 assertion, 11 invalid case, 12 pure virtual call, 13 stack overflow, 14 heap error, 15 secure fault (services/inc/panic.h:24-40)."""


class Panic:
    """The rest of one boot. See `Firmware`."""

    def __init__(self, board: Board, code: int) -> None:
        self._board = board
        self._look = panic_shown(code)

    @staticmethod
    def check(code: int) -> None:
        """See that there is such a code.

        Raises:
            ValueError: there is not.
        """
        if code not in CODES:
            raise ValueError(f"a panic has a number from {CODES[0]} to {CODES[-1]}, not {code}")

    def start(self) -> None:
        """Signal, and reset after that."""
        board = self._board
        board.led.show(self._look, board.clock.now)
        board.scope.call_later(self._look.duration, board.reset, ResetReason.PANIC)

    def mode_changed(self) -> None:
        """Nobody looks at the button."""
