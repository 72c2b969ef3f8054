"""An image as somebody gives it: its bytes, or a file."""

from __future__ import annotations

from pathlib import Path

from harness.errors import ImageRefused, Refusal, hides
from harness.image_files import STANDARD, FileUnusable, read_file

__tracebackhide__ = hides


def load(source: bytes | str | Path) -> tuple[str, bytes]:
    """The name and bytes of an image given as bytes or as a file.

    Raises:
        ImageRefused: the file cannot be read.
    """
    if isinstance(source, bytes):
        return "image", source
    path = Path(source)
    try:
        return "standard input" if path == STANDARD else path.name, read_file(path)
    except FileUnusable as error:
        raise ImageRefused(Refusal.UNREADABLE, str(error), remedy="Check the path") from error
