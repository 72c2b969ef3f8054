"""`particle-hil image fetch`: real Device OS releases and Tinker, into the user's cache."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.image_options import parse_platform
from harness.cli.output import say, say_json
from harness.cli.paths import FOLDER
from harness.cli.waiting import waiting_line
from harness.firmware_store import PLATFORMS, TINKER_PLATFORMS, FirmwareUnavailable, release, tinker
from harness.image_files import FileUnusable, make_folder, read_file, write_file
from harness.image_report import platform_name


@click.command()
@click.option("--platform", "platform_id", callback=parse_platform, metavar="NAME", help="Platform, by name or number.")
@click.option("--version", metavar="VERSION", help="Device OS version, such as 2.1.0.")
@click.option("--tinker", "with_tinker", is_flag=True, help="Fetch the Tinker application.")
@click.option("--list", "listing", is_flag=True, help="Say what there is, for all platforms or the one given; fetches nothing.")
@click.option("-o", "--output", type=FOLDER, help="Also copy the files into this folder.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def fetch(platform_id: int | None, version: str | None, with_tinker: bool, listing: bool, output: Path | None, as_json: bool) -> None:
    """Fetch the modules of a Device OS version, or Tinker, and print where they are.

    They come out of npm packages, by way of the npm client; each is checked before it is kept.
    """
    platform = None if platform_id is None else platform_name(platform_id)
    if listing:
        _list(platform, as_json)
        return
    if platform is None or not (version or with_tinker):
        raise click.UsageError("tell --platform and --version, or --platform and --tinker, or --list")
    try:
        with waiting_line() as waiting:
            paths = [*(release(platform, version, waiting).files if version else ())]
            paths += [tinker(platform, waiting)] if with_tinker else []
    except FirmwareUnavailable as reason:
        raise FileUnusable(str(reason)) from None
    if output is not None:
        paths = [_copied(path, output) for path in paths]
    if as_json:
        say_json({"platform": platform, "version": version, "files": [str(path) for path in paths]})
    else:
        say(*map(str, paths))


def _copied(path: Path, folder: Path) -> Path:
    make_folder(folder)
    target = folder / path.name
    write_file(target, read_file(path))
    return target


def _list(platform: str | None, as_json: bool) -> None:
    versions = {version: [name for name in names if platform in (None, name)] for version, names in PLATFORMS.items()}
    versions = {version: names for version, names in versions.items() if names}
    tinkers = sorted(name for name in TINKER_PLATFORMS if platform in (None, name))
    if as_json:
        say_json({"device_os": versions, "tinker": tinkers})
        return
    for version, names in versions.items():
        say(f"{version}: {', '.join(names)}")
    if tinkers:
        say(f"tinker: {', '.join(tinkers)}")
    if not versions and not tinkers:
        raise FileUnusable(f"there is nothing for {platform}")
