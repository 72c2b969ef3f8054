"""Applications for products: PRODUCT_ID and PRODUCT_VERSION in an image, and what the cloud says of a version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmware_images.edit import Changes, edit_module
from firmware_images.errors import NotAModule
from firmware_images.module import read_module
from harness.errors import ImageRefused, Refusal
from harness.hiding import hides
from harness.loading import load

__tracebackhide__ = hides


@dataclass(frozen=True, slots=True)
class Firmware:
    """One version of a product's firmware, as the cloud has it."""

    version: int
    title: str
    released: bool
    """Whether it was released to anybody."""
    product_default: bool

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Firmware:
        """Read the cloud's own form."""
        groups = raw.get("groups") or []
        default = bool(raw.get("product_default"))
        return cls(int(raw["version"]), str(raw.get("title") or ""), default or bool(groups), default)


def product_firmware(application: bytes | str | Path, product_id: int, version: int) -> bytes:
    """An application as a version of a product: the same module with PRODUCT_ID and PRODUCT_VERSION set.

    Raises:
        ImageRefused: it cannot be read, or is no module.
        EditRefused: a number does not fit, or the module has no place for them.
    """
    name, data = load(application)
    try:
        return edit_module(read_module(data), Changes(product_id=product_id, product_version=version))
    except NotAModule as error:
        raise ImageRefused(Refusal.NOT_A_MODULE, f"{name}: {error}") from error
