"""Images for a board: read out of files, checked against the board, and in the order in which they depend on each other.

A module goes to the address in its own prefix and nowhere else. How it gets there is in `harness.flashing.writing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from firmware_images.bundle import asset_module
from firmware_images.checks import Target, check_module
from firmware_images.compress import inflate_module
from firmware_images.errors import ImageError
from firmware_images.fields import ModuleFlag
from firmware_images.findings import Finding, FindingName, Severity
from firmware_images.image import read_image
from firmware_images.module import Module, read_module
from harness.errors import ImageRefused, Refusal, hides
from harness.flashing.installed import needs_of
from harness.loading import load
from particle_protocol.os_versions import ModuleNeed
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
    needs: tuple[ModuleNeed, ...] = ()
    only_up: bool = False
    """Whether it is left out where the board has one that is as new, and cannot be written over DFU."""

    @property
    def over_requests(self) -> bool:
        """Whether it travels by control requests instead of DFU."""
        return self.key.function in OVER_REQUESTS

    @property
    def is_asset(self) -> bool:
        """Whether it is a file that belongs to an application; a board keeps what its application asks for only, so it comes after that."""
        return self.key.function == ModuleFunction.ASSET

    def __str__(self) -> str:
        return f"{self.key} version {self.version} ({self.name}, {len(self.data)} bytes)"


def read(board: Board, sources: Iterable[bytes | str | Path]) -> list[Image]:
    """The modules of files, each checked against the board it is meant for, in the order in which the platform installs them.

    A file is a module, several that are combined, Intel HEX, or a bundle, whose assets become modules. What is compressed is inflated. The
    checks are of form, CRC, platform and address, and that a stand-in is meant for a board made here.

    Raises:
        ImageRefused: one of them must not be written there.
    """
    return in_order(board, (image for source in sources for image in _modules(board, *load(source))))


def in_order(board: Board, images: Iterable[Image]) -> list[Image]:
    """Images in the order in which the platform installs them, so that none waits for a later one."""
    order = {key: place for place, key in enumerate(board.platform.update_order)}
    return sorted(images, key=lambda image: order.get(image.key, len(order)))


def read_one(board: Board, source: bytes | str | Path) -> Image:
    """The only module of a file; see `read`.

    Raises:
        ImageRefused: it must not be written to the board, or there are several.
    """
    images = read(board, [source])
    if len(images) > 1:
        names = ", ".join(str(image.key) for image in images)
        raise ImageRefused(Refusal.NOT_A_MODULE, f"{names} in one file, and one is taken", board=board.label, remedy="Split it first")
    return images[0]


def _modules(board: Board, name: str, data: bytes) -> Iterator[Image]:
    file = read_image(data)
    wrong = [finding for finding in file.findings if finding.severity is Severity.ERROR]
    if wrong or not file.modules:
        why = "; ".join(map(str, wrong or file.findings)) or "nothing is in it"
        raise ImageRefused(Refusal.NOT_A_MODULE, f"{name} ({why})", board=board.label)
    for number, module in enumerate(file.modules, 1):
        yield _checked(board, name if len(file.modules) == 1 else f"{name}, module {number}", module)
    for asset, content in (file.bundle.assets if file.bundle is not None else {}).items():
        yield _checked(board, f"{name}, asset {asset}", read_module(asset_module(asset, content)))


def _checked(board: Board, name: str, module: Module) -> Image:
    """The image of a module that a board may get.

    Raises:
        ImageRefused: it must not be written there.
    """
    label = board.label
    findings = check_module(module, Target(platform_id=board.platform.id, made_here=board.takes_stand_ins))
    fatal = [finding for finding in findings if finding.severity is Severity.ERROR and finding.name not in _HARMLESS]
    if fatal:
        worst = min(fatal, key=_gravity)
        raise ImageRefused(_REASONS.get(worst.name, Refusal.NOT_A_MODULE), f"{name} ({worst})", board=label)
    prefix = module.prefix
    key = ModuleKey(ModuleFunction(prefix.function), prefix.index)
    if prefix.flags & ModuleFlag.COMPRESSED and prefix.function != ModuleFunction.ASSET:
        return _checked(board, name, _inflated(board, name, module))
    return Image(name, bytes(module.data[: module.size]), key, prefix.version, prefix.start_address, needs_of(prefix))


def _inflated(board: Board, name: str, module: Module) -> Module:
    try:
        inner = read_module(inflate_module(module))
    except ImageError as error:
        raise ImageRefused(Refusal.NOT_A_MODULE, f"{name} ({error})", board=board.label) from error
    if inner.prefix.flags & ModuleFlag.COMPRESSED:
        raise ImageRefused(Refusal.NOT_A_MODULE, f"{name} (what is compressed in it is compressed once more)", board=board.label)
    return inner


def _gravity(finding: Finding) -> int:
    """A wrong platform explains a wrong address, so it is told first."""
    order = list(_REASONS)
    return order.index(finding.name) if finding.name in order else -1
