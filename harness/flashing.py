"""Writing modules to a board: every check first, then the write, then what the board itself says of the result.

A module goes to the address in its own prefix and nowhere else. Bootloaders go over control requests, because no board lets DFU write
there; everything else goes over DFU, as in particle-cli (3.49.2, src/lib/flash-helper.js:273-344).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from firmware_images.checks import Target, check_module
from firmware_images.errors import NotAModule
from firmware_images.findings import Finding, FindingName, Severity
from firmware_images.module import Module, as_it_lies, read_module
from harness.errors import ImageRefused, NotReached, Refusal, hides
from harness.modes import Capability, UsbState
from harness.usb.dfu import write_module
from harness.witness import Boot
from particle_protocol.platforms import ModuleFunction, ModuleKey

if TYPE_CHECKING:
    from harness.board import Board

__tracebackhide__ = hides

OVER_REQUESTS = (ModuleFunction.BOOTLOADER, ModuleFunction.NCP, ModuleFunction.ASSET)
"""Module functions that travel by control requests."""

_REASONS = {
    FindingName.STAND_IN: Refusal.STAND_IN,
    FindingName.CRC_MISMATCH: Refusal.BAD_CHECKSUM,
    FindingName.PLATFORM_MISMATCH: Refusal.WRONG_PLATFORM,
    FindingName.PLATFORM_UNKNOWN: Refusal.WRONG_PLATFORM,
    FindingName.RANGE: Refusal.OUT_OF_RANGE,
    FindingName.START_ADDRESS: Refusal.OUT_OF_RANGE,
    FindingName.SLOT_UNKNOWN: Refusal.OUT_OF_RANGE,
}
"""Which findings refuse an image, and why; any other error refuses it as no module."""

_HARMLESS = frozenset({FindingName.SHA_MISMATCH, FindingName.SUFFIX_MISSING})
"""Errors that no board minds: it checks the CRC only (Device OS 2.3.1, hal/src/stm32/ota_module.cpp:65-96)."""


@dataclass(frozen=True, slots=True)
class Image:
    """A checked module, ready to be written."""

    name: str
    data: bytes
    key: ModuleKey
    version: int
    address: int

    @property
    def over_requests(self) -> bool:
        """Whether it travels by control requests instead of DFU."""
        return self.key.function in OVER_REQUESTS

    def __str__(self) -> str:
        return f"{self.key} version {self.version} ({self.name}, {len(self.data)} bytes)"


def load(source: bytes | str | Path) -> tuple[str, bytes]:
    """The name and bytes of an image given as bytes or as a file.

    Raises:
        ImageRefused: the file cannot be read.
    """
    if isinstance(source, bytes):
        return "image", source
    path = Path(source)
    try:
        return path.name, path.read_bytes()
    except OSError as error:
        raise ImageRefused(Refusal.UNREADABLE, f"{path} ({error.strerror or error})", remedy="Check the path") from error


def check(board: Board, source: bytes | str | Path) -> Image:
    """Check an image against the board it is meant for: form, CRC, platform, address, and that a stand-in is meant for a board made here.

    Raises:
        ImageRefused: it must not be written there.
    """
    name, data = load(source)
    label = board.label
    try:
        module = read_module(data)
    except NotAModule as error:
        raise ImageRefused(Refusal.NOT_A_MODULE, f"{name} ({error})", board=label) from error
    findings = check_module(module, Target(platform_id=board.platform.id, made_here=board.takes_stand_ins))
    fatal = [finding for finding in findings if finding.severity is Severity.ERROR and finding.name not in _HARMLESS]
    if fatal:
        worst = min(fatal, key=_gravity)
        raise ImageRefused(_REASONS.get(worst.name, Refusal.NOT_A_MODULE), f"{name} ({worst})", board=label)
    return _image(name, data, module)


def _gravity(finding: Finding) -> int:
    """A wrong platform explains a wrong address, so it is told first."""
    order = list(_REASONS)
    return order.index(finding.name) if finding.name in order else -1


def _image(name: str, data: bytes, module: Module) -> Image:
    prefix = module.prefix
    key = ModuleKey(ModuleFunction(prefix.function), prefix.index)
    return Image(name, data[: module.size], key, prefix.version, prefix.start_address)


def flash(board: Board, sources: Sequence[bytes | str | Path], *, leave: bool = True) -> list[Image]:
    """Write modules over DFU, in the order in which they depend on each other; all are checked before the first is written.

    The board is brought into DFU mode if it is not there, and leaves it afterwards unless `leave` is False.

    Raises:
        ImageRefused: one of them must not be written; none was.
        ChangesNotAllowed: it is a real board.
    """
    images = in_order(board, [check(board, source) for source in sources])
    for image in images:
        if image.over_requests:
            raise ImageRefused(
                Refusal.OUT_OF_RANGE,
                f"{image.name}: a {image.key} cannot be written over DFU",
                board=board.label,
                remedy="Use update_device_os(), which hands it to Device OS",
            )
    board.must_allow_changes("flash it", Capability.USB)
    if board.usb.state() is not UsbState.DFU:
        board.enter_dfu()
    for image in images:
        write(board, image)
    if leave:
        board.leave_dfu()
    return images


def update_device_os(board: Board, sources: Sequence[bytes | str | Path]) -> list[Image]:
    """Install the modules of a Device OS version, up or down.

    A bootloader is handed over first, and only moved up: system parts ask for a least version of it, and it is the one module without
    which a board cannot be recovered. User parts among the files are left out. Ends when the board reports the new versions.

    Raises:
        ImageRefused: one of the files must not be written; none was.
        NotReached: the board reports other versions afterwards.
        RequestRefused: the board refused the bootloader.
    """
    images = in_order(board, [check(board, source) for source in sources])
    images = [image for image in images if image.key.function != ModuleFunction.USER_PART]
    board.must_allow_changes("update its Device OS", Capability.USB)
    if board.usb.state() is UsbState.DFU and any(image.over_requests for image in images):
        board.leave_dfu()
    for image in images:
        if image.over_requests and _is_newer(board, image):
            hand_over(board, image)
    over_dfu = [image for image in images if not image.over_requests]
    if over_dfu:
        board.enter_dfu()
        for image in over_dfu:
            write(board, image)
        board.leave_dfu()
    _expect(board, over_dfu)
    return images


def in_order(board: Board, images: Iterable[Image]) -> list[Image]:
    """Images in the order in which the platform installs them, so that none waits for a later one."""
    order = {key: place for place, key in enumerate(board.platform.update_order)}
    return sorted(images, key=lambda image: order.get(image.key, len(order)))


def write(board: Board, image: Image) -> None:
    """Write one image to a board in DFU mode, with progress."""
    board.journal.did(f"wrote {image} to {image.address:#010x} over DFU")
    address, data = as_it_lies(read_module(image.data))
    write_module(board.usb, address, bytes(data), lambda done, total: board.journal.progress(f"writing {image.name}", done / total))


def hand_over(board: Board, image: Image) -> None:
    """Hand an image to Device OS, which checks it, applies it and resets."""
    board.journal.did(f"handed {image} to Device OS (control requests 250 to 253)")
    before = board.usb.present()
    board.requests.update_module(image.data, lambda done, total: board.journal.progress(f"handing over {image.name}", done / total))
    board.begin_epoch(f"{image.key} was handed over", ends=before, boot=Boot.NORMAL)
    board.wait_for_usb(UsbState.NORMAL, timeout=60)


def _is_newer(board: Board, image: Image) -> bool:
    installed = {module.key: module.version for module in board.requests.modules()}
    return image.version > installed.get(image.key, -1)


def _expect(board: Board, images: Sequence[Image]) -> None:
    """Make sure that the board runs what was written."""
    for image in images:
        seen = not_installed(board, [image])
        if seen:
            raise NotReached(f"{image.key} version {image.version} after the update", 0, seen=seen, board=board.label)


def not_installed(board: Board, images: Sequence[Image]) -> str:
    """What the board reports instead of the first of `images` that is not installed; an empty string if all are."""
    installed = {module.key: module for module in board.requests.modules()}
    for image in images:
        module = installed.get(image.key)
        if module is None or module.version != image.version or not module.intact:
            return str(module) if module is not None else f"no {image.key}"
    return ""
