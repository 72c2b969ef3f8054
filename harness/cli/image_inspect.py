"""`particle-hil image inspect`: everything an image says about itself."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from firmware_images.findings import Finding
from firmware_images.image import Image, check_image, read_image
from harness.image_files import FileUnusable, read_file
from harness.image_report import UNREADABLE, as_line, exit_status, plain_lines, report, unreadable

files_argument = click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object per line and file.")


@click.command()
@files_argument
@json_option
def inspect(files: tuple[Path, ...], as_json: bool) -> None:
    """Show everything an image says about itself, and what is wrong with it."""
    status = 0
    shown: list[tuple[str, Image, Sequence[Finding]]] = []
    drawing = not as_json and sys.stdout.isatty()
    for path in files:
        try:
            image = read_image(read_file(path))
        except FileUnusable as reason:
            status = UNREADABLE
            click.echo(as_line(unreadable(str(path), str(reason))) if as_json else str(reason), err=not as_json)
            continue
        findings = check_image(image)
        status = max(status, exit_status(image, findings))
        if as_json:
            click.echo(as_line(report(str(path), image, findings)))
        elif drawing:
            shown.append((str(path), image, findings))
        else:
            click.echo("\n".join(plain_lines(str(path), image, findings)))
    if shown:
        from harness.image_table import draw

        draw(shown)
    sys.exit(status)
