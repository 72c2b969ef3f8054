"""What a board has: its modules and its Device OS version, in whatever mode it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from firmware_images.asset_rules import read_stored_asset
from firmware_images.bounds import find_slot
from firmware_images.fields import Prefix
from firmware_images.locate import locate_in_memory
from firmware_images.stand_in import NEEDS_NOTHING, real_version
from harness.errors import ImageRefused
from harness.hiding import hides
from harness.modes import Capability, UsbState
from harness.usb.dfu import read_memory
from particle_protocol.os_versions import ModuleNeed, known_releases, main_system_part, os_version_name
from particle_protocol.platforms import ModuleFunction, ModuleKey

if TYPE_CHECKING:
    from harness.board import Board
    from harness.flashing.images import Image

__tracebackhide__ = hides


def installed_version(board: Board) -> str | None:
    """The Device OS version of a board in any mode; in DFU mode out of its flash, which is only read. None: nobody can tell.

    Raises:
        HarnessError: it does not answer.
    """
    if Capability.USB not in board.capabilities or board.usb.state() is not UsbState.DFU:
        return board.os_version() if Capability.USB in board.capabilities or board.account is not None else None
    key = main_system_part(board.platform)
    prefix = _prefix_in_flash(board, key)
    return None if prefix is None else os_version_name(prefix.version)


def _prefix_in_flash(board: Board, key: ModuleKey) -> Prefix | None:
    """That of a module, read over DFU from wherever any Device OS version has it; None where there is none, or it grows downwards."""
    slot = find_slot(board.platform.id, key.function, key.index)
    for start in () if slot is None else slot.start_addresses:
        try:
            found = locate_in_memory(lambda address, length: read_memory(board.usb, address, length), start, board.platform.id)
        except ImageRefused:  # its bootloader does not let it be read
            continue
        prefix = None if found is None else Prefix.of(found[1])
        if prefix is not None and (prefix.function, prefix.index, prefix.start_address) == (key.function, key.index, start):
            return prefix
    return None


@dataclass(frozen=True, slots=True)
class Held:
    """A module that a board has, and what that needs."""

    version: int
    needs: tuple[ModuleNeed, ...] = ()


def held_modules(board: Board) -> dict[ModuleKey, Held]:
    """The modules of a board in any mode, as far as anybody can tell; nothing where nobody can.

    In normal mode it tells itself; in DFU mode they are read out of its flash, but for what lies there without its prefix. Of a board on
    no USB only the version that it tells the cloud is known, so the system parts of that release.

    Raises:
        HarnessError: it does not answer.
    """
    if Capability.USB not in board.capabilities:
        version = installed_version(board)
        releases = [release for release in known_releases(board.platform) if release.version == version]
        parts = [module for release in releases for module in release.modules(board.platform)]
        return {part.key: Held(part.version, part.needs) for part in parts if part.key.function == ModuleFunction.SYSTEM_PART}
    if board.usb.state() is not UsbState.DFU:
        if not board.platform.control_requests:
            return {}
        return {module.key: Held(module.version, _as_meant(module.needs)) for module in board.requests.modules()}
    found: dict[ModuleKey, Held] = {}
    for slot in board.platform.memory(installed_version(board)).modules:
        prefix = None if slot.external or slot.function == ModuleFunction.MONOLITHIC else _prefix_in_flash(board, slot.key)
        if prefix is not None:
            found[slot.key] = Held(prefix.version, needs_of(prefix))
    return found


def needs_of(prefix: Prefix) -> tuple[ModuleNeed, ...]:
    """The modules that a module needs."""
    needs = (prefix.dependency, prefix.dependency2)
    return _as_meant(
        ModuleNeed(ModuleKey(need.function, need.index), need.version) for need in needs if need.function != ModuleFunction.NONE
    )


def _as_meant(needs: Iterable[ModuleNeed]) -> tuple[ModuleNeed, ...]:
    """What modules need: of stand-ins as the boards read it that were made here."""
    return tuple(ModuleNeed(need.key, real_version(need.version)) for need in needs if need.version != NEEDS_NOTHING.version)


def not_installed(board: Board, images: Sequence[Image]) -> str:
    """What the board reports instead of the first of `images` that is not installed; an empty string if all are.

    Assets are told since Device OS 5.6.0; before, nobody can know.
    """
    installed = {module.key: module for module in board.requests.modules()}
    assets = board.requests.assets() if any(image.key.function == ModuleFunction.ASSET for image in images) else None
    for image in images:
        if image.key.function == ModuleFunction.ASSET:
            asset = read_stored_asset(image.data)
            if assets is not None and asset is not None and (asset.name, asset.digest) not in assets.there:
                return f"no asset {asset.name!r} with that content"
            continue
        module = installed.get(image.key)
        if module is None or module.version != image.version or not module.intact:
            return str(module) if module is not None else f"no {image.key}"
    return ""
