"""What an update may be: which boards and versions take several modules in one file, deflated ones, and the network processor's firmware.

Gen 3 and 4 fetch each module that a file announces by its COMBINED flag, judge the first two and leave the rest (Device OS 6.2.0,
hal/src/nRF52840/ota_flash_hal.cpp:465-578; the rtl872x alike). What Gen 2, and Gen 3 before 2.0.0, make of these flags is not known;
chosen: such a file is refused as unsupported, as nobody sends them one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from firmware_images.device_rules import ModuleError
from firmware_images.fields import ModuleFlag, ModuleFunction
from firmware_images.module import Module
from particle_protocol.platforms import McuFamily, ModuleKey, ModuleSlot, OsVersion, Platform

PACKED_SINCE: Final[dict[McuFamily, OsVersion]] = {McuFamily.NRF52840: (2, 0, 0), McuFamily.RTL872X: (5, 0, 0)}
"""The first Device OS that takes combined and compressed modules (HAL_PLATFORM_COMPRESSED_OTA)."""
UNPACKING_BOOTLOADER: Final = 1000
"""The first bootloader that inflates what it copies: that of 2.0.0 (system/src/system_cloud_internal.cpp)."""
NCP_UNTIL: Final[OsVersion] = (5, 6, 0)
"""Since this version the network processor's firmware is not updated any more."""
DEFLATED: Final = frozenset((ModuleFunction.USER_PART, ModuleFunction.SYSTEM_PART, ModuleFunction.ASSET))
"""The modules that may be compressed."""
_PACKED: Final = ModuleFlag.COMPRESSED | ModuleFlag.COMBINED


@dataclass(frozen=True, slots=True)
class UpdateRules:
    """The rules of one boot.

    Attributes:
        packed: it takes combined and compressed modules.
        ncp: it takes the firmware of a network processor.
        assets: it stores assets.
        slots: where its modules may lie, before any of them moves at boot.
    """

    packed: bool
    ncp: bool
    assets: bool
    slots: tuple[ModuleSlot, ...]

    @classmethod
    def of(cls, platform: Platform, version: OsVersion) -> UpdateRules:
        """Those of a version on a platform."""
        since = PACKED_SINCE.get(platform.mcu)
        memory = platform.memory(version)
        assets = any(region.name == "assets" for region in memory.regions)
        return cls(since is not None and version >= since, version < NCP_UNTIL, assets, memory.modules)

    def has_place(self, module: Module) -> bool:
        """Whether a module ends within the slot of such modules; without that the device finds none at all."""
        prefix = module.prefix
        if prefix.function is ModuleFunction.ASSET:
            return True
        key = ModuleKey(prefix.function, prefix.index)
        return any(slot.key == key and slot.start <= prefix.end_address <= slot.end for slot in self.slots)

    def fault(self, module: Module) -> ModuleError | None:
        """Why a module that is sound is not taken for its form; None when it is."""
        prefix = module.prefix
        if prefix.flags & _PACKED and not self.packed:
            return ModuleError.UNSUPPORTED
        if module.prefix_offset and prefix.flags & (ModuleFlag.DROP_MODULE_INFO | ModuleFlag.COMPRESSED):
            return ModuleError.INVALID_FORMAT
        if prefix.flags & ModuleFlag.COMPRESSED and prefix.function not in DEFLATED:
            return ModuleError.UNSUPPORTED
        return None


def unpacks(platform: Platform, bootloader: int | None) -> bool:
    """Whether a bootloader of that version (None: it is damaged, and runs all the same) inflates what it copies."""
    return platform.mcu in PACKED_SINCE and (bootloader is None or bootloader >= UNPACKING_BOOTLOADER)
