"""`particle-hil lab`: look at a lab file before it is used, and what helps to write one."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import click

from harness.cli.options import json_option
from harness.cli.output import say, say_json
from harness.cli.paths import LAB_FILE
from harness.cli.verbs import LazyGroup
from harness.rack.lab_building import read_lab
from harness.rack.lab_errors import LabFileWrong
from harness.rack.lab_file import LabFile

_VERBS = {"check": "harness.cli.lab:check", "schema": "harness.cli.lab:schema", "ids": "harness.cli.lab:ids"}
_SUMMARIES = {
    "check": "Tell what is in a lab file, or all that is wrong with it.",
    "schema": "Print the JSON schema of lab files, for editors.",
    "ids": "Make up device ids, for a tray of boards that are not there.",
}


@click.group(
    name="lab",
    cls=LazyGroup,
    verbs=_VERBS,
    summaries=_SUMMARIES,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: particle-hil lab check lab.toml",
)
def lab() -> None:
    """Boards, and the cloud around them, as one file: lab.toml.

    `serve --lab`, `check --lab` and pytest's --lab take it; docs/lab-file.md tells what may be in it.
    """


@click.command(epilog="Example: particle-hil lab check lab.toml")
@click.argument("file", type=LAB_FILE)
@json_option
def check(file: Path, as_json: bool) -> int:
    """Tell what is in a lab FILE, or all that is wrong with it.

    Nothing is opened: no board is looked for, and variables of the environment are only looked at.

    Exit status: 0 it can be used, 2 it cannot.
    """
    from harness.cli.ending import OK, USAGE

    try:
        found = read_lab(file)
    except LabFileWrong as error:
        if not as_json:
            raise
        say_json({"problems": [_row(each.place, each.what, each.remedy) for each in error.problems]}, indent=2)
        return USAGE
    unset = {variable: place for variable, place in found.secrets.items() if not os.environ.get(variable)}
    if as_json:
        say_json(
            {"problems": [], **describe(found), "unset": [{"variable": name} | _row(place) for name, place in unset.items()]}, indent=2
        )
        return OK
    for key, value in describe(found).items():
        if value:
            say(f"{key:14} {', '.join(value)}")
    for variable, place in unset.items():
        say(f"{place}: {variable} is not set in this environment; whoever uses the file needs it")
    return OK


def describe(found: LabFile) -> dict[str, list[str]]:
    """What is in it, as lists of words."""
    in_products = Counter({product.slug: len(product.devices) for product in found.products})
    return {
        "boards": [f"{board.name} ({board.moniker})" for board in found.boards],
        "networks": [network.ssid for network in found.wifi],
        "accounts": [account.user for account in found.accounts],
        "SIMs": [f"{sim.iccid} ({sim.state})" for sim in found.sims],
        "organizations": [organization.slug for organization in found.organizations],
        "products": [f"{product.slug} ({product.platform}, {in_products[product.slug]} devices)" for product in found.products],
        "devices": [f"{len(found.devices)} without a board"] if found.devices else [],
        "customers": [f"{customer.user} ({customer.product})" for customer in found.customers],
        "projects": [f"{project.folder} ({project.application})" for project in found.projects],
    }


def _row(place: Any, what: str = "", remedy: str = "") -> dict[str, Any]:
    said = {"what": what, "remedy": remedy} if what else {}
    return {"file": str(place.file), "line": place.line, **said}


@click.command(epilog="Example: particle-hil lab schema > lab.schema.json; then write `#:schema ./lab.schema.json` above everything else")
def schema() -> None:
    """Print the JSON schema of lab files.

    Editors with a language server for TOML (Even Better TOML, taplo) complete and check by it.
    """
    from harness.rack.lab_schema import schema_text

    say(*schema_text().rstrip("\n").split("\n"))


@click.command(epilog="Example: particle-hil lab ids photon 100 > ids.txt")
@click.argument("platform")
@click.argument("count", type=click.IntRange(1, 100_000))
@click.option("--seed", type=int, default=0, show_default=True, help="Other seeds, other ids.")
def ids(platform: str, count: int, seed: int) -> None:
    """Make up COUNT device ids of a PLATFORM, one a line."""
    from random import Random

    from particle_protocol.identifiers import make_device_id
    from particle_protocol.platforms import UnknownPlatform, platform_by_name

    try:
        made = platform_by_name(platform)
    except UnknownPlatform as error:
        raise click.BadParameter(str(error), param_hint="PLATFORM") from None
    random = Random(f"tray {seed}")
    for _ in range(count):
        say(make_device_id(random, made))
