"""What can be found wrong with an image: one name each, so that a test or a script can ask for it."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Severity(enum.Enum):
    """How bad it is."""

    ERROR = "error"
    """A device, the cloud or a tool would refuse it, or it would not run."""
    WARNING = "warning"
    """It works, but hardly as meant."""
    NOTE = "note"
    """Worth knowing; nothing is wrong."""


class FindingName(enum.StrEnum):
    """The names of all findings."""

    TRUNCATED = "truncated"
    """The file ends before the address the prefix declares."""
    SIZE_IMPOSSIBLE = "size-impossible"
    """Start and end address leave no room for prefix, suffix and CRC."""
    CRC_MISMATCH = "crc-mismatch"
    SHA_MISMATCH = "sha-mismatch"
    STAND_IN = "stand-in"
    """It only stands for a real module, so no real board may get it."""
    UNSEALED = "unsealed"
    """SHA-256 and CRC still are the placeholders of a build."""
    LEGACY_PREFIX = "legacy-prefix"
    """The second prefix, for bootloaders that look where the system part began before 6.2.0, does not fit."""
    SUFFIX_MISSING = "suffix-missing"
    """The suffix is padding, or claims a size that cannot be."""
    RESERVED_NOT_ZERO = "reserved-not-zero"
    PREFIX_MISPLACED = "prefix-misplaced"
    """A device of that platform would look for the prefix elsewhere."""
    PLATFORM_UNKNOWN = "platform-unknown"
    PLATFORM_MISMATCH = "platform-mismatch"
    FUNCTION_UNKNOWN = "function-unknown"
    SLOT_UNKNOWN = "slot-unknown"
    """The platform has no place for a module of this function and index."""
    RANGE = "range"
    """The end address lies outside the module's region: the device's rule."""
    START_ADDRESS = "start-address"
    """The module does not begin where its region begins: it would not run there."""
    OVERLAP = "overlap"
    """The module lies where another one does."""
    LEGACY_SLOT = "legacy-slot"
    """An application in the place of those for Device OS before 3.1, or one that such an application keeps from running."""
    DEPENDENCY_MISSING = "dependency-missing"
    DEPENDENCY_TOO_OLD = "dependency-too-old"
    DEPENDENCY_MALFORMED = "dependency-malformed"
    """An unused dependency that is not all zero, or one on a function that does not exist."""
    DEPENDENT_BROKEN = "dependent-broken"
    """Another installed system part needs a newer version of this module."""
    FLAGS_UNKNOWN = "flags-unknown"
    FLAGS_CONTRADICT = "flags-contradict"
    EXTENSION_MALFORMED = "extension-malformed"
    PRODUCT_ID_EXPLICIT = "product-id-explicit"
    """A product id in an image for Device OS 4.0 or later, where the platform id belongs."""
    PRODUCT_VERSION_MISSING = "product-version-missing"
    PRODUCT_VERSION_ZERO = "product-version-zero"
    PRODUCT_WILDCARD = "product-wildcard"
    """The product id is the platform id: the device is taken into any product it was added to beforehand."""
    PRODUCT_MISMATCH = "product-mismatch"
    """The image is another product's, or nothing that a product takes as its firmware."""
    MCU_TARGET = "mcu-target"
    """A co-processor module that names no co-processor, or another module that does."""
    SECURITY_MODE = "security-mode"
    """Device protection that is missing, or recorded where no device looks for it."""
    PADDING = "padding"
    """Filler follows the module."""
    DFU_SUFFIX = "dfu-suffix"
    """What `dfu-suffix` appends follows the module."""
    FLASH_DUMP = "flash-dump"
    """The file is a copy of a board's flash, not one module."""
    TRAILING_DATA = "trailing-data"
    TRAILING_MODULE = "trailing-module"
    """Another module follows, without the flag that says so."""
    COMBINED_END_MISSING = "combined-end-missing"
    """The flag says that another module follows, and none does."""
    COMBINED_TOO_MANY = "combined-too-many"
    COMPRESSION = "compression"
    """The compressed data is damaged, or says what cannot be."""
    ASSET_MALFORMED = "asset-malformed"
    UNREADABLE = "unreadable"
    """The file cannot be read at all."""
    NOT_A_MODULE = "not-a-module"
    HEX_MALFORMED = "hex-malformed"
    HEX_ADDRESS = "hex-address"
    """The records put the module elsewhere than its prefix."""
    BUNDLE_MALFORMED = "bundle-malformed"
    ENV_MALFORMED = "env-malformed"
    """The environment variables of a bundle cannot be read, or no device would get them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found.

    Attributes:
        detail: a sentence with what was seen.
        expected: what would have been right; None when there is no one answer.
    """

    name: FindingName
    severity: Severity
    detail: str
    expected: str | None = None

    def __str__(self) -> str:
        wanted = f" (expected {self.expected})" if self.expected is not None else ""
        return f"{self.severity.value} {self.name}: {self.detail}{wanted}"


def is_sound(findings: Iterable[Finding]) -> bool:
    """Whether there is nothing among the findings but notes."""
    return all(finding.severity is Severity.NOTE for finding in findings)


def error(name: FindingName, detail: str, expected: str | None = None) -> Finding:
    """A finding of severity ERROR."""
    return Finding(name, Severity.ERROR, detail, expected)


def warning(name: FindingName, detail: str, expected: str | None = None) -> Finding:
    """A finding of severity WARNING."""
    return Finding(name, Severity.WARNING, detail, expected)


def note(name: FindingName, detail: str, expected: str | None = None) -> Finding:
    """A finding of severity NOTE."""
    return Finding(name, Severity.NOTE, detail, expected)
