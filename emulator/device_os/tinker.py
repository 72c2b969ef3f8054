"""Tinker: the application that a Photon leaves the factory with, four functions over eight digital and eight analogue pins."""

from __future__ import annotations

import re

from emulator.device_os.application import Application, function

_NUMBER = re.compile(r"\s*(-?\d+)")


class Tinker(Application):
    """Reads and writes pins by name: `D7 HIGH`, `A0 128`. The separator is any one character.

    `pins` holds what each pin reads as, by name; a test sets it to say what is wired there. A written pin reads as what was written.
    Results: 1 done, a reading, or a negative number for arguments that Tinker does not take.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pins: dict[str, int] = {}

    @function
    def digitalread(self, argument: str) -> int:
        """`D0` to `D7`, `A0` to `A7`: 1 or 0. No such number: -1, no such bank: -2."""
        if not _has_number(argument):
            return -1
        if argument[0] not in "DA":
            return -2
        return int(self.pins.get(argument[:2], 0) != 0)

    @function
    def digitalwrite(self, argument: str) -> int:
        """Pin, separator, `HIGH` or `LOW`. No such number: -1, no such level: -2, no such bank: -3."""
        if not _has_number(argument):
            return -1
        if argument[3:7] == "HIGH":
            level = 1
        elif argument[3:6] == "LOW":
            level = 0
        else:
            return -2
        if argument[0] not in "DA":
            return -3
        self.pins[argument[:2]] = level
        return 1

    @function
    def analogread(self, argument: str) -> int:
        """`A0` to `A7`: 0 to 4095. No such number: -1, no such bank: -2, a digital pin: -3."""
        if not _has_number(argument):
            return -1
        if argument[0] != "A":
            return -3 if argument[0] == "D" else -2
        return self.pins.get(argument[:2], 0)

    @function
    def analogwrite(self, argument: str) -> int:
        """Pin (also `TX` and `RX`), separator, number. No such number: -1, no such bank: -2."""
        match = _NUMBER.match(argument[3:])
        value = int(match.group(1)) if match else 0
        if argument[:2] not in ("TX", "RX"):
            if not _has_number(argument):
                return -1
            if argument[0] not in "DA":
                return -2
        self.pins[argument[:2]] = value
        return 1


def _has_number(argument: str) -> bool:
    """Whether the second character is a pin's number."""
    return "0" <= argument[1:2] <= "7"
