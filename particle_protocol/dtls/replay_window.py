"""Which records of an epoch have been received: the last 64 are remembered, older ones count as received (RFC 6347, 4.1.2.6)."""

from __future__ import annotations

from typing import Final

WIDTH: Final = 64


class ReplayWindow:
    """`top` is the highest sequence number received; bit n of `bits` says whether top - n was."""

    __slots__ = ("bits", "top")

    def __init__(self, top: int = 0, bits: int = 0) -> None:
        self.top = top
        self.bits = bits

    def has_received(self, sequence: int) -> bool:
        """Whether the record was received before, or is too old to tell."""
        age = self.top - sequence
        return age >= 0 and (age >= WIDTH or bool(self.bits >> age & 1))

    def is_newest(self, sequence: int) -> bool:
        """Whether the record is newer than all that were received."""
        return sequence > self.top or not self.bits

    def note(self, sequence: int) -> None:
        """The record has been received, and is authentic."""
        age = self.top - sequence
        if age < 0:
            self.bits = (self.bits << -age | 1) & (1 << WIDTH) - 1 if -age < WIDTH else 1
            self.top = sequence
        else:
            self.bits |= 1 << age & (1 << WIDTH) - 1
