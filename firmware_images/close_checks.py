"""The long way to judge a module: every matter is looked into.

Each begins with a cheap comparison of plain numbers, so that a sound module costs hardly more than its CRC and SHA-256 here too.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from firmware_images.bounds import find_slot
from firmware_images.check_contents import check_asset, check_compression, check_extensions, check_security
from firmware_images.fields import BASE_SUFFIX_SIZE, CRC_SIZE, ModuleFlag, ModuleFunction, Prefix
from firmware_images.findings import Finding, FindingName, error, note, warning
from firmware_images.legacy_prefix import check_legacy_prefix
from firmware_images.locate import KNOWN_PLATFORMS, RTL872X, prefix_offset_of
from firmware_images.module import Module, ShaRule
from firmware_images.placing import check_overlaps, place_findings
from firmware_images.product import check_for_product, check_product
from firmware_images.stand_in import as_read_here, is_stand_in
from firmware_images.target import ANY_DEVICE, Target

PLACEHOLDER_SHA = bytes(range(1, 33))
PLACEHOLDER_CRC = 0x78563412
"""What a build leaves in HEX files and in memory images, which it writes before it seals the module (Device OS 6.2.0,
build/module.mk:153-168)."""
_ALL_FLAGS = 0x1F
_COMPRESSED, _COMBINED = int(ModuleFlag.COMPRESSED), int(ModuleFlag.COMBINED)
_BEHIND_NOTHING = ModuleFlag.DROP_MODULE_INFO | ModuleFlag.COMPRESSED | ModuleFlag.PREFIX_EXTENSIONS
_COMPRESSIBLE = (ModuleFunction.USER_PART, ModuleFunction.SYSTEM_PART, ModuleFunction.ASSET)
_ASSET, _NCP = int(ModuleFunction.ASSET), int(ModuleFunction.NCP)


def check_closely(module: Module, target: Target = ANY_DEVICE) -> tuple[Finding, ...]:
    """The verdict of `firmware_images.checks.check_module`, without its fast path."""
    return tuple(
        chain(
            () if target.made_here else _stand_in(module.prefix),
            _integrity(module),
            _identity(module, target.platform_id),
            _range(module),
            _flags(module),
            _dependency_fields(module),
            check_extensions(module),
            place_findings(module.fields),
            _product(module, target.product),
            check_compression(module),
            check_asset(module),
            check_security(module, protected=target.protected),
            check_legacy_prefix(module),
            () if target.installed is None else check_overlaps(module.prefix, target.installed),
            () if target.installed is None else _dependencies(module.prefix, target, target.installed),
        )
    )


def _product(module: Module, product: int | None) -> Iterator[Finding]:
    """The findings of the product fields, in themselves and for a product; that the version is missing is said once."""
    of_this = () if product is None else tuple(check_for_product(module, product))
    named = {finding.name for finding in of_this}
    yield from (finding for finding in check_product(module) if finding.name not in named)
    yield from of_this


def is_unsealed(module: Module) -> bool:
    """Whether the module holds the placeholders of a build instead of SHA-256 and CRC."""
    suffix = module.suffix
    return suffix is not None and suffix.sha256 == PLACEHOLDER_SHA and module.stored_crc == PLACEHOLDER_CRC


def _stand_in(prefix: Prefix) -> Iterator[Finding]:
    if is_stand_in(prefix):
        need = prefix.dependency
        yield error(
            FindingName.STAND_IN,
            f"it only stands for a real {prefix.function}, for emulated boards: "
            f"no board has the {need.function} {need.index} version {need.version} that it asks for",
            "the real module",
        )


def _integrity(module: Module) -> Iterator[Finding]:
    if not module.complete:
        yield _incomplete(module)
        return
    if not module.crc_ok:
        if is_unsealed(module):
            yield error(FindingName.UNSEALED, "SHA-256 and CRC are the placeholders of a build", "a module that was sealed")
            return
        yield error(FindingName.CRC_MISMATCH, f"the stored CRC is {module.stored_crc:08x}", f"{module.computed_crc:08x}")
    suffix = module.suffix
    if suffix is None:
        room = module.module_length - module.body_offset
        yield error(
            FindingName.SUFFIX_MISSING, f"the suffix claims {module.suffix_size_field} bytes", f"{BASE_SUFFIX_SIZE} to {room} bytes"
        )
        return
    if not module.sha_ok:
        yield error(FindingName.SHA_MISMATCH, f"the stored SHA-256 is {suffix.sha256.hex()}", module.sha256_over(ShaRule.WHOLE).hex())
    if suffix.reserved:
        yield note(FindingName.RESERVED_NOT_ZERO, f"the reserved word of the suffix is {suffix.reserved:#06x}", "0x0000")


def _incomplete(module: Module) -> Finding:
    least = module.body_offset + BASE_SUFFIX_SIZE
    if module.module_length < least:
        declared = f"the prefix declares {module.module_length} bytes before the CRC"
        return error(FindingName.SIZE_IMPOSSIBLE, declared, f"at least {least}")
    return error(FindingName.TRUNCATED, f"the file has {len(module.data)} bytes", f"{module.size} bytes as the prefix declares")


def _identity(module: Module, platform_id: int | None) -> Iterator[Finding]:
    fields = module.fields
    platform, function = fields[5], fields[6]
    if not 0 < function <= 9:
        yield error(FindingName.FUNCTION_UNKNOWN, f"module function {function} does not exist", "1 to 9")
    if platform not in KNOWN_PLATFORMS:
        yield error(FindingName.PLATFORM_UNKNOWN, f"platform {platform} is not known")
    elif platform_id is not None and platform != platform_id and function != _ASSET:
        yield error(FindingName.PLATFORM_MISMATCH, f"the module is for platform {platform}", f"platform {platform_id}")
    expected = prefix_offset_of(module.data, platform)
    if expected != module.prefix_offset:
        yield error(
            FindingName.PREFIX_MISPLACED,
            f"the prefix lies at {module.prefix_offset:#x}, but the file begins with {bytes(module.data[:4]).hex(' ')}",
            f"a beginning that makes the device look there; with this one it looks at {expected:#x}",
        )


def _range(module: Module) -> Iterator[Finding]:
    start, end, _, flags, _, platform, function, index = module.fields[:8]
    if function == _ASSET or flags & _COMPRESSED:
        return
    slot = find_slot(platform, function, index)
    if slot is not None and slot.start < end <= slot.end and start in slot.start_addresses:
        return
    if slot is None:
        if platform in KNOWN_PLATFORMS and 0 < function < _ASSET:
            name = f"{ModuleFunction(function)} {index}"
            yield error(FindingName.SLOT_UNKNOWN, f"platform {platform} has no place for {name}")
        return
    if slot.grows_left:
        if end + CRC_SIZE != slot.end:
            yield error(FindingName.RANGE, f"the module ends at {end:#x}", f"{slot.end - CRC_SIZE:#x}, its fixed end")
        if start < slot.start:
            yield error(FindingName.RANGE, f"the module starts at {start:#x}", f"{slot.start:#x} or higher")
        return
    if not slot.holds_end(end):
        yield error(FindingName.RANGE, f"the module ends at {end:#x}", f"an address from {slot.start:#x} to {slot.end:#x}")
    if start not in slot.start_addresses:
        expected = " or ".join(f"{address:#x}" for address in slot.start_addresses)
        yield error(FindingName.START_ADDRESS, f"the module starts at {start:#x}", expected)


def _flags(module: Module) -> Iterator[Finding]:
    flags, target, function = module.fields[3], module.fields[2], module.fields[6]
    if function == _NCP and not target:
        yield warning(FindingName.MCU_TARGET, "the co-processor module names no co-processor", "its id, such as 33 for the ESP32")
    elif target and function != _NCP:
        yield warning(FindingName.MCU_TARGET, f"the module names co-processor {target}, but is no co-processor module", "0")
    if not flags:
        return
    prefix = module.prefix
    if flags & ~_ALL_FLAGS:
        yield warning(FindingName.FLAGS_UNKNOWN, f"flag bits {flags & ~_ALL_FLAGS:#04x} are not known")
    if module.prefix_offset and prefix.flags & _BEHIND_NOTHING:
        yield error(FindingName.FLAGS_CONTRADICT, f"{prefix.flags & _BEHIND_NOTHING!r} cannot go with a vector table before the prefix")
    if flags & _COMPRESSED and prefix.function not in _COMPRESSIBLE:
        yield error(FindingName.FLAGS_CONTRADICT, f"a device does not inflate a {prefix.function}", "a user part, system part or asset")
    if prefix.flags & ModuleFlag.ENCRYPTED:
        encryptable = prefix.platform_id in RTL872X.platforms and prefix.function is ModuleFunction.BOOTLOADER and prefix.index
        if not encryptable:
            yield error(
                FindingName.FLAGS_CONTRADICT, f"{prefix.function} {prefix.index} cannot be encrypted", "a prebootloader of the RTL872x"
            )


def _dependency_fields(module: Module) -> Iterator[Finding]:
    fields = module.fields
    for which, (function, index, version) in (("first", fields[8:11]), ("second", fields[11:14])):
        if function > 9:
            yield error(FindingName.DEPENDENCY_MALFORMED, f"the {which} dependency is on function {function}, which does not exist")
        elif not function and (index or version):
            yield warning(
                FindingName.DEPENDENCY_MALFORMED, f"the {which} dependency is unused, but has index {index} and version {version}", "zeros"
            )
    if fields[11] and not fields[8]:
        yield warning(FindingName.DEPENDENCY_MALFORMED, "there is a second dependency without a first, which no device looks at")


def _dependencies(module: Prefix, target: Target, modules: tuple[Prefix, ...]) -> Iterator[Finding]:
    from firmware_images.device_rules import broken_dependents, dependencies_met

    prefix, installed = as_read_here(module), tuple(map(as_read_here, modules))
    for other in broken_dependents(prefix, installed):
        needed = max(dep.version for dep in other.dependencies if (dep.function, dep.index) == (prefix.function, prefix.index))
        yield error(
            FindingName.DEPENDENT_BROKEN, f"{other.function} {other.index}, which is installed, would lose this module", f"version {needed}"
        )
    if target.quirks and dependencies_met(prefix, installed, user_optional=target.user_optional):
        return
    present = {(other.function, other.index): other for other in installed}
    for dependency in prefix.dependencies:
        there = present.get((dependency.function, dependency.index))
        what = f"{dependency.function} {dependency.index}"
        if there is None:
            yield error(FindingName.DEPENDENCY_MISSING, f"{what} is not installed", f"version {dependency.version} or later")
        elif there.version < dependency.version:
            yield error(
                FindingName.DEPENDENCY_TOO_OLD, f"{what} version {there.version} is installed", f"version {dependency.version} or later"
            )
