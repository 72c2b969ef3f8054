"""What the cloud reads in a module binary before it sends it anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from emulator.cloud.errors import BadImage
from firmware_images.bundle import check_bundle, read_bundle
from firmware_images.errors import BundleError, ImageError
from firmware_images.fields import UNSET, Dependency, ModuleFlag, ModuleFunction
from firmware_images.findings import Severity
from firmware_images.image import read_image as modules_in
from firmware_images.module import read_module
from firmware_images.product import meant_version
from firmware_images.stand_in import as_read_here, is_stand_in

_ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """The facts of one module."""

    platform_id: int
    function: ModuleFunction
    index: int
    version: int
    dependencies: tuple[Dependency, ...]
    product_id: int | None
    """None: the binary has none, or it was left unset."""
    product_version: int | None
    sha256: str
    """64 hex digits; what a device reports of its user part."""
    size: int
    stand_in: bool
    """It only stands for a real module, so real boards must never get it."""
    packed: bool = False
    """It is compressed, or others follow it in the file: not every device takes that."""


def read_image(image: bytes) -> ImageFacts:
    """Read a module.

    Raises:
        BadImage: it is none, or it is damaged.
    """
    try:
        module = read_module(image)
    except ImageError as error:
        raise BadImage(f"not a module binary: {error}") from None
    if not module.crc_ok:
        raise BadImage("the module is cut short or its CRC is wrong")
    prefix, suffix = module.prefix, module.suffix
    product_id = UNSET if suffix is None or suffix.product_id is None else suffix.product_id
    product_version = UNSET if suffix is None or suffix.product_version is None else suffix.product_version
    return ImageFacts(
        platform_id=prefix.platform_id,
        function=prefix.function,
        index=prefix.index,
        version=prefix.version,
        dependencies=as_read_here(prefix).dependencies,
        product_id=None if product_id == UNSET else product_id,
        product_version=meant_version(product_id, product_version, prefix.platform_id),
        sha256="" if suffix is None else suffix.sha256.hex(),
        size=module.size,
        packed=bool(prefix.flags & (ModuleFlag.COMPRESSED | ModuleFlag.COMBINED)) and prefix.function is not ModuleFunction.ASSET,
        stand_in=is_stand_in(prefix),
    )


@lru_cache(maxsize=64)
def only_stands_in(image: bytes) -> bool:
    """Whether an image is, or has in it, a module that only stands for a real one."""
    return any(is_stand_in(module.prefix) for module in modules_in(image).modules)


@dataclass(frozen=True, slots=True)
class Opened:
    """What is in an upload: an application or another module, and its assets by name."""

    application: bytes
    assets: Mapping[str, bytes]


def is_bundle(upload: bytes) -> bool:
    """Whether an upload is an archive, of an application and its assets."""
    return upload.startswith(_ZIP)


def application_of(upload: bytes) -> bytes:
    """The application in an upload: the upload itself, or what a bundle (.zip) holds.

    Raises:
        BadImage: the bundle is damaged, or application and assets do not belong together.
    """
    return opened(upload).application


def opened(upload: bytes) -> Opened:
    """An upload, opened if it is a bundle. However many boards a bundle feeds, it is opened once.

    Raises:
        BadImage: the bundle is damaged, or application and assets do not belong together.
    """
    return _unpacked(upload) if is_bundle(upload) else Opened(upload, {})


@lru_cache(maxsize=16)
def _unpacked(upload: bytes) -> Opened:
    try:
        bundle = read_bundle(upload)
        problems = [str(finding) for finding in check_bundle(bundle, read_module(bundle.application)) if finding.severity is Severity.ERROR]
    except (BundleError, ImageError) as error:
        raise BadImage(f"not a bundle: {error}") from None
    if problems:
        raise BadImage("; ".join(problems))
    return Opened(bundle.application, bundle.assets)
