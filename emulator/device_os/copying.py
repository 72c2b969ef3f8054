"""How a bootloader copies a module to where it belongs: verified, inflated if it is compressed, without its prefix if that is dropped.

Source: Device OS 6.2.0, platform/MCU/nRF52840/src/flash_mal.c (FLASH_CopyMemory, verify_module, flash_decompress). A stream that turns out
to be damaged is noticed when what came before it is already written.
"""

from __future__ import annotations

from collections.abc import Iterable

from emulator.board.board import Board
from emulator.board.flash import Flash
from emulator.device_os.mcu import CopyEntry
from emulator.hardware import EXTERNAL, INTERNAL
from firmware_images.bounds import LEGACY_APPLICATION
from firmware_images.compress import compressed_header, inflated_chunks
from firmware_images.errors import CompressionError
from firmware_images.fields import ModuleFlag, ModuleFunction
from firmware_images.locate import PREFIX_WINDOW
from firmware_images.module import Module, as_it_lies, module_in_memory
from particle_protocol.platforms import ModuleKey

_CHUNK = 4096
_LARGE_APPLICATION = ModuleKey(ModuleFunction.USER_PART, 2)


def copy_module(board: Board, entry: CopyEntry, *, unpacks: bool) -> bool:
    """Copy what an entry of the copy list names; whether it was there, sound, for here, and could be read to its end.

    `unpacks`: the bootloader inflates; one that does not copies a compressed module as it came.
    """
    source = _flash(board, entry.source, PREFIX_WINDOW, external=entry.source_external)
    module = None if source is None else module_in_memory(source.read, entry.source, source.end, board.platform.id)
    if module is None or not _verified(board, module, entry):
        return False
    content: memoryview | Iterable[bytes]
    compressed = module.prefix.flags & ModuleFlag.COMPRESSED
    try:
        if compressed and unpacks:
            size, content = compressed_header(module).original_size, inflated_chunks(module)
        else:
            content = module.content if compressed else as_it_lies(module)[1]
            size = len(content)
        target = _flash(board, entry.destination, size, external=entry.destination_external)
        if target is None:
            return False
        if _is_large_application(board, entry):
            target.erase(LEGACY_APPLICATION)  # or an application of the older place would go on being the one that runs
        copy(target, entry.destination, content, size)
    except CompressionError:
        return False
    return True


def copy(target: Flash, destination: int, content: memoryview | Iterable[bytes], size: int | None = None) -> None:
    """Erase what the content needs, and write it; `size` tells its bytes where they come in pieces."""
    pieces = (content,) if isinstance(content, memoryview) else content
    erase(target, destination, len(content) if isinstance(content, memoryview) else size or 0)
    at = destination
    for piece in pieces:
        for offset in range(0, len(piece), _CHUNK):
            part = bytes(piece[offset : offset + _CHUNK])
            target.program(at, part)
            at += len(part)


def erase(flash: Flash, start: int, size: int) -> None:
    """Erase the sectors that `size` bytes lie in."""
    address = start
    while address < start + size:
        sector = flash.sector_at(address)
        flash.erase(address)
        address = sector.end


def _verified(board: Board, module: Module, entry: CopyEntry) -> bool:
    """The checks that an entry asks for: platform, destination, function and length, CRC."""
    prefix = module.prefix
    return (
        module.crc_ok
        and prefix.platform_id == board.platform.id
        and prefix.start_address == entry.destination
        and prefix.function == entry.function
        and module.size <= entry.length
    )


def _is_large_application(board: Board, entry: CopyEntry) -> bool:
    slots = board.platform.memory().modules
    slot = next((slot for slot in slots if slot.key == _LARGE_APPLICATION), None)
    return slot is not None and entry.function == ModuleFunction.USER_PART and entry.destination == slot.start


def _flash(board: Board, start: int, size: int, *, external: bool) -> Flash | None:
    """The flash that an entry means; None where there is no such place: whoever can write the DCT can list anything.

    Not that of a region: while a system part is being replaced, nobody can say what version's regions there are.
    """
    flash = board.flashes.get(EXTERNAL if external else INTERNAL)
    return flash if flash is not None and flash.start <= start and start + size <= flash.end else None
