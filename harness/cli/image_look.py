"""`particle-hil image check` and `diff`: images are judged, nothing is changed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from firmware_images.checks import ANY_DEVICE, Target
from firmware_images.findings import Finding
from firmware_images.image import Image
from harness.cli.image_inspect import files_argument, json_option, judge_each
from harness.cli.image_options import first_module, parse_platform
from harness.cli.output import say, say_json
from harness.cli.paths import FILE
from harness.image_files import FileUnusable
from harness.image_report import FINDINGS, exit_status, report


@click.command()
@files_argument
@json_option
@click.option("--platform", callback=parse_platform, metavar="NAME", help="The board it is for, by name or number.")
@click.option("--installed", multiple=True, type=FILE, help="A module on the board; give it again for more.")
@click.option("--device-os", metavar="VERSION", help="The board has the modules of this Device OS version (fetched when needed).")
@click.option("--product", type=click.IntRange(1, 0xFFFFFFFF), metavar="N", help="The id of the product that they are to be uploaded to.")
@click.option("--device-rules", is_flag=True, help="Judge dependencies as a board does at boot, its quirks included.")
@click.option("--update", is_flag=True, help="Judge dependencies as a board does when it applies an update.")
@click.option("--protected", is_flag=True, help="The board has device protection on.")
def check(
    files: tuple[Path, ...],
    as_json: bool,
    platform: int | None,
    installed: tuple[Path, ...],
    device_os: str | None,
    product: int | None,
    device_rules: bool,
    update: bool,
    protected: bool,
) -> None:
    """Judge images, for a board and the modules on it if these are told. One line per finding."""
    paths = [*installed, *_release(platform, device_os)]
    prefixes = tuple(first_module(path).prefix for path in paths) if paths else None
    target = Target(platform, prefixes, device_rules or update, update, protected, product=product)
    if target == Target():
        target = ANY_DEVICE

    def show(name: str, image: Image, findings: Sequence[Finding]) -> None:
        if as_json:
            say_json(report(name, image, findings))
            return
        say(*(f"{name}: {finding}" for finding in findings))
        if not exit_status(image, findings):
            say(f"{name}: fine")

    sys.exit(judge_each(files, show, target, as_json=as_json))


def _release(platform: int | None, version: str | None) -> Sequence[Path]:
    if version is None:
        return ()
    if platform is None:
        raise click.UsageError("--device-os needs --platform")
    from harness.cli.waiting import waiting_line
    from harness.firmware_store import FirmwareUnavailable, release
    from harness.image_report import platform_name

    try:
        with waiting_line() as waiting:
            return release(platform_name(platform), version, waiting).files
    except FirmwareUnavailable as reason:
        raise FileUnusable(str(reason)) from None


@click.command()
@click.argument("left", type=FILE)
@click.argument("right", type=FILE)
@json_option
def diff(left: Path, right: Path, as_json: bool) -> None:
    """Tell what differs between two modules. Exit status 0 when nothing does, 1 when something does."""
    from firmware_images.diff import diff_modules

    found = diff_modules(first_module(left), first_module(right))
    for difference in found:
        if as_json:
            say_json({"what": difference.what, "left": difference.left, "right": difference.right})
        else:
            say(str(difference))
    sys.exit(FINDINGS if found else 0)
