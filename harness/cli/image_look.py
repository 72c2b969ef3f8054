"""`particle-hil image check` and `diff`: images are judged, nothing is changed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from firmware_images.checks import ANY_DEVICE, Target
from firmware_images.image import check_image, read_image
from harness.cli.image_inspect import files_argument, json_option
from harness.cli.image_options import first_module, parse_platform
from harness.image_files import FileUnusable, read_file
from harness.image_report import FINDINGS, UNREADABLE, as_line, exit_status, report, unreadable


@click.command()
@files_argument
@json_option
@click.option("--platform", callback=parse_platform, metavar="NAME", help="The board it is for, by name or number.")
@click.option("--installed", multiple=True, type=click.Path(path_type=Path), help="A module on the board; give it again for more.")
@click.option("--device-os", metavar="VERSION", help="The board has the modules of this Device OS version (fetched when needed).")
@click.option("--device-rules", is_flag=True, help="Judge dependencies as a board does at boot, its quirks included.")
@click.option("--update", is_flag=True, help="Judge dependencies as a board does when it applies an update.")
@click.option("--protected", is_flag=True, help="The board has device protection on.")
def check(
    files: tuple[Path, ...],
    as_json: bool,
    platform: int | None,
    installed: tuple[Path, ...],
    device_os: str | None,
    device_rules: bool,
    update: bool,
    protected: bool,
) -> None:
    """Judge images, for a board and the modules on it if these are told. One line per finding."""
    paths = [*installed, *_release(platform, device_os)]
    prefixes = tuple(first_module(path).prefix for path in paths) if paths else None
    target = Target(platform, prefixes, device_rules or update, update, protected)
    if target == Target():
        target = ANY_DEVICE
    status = 0
    for path in files:
        try:
            image = read_image(read_file(path))
        except FileUnusable as reason:
            status = UNREADABLE
            click.echo(as_line(unreadable(str(path), str(reason))) if as_json else str(reason), err=not as_json)
            continue
        findings = check_image(image, target)
        of_this = exit_status(image, findings)
        status = max(status, of_this)
        if as_json:
            click.echo(as_line(report(str(path), image, findings)))
            continue
        for finding in findings:
            click.echo(f"{path}: {finding}")
        if not of_this:
            click.echo(f"{path}: fine")
    sys.exit(status)


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
@click.argument("left", type=click.Path(path_type=Path))
@click.argument("right", type=click.Path(path_type=Path))
@json_option
def diff(left: Path, right: Path, as_json: bool) -> None:
    """Tell what differs between two modules. Exit status 0 when nothing does, 1 when something does."""
    from firmware_images.diff import diff_modules

    found = diff_modules(first_module(left), first_module(right))
    for difference in found:
        if as_json:
            click.echo(as_line({"what": difference.what, "left": difference.left, "right": difference.right}))
        else:
            click.echo(str(difference))
    sys.exit(FINDINGS if found else 0)
