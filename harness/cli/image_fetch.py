"""`particle-hil image fetch`: real Device OS releases and Tinker, into the user's cache."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli.image_options import parse_platform
from harness.cli.output import say, say_json
from harness.cli.paths import FOLDER
from harness.cli.waiting import waiting_line
from harness.firmware_packages import TINKER_PLATFORMS, WHAT_IS_NOWHERE, carried
from harness.firmware_store import FirmwareUnavailable, release, tinker
from harness.image_files import FileUnusable, make_folder, read_file, write_file
from harness.image_report import FINDINGS, platform_name
from particle_protocol.platforms import parse_os_version


@click.command()
@click.option("--platform", "platform_id", callback=parse_platform, metavar="NAME", help="Platform, by name or number; all without it.")
@click.option("--version", metavar="VERSION", help="Device OS version, such as 2.3.1.")
@click.option("--tinker", "with_tinker", is_flag=True, help="Fetch the Tinker application.")
@click.option("--list", "listing", is_flag=True, help="Say what there is, for all platforms or the one given; fetches nothing.")
@click.option("-o", "--output", type=FOLDER, help="Also copy the files into this folder.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def fetch(platform_id: int | None, version: str | None, with_tinker: bool, listing: bool, output: Path | None, as_json: bool) -> None:
    """Fetch the modules of a Device OS version, or Tinker, and print where they are.

    They come out of npm packages, by way of the npm client; each is checked before it is kept. A release that its package has not got all
    modules of is fetched, too, but ends with what is missing and exit status 1.
    """
    platform = None if platform_id is None else platform_name(platform_id)
    if listing:
        _list(platform, as_json)
        return
    if not (version or with_tinker):
        raise click.UsageError("say what to fetch: --version, --tinker or both; --list says what there is")
    try:
        with waiting_line() as waiting:
            found = [release(each, version, waiting, partial=True) for each in _platforms(platform, version)] if version else []
            paths = [path for each in found for path in each.files]
            if with_tinker:
                paths += [tinker(each, waiting) for each in ((platform,) if platform else TINKER_PLATFORMS)]
    except FirmwareUnavailable as reason:
        raise FileUnusable(str(reason)) from None
    lacks = [each.lack for each in found if each.missing]
    if output is not None:
        paths = [_copied(path, output) for path in paths]
    if as_json:
        say_json({"platform": platform, "version": version, "files": [str(path) for path in paths], "partial": lacks})
    else:
        say(*map(str, paths))
    if lacks:
        say(*(f"particle-hil image: {lack}" for lack in lacks), err=True)
        sys.exit(FINDINGS)


def _platforms(platform: str | None, version: str) -> list[str]:
    """The platform that was named, or every one that a package has a version for."""
    if platform is not None:
        return [platform]
    there = sorted({name for each in carried() if each.version == version.removeprefix("v") for name in each.platforms})
    if not there:
        versions = ", ".join(dict.fromkeys(each.version for each in carried()))
        raise FileUnusable(f"no npm package has Device OS {version}; there are: {versions}. {WHAT_IS_NOWHERE}")
    return there


def _copied(path: Path, folder: Path) -> Path:
    make_folder(folder)
    target = folder / path.name
    write_file(target, read_file(path))
    return target


def _list(platform: str | None, as_json: bool) -> None:
    whole: dict[str, list[str]] = {}
    partial: dict[str, list[str]] = {}
    unseen: set[str] = set()
    for each in carried():
        for table, names in ((whole, each.whole), (partial, each.partial)):
            chosen = [name for name in names if platform in (None, name)]
            if chosen:
                table.setdefault(each.version, []).extend(chosen)
                unseen.update(() if each.seen else (each.version,))
    tinkers = sorted(name for name in TINKER_PLATFORMS if platform in (None, name))
    if as_json:
        say_json({"device_os": whole, "partial": partial, "not_seen_on_npm": sorted(unseen, key=parse_os_version), "tinker": tinkers})
        return
    if not whole and not partial and not tinkers:
        raise FileUnusable(f"there is nothing for {platform}")
    for version in dict.fromkeys(each.version for each in carried()):
        told = [", ".join(sorted(whole[version]))] if version in whole else []
        told += [f"partial: no bootloader: {', '.join(sorted(partial[version]))}"] if version in partial else []
        told += ["its package was not seen on npm"] if version in unseen else []
        if told:
            say(f"{version}: {'; '.join(told)}")
    if tinkers:
        say(f"tinker: {', '.join(tinkers)}")
    say(f"{WHAT_IS_NOWHERE}.")
