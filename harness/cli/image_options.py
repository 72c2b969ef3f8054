"""What several verbs of `particle-hil image` read from the command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from firmware_images.errors import EditRefused, EnvError
from firmware_images.fields import Dependency, ModuleFlag, ModuleFunction
from firmware_images.image import Image, ImageKind, check_image, read_image
from firmware_images.module import Module
from harness.cli.output import say
from harness.cli.paths import FILE, FOLDER
from harness.image_files import FileUnusable, called, read_file

_DEPENDENCY = re.compile(r"([a-z])(\d+)\s*(?:>=|@|=)\s*(\d+)")
LETTERS: Final = {function.letter: function for function in ModuleFunction if function.letter not in "n_"}

out_option = click.option("-o", "--output", required=True, type=FILE, help="Where the result is written.")
folder_option = click.option("-o", "--output", required=True, type=FOLDER, help="The folder for the results; made where there is none.")
_env_option = click.option("--env", "env", multiple=True, metavar="NAME=VALUE", help="An environment variable; give it again for more.")
_env_file_option = click.option("--env-file", type=FILE, help="Environment variables: a JSON object of names and strings; --env overrides.")
FLAGS: Final = {flag.name.lower().replace("_", "-"): flag for flag in ModuleFlag if flag.name}
DEPENDENCY_HELP: Final = "A dependency such as s2@2101: function, index, lowest version"
F = TypeVar("F", bound=Callable[..., Any])


def env_options(command: F) -> F:
    """Add the options that give environment variables; `read_variables` reads them."""
    return _env_option(_env_file_option(command))


def read_variables(given: Sequence[str], file: Path | None) -> dict[str, str] | None:
    """The environment variables of the command line, those of the file first; None when there are no such options.

    Raises:
        EnvError: they cannot be such.
    """
    if file is None and not given:
        return None
    from firmware_images.env import check_env, read_env

    try:
        variables = {} if file is None else read_env(read_file(file))
    except EnvError as reason:
        raise EnvError(f"{file}: {reason}") from None
    for word in given:
        name, equals, value = word.partition("=")
        if not equals:
            raise click.BadParameter(f"{word!r} is no environment variable; expected NAME=VALUE", param_hint="--env")
        variables[name] = value
    return check_env(variables)


def unusable(path: Path, image: Image) -> FileUnusable:
    """The error for a file that holds no module, with the reason."""
    return FileUnusable(f"{path}: {image.kind.value}: {'; '.join(finding.detail for finding in image.findings)}")


def first_module(path: Path) -> Module:
    """The (first) module of a file of any kind.

    Raises:
        FileUnusable: the file cannot be read, or holds none.
    """
    return first_module_of(read_image(read_file(path)), path)


def first_module_of(image: Image, path: Path) -> Module:
    """The same of a file that was read already.

    Raises:
        FileUnusable: it holds none, or is a copy of flash.
    """
    if not image.modules:
        raise unusable(path, image)
    refuse_dump(image, path)
    return image.modules[0]


def refuse_dump(image: Image, path: Path) -> None:
    """See that a file is no copy of flash, of which nobody can say which module is meant.

    Raises:
        FileUnusable: it is one.
    """
    if image.kind is ImageKind.DUMP:
        raise FileUnusable(f"{unusable(path, image)}; `particle-hil image split` takes them out of it")


def tell_findings(path: Path, data: bytes) -> None:
    """Say on stderr what there is to say of a file that was just written."""
    for finding in check_image(read_image(data)):
        say(f"{called(path)}: {finding}", err=True)


def only_module(image: Image, path: Path, number: int | None) -> Image:
    """The image with one of its modules alone, or as it is when no number is given.

    Raises:
        EditRefused: there is no module of that number.
    """
    if number is None:
        return image
    if number > len(image.modules):
        raise EditRefused(f"{path} has {len(image.modules)} module{'s' * (len(image.modules) > 1)}, there is no module {number}")
    at = number - 1
    return replace(image, modules=image.modules[at:number], addresses=image.addresses[at:number])


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
    """Dependencies such as s2@2101 or s2>=2101: the letter of the function, the index, the lowest version."""
    found = []
    for value in values:
        match = _DEPENDENCY.fullmatch(value.strip())
        if match is None or match[1] not in LETTERS:
            raise click.BadParameter(f"{value!r} is no dependency; expected something like s2@2101, with one of {' '.join(LETTERS)}")
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
