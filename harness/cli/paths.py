"""Files and folders on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from harness.image_files import STANDARD, named


class PathType(click.ParamType):  # type: ignore[type-arg]  # click has the argument since 8.5 only
    """A path; `-` is standard input or output, where that makes sense.

    Attributes:
        refusal: why it makes none; empty where it does.
        plain: whether what is there already must be a plain file.
    """

    name = "path"

    def __init__(self, refusal: str = "", *, plain: bool = False) -> None:
        self.refusal = refusal
        self.plain = plain

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path of a word."""
        if not str(value):
            self.fail("the name is empty: is it from a variable that is not set?", param, ctx)
        path = named(str(value))
        if path == STANDARD and self.refusal:
            self.fail(self.refusal, param, ctx)
        if self.plain and path.exists() and not path.is_file():
            what = "a directory" if path.is_dir() else "a device or a pipe"
            self.fail(f"{str(path)!r} is {what}; a plain file is needed", param, ctx)
        return path


FILE: Final = PathType()
NAMED_FILE: Final = PathType("an asset has the name of its file, and standard input has none; name a file")
STATE_FILE: Final = PathType("a file is needed, not standard output", plain=True)
LAB_FILE: Final = PathType("a lab file is needed, for its paths begin at its folder")
FOLDER: Final = PathType("a folder is needed, not standard output")
