"""What several verbs of `particle-hil image` read from the command line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import click

from firmware_images.fields import Dependency, ModuleFunction
from firmware_images.image import read_image
from firmware_images.module import Module
from harness.image_files import FileUnusable, read_file

_DEPENDENCY = re.compile(r"([a-z])(\d+)\s*(?:>=|@|=)\s*(\d+)")
LETTERS: Final = {function.letter: function for function in ModuleFunction if function.letter not in "n_"}

out_option = click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Where the result is written.")


def first_module(path: Path) -> Module:
    """The (first) module of a file of any kind.

    Raises:
        FileUnusable: the file cannot be read, or holds none.
    """
    image = read_image(read_file(path))
    if not image.modules:
        why = "; ".join(finding.detail for finding in image.findings)
        raise FileUnusable(f"{path}: {image.kind.value}: {why}")
    return image.modules[0]


def parse_platform(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    """A platform by name or number."""
    if value is None:
        return None
    if value.isdecimal():
        return int(value)
    from particle_protocol.platforms import UnknownPlatform, platform_by_name

    try:
        return platform_by_name(value).id
    except UnknownPlatform as reason:
        raise click.BadParameter(str(reason)) from None


def parse_number(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    """A number, decimal or hexadecimal with 0x."""
    try:
        return None if value is None else int(value, 0)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no number") from None


def parse_dependencies(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> tuple[Dependency, ...]:
    """Dependencies such as s2>=2101: the letter of the function, the index, the lowest version."""
    found = []
    for value in values:
        match = _DEPENDENCY.fullmatch(value.strip())
        if match is None or match[1] not in LETTERS:
            raise click.BadParameter(f"{value!r} is no dependency; expected something like s2>=2101, with one of {' '.join(LETTERS)}")
        found.append(Dependency(LETTERS[match[1]], int(match[2]), int(match[3])))
    return tuple(found)


def parse_function(_ctx: click.Context, _param: click.Parameter, value: str | None) -> ModuleFunction | None:
    """A module function by its name (user-part), letter (u) or number (5)."""
    if value is None:
        return None
    name = value.upper().replace("-", "_").replace(" ", "_")
    if value in LETTERS:
        return LETTERS[value]
    if value.isdecimal() and int(value) < 256:
        return ModuleFunction(int(value))
    if name in ModuleFunction.__members__:
        return ModuleFunction[name]
    names = ", ".join(str(function).replace(" ", "-") for function in LETTERS.values())
    raise click.BadParameter(f"{value!r} is no module function; there are {names}")
