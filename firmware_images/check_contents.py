"""The checks that look into a module: records, compressed data, assets, device protection.

What only a few modules need is imported where it is needed, so that looking at an ordinary one starts at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from firmware_images.errors import ImageError
from firmware_images.extensions import ExtensionList, ExtensionType
from firmware_images.fields import ModuleFlag, ModuleFunction
from firmware_images.findings import Finding, FindingName, error, warning
from firmware_images.module import Module

PROTECTION_SINCE = 3000
"""First bootloader version that knows device protection."""
PROTECTED_SYSTEM_SINCE = 6000
_COMPRESSED, _PREFIX_EXTENSIONS = int(ModuleFlag.COMPRESSED), int(ModuleFlag.PREFIX_EXTENSIONS)
_BOOTLOADER, _SYSTEM_PART, _ASSET = int(ModuleFunction.BOOTLOADER), int(ModuleFunction.SYSTEM_PART), int(ModuleFunction.ASSET)


def check_extensions(module: Module) -> Iterator[Finding]:
    """Whether the records in prefix and suffix can be walked and understood."""
    for where, found in (("prefix", module.prefix_extensions), ("suffix", module.suffix_extensions)):
        if found.problem is not None:
            yield error(FindingName.EXTENSION_MALFORMED, f"{where} extensions: {found.problem}")
        if found.items:
            yield from _unreadable_records(where, found)


def _unreadable_records(where: str, found: ExtensionList) -> Iterator[Finding]:
    from firmware_images.extension_contents import content_of

    for item in found.items:
        try:
            content_of(item)
        except ValueError as reason:
            yield error(FindingName.EXTENSION_MALFORMED, f"{where} extension {item.type} {reason}")


def check_compression(module: Module) -> Iterator[Finding]:
    """Whether compressed data can be inflated, to what it claims."""
    if not module.fields[3] & _COMPRESSED or not module.complete or module.suffix is None:
        return
    from firmware_images.compress import inflated_problem

    try:
        problem = inflated_problem(module)
    except ImageError as reason:
        problem = str(reason)
    if problem is not None:
        yield error(FindingName.COMPRESSION, problem)


def check_asset(module: Module) -> Iterator[Finding]:
    """What a device asks of an asset module (Device OS 6.2.0, system/src/asset_manager.cpp:435-492)."""
    if module.fields[6] != _ASSET or module.suffix is None:
        return
    from firmware_images.assets import asset_digest, asset_name
    from firmware_images.compress import inflated_chunks

    if not module.prefix.flags & ModuleFlag.DROP_MODULE_INFO:
        yield error(FindingName.ASSET_MALFORMED, "the flag that drops the module's information is not set")
    if module.fields[3] & _PREFIX_EXTENSIONS:
        yield error(FindingName.ASSET_MALFORMED, "an asset must not have extensions in its prefix")
    name, digest = asset_name(module), asset_digest(module)
    if name is None or digest is None:
        missing = " and ".join(what for what, value in (("name", name), ("digest", digest)) if not value)
        yield error(FindingName.ASSET_MALFORMED, f"the asset has no {missing}")
        return
    computed = hashlib.sha256()
    try:
        if module.fields[3] & _COMPRESSED:
            for chunk in inflated_chunks(module):
                computed.update(chunk)
        else:
            computed.update(module.data[module.body_offset : module.module_length - module.suffix.size])
    except ImageError:
        return  # check_compression says it
    if computed.digest() != digest:
        yield error(FindingName.ASSET_MALFORMED, f"the digest of asset {name!r} is {digest.hex()}", computed.hexdigest())


def check_security(module: Module, *, protected: bool) -> Iterator[Finding]:
    """Device protection: recorded in the bootloader's suffix, nowhere else (Device OS 6.2.0, services/src/security_mode.cpp:145-194)."""
    fields = module.fields
    function, index, version = fields[6], fields[7], fields[4]
    main_bootloader = function == _BOOTLOADER and index == 0
    in_suffix = module.suffix_extensions.find(ExtensionType.SECURITY_MODE) if module.suffix_extensions.size else None
    if module.prefix_extensions.find(ExtensionType.SECURITY_MODE) is not None:
        yield warning(
            FindingName.SECURITY_MODE, "the security mode is in the prefix, where no device looks", "in the suffix of the bootloader"
        )
    if in_suffix is not None:
        if not main_bootloader:
            yield warning(FindingName.SECURITY_MODE, f"a security mode in a {module.prefix.function} means nothing", "in the bootloader")
        elif version < PROTECTION_SINCE:
            expected = f"{PROTECTION_SINCE} or later"
            yield error(FindingName.SECURITY_MODE, f"bootloader {version} does not know device protection", expected)
        if in_suffix.payload[:1] not in (b"\0", b"\1"):
            yield error(FindingName.SECURITY_MODE, f"security mode {in_suffix.payload[:1].hex() or 'of no value'} does not exist", "0 or 1")
    if protected and main_bootloader and (in_suffix is None or in_suffix.payload[:1] != b"\1"):
        yield error(FindingName.SECURITY_MODE, "a protected device takes no bootloader without protection", "a protected bootloader")
    if protected and function == _SYSTEM_PART and version < PROTECTED_SYSTEM_SINCE:
        yield error(
            FindingName.SECURITY_MODE, f"a protected device takes no system part {version}", f"version {PROTECTED_SYSTEM_SINCE} or later"
        )
