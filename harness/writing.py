"""Writing modules to a board, by whichever way it takes each: every check first, then the write, then what the board itself says of it.

    DFU     whatever may be written there: not bootloaders, network processors and assets
    USB     control requests 250 to 253, to a running Device OS, which checks a module, applies it and resets
    OTA     the cloud sends it (`harness.over_the_air`)

Unless told, a board on USB gets by DFU what can be written so, and the rest by control requests, as in particle-cli (3.49.2,
src/lib/flash-helper.js:273-344): what goes by requests goes first, for system parts ask for a least version of the bootloader. A link that
breaks in the middle is not the end; see `harness.links`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from firmware_images.module import as_it_lies, read_module
from harness.errors import ImageRefused, NotInstalled, NotReached, Refusal, RequestRefused, hides
from harness.fitting import must_fit
from harness.flashing import Image, read
from harness.installed import not_installed
from harness.links import back_in_dfu, back_running, persist
from harness.modes import Capability, UsbState, no_such
from harness.over_the_air import send
from harness.usb.dfu import read_memory, write_module
from harness.witness import Boot
from particle_protocol.control_requests.codes import Result
from particle_protocol.platforms import ModuleFunction

if TYPE_CHECKING:
    from harness.board import Board

__tracebackhide__ = hides


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
    board: Board, sources: Sequence[bytes | str | Path], *, by: Way | str | None = None, leave: bool = True, fit: bool = False
) -> list[Image]:
    """Write modules to a board, in the order in which they depend on each other; all are checked before the first is written.

    The board is brought into the mode that this takes, and ends running Device OS. It is then made sure that it has what was written.

    Args:
        board: the board.
        sources: files or their bytes.
        by: the one way for all of them; None: see the module.
        leave: whether a board that was written to over DFU leaves DFU mode in the end.
        fit: whether to refuse what would not run on what the board has (`harness.fitting`), too.

    Raises:
        ValueError: there is no such way.
        ImageRefused: one of them must not be written; none was.
        ChangesNotAllowed: it is a real board.
        CapabilityMissing: it cannot be reached that way.
        NotInstalled: it has something else afterwards.
    """
    way = None if by is None else Way(by)
    images = read(board, sources)
    if way is Way.DFU:
        _must_go_over_dfu(board, images)
    way = way if way is not None or Capability.USB in board.capabilities else Way.OTA
    board.must_allow_changes("flash it", Capability.CLOUD if way is Way.OTA else Capability.USB)
    if fit:
        must_fit(board, images)
    return install(board, images, way, leave=leave)


def update_device_os(board: Board, sources: Sequence[bytes | str | Path]) -> list[Image]:
    """Install the modules of a Device OS version, up or down.

    A bootloader is only moved up: it is the one module without which a board cannot be recovered. User parts among the files are left out.
    Ends when the board reports the new versions.

    Raises:
        ImageRefused: one of the files must not be written; none was.
        NotInstalled: the board reports other versions afterwards.
        RequestRefused: the board refused the bootloader.
    """
    images = [image for image in read(board, sources) if image.key.function != ModuleFunction.USER_PART]
    board.must_allow_changes("update its Device OS", Capability.USB)
    return install(board, images, None, newer=True)


def install(board: Board, images: Sequence[Image], way: Way | None, *, leave: bool = True, newer: bool = False) -> list[Image]:
    """Write images that were checked; see `flash`. Gives those that were written.

    `newer`: a module that goes by control requests is left out when the board has as new a one.
    """
    if way is Way.OTA:
        for image in images:
            send(board, image)
        return list(images)
    by_request = [image for image in images if way is Way.USB or image.over_requests]
    over_dfu = [image for image in images if image not in by_request]
    done: list[Image] = []
    if by_request and _runs(board, over_dfu):
        done += _hand_over_all(board, by_request, newer=newer)
        by_request = []
    if over_dfu:
        _write_all(board, over_dfu)
        done += over_dfu
        if leave or by_request:
            _leave(board)
    if by_request:
        done += _hand_over_all(board, by_request, newer=newer)
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
    back_in_dfu(board)
    for image in images:
        board.journal.did(f"wrote {image} to {image.address:#010x} over DFU")
        _write(board, image)


def _write(board: Board, image: Image) -> None:
    address, lying = as_it_lies(read_module(image.data))
    data, written = bytes(lying), 0

    def progress(doing: str, done: int, total: int) -> None:
        nonlocal written
        if doing == "writing":
            written = done
        board.journal.progress(f"{doing} {image.name}", done / total)

    def write() -> None:
        write_module(board.usb, address, data, progress, written=written)

    def check() -> None:
        found = read_memory(board.usb, address, len(data), progress=_progress(board, f"reading back {image.name}"))
        if found != data:
            at = next(at for at, (left, right) in enumerate(zip(found, data, strict=True)) if left != right)
            raise NotInstalled(
                f"what was written of {image} is not what is read back",
                board=board.label,
                seen=f"from {address + at:#010x} on {found[at : at + 8].hex()} instead of {data[at : at + 8].hex()}",
                remedy="Flash it again; if that does not help, its flash is worn out",
            )

    persist(board, f"writing {image.name}", write, back=lambda: back_in_dfu(board))
    persist(board, f"reading back {image.name}", check, back=lambda: back_in_dfu(board))


def _hand_over_all(board: Board, images: Sequence[Image], *, newer: bool) -> list[Image]:
    """Hand images to Device OS, which checks each, applies it and resets."""
    if newer:
        installed = {module.key: module.version for module in board.requests.modules()}
        images = [image for image in images if image.version > installed.get(image.key, -1)]
    for image in images:
        board.journal.did(f"handed {image} to Device OS (control requests 250 to 253)")
        persist(board, f"handing over {image.name}", lambda image=image: _hand_over(board, image), back=lambda: back_running(board))  # type: ignore[misc]
    return list(images)


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
        seen = persist(board, "asking what it has", lambda image=image: not_installed(board, [image]), back=lambda: back_running(board))  # type: ignore[misc]
        if seen:
            raise NotInstalled(f"it was flashed {image}, and has another", board=board.label, seen=seen)
