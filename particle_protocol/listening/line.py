"""How the console reads a line (Device OS 2.3.1, wiring/src/spark_wiring_stream.cpp:279-324)."""

from __future__ import annotations

from typing import Final

_BACKSPACE: Final = frozenset(b"\x08\x7f")
_ENDS: Final = frozenset(b"\r\n")


class LineReader:
    """One line of at most `limit` bytes, echoed as it comes.

    CR or LF ends it and is not echoed. Backspace or delete takes the last byte back and is echoed as it is, or ignored when there is
    none. Once `limit` bytes are there, the next byte ends the line, whatever it is. A NUL cuts the line where it stands.
    """

    __slots__ = ("_text", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._text = bytearray()

    def feed(self, pending: bytearray) -> tuple[bytes | None, bytes]:
        """Take bytes out of `pending` until the line ends or there are no more.

        Returns:
            The line, or None while it is not complete; and what to echo.
        """
        text, echo = self._text, bytearray()
        for taken, byte in enumerate(pending, 1):
            if len(text) == self.limit or byte in _ENDS:
                del pending[:taken]
                return bytes(text).split(b"\0", 1)[0], bytes(echo)
            if byte not in _BACKSPACE:
                text.append(byte)
            elif text:
                text.pop()
            else:
                continue
            echo.append(byte)
        pending.clear()
        return None, bytes(echo)
