"""What the cloud reads in a module binary before it sends it anywhere."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.cloud.errors import BadImage
from firmware_images.errors import ImageError
from firmware_images.fields import UNSET, Dependency, ModuleFunction
from firmware_images.module import read_module


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
    return ImageFacts(
        platform_id=prefix.platform_id,
        function=prefix.function,
        index=prefix.index,
        version=prefix.version,
        dependencies=prefix.dependencies,
        product_id=None if suffix is None or suffix.product_id == UNSET else suffix.product_id,
        product_version=None if suffix is None or suffix.product_version == UNSET else suffix.product_version,
        sha256="" if suffix is None else suffix.sha256.hex(),
        size=module.size,
    )
