"""What a board tells of itself: its modules for the cloud and the serial console."""

from __future__ import annotations

from dataclasses import replace

from emulator.board.board import Board
from emulator.device_os.assets import Assets
from emulator.device_os.modules import InstalledModule, ModuleTable, judge
from firmware_images.fields import ModuleFunction
from firmware_images.module import Module
from particle_protocol.describe import DescribedAsset, DescribedModule, ModuleDependency, SystemDescribe, Validity
from particle_protocol.platforms import Platform


def system_describe(board: Board, modules: ModuleTable, assets: Assets | None) -> SystemDescribe:
    """The system's part of a describe message; of a cellular board with what its modem tells (hal/src/electron/ota_flash_hal.cpp:31-47).

    The intact user part tells the assets that it asks for (6.2.0, system/src/system_info.cpp:472-504).
    """
    extra = {}
    if board.hardware.modem_firmware:
        extra = {"imei": board.identity.imei, "iccid": board.sim or "", "cellfw": board.hardware.modem_firmware}
    described_modules = [_described(module) for module in modules.modules]
    stored: tuple[DescribedAsset, ...] = ()
    if assets is not None:
        described_modules = [
            replace(told, assets=asked_for(assets)) if module is modules.user and module.intact else told
            for module, told in zip(modules.modules, described_modules, strict=True)
        ]
        stored = tuple(DescribedAsset(asset.name, asset.digest, asset.size, asset.storage_size) for asset in assets.available)
    return SystemDescribe(board.platform.id, tuple(described_modules), {key: value for key, value in extra.items() if value}, stored)


def asked_for(assets: Assets) -> tuple[DescribedAsset, ...]:
    """The assets that the intact user part asks for."""
    return tuple(DescribedAsset(need.name, need.digest) for need in assets.asked)


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
