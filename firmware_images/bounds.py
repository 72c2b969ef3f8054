"""Where each module of each platform lives in memory.

The platforms' own memory maps (`particle_protocol.platforms`) are read from a file and know one Device OS version at a time; here is what
images need of all versions together, as plain Python, so that a command which looks at one image starts at once. A test proves that the
two agree.

Sources: Device OS 2.3.1, hal/src/photon/ota_module_bounds.c:4-16 and hal/src/electron/ota_module_bounds.c:4-16; Device OS 6.2.0,
hal/src/nRF52840/ota_module_bounds.c:9-160 and hal/src/rtl872x/ota_module_bounds.c:8-105. The region of the nRF52840 system part is
given as the union of its two eras: it starts at 0x28000 since 6.2.0, at 0x30000 before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from firmware_images.fields import ModuleFunction

_B, _M, _S, _U, _N, _R = (
    ModuleFunction.BOOTLOADER,
    ModuleFunction.MONOLITHIC,
    ModuleFunction.SYSTEM_PART,
    ModuleFunction.USER_PART,
    ModuleFunction.NCP,
    ModuleFunction.RADIO_STACK,
)
SYSTEM_PART_SINCE_6_2: Final = 0x28000
"""Where the system part of the nRF52840 begins since Device OS 6.2.0, with a second prefix in it (`firmware_images.legacy_prefix`)."""
LEGACY_APPLICATION: Final = 0xD4000
"""Where an application (user part 1) of the nRF52840 begins before Device OS 3.1.0. While a valid one is there, it is the one that runs."""
LARGE_APPLICATION_SINCE: Final = 3103
"""System part of Device OS 3.1.0, the first with applications of 256 KiB (user part 2), which reach over the older place."""
PLATFORM_NAMES: Final = {
    0: "core",
    6: "photon",
    8: "p1",
    10: "electron",
    12: "argon",
    13: "boron",
    14: "xenon",
    15: "esomx",
    22: "asom",
    23: "bsom",
    24: "xsom",
    25: "b5som",
    26: "tracker",
    28: "trackerm",
    32: "p2",
    35: "msom",
    37: "electron2",
    38: "sulu",
    42: "tachyon",
    82: "oak",
    88: "duo",
    103: "bluz",
}
"""Short names of the platforms that images are for; some are older than what `particle_protocol.platforms` tells of."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A region that holds one kind of module.

    Attributes:
        start: lowest address.
        end: first address after the region.
        start_addresses: where a module in it may begin; empty when it grows towards lower addresses from a fixed end.
    """

    function: ModuleFunction
    index: int
    start: int
    end: int
    start_addresses: tuple[int, ...]

    @property
    def grows_left(self) -> bool:
        """Whether the module's end is fixed (with its CRC last) and its start moves."""
        return not self.start_addresses

    def holds_end(self, end_address: int) -> bool:
        """The device's own range rule: only the end address is compared, both limits included.

        Device OS 6.2.0, hal/src/nRF52840/ota_flash_hal.cpp:229-331.
        """
        return self.start <= end_address <= self.end


def _slot(function: ModuleFunction, index: int, start: int, end: int, *starts: int) -> Slot:
    return Slot(function, index, start, end, starts or (start,))


_STM32F2 = (
    _slot(_B, 0, 0x08000000, 0x08004000),
    _slot(_S, 1, 0x08020000, 0x08060000),
    _slot(_S, 2, 0x08060000, 0x080A0000),
    _slot(_U, 1, 0x080A0000, 0x080C0000),
    _slot(_M, 0, 0x08020000, 0x08080000),
    _slot(_M, 1, 0x08020000, 0x08080000),
)
_ELECTRON = (
    _slot(_B, 0, 0x08000000, 0x08004000),
    _slot(_S, 1, 0x08020000, 0x08040000),
    _slot(_S, 2, 0x08040000, 0x08060000),
    _slot(_S, 3, 0x08060000, 0x08080000),
    _slot(_U, 1, 0x08080000, 0x080A0000),
    _slot(_M, 0, 0x08020000, 0x08080000),
    _slot(_M, 1, 0x08020000, 0x08080000),
)
_NRF52840 = (
    _slot(_R, 0, 0x00001000, 0x00030000),
    _slot(_S, 1, 0x00028000, 0x000D4000, 0x30000, 0x28000),
    _slot(_U, 1, 0x000D4000, 0x000F4000),
    _slot(_U, 2, 0x000B4000, 0x000F4000),
    _slot(_B, 0, 0x000F4000, 0x00100000),
    _slot(_M, 0, 0x00028000, 0x000F4000, 0x30000, 0x28000),
    _slot(_M, 1, 0x00028000, 0x000F4000, 0x30000, 0x28000),
    _slot(_N, 0, 0x00000000, 1500 * 1024),
)
_RTL872X = (
    _slot(_B, 1, 0x08000000, 0x08004000),
    _slot(_B, 0, 0x08004000, 0x08014000),
    _slot(_B, 2, 0x08014000, 0x0805E000),
    _slot(_S, 1, 0x08060000, 0x08260000),
    Slot(_U, 1, 0x08400000, 0x08600000, ()),
)
_CORE = (_slot(_M, 0, 0x08005000, 0x08020000),)

SLOTS: Final[dict[tuple[int, int, int], Slot]] = {
    (platform, slot.function, slot.index): slot
    for platforms, slots in (
        ((0,), _CORE),
        ((6, 8), _STM32F2),
        ((10,), _ELECTRON),
        ((12, 13, 14, 15, 22, 23, 24, 25, 26, 37), _NRF52840),
        ((28, 32, 35, 38), _RTL872X),
    )
    for platform in platforms
    for slot in slots
}
"""By platform id, function and index."""
_BY_PLATFORM: Final = {
    platform: tuple(slot for (each, _, _), slot in SLOTS.items() if each == platform) for platform in {platform for platform, _, _ in SLOTS}
}


def find_slot(platform_id: int, function: int, index: int) -> Slot | None:
    """The region of a module, or None when the platform (or its memory map) does not know such a module."""
    return SLOTS.get((platform_id, function, index))


def slots_of(platform_id: int) -> tuple[Slot, ...]:
    """All regions of a platform; none where it is not known."""
    return _BY_PLATFORM.get(platform_id, ())
