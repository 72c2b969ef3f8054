"""Requests about what is stored: modules, and assets (6.2.0, system/src/control/storage.cpp)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emulator.device_os.control.handlers import Handler
from emulator.device_os.describe import asked_for
from emulator.device_os.modules import InstalledModule
from firmware_images.device_rules import Check
from firmware_images.fields import ModuleFunction
from particle_protocol.control_requests.codes import RequestType, Result
from particle_protocol.control_requests.device import Request
from particle_protocol.control_requests.generated import storage_pb2
from particle_protocol.describe import DescribedAsset

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs

_LEGACY_TYPES = {
    ModuleFunction.BOOTLOADER: storage_pb2.LEGACY_BOOTLOADER,
    ModuleFunction.SYSTEM_PART: storage_pb2.LEGACY_SYSTEM_PART,
    ModuleFunction.USER_PART: storage_pb2.LEGACY_USER_PART,
    ModuleFunction.MONOLITHIC: storage_pb2.LEGACY_MONOLITHIC,
    ModuleFunction.NCP: storage_pb2.LEGACY_NCP,
    ModuleFunction.RADIO_STACK: storage_pb2.LEGACY_RADIO_STACK,
}
_NEW_FORM_SINCE = (5, 6, 0)
_INTEGRITY_FAILED, _DEPENDENCY_FAILED = 1, 2


class StorageRequests:
    """The requests of one boot, by type in `handlers`."""

    def __init__(self, system: DeviceOs) -> None:
        self._system = system
        self._board = system.board
        self.handlers: dict[int, Handler] = {
            RequestType.GET_MODULE_INFO: self._module_info,
        }
        if system.version_numbers >= _NEW_FORM_SINCE and system.assets is not None:
            self.handlers[RequestType.GET_ASSET_INFO] = self._asset_info

    def _module_info(self, request: Request) -> None:
        reply = storage_pb2.GetModuleInfoReply()
        for module in self._system.modules.modules:
            if self._system.version_numbers >= _NEW_FORM_SINCE:
                reply.modules.append(_module(module, self._assets_of(module)))
            elif module.prefix.function in _LEGACY_TYPES:
                reply.legacy_modules.append(_legacy_module(module))
        request.reply(Result.OK, reply.SerializeToString())

    def _assets_of(self, module: InstalledModule) -> Sequence[storage_pb2.Asset]:
        assets = self._system.assets
        if assets is None or module is not self._system.modules.user or not module.intact:
            return ()
        return [_asset(need) for need in asked_for(assets)]

    def _asset_info(self, request: Request) -> None:
        assets = self._system.assets
        assert assets is not None
        stored = [DescribedAsset(each.name, each.digest, each.size, each.storage_size) for each in assets.available]
        required = [DescribedAsset(need.name, need.digest) for need in assets.required]
        reply = storage_pb2.GetAssetInfoReply(available=map(_asset, stored), required=map(_asset, required))
        request.reply(Result.OK, reply.SerializeToString())


def _asset(asset: DescribedAsset) -> storage_pb2.Asset:
    return storage_pb2.Asset(hash=asset.sha256, name=asset.name, size=asset.size, storage_size=asset.storage_size)


def _module(module: InstalledModule, assets: Sequence[storage_pb2.Asset]) -> storage_pb2.Module:
    """A module in the form of Device OS 5.6.0 and later (6.2.0, system/src/control/storage.cpp)."""
    prefix = module.prefix
    made = storage_pb2.Module(
        type=storage_pb2.ModuleType.Name(int(prefix.function)),
        index=prefix.index,
        version=prefix.version,
        max_size=module.slot.size,
        checked_flags=int(module.validity.checked),
        passed_flags=int(module.validity.passed),
        hash=module.sha256,
        asset_dependencies=assets,
        size=module.size,
    )
    for each in prefix.dependencies:
        made.dependencies.add(type=storage_pb2.ModuleType.Name(int(each.function)), index=each.index, version=each.version)
    return made


def _legacy_module(module: InstalledModule) -> storage_pb2.LegacyModule:
    """A module in the form of Device OS before 5.6.0."""
    prefix = module.prefix
    failed = module.validity.checked & ~module.validity.passed
    faults = (_INTEGRITY_FAILED if failed & Check.INTEGRITY else 0) | (_DEPENDENCY_FAILED if failed & Check.DEPENDENCIES else 0)
    made = storage_pb2.LegacyModule(index=prefix.index, version=prefix.version, size=module.size, validity=faults)
    made.type = _LEGACY_TYPES[prefix.function]
    for each in prefix.dependencies:
        made.dependencies.add(type=_LEGACY_TYPES.get(each.function), index=each.index, version=each.version)
    return made
