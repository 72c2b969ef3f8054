"""Whether a module lies where another one does, and whether the other one then runs instead.

Since Device OS 3.1.0 an application of the nRF52840 is user part 2 with 256 KiB, whose upper half is where user part 1, the application of
before, has its 128 KiB. Device OS still runs the older one while it is valid there (Device OS 6.2.0, hal/src/nRF52840/ota_module_bounds.c).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from firmware_images.bounds import LARGE_APPLICATION_SINCE, LEGACY_APPLICATION
from firmware_images.fields import CRC_SIZE, ModuleFlag, ModuleFunction, Prefix
from firmware_images.findings import Finding, FindingName, error, note, warning
from firmware_images.locate import NRF52840
from firmware_images.product import needed_system

_USER: Final = int(ModuleFunction.USER_PART)
_COMPRESSED: Final = int(ModuleFlag.COMPRESSED)
_OLD, _LARGE = 1, 2
_ELSEWHERE: Final = (ModuleFunction.NCP, ModuleFunction.ASSET, ModuleFunction.MONOLITHIC)
"""What lies in other memory, or takes the place of several modules."""


def application_index(platform_id: int, system_version: int) -> int:
    """The index of a user part that is built for a version of the system part."""
    return _LARGE if platform_id in NRF52840.platforms and system_version >= LARGE_APPLICATION_SINCE else _OLD


def place_findings(fields: tuple[int, ...]) -> tuple[Finding, ...]:
    """What there is to say of a module's place, whatever is installed, given the numbers of its prefix."""
    if fields[6] != _USER or fields[5] not in NRF52840.platforms or fields[3] & _COMPRESSED:
        return ()
    end, index, needs = fields[1] + CRC_SIZE, fields[7], needed_system(fields)
    if index == _LARGE and end > LEGACY_APPLICATION:
        text = f"the module ends at {end:#x} and so overwrites an application at {LEGACY_APPLICATION:#x} from before Device OS 3.1.0"
        return (note(FindingName.OVERLAP, text),)
    if index == _OLD and needs >= LARGE_APPLICATION_SINCE:
        text = f"it is for system part {needs}, and lies at {LEGACY_APPLICATION:#x}, where applications were before Device OS 3.1.0"
        return (warning(FindingName.LEGACY_SLOT, text, f"user part {_LARGE} at 0xb4000, which may have 256 KiB"),)
    return ()


def check_overlaps(prefix: Prefix, installed: Iterable[Prefix]) -> Iterator[Finding]:
    """Whether a module would lie over installed ones that stay, or be kept from running by one."""
    if prefix.function in _ELSEWHERE or prefix.flags & ModuleFlag.COMPRESSED:
        return
    end = prefix.end_address + CRC_SIZE
    for other in installed:
        same_slot = (other.function, other.index) == (prefix.function, prefix.index)
        if same_slot or other.function in _ELSEWHERE or other.platform_id != prefix.platform_id:
            continue
        name = f"{other.function} {other.index}, which is installed"
        if prefix.start_address < other.end_address + CRC_SIZE and other.start_address < end:
            where = f"{other.start_address:#x}-{other.end_address + CRC_SIZE:#x}"
            yield error(FindingName.OVERLAP, f"at {prefix.start_address:#x}-{end:#x} the module would lie over {name}, at {where}")
        elif _runs_instead(prefix, other):
            yield warning(FindingName.LEGACY_SLOT, f"{name} at {LEGACY_APPLICATION:#x}, runs instead while it is valid", "it erased")


def _runs_instead(prefix: Prefix, other: Prefix) -> bool:
    return (
        prefix.platform_id in NRF52840.platforms
        and (prefix.function, prefix.index) == (_USER, _LARGE)
        and (other.function, other.index) == (_USER, _OLD)
    )
