"""One-time-programmable memory: bits can be cleared once and never set again. It holds the serial number and the mobile secret."""

from __future__ import annotations

SERIAL_NUMBER = (0, 15)
MOBILE_SECRET = (16, 15)
"""(offset, size). Where real boards keep them in the area is not known; nothing outside can see it."""


class Otp:
    """The one-time-programmable area of a board, of `size` bytes."""

    __slots__ = ("_data", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._data = b"\xff" * size

    def read(self, offset: int, length: int) -> bytes:
        """Read `length` bytes at `offset`."""
        return self._data[offset : offset + length]

    def program(self, offset: int, data: bytes) -> None:
        """Clear bits: what is there becomes the AND of itself and `data`.

        Raises:
            ValueError: outside of the area.
        """
        if offset < 0 or offset + len(data) > self.size:
            raise ValueError(f"the one-time-programmable area has {self.size} bytes")
        old = self._data[offset : offset + len(data)]
        new = bytes(a & b for a, b in zip(old, data, strict=True))
        self._data = self._data[:offset] + new + self._data[offset + len(data) :]

    def text(self, offset: int, size: int) -> str:
        """The text in a field, or an empty one when the field was never programmed."""
        data = self.read(offset, size)
        return data.rstrip(b"\xff").decode("ascii", "replace") if data.rstrip(b"\xff").isascii() else ""
