"""Files and folders on the command line of `particle-hil image`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from harness.image_files import STANDARD, named


class PathType(click.ParamType):  # type: ignore[type-arg]  # click has the argument since 8.5 only
    """A path; `-` is standard input or output, where that makes sense.

    Attributes:
        refusal: why it makes none; empty where it does.
    """

    name = "path"

    def __init__(self, refusal: str = "") -> None:
        self.refusal = refusal

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path of a word."""
        if not str(value):
            self.fail("the name is empty: is it from a variable that is not set?", param, ctx)
        path = named(str(value))
        if path == STANDARD and self.refusal:
            self.fail(self.refusal, param, ctx)
        return path


FILE: Final = PathType()
NAMED_FILE: Final = PathType("an asset has the name of its file, and standard input has none; name a file")
FOLDER: Final = PathType("a folder is needed, not standard output")
