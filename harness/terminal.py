"""What reaches the terminal: text that came from elsewhere, made safe to show, and word that nothing reaches it any more.

File names, names of networks and what a board says of itself may hold anything. Shown raw, a control character in one of them could move
the cursor, retitle the window or look like a second line of output; so each is shown as an escape.
"""

from __future__ import annotations

import errno
import re
from typing import Final

from harness.hiding import hides

__tracebackhide__ = hides

_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""Control characters, what turns the direction of writing, line separators, and the surrogates that stand for bytes of no text."""
_SHORT: Final = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}


class OutputLost(Exception):
    """What was to be printed cannot be.

    Attributes:
        closed: nobody reads it any more, which is no error: `| head -1` is done.
    """

    def __init__(self, reason: OSError) -> None:
        super().__init__(f"the output cannot be written: {reason.strerror or reason}")
        self.closed = reason.errno == errno.EPIPE


def visible(text: str) -> str:
    """The text on one line, with escapes for what a terminal would not show but obey."""
    return _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00  # a byte of a name that is no text in this locale (PEP 383)
    return _SHORT.get(match[0]) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
