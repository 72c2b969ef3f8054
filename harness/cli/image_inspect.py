"""`particle-hil image inspect`: everything an image says about itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from firmware_images.checks import ANY_DEVICE, Target
from firmware_images.findings import Finding
from firmware_images.image import Image, check_image, read_image
from harness.cli.output import guarded, on_terminal, say, say_json
from harness.cli.paths import FILE
from harness.cli.waiting import patient_line
from harness.image_files import FileUnusable, called, read_file
from harness.image_report import UNREADABLE, exit_status, plain_lines, report, unreadable
from harness.terminal import OutputLost

files_argument = click.argument("files", nargs=-1, required=True, metavar="FILE...", type=FILE)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object per line and file.")
Judged = tuple[str, Image, Sequence[Finding]]
Show = Callable[[str, Image, Sequence[Finding]], None]


@click.command()
@files_argument
@json_option
def inspect(files: tuple[Path, ...], as_json: bool) -> None:
    """Show everything an image says about itself, and what is wrong with it."""
    drawn: list[Judged] = []
    drawing = not as_json and on_terminal()

    def show(name: str, image: Image, findings: Sequence[Finding]) -> None:
        if as_json:
            say_json(report(name, image, findings))
        elif drawing:
            drawn.append((name, image, findings))
        else:
            say(*plain_lines(name, image, findings))

    status = judge_each(files, show, as_json=as_json)
    if drawn:
        from harness.image_table import draw

        with guarded() as stream:
            draw(drawn, stream)
    sys.exit(status)


def judge_each(files: Sequence[Path], show: Show, target: Target = ANY_DEVICE, *, as_json: bool) -> int:
    """Read, judge and show files one after the other. One that cannot be is told of, and ends nothing.

    Returns:
        The exit status.
    """
    status = 0
    with patient_line() as tell:
        for number, path in enumerate(files, 1):
            name = called(path, "standard input")
            tell(f"reading {number} of {len(files)}: {name}")
            try:
                image = read_image(read_file(path))
                findings = check_image(image, target)
                show(name, image, findings)
                status = max(status, exit_status(image, findings))
                continue
            except OutputLost:
                raise
            except FileUnusable as reason:
                text = str(reason)
            except Exception as reason:  # noqa: BLE001  # an error in here must not cost the user what the other files are
                text = f"{name}: reading it failed by an error of this program, {type(reason).__name__}: {reason}"
            status = UNREADABLE
            if as_json:
                say_json(unreadable(name, text))
            else:
                say(text, err=True)
    return status
