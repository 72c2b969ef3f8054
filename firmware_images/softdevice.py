"""Wrapping a SoftDevice, the radio stack of the nRF52840, as a module.

Nordic gives it as Intel HEX that begins with the MBR at address 0; the MBR is left out, the rest goes to 0x1000 (Device OS 6.2.0,
build/create_module.py:240-306). Its version and a magic number are in the information structure at 0x3000 of Nordic's memory map.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from firmware_images.build import build_module
from firmware_images.errors import BuildRefused
from firmware_images.fields import Dependency, ModuleFlag, ModuleFunction
from firmware_images.hexfile import MAX_FILLING, Segment

MBR_SIZE: Final = 0x1000
_INFO: Final = 0x3000
_MAGIC: Final = 0x51B1E5DB
_INFO_LAYOUT: Final = struct.Struct("<4xI4xH")
_FULL_INFO: Final = struct.Struct("<4xIIH10x20s")
"""Size of the structure, magic number, size of the image, firmware id, id and version of Nordic's, unique string."""
NEEDS: Final = (Dependency(ModuleFunction.BOOTLOADER, 0, 501), Dependency(ModuleFunction.SYSTEM_PART, 1, 1321))
"""What every radio stack module depends on."""


def softdevice_image(segments: Iterable[Segment]) -> bytes | None:
    """The SoftDevice in a memory image, from address 0 on, gaps filled with 0xFF; None when there is none.

    What lies beyond a gap of more than `MBR_SIZE`, or beyond `MAX_FILLING` bytes of gaps, is something else: settings, a bootloader.
    """
    image = bytearray()
    filled = 0
    for segment in segments:
        gap = segment.address - len(image)
        filled += gap
        if gap > MBR_SIZE or filled > MAX_FILLING:
            break
        image.extend(b"\xff" * gap)
        image.extend(segment.data)
    return bytes(image) if _version(image) is not None else None


def is_softdevice(segments: Iterable[Segment]) -> bool:
    """Whether a memory image holds a SoftDevice."""
    return softdevice_image(segments) is not None


def build_radio_stack(image: bytes, platform_id: int, *, dependencies: Iterable[Dependency] = NEEDS) -> bytes:
    """Wrap a SoftDevice.

    Args:
        image: memory from address 0 on, MBR included.
        platform_id: of the board.
        dependencies: what the module depends on.

    Raises:
        BuildRefused: that is no SoftDevice, or the platform has no place for it.
    """
    version = _version(image)
    if version is None:
        raise BuildRefused(f"no SoftDevice: the magic number {_MAGIC:#010x} is not at {_INFO + 4:#x}")
    return build_module(
        platform_id,
        ModuleFunction.RADIO_STACK,
        0,
        version,
        dependencies=dependencies,
        body=image[MBR_SIZE:],
        flags=ModuleFlag.DROP_MODULE_INFO,
    )


@dataclass(frozen=True, slots=True)
class SoftDeviceInfo:
    """What a SoftDevice says of itself (Device OS 6.2.0, hal/src/nRF52840/platform_radio_stack.cpp:24-49; nrf_sdm.h of the S140 SDK)."""

    size: int
    """First address after it, in bytes from address 0."""
    version: int
    """Nordic's firmware id, which Device OS takes for the module's version."""
    unique: bytes
    """20 bytes, given in place of a SHA-256."""


def read_softdevice(read: Callable[[int, int], bytes]) -> SoftDeviceInfo | None:
    """The SoftDevice in a device's memory, or None. `read(address, length)` returns that many bytes."""
    magic, size, version, unique = _FULL_INFO.unpack(read(_INFO, _FULL_INFO.size))
    return SoftDeviceInfo(size, version, unique) if magic == _MAGIC else None


def make_softdevice(version: int, unique: bytes) -> bytes:
    """A memory image from address 0 on, MBR included, that says it is a SoftDevice of this version, and has nothing else in it."""
    image = bytearray(b"\xff" * (_INFO + _FULL_INFO.size))
    _FULL_INFO.pack_into(image, _INFO, _MAGIC, len(image), version, unique)
    return bytes(image)


def _version(image: bytes | bytearray) -> int | None:
    if len(image) < _INFO + _INFO_LAYOUT.size:
        return None
    magic, version = _INFO_LAYOUT.unpack_from(image, _INFO)
    return int(version) if magic == _MAGIC else None
