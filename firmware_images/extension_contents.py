"""What the extension records hold, by type (Device OS 6.2.0, dynalib/inc/module_info.h:214-296).

ASSET_TYPE is newer than that release: the vendor's module tools write it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from firmware_images.extensions import Extension, ExtensionType

_PRODUCT = struct.Struct("<HHH")
_LOCATION = struct.Struct("<III")
_DEPENDENCY = struct.Struct("<BBHI")


def _fixed(payload: bytes, layout: struct.Struct) -> tuple[int, ...]:
    if len(payload) != layout.size:
        raise ValueError(f"holds {len(payload)} bytes where {layout.size} belong")
    return layout.unpack(payload)


def _not_empty(payload: bytes) -> bytes:
    if not payload:
        raise ValueError("is empty")
    return payload


def _hash(payload: bytes) -> tuple[int, bytes, bytes]:
    if len(payload) < 2 or len(payload) < 2 + payload[1]:
        raise ValueError("is too short for its hash")
    return payload[0], payload[2 : 2 + payload[1]], payload[2 + payload[1] :]


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise ValueError("holds a name that is not UTF-8") from None


@dataclass(frozen=True, slots=True)
class ProductData:
    """Product id and version as a record; two filler bytes come first (Device OS 6.2.0, build/module.mk:196-203)."""

    product_id: int
    product_version: int
    filler: int = 0xFFFF

    @classmethod
    def decode(cls, payload: bytes) -> ProductData:
        """Read the payload. Raises ValueError with the reason."""
        filler, product_id, product_version = _fixed(payload, _PRODUCT)
        return cls(product_id, product_version, filler)

    def encode(self) -> Extension:
        """The record."""
        return Extension(ExtensionType.PRODUCT_DATA, _PRODUCT.pack(self.filler, self.product_id, self.product_version))

    def __str__(self) -> str:
        return f"product {self.product_id} version {self.product_version}"


@dataclass(frozen=True, slots=True)
class DynamicLocation:
    """Where a module that grows towards lower addresses lies; rewritten whenever its start moves."""

    module_start_address: int
    dynalib_load_address: int
    dynalib_start_address: int

    @classmethod
    def decode(cls, payload: bytes) -> DynamicLocation:
        """Read the payload. Raises ValueError with the reason."""
        return cls(*_fixed(payload, _LOCATION))

    def encode(self) -> Extension:
        """The record."""
        return Extension(
            ExtensionType.DYNAMIC_LOCATION,
            _LOCATION.pack(self.module_start_address, self.dynalib_load_address, self.dynalib_start_address),
        )

    def __str__(self) -> str:
        dynalib = f"dynalib {self.dynalib_start_address:#x} loaded to {self.dynalib_load_address:#x}"
        return f"location: start {self.module_start_address:#x}, {dynalib}"


@dataclass(frozen=True, slots=True)
class ExtensionDependency:
    """A dependency beyond the two of the prefix. Defined; Device OS 6.2.0 has no reader for it."""

    function: int
    index: int
    version: int
    target_id: int

    @classmethod
    def decode(cls, payload: bytes) -> ExtensionDependency:
        """Read the payload. Raises ValueError with the reason."""
        return cls(*_fixed(payload, _DEPENDENCY))

    def encode(self) -> Extension:
        """The record."""
        return Extension(ExtensionType.DEPENDENCY, _DEPENDENCY.pack(self.function, self.index, self.version, self.target_id))

    def __str__(self) -> str:
        return f"dependency on function {self.function} index {self.index} version {self.version} of target {self.target_id}"


@dataclass(frozen=True, slots=True)
class Hash:
    """Digest of an asset's plain content."""

    digest: bytes
    hash_type: int = 0

    @classmethod
    def decode(cls, payload: bytes) -> Hash:
        """Read the payload. Raises ValueError with the reason."""
        hash_type, digest, rest = _hash(payload)
        if rest:
            raise ValueError(f"has {len(rest)} bytes after its hash")
        return cls(digest, hash_type)

    def encode(self) -> Extension:
        """The record."""
        return Extension(ExtensionType.HASH, bytes((self.hash_type, len(self.digest))) + self.digest)

    def __str__(self) -> str:
        return f"sha256 {self.digest.hex()}" if self.hash_type == 0 else f"hash of type {self.hash_type}: {self.digest.hex()}"


@dataclass(frozen=True, slots=True)
class Name:
    """Name of an asset, UTF-8, no terminator."""

    name: str

    @classmethod
    def decode(cls, payload: bytes) -> Name:
        """Read the payload. Raises ValueError with the reason."""
        return cls(_text(payload))

    def encode(self) -> Extension:
        """The record."""
        return Extension(ExtensionType.NAME, self.name.encode())

    def __str__(self) -> str:
        return f"name {self.name!r}"


@dataclass(frozen=True, slots=True)
class AssetDependency:
    """An asset that the application needs: its name and the digest of its plain content."""

    name: str
    digest: bytes
    hash_type: int = 0

    @classmethod
    def decode(cls, payload: bytes) -> AssetDependency:
        """Read the payload. Raises ValueError with the reason."""
        hash_type, digest, name = _hash(payload)
        return cls(_text(name), digest, hash_type)

    def encode(self) -> Extension:
        """The record."""
        return Extension(ExtensionType.ASSET_DEPENDENCY, bytes((self.hash_type, len(self.digest))) + self.digest + self.name.encode())

    def __str__(self) -> str:
        return f"asset {self.name!r} sha256 {self.digest.hex()}"


@dataclass(frozen=True, slots=True)
class SecurityMode:
    """Device protection: 1 is protected. The certificate is DER, and may be absent."""

    mode: int
    certificate: bytes = b""

    @classmethod
    def decode(cls, payload: bytes) -> SecurityMode:
        """Read the payload. Raises ValueError with the reason."""
        return cls(_not_empty(payload)[0], payload[1:])

    def encode(self) -> Extension:
        """The record."""
        return Extension(ExtensionType.SECURITY_MODE, bytes((self.mode,)) + self.certificate)

    def __str__(self) -> str:
        name = {0: "none", 1: "protected"}.get(self.mode, str(self.mode))
        return f"security mode {name}" + (f", certificate of {len(self.certificate)} bytes" if self.certificate else "")


@dataclass(frozen=True, slots=True)
class AssetType:
    """Kind of asset: 0 default, 1 environment of the application, 2 snapshot of the environment."""

    asset_type: int

    @classmethod
    def decode(cls, payload: bytes) -> AssetType:
        """Read the payload. Raises ValueError with the reason."""
        return cls(_not_empty(payload)[0])

    def encode(self) -> Extension:
        """The record."""
        return Extension(ExtensionType.ASSET_TYPE, bytes((self.asset_type, 0)))

    def __str__(self) -> str:
        return f"asset type {self.asset_type}"


@dataclass(frozen=True, slots=True)
class End:
    """End of the list, with zeros to align what follows."""

    padding: int = 0

    @classmethod
    def decode(cls, payload: bytes) -> End:
        """Read the payload. Raises ValueError with the reason."""
        return cls(len(payload))

    def encode(self) -> Extension:
        """The record."""
        return Extension(ExtensionType.END, bytes(self.padding))

    def __str__(self) -> str:
        return f"end, {self.padding} bytes of padding" if self.padding else "end"


@dataclass(frozen=True, slots=True)
class UnknownExtension:
    """A record nobody here knows; kept byte for byte."""

    type: ExtensionType
    payload: bytes

    def encode(self) -> Extension:
        """The record."""
        return Extension(self.type, self.payload)

    def __str__(self) -> str:
        return f"type {self.type:#06x}, {len(self.payload)} bytes"


Content = (
    ProductData | DynamicLocation | ExtensionDependency | Hash | Name | AssetDependency | SecurityMode | AssetType | End | UnknownExtension
)

_DECODERS: dict[ExtensionType, Callable[[bytes], Content]] = {
    ExtensionType.END: End.decode,
    ExtensionType.PRODUCT_DATA: ProductData.decode,
    ExtensionType.DYNAMIC_LOCATION: DynamicLocation.decode,
    ExtensionType.DEPENDENCY: ExtensionDependency.decode,
    ExtensionType.HASH: Hash.decode,
    ExtensionType.NAME: Name.decode,
    ExtensionType.ASSET_DEPENDENCY: AssetDependency.decode,
    ExtensionType.SECURITY_MODE: SecurityMode.decode,
    ExtensionType.ASSET_TYPE: AssetType.decode,
}


def content_of(extension: Extension) -> Content:
    """What the record says.

    Raises:
        ValueError: the payload does not fit its type; the text says how, worded to follow the type's name.
    """
    decode = _DECODERS.get(extension.type)
    return UnknownExtension(extension.type, extension.payload) if decode is None else decode(extension.payload)
