"""What a module says about itself: the prefix near its start and the suffix at its end.

Layouts are those of Device OS 6.2.0, dynalib/inc/module_info.h:36-83 (prefix, 24 bytes) and :298-306 (base suffix, 36 bytes), unchanged
since 2.3.1; docs/firmware-images.md draws them. Every number is little-endian. Addresses are flash addresses.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from functools import lru_cache

from particle_protocol.functions import ModuleFunction as ModuleFunction

PREFIX = struct.Struct("<IIBBHHBBBBHBBH")
"""start, end, mcu target, flags, version, platform, function, index, then twice function, index, version of a dependency."""
BASE_SUFFIX = struct.Struct("<H32sH")
"""reserved, SHA-256, size of the whole suffix."""
PREFIX_SIZE = PREFIX.size
BASE_SUFFIX_SIZE = BASE_SUFFIX.size
CRC_SIZE = 4
UNSET = 0xFFFF
"""What a product id or version reads when none was compiled in."""


class ModuleFlag(enum.IntFlag, boundary=enum.KEEP):
    """How a module is to be handled (Device OS 6.2.0, dynalib/inc/module_info.h:42-51; 2.3.1 knew the first three)."""

    DROP_MODULE_INFO = 0x01
    """Prefix (and perhaps suffix and CRC) are not written to the target."""
    COMPRESSED = 0x02
    COMBINED = 0x04
    """Another module follows immediately in the file."""
    ENCRYPTED = 0x08
    PREFIX_EXTENSIONS = 0x10

    def without(self, bits: ModuleFlag) -> ModuleFlag:
        """The flags but for some. Bits that nobody knows stay; `& ~bits` of an `IntFlag` would take those away too."""
        return ModuleFlag(int(self) & ~int(bits))


@dataclass(frozen=True, slots=True)
class Dependency:
    """Another module that must be installed, and its lowest version that will do."""

    function: ModuleFunction
    index: int
    version: int

    def __str__(self) -> str:
        return f"{self.function.letter}{self.index}>={self.version}"


_flags = lru_cache(maxsize=256)(ModuleFlag)
_function = lru_cache(maxsize=256)(ModuleFunction)


@lru_cache(maxsize=1024)
def _dependency(function: int, index: int, version: int) -> Dependency:
    return Dependency(_function(function), index, version)


def misfit(name: str, number: int, bits: int) -> str:
    """The sentence for a number that does not fit its field."""
    return f"{name} {int(number)} does not fit its field: 0 to {(1 << bits) - 1}"


NO_DEPENDENCY = Dependency(ModuleFunction.NONE, 0, 0)


@dataclass(frozen=True, slots=True)
class Prefix:
    """The 24 bytes that tell what a module is and where it belongs.

    Attributes:
        start_address: flash address of the first byte of the file, vector table included.
        end_address: flash address of the CRC, so exclusive.
        mcu_target: 0 for the main processor, else the id of a network co-processor.
        version: build counter of Device OS (2302 is 2.3.1) or of a bootloader; the module interface's version for a user part.
        dependency: first dependency; function NONE when there is none.
        dependency2: second dependency, likewise.
    """

    start_address: int
    end_address: int
    mcu_target: int
    flags: ModuleFlag
    version: int
    platform_id: int
    function: ModuleFunction
    index: int
    dependency: Dependency = NO_DEPENDENCY
    dependency2: Dependency = NO_DEPENDENCY

    @classmethod
    def decode(cls, data: bytes | memoryview, offset: int = 0) -> Prefix:
        """Read the 24 bytes at `offset`. Raises struct.error when they are not there."""
        return cls.of(PREFIX.unpack_from(data, offset))

    @classmethod
    def of(cls, values: tuple[int, ...]) -> Prefix:
        """The prefix of the fourteen numbers of `PREFIX`."""
        start, end, target, flags, version, platform, function, index, f1, i1, v1, f2, i2, v2 = values
        return cls(
            start,
            end,
            target,
            _flags(flags),
            version,
            platform,
            _function(function),
            index,
            _dependency(f1, i1, v1),
            _dependency(f2, i2, v2),
        )

    def misfit(self) -> str | None:
        """The first number that does not fit its field, as a sentence; None when all do."""
        numbers = [
            ("start address", self.start_address, 32),
            ("end address", self.end_address, 32),
            ("co-processor id", self.mcu_target, 8),
            ("flags", self.flags, 8),
            ("version", self.version, 16),
            ("platform id", self.platform_id, 16),
            ("function", self.function, 8),
            ("index", self.index, 8),
        ]
        for dependency in (self.dependency, self.dependency2):
            numbers += [("function of a dependency", dependency.function, 8), ("index of a dependency", dependency.index, 8)]
            numbers.append(("version of a dependency", dependency.version, 16))
        return next((misfit(name, number, bits) for name, number, bits in numbers if number >> bits), None)

    def encode(self) -> bytes:
        """The 24 bytes. Raises struct.error where `misfit` says why."""
        first, second = self.dependency, self.dependency2
        return PREFIX.pack(
            self.start_address,
            self.end_address,
            self.mcu_target,
            self.flags,
            self.version,
            self.platform_id,
            self.function,
            self.index,
            first.function,
            first.index,
            first.version,
            second.function,
            second.index,
            second.version,
        )

    @property
    def dependencies(self) -> tuple[Dependency, ...]:
        """The dependencies in use, in their order; `function` NONE means unused."""
        return tuple(dep for dep in (self.dependency, self.dependency2) if dep.function)

    @property
    def module_length(self) -> int:
        """Bytes from the start up to the CRC; the file is four bytes longer. Zero or negative when the prefix is broken."""
        return self.end_address - self.start_address

    def __str__(self) -> str:
        needs = ", ".join(map(str, self.dependencies)) or "nothing"
        return (
            f"{self.function} {self.index} version {self.version} for platform {self.platform_id} "
            f"at {self.start_address:#x}-{self.end_address:#x}, needs {needs}"
        )


@dataclass(frozen=True, slots=True)
class Suffix:
    """What stands before the CRC.

    Attributes:
        size: bytes from the first product or extension byte to this number itself, both included.
        sha256: the digest stored, 32 bytes; also the module's name towards the cloud.
        reserved: zero so far.
        product_id: None where the format has none (a size of 36), 0xFFFF when not set.
        product_version: likewise.
    """

    size: int
    sha256: bytes
    reserved: int
    product_id: int | None
    product_version: int | None
