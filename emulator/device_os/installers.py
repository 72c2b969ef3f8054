"""Where a module that was received belongs: one installer for each kind of place, found by the module's function.

Most modules wait in flash until the bootloader puts them in place. The network processor's firmware goes to that processor at once, and
assets into their storage, while Device OS runs (6.2.0, hal/src/nRF52840/ota_flash_hal.cpp:505-600, hal/network/ncp_client/esp32).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from emulator.board.board import Board
from emulator.device_os.assets import Assets
from emulator.device_os.modules import ModuleTable
from emulator.device_os.staged import StagedModule, StagedUpdates
from emulator.device_os.update_rules import UpdateRules
from firmware_images.device_rules import ModuleError
from firmware_images.fields import ModuleFunction
from firmware_images.module import Module

ESP32: Final = 0x21
"""The network processor that can be updated, of Argon and Tracker (Device OS 6.2.0, hal/shared/platform_ncp.h:28-71)."""


@dataclass(frozen=True, slots=True)
class Target:
    """The boot that takes updates: its board, what is installed, what it takes, where updates wait, and its assets if it can have any."""

    board: Board
    modules: ModuleTable
    rules: UpdateRules
    updates: StagedUpdates
    assets: Assets | None


class Installer(Protocol):
    """Puts modules of some functions in place."""

    functions: frozenset[ModuleFunction]

    def fault(self, target: Target, module: Module) -> ModuleError | None:
        """Why this board cannot take a module that is sound; None when it can."""

    def install(self, target: Target, staged: StagedModule) -> ModuleError | None:
        """Put a module in the OTA region in place, or see to it that it will be; None, or why that cannot be."""


class ThroughBootloader:
    """Enters a module into the list of those that the bootloader copies at the next boot."""

    functions = frozenset(
        (
            ModuleFunction.BOOTLOADER,
            ModuleFunction.MONOLITHIC,
            ModuleFunction.SYSTEM_PART,
            ModuleFunction.USER_PART,
            ModuleFunction.RADIO_STACK,
        )
    )

    def fault(self, target: Target, module: Module) -> ModuleError | None:
        """See `Installer`: what is sound has a slot."""
        del target, module
        return None

    def install(self, target: Target, staged: StagedModule) -> ModuleError | None:
        """See `Installer`."""
        prefix = staged.module.prefix
        slot = target.modules.memory.slot(prefix.function, prefix.index)
        return None if target.updates.enter(slot, staged) else ModuleError.NO_MEMORY


class ToNetworkProcessor:
    """Hands the firmware of the network processor over to it; from then on that processor says the new version."""

    functions = frozenset((ModuleFunction.NCP,))

    def fault(self, target: Target, module: Module) -> ModuleError | None:
        """See `Installer`: the processor has to be of the kind that the module names."""
        if target.board.ncp_version is None or not target.rules.ncp:
            return ModuleError.UNSUPPORTED
        return None if module.prefix.mcu_target == ESP32 else ModuleError.PLATFORM

    def install(self, target: Target, staged: StagedModule) -> ModuleError | None:
        """See `Installer`."""
        target.board.ncp_version = staged.module.prefix.version
        return None


class ToAssetStorage:
    """Puts assets into their storage, at once."""

    functions = frozenset((ModuleFunction.ASSET,))

    def fault(self, target: Target, module: Module) -> ModuleError | None:
        """See `Installer`: what is wrong with an asset shows only as it is stored."""
        del module
        return ModuleError.UNSUPPORTED if target.assets is None else None

    def install(self, target: Target, staged: StagedModule) -> ModuleError | None:
        """See `Installer`."""
        return ModuleError.UNSUPPORTED if target.assets is None else target.assets.store(bytes(staged.module.content))


INSTALLERS: Final[tuple[Installer, ...]] = (ThroughBootloader(), ToNetworkProcessor(), ToAssetStorage())


def installer_of(function: int) -> Installer | None:
    """Who puts modules of a function in place; None when nobody does."""
    return next((each for each in INSTALLERS if function in each.functions), None)
