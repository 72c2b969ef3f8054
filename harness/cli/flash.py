"""`particle-hil flash`: modules onto a board, by whichever way it takes them, and what it runs then."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.boards import OpenOptions, Rig, every, moniker_of, open_boards
from harness.cli.ending import FAILED, OK, status_of
from harness.cli.flash_report import FlashReport, FlashText
from harness.cli.options import changes_option, cloud_option, json_option, lab_option, named_board_option, seed_option, served_option
from harness.cli.output import say, say_json
from harness.cli.paths import FILE
from harness.cloud import Cloud
from harness.errors import CloudRefused, CloudUnreachable, HarnessError
from harness.flashing import Way
from harness.flashing import flash as write
from harness.from_environment import PREFIX, cloud_from_environment
from harness.releases import application_file, release_files

if TYPE_CHECKING:
    from harness.board import Board
    from harness.rack.lab_file import LabFile


@click.command(epilog="Example: particle-hil flash firmware.bin --board usb:0123456789abcdef01234567 --allow-changes")
@click.argument("files", nargs=-1, type=FILE)
@click.option("--device-os", "version", metavar="VERSION", help="All modules of that Device OS release, such as 2.3.1, out of the cache.")
@click.option("--tinker", is_flag=True, help="Tinker for the board, out of the cache.")
@lab_option
@named_board_option
@click.option(
    "--by",
    type=click.Choice(["auto", *(way.value for way in Way)]),
    default="auto",
    show_default=True,
    help="dfu: over DFU. usb: by control requests to Device OS. ota: over the air, by the cloud. auto: over USB, each module as the board "
    "takes it; a board on no USB over the air.",
)
@click.option("--force", is_flag=True, help="Flash what would not run on what the board has, an older bootloader, another product's.")
@click.option("--stay", is_flag=True, help="Stay in DFU mode afterwards.")
@changes_option
@cloud_option
@served_option
@seed_option
@json_option
def flash(
    files: tuple[Path, ...],
    version: str | None,
    tinker: bool,
    lab_path: Path | None,
    boards: tuple[str, ...],
    by: str,
    force: bool,
    stay: bool,
    allow_changes: bool,
    cloud: str | None,
    served: bool,
    seed: int,
    as_json: bool,
) -> int:
    """Flash FILES onto a board, in whatever mode it is, and tell what it runs then.

    A file is a module, several that are combined, compressed or not, Intel HEX, or a bundle with assets; - is standard input. They go in
    the order in which they depend on each other, whatever the order of the words. Everything is checked against the board before anything
    is erased: form, platform, address, what a module needs, bootloader, product. What was written is read back. When the board is unplugged
    in the middle, it has a minute to be plugged in again, and flashing goes on; an update over the air that fails is asked for again.

    A real board is not flashed without --allow-changes.

    Exit status: 0 the board has what was flashed, and runs it, 1 it refused it, has something else afterwards, or is in safe mode, 2 the
    command line or a file is wrong, or must not be flashed onto this board, 3 a board or its cloud is not available, or did not come back.
    """
    if not (files or version is not None or tinker):
        raise click.UsageError("Say what to flash: files, --device-os VERSION, or --tinker")
    if stay and by not in ("auto", Way.DFU):
        raise click.UsageError(f"--stay is for DFU mode, and --by {by} does not use it")
    lab = _lab(lab_path, boards)
    way = None if by == "auto" else Way(by)
    target = cloud_from_environment(cloud or os.environ.get(PREFIX + "CLOUD"), allow_changes=allow_changes, lab=lab)
    options = OpenOptions(allow_changes=allow_changes, cloud=target, cloud_is_default=cloud is None, served=served, seed=seed, lab=lab)
    report = FlashReport() if as_json else FlashText()
    status = OK
    with contextlib.ExitStack() as stack:
        stack.enter_context(report.listening())
        rigs = open_boards(boards, options)
        for rig in rigs:
            stack.callback(rig.close)
        alone = sum(len(rig.boards) for rig in rigs) == 1
        for rig in rigs:
            for board in rig.boards:
                flashed = report.begin(board)
                try:
                    with watched(board, rig, strict=way is Way.OTA):
                        sources = [*files, *([application_file(board)] if tinker else [])]
                        release = release_files(board, version) if version is not None else ()
                        images = write(board, sources, release=release, by=way, leave=not stay, fit=not force)
                        flashed.look(board, images)
                except KeyboardInterrupt:
                    say(f"particle-hil: {board.label} may be half written, and in DFU mode: flash it again", err=True)
                    raise
                except HarnessError as error:
                    flashed.error = error
                    report.end(flashed)
                    if alone:
                        raise
                    status = max(status, status_of(error))
                    say(*f"particle-hil: {error}".split("\n"), err=True)
                    continue
                report.end(flashed)
                status = max(status, FAILED if flashed.in_safe_mode and not force else OK)
    if as_json:
        say_json(report.as_data(), indent=2)
    return status


def _lab(path: Path | None, boards: Sequence[str]) -> LabFile | None:
    """The lab file, if there is one. Nothing is flashed that was not named.

    Raises:
        click.UsageError: no board was.
        HarnessError: the file cannot be used, or a name is no board's.
    """
    from harness.rack.lab_building import read_lab

    lab = None if path is None else read_lab(path)
    if not boards:
        names = "" if lab is None else f": {', '.join(board.name for board in lab.boards) or 'it has none'}"
        raise click.UsageError(f"Name a board with --board{names}")
    for board in every(boards):
        moniker_of(board, lab)
    return lab


@contextlib.contextmanager
def watched(board: Board, rig: Rig, *, strict: bool) -> Iterator[None]:
    """Have the account of the board's cloud watch it while the context lasts.

    It knows the board's product, and whether it is online. Unless `strict`, a cloud that does not let it in is passed over.
    """
    if rig.cloud is None:
        yield
        return
    with contextlib.closing(Cloud(rig.cloud)) as cloud:
        try:
            board.account = cloud.own_account()
            if board.account is not None:
                board.account.find(board.device_id)
        except (CloudRefused, CloudUnreachable) as error:
            board.account = None
            if strict:
                raise
            board.journal.saw(f"its cloud is left out: {error}")
        try:
            yield
        finally:
            board.account = None
