"""The system's part of a description in its binary form, which Device OS sends since 5.5.0 (6.2.0, system/src/system_info.cpp:472-504).

It has no platform id: that is in Hello. Importing this module does not import protobuf; the first description does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from particle_protocol.describe import (
    DescribedAsset,
    DescribedModule,
    DescribeError,
    ModuleDependency,
    ModuleStore,
    SystemDescribe,
    Validity,
)
from particle_protocol.functions import ModuleFunction

if TYPE_CHECKING:
    from particle_protocol.cloud_messages.generated import describe_pb2

_FUNCTIONS: Final = frozenset(each for each in ModuleFunction if each.has_letter) - {ModuleFunction.NONE}
"""Settings have no letter in a description; they are left out. Assets are listed apart from the modules."""
_STORES: Final = tuple(ModuleStore)
"""By number: main, factory, backup, scratchpad."""
_FACTS: Final = {"imei": "imei", "iccid": "iccid", "cellfw": "modem_firmware"}
"""The names of the JSON form, and the fields here."""


def encode_system(system: SystemDescribe) -> bytes:
    """The payload of a description, content format 42. Factory modules are not told to the cloud."""
    from particle_protocol.cloud_messages.generated import describe_pb2

    told = describe_pb2.DescribedSystem()
    for module in system.modules:
        if module.function in _FUNCTIONS and module.store is not ModuleStore.FACTORY:
            told.modules.append(_write_module(module))
    for name, field in _FACTS.items():
        if name in system.extra:
            setattr(told, field, system.extra[name])
    told.assets.extend(_write_asset(asset) for asset in system.assets)
    return told.SerializeToString()


def decode_system(payload: bytes, platform_id: int) -> SystemDescribe:
    """Read the payload of a description. Modules of kinds that nobody knows are left out.

    Raises:
        DescribeError: it is no such message.
    """
    from google.protobuf.message import DecodeError

    from particle_protocol.cloud_messages.generated import describe_pb2

    told = describe_pb2.DescribedSystem()
    try:
        told.ParseFromString(bytes(payload))
    except DecodeError as error:
        raise DescribeError(f"the description is no system description: {error}") from None
    modules = tuple(_read_module(module) for module in told.modules if module.function in _FUNCTIONS and module.store < len(_STORES))
    facts = {name: getattr(told, field) for name, field in _FACTS.items()}
    assets = tuple(map(_read_asset, told.assets))
    return SystemDescribe(platform_id, modules, {name: fact for name, fact in facts.items() if fact}, assets)


def _write_module(module: DescribedModule) -> describe_pb2.DescribedModule:
    from particle_protocol.cloud_messages.generated import describe_pb2

    return describe_pb2.DescribedModule(
        function=_number(module.function),
        index=module.index,
        version=module.version,
        store=_STORES.index(module.store),
        max_size=module.max_size,
        checked=module.checked,
        passed=module.passed,
        sha256=module.sha256,
        dependencies=[
            describe_pb2.DescribedDependency(function=_number(need.function), index=need.index, version=need.version)
            for need in module.dependencies
        ],
        assets=[_write_asset(asset) for asset in module.assets],
        size=module.size,
    )


def _write_asset(asset: DescribedAsset) -> describe_pb2.DescribedAsset:
    from particle_protocol.cloud_messages.generated import describe_pb2

    return describe_pb2.DescribedAsset(sha256=asset.sha256, name=asset.name, size=asset.size, storage_size=asset.storage_size)


def _read_asset(asset: describe_pb2.DescribedAsset) -> DescribedAsset:
    return DescribedAsset(asset.name, asset.sha256, asset.size, asset.storage_size)


def _read_module(module: describe_pb2.DescribedModule) -> DescribedModule:
    return DescribedModule(
        max_size=module.max_size,
        store=_STORES[module.store],
        checked=Validity(module.checked),
        passed=Validity(module.passed),
        function=ModuleFunction(module.function),
        index=module.index,
        version=module.version,
        dependencies=tuple(
            ModuleDependency(ModuleFunction(need.function), need.index, need.version)
            for need in module.dependencies
            if need.function in _FUNCTIONS
        ),
        sha256=module.sha256,
        size=module.size,
        assets=tuple(map(_read_asset, module.assets)),
    )


def _number(function: ModuleFunction | None) -> int:
    return int(function) if function in _FUNCTIONS else 0
