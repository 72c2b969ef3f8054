"""Reading and writing the vectors of TLS: numbers are big endian, and a vector stands behind its length (RFC 5246, 4)."""

from __future__ import annotations

from particle_protocol.dtls.errors import DecodeError


class Reader:
    """A cursor in a message. `what` names the message in errors."""

    __slots__ = ("_at", "_data", "_what")

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._what = what
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        """The next `size` bytes.

        Raises:
            DecodeError: fewer are left.
        """
        end = self._at + size
        if end > len(self._data):
            raise DecodeError(f"a {self._what} that is cut short: {size} bytes were expected at {self._at}, {self.left} are there")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def number(self, size: int) -> int:
        """An unsigned number of `size` bytes."""
        return int.from_bytes(self.take(size))

    def vector(self, length_size: int) -> bytes:
        """What stands behind a length of `length_size` bytes."""
        return self.take(self.number(length_size))

    def end(self) -> None:
        """The message ends here.

        Raises:
            DecodeError: it does not.
        """
        if self.left:
            raise DecodeError(f"a {self._what} with {self.left} bytes behind its end")


def vector(data: bytes, length_size: int) -> bytes:
    """`data` behind its length."""
    return len(data).to_bytes(length_size) + data
