"""`particle-hil image fetch`: real Device OS releases and Tinker, into the user's cache."""

from __future__ import annotations

import json
from pathlib import Path

import click

from harness.firmware_store import FirmwareUnavailable, release, releases, tinker
from harness.image_files import FileUnusable, read_file, write_file


@click.command()
@click.option("--platform", help="Short name of the platform, such as photon.")
@click.option("--version", help="Device OS version, such as 2.1.0.")
@click.option("--tinker", "with_tinker", is_flag=True, help="Fetch the Tinker application.")
@click.option("--list", "listing", is_flag=True, help="Say what there is, per Device OS version (fetches all of it).")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Also copy the files into this folder.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def fetch(platform: str | None, version: str | None, with_tinker: bool, listing: bool, output: Path | None, as_json: bool) -> None:
    """Fetch the modules of a Device OS version, or Tinker, and print where they are.

    They come out of npm packages, by way of the npm client; each is checked before it is kept.
    """
    try:
        if listing:
            _list(as_json)
            return
        if platform is None or not (version or with_tinker):
            raise click.UsageError("tell --platform and --version, or --platform and --tinker, or --list")
        paths = [*(release(platform, version).files if version else ()), *([tinker(platform)] if with_tinker else ())]
    except FirmwareUnavailable as reason:
        raise FileUnusable(str(reason)) from None
    if output is not None:
        paths = [_copied(path, output) for path in paths]
    if as_json:
        click.echo(json.dumps({"platform": platform, "version": version, "files": [str(path) for path in paths]}))
    else:
        click.echo("\n".join(str(path) for path in paths))


def _copied(path: Path, folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise FileUnusable(f"{folder}: {reason.strerror or reason}") from None
    target = folder / path.name
    write_file(target, read_file(path))
    return target


def _list(as_json: bool) -> None:
    found = releases()
    if as_json:
        click.echo(json.dumps(found))
        return
    for version, platforms in found.items():
        click.echo(f"{version}: {', '.join(platforms)}")
