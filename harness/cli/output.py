"""What the command prints: text that is safe on any terminal, on streams that cannot show everything, or that nobody reads any more."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO, cast

from harness.terminal import OutputLost, visible

if TYPE_CHECKING:
    from harness.cli.ending import Told


def say(*lines: str, err: bool = False) -> None:
    """Print lines, each made visible, on stdout or stderr.

    Raises:
        OutputLost: stdout cannot be written to. That stderr cannot is passed over: there is nowhere to say so.
    """
    write("".join(f"{visible(line)}\n" for line in lines), err=err)


def write(text: str, *, err: bool = False) -> None:
    """Print text that is safe already; see `say`."""
    try:
        stream = sys.stderr if err else sys.stdout
        if stream is not None:
            stream.write(text)
            stream.flush()
    except OSError as reason:
        if not err:
            raise OutputLost(reason) from None


def say_json(data: Told, *, indent: int | None = None) -> None:
    """Print an object as JSON, which has its own escapes; on one line, unless there is an indent.

    Raises:
        OutputLost: stdout cannot be written to.
    """
    import json

    write(json.dumps(data, indent=indent).replace("\x7f", "\\u007f") + "\n")


def on_terminal() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def shown_in(encoding: str, text: str, instead: str) -> str:
    """The text, or what stands for it where an encoding has no such characters."""
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return instead
    return text


def prepare() -> None:
    """Make stdout and stderr take every character: what their encoding lacks is shown as an escape."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def finish() -> None:
    """See that all that was printed has left.

    Raises:
        OutputLost: it cannot.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as reason:
        raise OutputLost(reason) from None


def let_go() -> None:
    """Give up stdout, so that the interpreter does not try once more to write what is left in it."""
    try:
        descriptor = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


@contextlib.contextmanager
def guarded() -> Iterator[TextIO]:
    """Gives stdout for a library that draws on it.

    Raises:
        OutputLost: at the end, when stdout could not be written to.
    """
    stream = Guarded(sys.stdout)
    yield cast("TextIO", stream)
    if stream.lost is not None:
        raise stream.lost


class Guarded:
    """A stream for a library that draws on it: once it cannot be written to, what comes is dropped and `lost` says why."""

    def __init__(self, stream: TextIO) -> None:
        self.lost: OutputLost | None = None
        self._stream = stream

    @property
    def encoding(self) -> str:
        """That of the stream."""
        return self._stream.encoding

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Its descriptor."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Write, or drop it."""
        if self.lost is None:
            try:
                return self._stream.write(text)
            except OSError as reason:
                self.lost = OutputLost(reason)
        return len(text)

    def flush(self) -> None:
        """Let what was written leave."""
        if self.lost is None:
            try:
                self._stream.flush()
            except OSError as reason:
                self.lost = OutputLost(reason)
