"""Module binaries, public: read, check, build, edit, combine, pack. Nothing here touches a board or a network.

from particle_hil import images

module = images.read_module(Path("lamp.bin").read_bytes())
newer = images.edit_module(module, images.Changes(product_id=20123, product_version=4))
"""

from firmware_images.assets import build_asset
from firmware_images.build import build_module
from firmware_images.bundle import Bundle, make_bundle, read_bundle
from firmware_images.combine import combine, split
from firmware_images.compress import compress_module, inflate_module
from firmware_images.edit import Changes, add_extensions, edit_module, protect, remove_extensions, set_assets
from firmware_images.errors import (
    BuildRefused,
    BundleError,
    CompressionError,
    EditRefused,
    HexError,
    ImageError,
    NotAModule,
)
from firmware_images.fields import Dependency, ModuleFlag
from firmware_images.findings import Finding, Severity, is_sound
from firmware_images.hexfile import read_hex, write_hex
from firmware_images.image import Image, ImageKind, check_image, read_image
from firmware_images.module import Module, read_module
from firmware_images.target import Target
from particle_protocol.platforms import ModuleFunction

__all__ = [
    "BuildRefused",
    "Bundle",
    "BundleError",
    "Changes",
    "CompressionError",
    "Dependency",
    "EditRefused",
    "Finding",
    "HexError",
    "Image",
    "ImageError",
    "ImageKind",
    "Module",
    "ModuleFlag",
    "ModuleFunction",
    "NotAModule",
    "Severity",
    "Target",
    "add_extensions",
    "build_asset",
    "build_module",
    "check_image",
    "combine",
    "compress_module",
    "edit_module",
    "inflate_module",
    "is_sound",
    "make_bundle",
    "protect",
    "read_bundle",
    "read_hex",
    "read_image",
    "read_module",
    "remove_extensions",
    "set_assets",
    "split",
    "write_hex",
]
