"""What a board tells of itself: its modules for the cloud and the serial console."""

from __future__ import annotations

from emulator.device_os.modules import InstalledModule, ModuleTable
from firmware_images import fields
from particle_protocol.describe import DescribedModule, ModuleDependency, ModuleFunction, SystemDescribe, Validity
from particle_protocol.platforms import Platform


def system_describe(platform: Platform, modules: ModuleTable) -> SystemDescribe:
    """The system's part of a describe message."""
    return SystemDescribe(platform.id, tuple(_described(module) for module in modules.modules))


def _described(module: InstalledModule) -> DescribedModule:
    prefix = module.prefix
    is_user = prefix.function is fields.ModuleFunction.USER_PART
    return DescribedModule(
        max_size=module.slot.size,
        checked=Validity(int(module.validity.checked)),
        passed=Validity(int(module.validity.passed)),
        function=_function(prefix.function),
        index=prefix.index,
        version=prefix.version,
        dependencies=tuple(ModuleDependency(_function(each.function), each.index, each.version) for each in prefix.dependencies),
        sha256=module.sha256 if is_user else b"",
    )


def _function(function: fields.ModuleFunction) -> ModuleFunction:
    return ModuleFunction(function.letter)
