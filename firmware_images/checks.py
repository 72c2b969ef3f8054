"""Everything that can be wrong with one module, each thing found by its own name.

`check_module` judges a file as devices, build tools and the cloud together would; `firmware_images.device_rules` gives the verdict of one
device alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from firmware_images.bounds import find_slot
from firmware_images.device_rules import broken_dependents
from firmware_images.extension_contents import content_of
from firmware_images.extensions import ExtensionList
from firmware_images.fields import BASE_SUFFIX_SIZE, CRC_SIZE, UNSET, ModuleFlag, ModuleFunction, Prefix
from firmware_images.findings import Finding, FindingName, error, note, warning
from firmware_images.locate import KNOWN_PLATFORMS, prefix_offset_on_device
from firmware_images.module import Module, ShaRule

_ALL_FLAGS = ModuleFlag(0x1F)


def check_module(module: Module, *, platform_id: int | None = None, installed: Iterable[Prefix] | None = None) -> tuple[Finding, ...]:
    """Judge a module.

    Args:
        module: as read.
        platform_id: of the device it is meant for; its own platform when not given.
        installed: the modules on that device; dependencies are looked at only when given.

    Returns:
        The findings, empty when there is nothing to say.
    """
    found = list(_integrity(module))
    found += _identity(module, platform_id)
    found += _range(module)
    found += _flags(module)
    found += _extensions(module.prefix_extensions, "prefix")
    found += _extensions(module.suffix_extensions, "suffix")
    found += _product(module)
    if installed is not None:
        found += _dependencies(module.prefix, tuple(installed))
    return tuple(found)


def _integrity(module: Module) -> Iterator[Finding]:
    if not module.complete:
        least = module.prefix_offset + module.prefix_extensions.size + BASE_SUFFIX_SIZE
        if module.module_length < least:
            yield error(
                FindingName.SIZE_IMPOSSIBLE,
                f"the prefix declares {module.module_length} bytes before the CRC",
                f"at least {least}",
            )
        else:
            yield error(FindingName.TRUNCATED, f"the file has {len(module.data)} bytes", f"{module.size} bytes as the prefix declares")
        return
    if not module.crc_ok:
        yield error(FindingName.CRC_MISMATCH, f"the stored CRC is {module.stored_crc:08x}", f"{module.computed_crc:08x}")
    suffix = module.suffix
    if suffix is None:
        yield error(
            FindingName.SUFFIX_MISSING,
            f"the suffix claims {module.suffix_size_field} bytes",
            f"{BASE_SUFFIX_SIZE} to {module.module_length - module.body_offset}",
        )
        return
    if not module.sha_ok:
        yield error(FindingName.SHA_MISMATCH, f"the stored SHA-256 is {suffix.sha256.hex()}", module.sha256_over(ShaRule.WHOLE).hex())
    if suffix.reserved:
        yield note(FindingName.RESERVED_NOT_ZERO, f"the reserved word of the suffix is {suffix.reserved:#06x}", "0x0000")


def _identity(module: Module, platform_id: int | None) -> Iterator[Finding]:
    prefix = module.prefix
    if not prefix.function.known or prefix.function is ModuleFunction.NONE:
        yield error(FindingName.FUNCTION_UNKNOWN, f"module function {int(prefix.function)} does not exist", "1 to 9")
    if prefix.platform_id not in KNOWN_PLATFORMS:
        yield error(FindingName.PLATFORM_UNKNOWN, f"platform {prefix.platform_id} is not known")
    elif platform_id is not None and prefix.platform_id != platform_id and prefix.function is not ModuleFunction.ASSET:
        yield error(FindingName.PLATFORM_MISMATCH, f"the module is for platform {prefix.platform_id}", f"platform {platform_id}")
    if len(module.data) >= 8:
        words = (int.from_bytes(module.data[:4], "little"), int.from_bytes(module.data[4:8], "little"))
        expected = prefix_offset_on_device(prefix.platform_id, *words)
        if expected != module.prefix_offset:
            yield error(
                FindingName.PREFIX_MISPLACED,
                f"the prefix lies at {module.prefix_offset:#x}, but the first word is {words[0]:#010x}",
                f"a first word that makes the device look at {module.prefix_offset:#x}; now it looks at {expected:#x}",
            )


def _range(module: Module) -> Iterator[Finding]:
    prefix = module.prefix
    if prefix.function is ModuleFunction.ASSET or prefix.flags & ModuleFlag.COMPRESSED or prefix.platform_id not in KNOWN_PLATFORMS:
        return
    slot = find_slot(prefix.platform_id, prefix.function, prefix.index)
    if slot is None:
        yield error(FindingName.SLOT_UNKNOWN, f"platform {prefix.platform_id} has no place for {prefix.function} {prefix.index}")
        return
    if not slot.holds_end(prefix.end_address):
        yield error(FindingName.RANGE, f"the module ends at {prefix.end_address:#x}", f"an address from {slot.start:#x} to {slot.end:#x}")
    if slot.grows_left:
        if prefix.end_address + CRC_SIZE != slot.end:
            yield error(FindingName.RANGE, f"the module ends at {prefix.end_address:#x}", f"{slot.end - CRC_SIZE:#x}, its fixed end")
    elif prefix.start_address not in slot.start_addresses:
        starts = " or ".join(f"{address:#x}" for address in slot.start_addresses)
        yield error(FindingName.START_ADDRESS, f"the module starts at {prefix.start_address:#x}", starts)


def _flags(module: Module) -> Iterator[Finding]:
    flags = module.prefix.flags
    unknown = flags & ~_ALL_FLAGS
    if unknown:
        yield warning(FindingName.FLAGS_UNKNOWN, f"flag bits {int(unknown):#04x} are not known")
    if module.prefix_offset and flags & (ModuleFlag.DROP_MODULE_INFO | ModuleFlag.COMPRESSED | ModuleFlag.PREFIX_EXTENSIONS):
        yield error(FindingName.FLAGS_CONTRADICT, f"flags {flags!r} cannot go with a vector table before the prefix")


def _extensions(found: ExtensionList, where: str) -> Iterator[Finding]:
    if found.problem is not None:
        yield error(FindingName.EXTENSION_MALFORMED, f"{where} extensions: {found.problem}")
    for item in found.items:
        try:
            content_of(item)
        except ValueError as reason:
            yield error(FindingName.EXTENSION_MALFORMED, f"{where} extension {item.type} {reason}")


def _product(module: Module) -> Iterator[Finding]:
    suffix = module.suffix
    if suffix is not None and suffix.product_version == 0 and suffix.product_id:
        yield warning(
            FindingName.PRODUCT_VERSION_ZERO, f"the product version is 0, the product id {suffix.product_id}", f"1 to {UNSET - 1}"
        )


def _dependencies(prefix: Prefix, installed: tuple[Prefix, ...]) -> Iterator[Finding]:
    present = {(other.function, other.index): other for other in installed}
    for dependency in prefix.dependencies:
        other = present.get((dependency.function, dependency.index))
        if other is None:
            yield error(FindingName.DEPENDENCY_MISSING, f"{dependency} is needed, and no such module is installed")
        elif other.version < dependency.version:
            yield error(FindingName.DEPENDENCY_TOO_OLD, f"{dependency} is needed, version {other.version} is installed")
    for other in broken_dependents(prefix, installed):
        yield error(FindingName.DEPENDENT_BROKEN, f"installed {other.function} {other.index} needs more than version {prefix.version}")
