"""`particle-hil image inspect`: everything an image says about itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
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

files_argument = click.argument("files", nargs=-1, required=True, metavar="FILE...", type=FILE)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object per line and file.")
Judged = tuple[str, Image, Sequence[Finding]]


@click.command()
@files_argument
@json_option
def inspect(files: tuple[Path, ...], as_json: bool) -> None:
    """Show everything an image says about itself, and what is wrong with it."""
    shown: list[Judged] = []
    drawing = not as_json and on_terminal()
    batch = Batch(files, as_json=as_json)
    for name, image, findings in batch:
        if as_json:
            say_json(report(name, image, findings))
        elif drawing:
            shown.append((name, image, findings))
        else:
            say(*plain_lines(name, image, findings))
    if shown:
        from harness.image_table import draw

        with guarded() as stream:
            draw(shown, stream)
    sys.exit(batch.status)


class Batch:
    """Files that are read and judged one after the other. One that cannot be read is told of, and ends nothing.

    Attributes:
        status: the exit status that the files so far give the command.
    """

    def __init__(self, files: Sequence[Path], target: Target = ANY_DEVICE, *, as_json: bool) -> None:
        self.status = 0
        self._files = files
        self._target = target
        self._as_json = as_json

    def __iter__(self) -> Iterator[Judged]:
        """Each file that can be read: what to call it, the image, what is found."""
        with patient_line() as tell:
            for number, path in enumerate(self._files, 1):
                name = called(path, "standard input")
                tell(f"reading {number} of {len(self._files)}: {name}")
                try:
                    image = read_image(read_file(path))
                    findings = check_image(image, self._target)
                except FileUnusable as reason:
                    self._unreadable(name, str(reason))
                except Exception as reason:  # noqa: BLE001  # an error in here must not cost the user what the other files are
                    self._unreadable(name, f"{name}: reading it failed by an error of this program, {type(reason).__name__}: {reason}")
                else:
                    self.status = max(self.status, exit_status(image, findings))
                    yield name, image, findings

    def _unreadable(self, name: str, reason: str) -> None:
        self.status = UNREADABLE
        if self._as_json:
            say_json(unreadable(name, reason))
        else:
            say(reason, err=True)
