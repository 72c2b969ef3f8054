"""Where a module that was received belongs: one installer for each kind of place, found by the module's function.

Most modules wait in flash until the bootloader puts them in place. The network processor's firmware goes to that processor at once, while
Device OS runs (6.2.0, hal/src/nRF52840/ota_flash_hal.cpp:505-600, hal/network/ncp_client/esp32).
"""

from __future__ import annotations

from typing import Final, Protocol

from emulator.board.board import Board
from emulator.device_os.modules import ModuleTable
from emulator.device_os.staged import StagedModule, StagedUpdates
from emulator.device_os.update_rules import UpdateRules
from firmware_images.device_rules import ModuleError
from firmware_images.fields import ModuleFunction
from firmware_images.module import Module

ESP32: Final = 0x21
"""The network processor that can be updated, of Argon and Tracker (Device OS 6.2.0, hal/shared/platform_ncp.h:28-71)."""


class Installer(Protocol):
    """Puts modules of some functions in place."""

    functions: frozenset[ModuleFunction]

    def fault(self, board: Board, rules: UpdateRules, module: Module) -> ModuleError | None:
        """Why this board cannot take a module that is sound; None when it can."""

    def install(self, board: Board, modules: ModuleTable, updates: StagedUpdates, staged: StagedModule) -> ModuleError | None:
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

    def fault(self, board: Board, rules: UpdateRules, module: Module) -> ModuleError | None:
        """See `Installer`: what is sound has a slot."""
        del board, rules, module
        return None

    def install(self, board: Board, modules: ModuleTable, updates: StagedUpdates, staged: StagedModule) -> ModuleError | None:
        """See `Installer`."""
        del board
        prefix = staged.module.prefix
        return None if updates.enter(modules.memory.slot(prefix.function, prefix.index), staged) else ModuleError.NO_MEMORY


class ToNetworkProcessor:
    """Hands the firmware of the network processor over to it; from then on that processor says the new version."""

    functions = frozenset((ModuleFunction.NCP,))

    def fault(self, board: Board, rules: UpdateRules, module: Module) -> ModuleError | None:
        """See `Installer`: the processor has to be of the kind that the module names."""
        if board.ncp_version is None or not rules.ncp:
            return ModuleError.UNSUPPORTED
        return None if module.prefix.mcu_target == ESP32 else ModuleError.PLATFORM

    def install(self, board: Board, modules: ModuleTable, updates: StagedUpdates, staged: StagedModule) -> ModuleError | None:
        """See `Installer`."""
        del modules, updates
        board.ncp_version = staged.module.prefix.version
        return None


INSTALLERS: Final[tuple[Installer, ...]] = (ThroughBootloader(), ToNetworkProcessor())


def installer_of(function: int) -> Installer | None:
    """Who puts modules of a function in place; None when nobody does."""
    return next((each for each in INSTALLERS if function in each.functions), None)
