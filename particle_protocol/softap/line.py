"""SoftAP on port 5609: a name, a length, an empty line and a body; in answer two line feeds and JSON. Both ends, without I/O.

The board's parser is a simple one (Device OS 2.3.1, hal/src/photon/softap.cpp, `SimpleProtocolDispatcher`): it takes 30 characters for
the name, makes a number of whatever stands in the second line, and skips all up to an empty line. It waits for the rest of a request as
long as the connection stands, and takes its end for the end of what it was reading. It serves one command per connection.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from particle_protocol.softap.commands import has_body
from particle_protocol.softap.requests import MAX_BODY, Answer, Reader, Request, SetupPage

MAX_NAME: Final = 30
_LF, _NUL = 0x0A, 0x00
_WORD: Final = 1 << 32


class LineReader(Reader):
    """The board's end of one connection."""

    waits = True

    def __init__(self) -> None:
        self._name = bytearray()
        self._name_over = self._length_over = False
        self._length = 0
        self._after_newline = True
        self._body: bytearray | None = None

    def read(self, inbox: bytearray, *, ended: bool) -> Request | Answer | None:
        """See `Reader.read`."""
        if self._body is None and not self._head(inbox) and not ended:
            return None
        name = self._name.decode("latin-1")
        if not has_body(name):
            return Request(name)
        if self._length > MAX_BODY:
            return Request(name)  # it has no memory for that much, and reads nothing
        if self._body is None:
            self._body = bytearray()
        take = self._length - len(self._body)
        self._body += inbox[:take]
        del inbox[:take]
        return Request(name, bytes(self._body)) if ended or len(self._body) == self._length else None

    def answer(self, pieces: Sequence[bytes], *, known: bool) -> Answer:
        """See `Reader.answer`."""
        return Answer(b"\n\n" + b"".join(pieces) if known else b"", closes=True)

    def answer_page(self, page: SetupPage | None) -> Answer:
        """See `Reader.answer_page`: here there are none."""
        return Answer(closes=True)

    def _head(self, inbox: bytearray) -> bool:
        """Read up to and with the empty line; whether it has come."""
        for index, byte in enumerate(inbox):
            if not self._name_over:
                if byte in (_LF, _NUL):
                    self._name_over = True
                else:
                    self._name.append(byte)
                    self._name_over = len(self._name) == MAX_NAME
            elif not self._length_over:
                if byte == _LF:
                    self._length_over = True
                else:
                    self._length = (self._length * 10 + byte - 0x30) % _WORD
            elif byte == _LF and self._after_newline:
                del inbox[: index + 1]
                return True
            else:
                self._after_newline = byte == _LF
        inbox.clear()
        return False


def line_request(name: str, body: dict[str, Any] | None = None) -> bytes:
    """What a client sends. Every request has its empty line: without one the board waits for ever."""
    text = b"" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogateescape")
    return b"%s\n%d\n\n%s" % (name.encode(), len(text), text)
