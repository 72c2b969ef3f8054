"""What a board tells of itself: its modules for the cloud and the serial console."""

from __future__ import annotations

from emulator.board.board import Board
from emulator.device_os.modules import InstalledModule, ModuleTable, judge
from firmware_images.fields import ModuleFunction
from firmware_images.module import Module
from particle_protocol.describe import DescribedModule, ModuleDependency, SystemDescribe, Validity
from particle_protocol.platforms import Platform


def system_describe(board: Board, modules: ModuleTable) -> SystemDescribe:
    """The system's part of a describe message; of a cellular board with what its modem tells (hal/src/electron/ota_flash_hal.cpp:31-47)."""
    extra = {}
    if board.hardware.modem_firmware:
        extra = {"imei": board.identity.imei, "iccid": board.sim or "", "cellfw": board.hardware.modem_firmware}
    return SystemDescribe(
        board.platform.id, tuple(_described(module) for module in modules.modules), {key: value for key, value in extra.items() if value}
    )


def described(module: Module | None, platform: Platform, modules: ModuleTable) -> DescribedModule | None:
    """A module that was received but not installed yet, as the describe message would show it."""
    if module is None:
        return None
    prefix = module.prefix
    slot = next((slot for slot in modules.memory.modules if (slot.function, slot.index) == (prefix.function, prefix.index)), None)
    return None if slot is None else _described(judge(slot, module, platform, modules.prefixes, made_here=modules.made_here))


def _described(module: InstalledModule) -> DescribedModule:
    prefix = module.prefix
    is_user = prefix.function is ModuleFunction.USER_PART
    return DescribedModule(
        max_size=module.slot.size,
        checked=Validity(int(module.validity.checked)),
        passed=Validity(int(module.validity.passed)),
        function=prefix.function,
        index=prefix.index,
        version=prefix.version,
        dependencies=tuple(ModuleDependency(each.function, each.index, each.version) for each in prefix.dependencies),
        sha256=module.sha256 if is_user else b"",
        size=module.size,
    )
