"""Where each module of each platform lives in memory, all Device OS versions together.

Sources: Device OS 2.3.1, hal/src/photon/ota_module_bounds.c:4-16 and hal/src/electron/ota_module_bounds.c:4-16; Device OS 6.2.0,
hal/src/nRF52840/ota_module_bounds.c:9-160 and hal/src/rtl872x/ota_module_bounds.c:8-105. The region of the nRF52840 system part is
given as the union of its two eras: it starts at 0x28000 since 6.2.0, at 0x30000 before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from firmware_images import platform_slots
from firmware_images.fields import ModuleFunction
from firmware_images.platform_slots import PLATFORM_NAMES as PLATFORM_NAMES

SYSTEM_PART_SINCE_6_2: Final = 0x28000
"""Where the system part of the nRF52840 begins since Device OS 6.2.0, with a second prefix in it (`firmware_images.legacy_prefix`)."""
LEGACY_APPLICATION: Final = 0xD4000
"""Where an application (user part 1) of the nRF52840 begins before Device OS 3.1.0. While a valid one is there, it is the one that runs."""
LARGE_APPLICATION_SINCE: Final = 3103
"""System part of Device OS 3.1.0, the first with applications of 256 KiB (user part 2), which reach over the older place."""


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


SLOTS: Final[dict[tuple[int, int, int], Slot]] = {
    (platform, function, index): Slot(function, index, start, end, starts)
    for platforms, slots in platform_slots.SLOTS
    for function, index, start, end, starts in slots
    for platform in platforms
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
