"""Writing modules to a board, by whichever way it takes each: every check first, then the write, then what the board itself says of it.

    DFU     whatever may be written there: not bootloaders, network processors and assets
    USB     control requests 250 to 253, to a running Device OS, which checks a module, applies it and resets
    OTA     the cloud sends it (`harness.flashing.over_the_air`)

Unless told, a board on USB gets by DFU what can be written so, and the rest by control requests, as in particle-cli (3.49.2,
src/lib/flash-helper.js:273-344): what goes by requests goes first, for system parts ask for a least version of the bootloader. A link that
breaks in the middle is not the end; see `harness.flashing.links`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from firmware_images.bounds import LEGACY_APPLICATION
from firmware_images.module import as_it_lies, read_module
from harness.errors import ImageRefused, NotInstalled, NotReached, Refusal, RequestRefused, hides
from harness.flashing.fitting import must_fit, stays, step_by_step
from harness.flashing.images import Image, in_order, read
from harness.flashing.installed import held_modules, not_installed
from harness.flashing.links import back_in_dfu, back_running, persist
from harness.flashing.over_the_air import send
from harness.modes import Capability, UsbState, no_such
from harness.usb.dfu import read_memory, write_module
from harness.witness import Boot
from particle_protocol.control_requests.codes import Result
from particle_protocol.platforms import ModuleFunction

if TYPE_CHECKING:
    from harness.board import Board

__tracebackhide__ = hides


_LARGE = (ModuleFunction.USER_PART, 2)
WIPED = 0x1000
"""Bytes that are wiped of an application in the older place, as particle-cli does it (3.49.2, src/lib/flash-helper.js:316-326)."""


class Way(enum.StrEnum):
    """How a module gets to a board."""

    DFU = "dfu"
    USB = "usb"
    """By control requests."""
    OTA = "ota"
    """Over the air, by way of the cloud."""

    @classmethod
    def _missing_(cls, value: object) -> Way:
        raise no_such("way to flash a board:", value, cls)


def flash(
    board: Board,
    sources: Sequence[bytes | str | Path],
    *,
    release: Sequence[bytes | str | Path] = (),
    by: Way | str | None = None,
    leave: bool = True,
    fit: bool = False,
) -> list[Image]:
    """Write modules to a board, in the order in which they depend on each other; all are checked before the first is written.

    The board is brought into the mode that this takes, and ends running Device OS. It is then made sure that it has what was written.

    Args:
        board: the board.
        sources: files or their bytes.
        release: the modules of a Device OS release, likewise; of which `sources` replace what is for the same place, and a bootloader is
            only moved up: it is the one module without which a board cannot be recovered. User parts among them are left out.
        by: the one way for all of them; None: see the module.
        leave: whether a board that was written to over DFU leaves DFU mode in the end.
        fit: whether to refuse what would not run on what the board has (`harness.flashing.fitting`), too.

    Raises:
        ValueError: there is no such way.
        ImageRefused: one of them must not be written; none was.
        ChangesNotAllowed: it is a real board.
        CapabilityMissing: it cannot be reached that way.
        NotInstalled: it has something else afterwards.
    """
    way = None if by is None else Way(by)
    images = read(board, sources)
    images = in_order(board, [*images, *_of_release(board, release, but=images)])
    if way is Way.DFU:
        _must_go_over_dfu(board, images)
    way = way if way is not None or Capability.USB in board.capabilities else Way.OTA
    board.must_allow_changes("flash it", Capability.CLOUD if way is Way.OTA else Capability.USB)
    if fit:
        must_fit(board, images)
    return install(board, images, way, leave=leave)


def update_device_os(board: Board, sources: Sequence[bytes | str | Path]) -> list[Image]:
    """Install the modules of a Device OS version, up or down.

    See `flash` for what becomes of bootloaders and user parts among them. Ends when the board reports the new versions.

    Raises:
        ImageRefused: one of the files must not be written; none was.
        NotInstalled: the board reports other versions afterwards.
        RequestRefused: the board refused the bootloader.
    """
    images = _of_release(board, sources)
    board.must_allow_changes("update its Device OS", Capability.USB)
    return install(board, images, None)


def _of_release(board: Board, sources: Sequence[bytes | str | Path], but: Sequence[Image] = ()) -> list[Image]:
    """The modules of a release, but for those that others replace."""
    taken = {image.key for image in but}
    parts = [image for image in read(board, sources) if image.key.function != ModuleFunction.USER_PART]
    return [replace(image, only_up=True) for image in parts if image.key not in taken]


def install(board: Board, images: Sequence[Image], way: Way | None, *, leave: bool = True) -> list[Image]:
    """Write images that were checked; see `flash`. Gives those that were written."""
    if way is Way.OTA:
        images = step_by_step(_wanted(board, images), held_modules(board) if len(images) > 1 else {})
        for number, image in enumerate(images, 1):
            send(board, image, last=number == len(images))
        return images
    by_request = [image for image in images if way is Way.USB or image.over_requests]
    over_dfu = [image for image in images if image not in by_request]
    assets = [image for image in by_request if image.is_asset]
    by_request = [image for image in by_request if not image.is_asset]
    done: list[Image] = []
    if by_request and _runs(board, over_dfu):
        done += _hand_over_all(board, by_request)
        by_request = []
    if over_dfu:
        _write_all(board, over_dfu)
        done += over_dfu
        if leave or by_request or assets:
            _leave(board)
    if by_request:
        done += _hand_over_all(board, by_request)
    if assets and _runs(board, ()):
        done += _hand_over_all(board, assets)
    if leave or not over_dfu:
        _must_have(board, done)
    return done


def _must_go_over_dfu(board: Board, images: Sequence[Image]) -> None:
    for image in images:
        if image.over_requests:
            raise ImageRefused(
                Refusal.OUT_OF_RANGE,
                f"{image.name}: a {image.key} cannot be written over DFU",
                board=board.label,
                remedy="Leave the way open, or choose usb: Device OS takes it by control requests",
            )


def _runs(board: Board, over_dfu: Sequence[Image]) -> bool:
    """Have a board run Device OS. Whether it does: one whose system part is no good stays in DFU mode, and needs `over_dfu` first."""
    if board.usb.state() is not UsbState.DFU:
        return True
    try:
        _leave(board)
    except NotReached:
        if not over_dfu or board.usb.state() is not UsbState.DFU:
            raise
        board.journal.saw("it does not leave DFU mode: what goes over DFU goes first")
        return False
    return True


def _write_all(board: Board, images: Sequence[Image]) -> None:
    """Write images over DFU, and read each back."""
    persist(board, "bringing it into DFU mode", lambda: back_in_dfu(board), back=lambda: None)
    for image in images:
        address, lying = as_it_lies(read_module(image.data))
        if (image.key.function, image.key.index) == _LARGE and address < LEGACY_APPLICATION:
            board.journal.did(f"wiped the application of before Device OS 3.1 at {LEGACY_APPLICATION:#010x}, which would run instead")
            _write(board, image.name, LEGACY_APPLICATION, b"\xff" * WIPED)
        board.journal.did(f"wrote {image} to {image.address:#010x} over DFU")
        _write(board, image.name, address, bytes(lying))


def _write(board: Board, name: str, address: int, data: bytes) -> None:
    written = 0

    def progress(doing: str, done: int, total: int) -> None:
        nonlocal written
        if doing == "writing":
            written = done
        board.journal.progress(f"{doing} {name}", done / total)

    def write() -> None:
        write_module(board.usb, address, data, progress, written=written)

    def check() -> None:
        found = read_memory(board.usb, address, len(data), progress=_progress(board, f"reading back {name}"))
        if found != data:
            at = next(at for at, (left, right) in enumerate(zip(found, data, strict=True)) if left != right)
            raise NotInstalled(
                f"what was written of {name} is not what is read back",
                board=board.label,
                seen=f"from {address + at:#010x} on {found[at : at + 8].hex()} instead of {data[at : at + 8].hex()}",
                remedy="Flash it again; if that does not help, its flash is worn out",
            )

    persist(board, f"writing {name}", write, back=lambda: back_in_dfu(board))
    persist(board, f"reading back {name}", check, back=lambda: back_in_dfu(board))


def _wanted(board: Board, images: Sequence[Image]) -> list[Image]:
    """Images without those that the board has as new ones of, and that are only moved up."""
    found: list[Image] = []
    held = held_modules(board) if any(image.only_up and image.over_requests for image in images) else {}
    for image in images:
        if stays(image, held):
            board.journal.saw(f"{image.key} stays: it has version {held[image.key].version}, and {image.version} is no newer")
        else:
            found.append(image)
    return found


def _hand_over_all(board: Board, images: Sequence[Image]) -> list[Image]:
    """Hand images to Device OS, which checks each, applies it and resets."""
    images = _wanted(board, images)
    images = step_by_step(images, held_modules(board) if len(images) > 1 else {})
    for image in images:
        board.journal.did(f"handed {image} to Device OS (control requests 250 to 253)")
        persist(board, f"handing over {image.name}", partial(_hand_over, board, image), back=lambda: back_running(board))
    return images


def _hand_over(board: Board, image: Image) -> None:
    before = board.usb.present()
    try:
        board.requests.update_module(image.data, _progress(board, f"handing over {image.name}"))
    except RequestRefused as error:
        if error.result == Result.NOT_SUPPORTED:
            error.remedy = "This Device OS takes no modules by control requests: flash it by dfu, or by ota"
        raise
    board.begin_epoch(f"{image.key} was handed over", ends=before, boot=Boot.NORMAL)
    board.wait_for_usb(UsbState.NORMAL, timeout=60)


def _leave(board: Board) -> None:
    """Leave DFU mode; a link that breaks meanwhile has mostly done that, too."""

    def leave() -> None:
        if board.usb.state() is UsbState.DFU:
            board.leave_dfu()
        else:
            board.wait_for_usb(UsbState.NORMAL)

    persist(board, "leaving DFU mode", leave, back=lambda: None)


def _progress(board: Board, doing: str) -> Callable[[int, int], None]:
    return lambda done, total: board.journal.progress(doing, done / total)


def _must_have(board: Board, images: Sequence[Image]) -> None:
    """Make sure that the board reports what was written, as far as it reports anything."""
    if not board.platform.control_requests:
        return
    for image in images:
        seen = persist(board, "asking what it has", partial(not_installed, board, [image]), back=lambda: back_running(board))
        if seen:
            raise NotInstalled(f"it was flashed {image}, and has another", board=board.label, seen=seen)
