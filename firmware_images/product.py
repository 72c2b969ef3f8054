"""Product id and version of an application: what the cloud will make of them."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Final

from firmware_images.fields import UNSET, ModuleFunction
from firmware_images.findings import Finding, FindingName, error, note, warning
from firmware_images.module import SUFFIX_WITH_LONG_PRODUCT, Module
from firmware_images.stand_in import real_version

NO_PRODUCT_ID_SINCE: Final = 4000
"""From this version of the system part on (Device OS 4.0.0) an application has no product id of its own: compiling one in is an error
(Device OS 6.2.0, wiring/inc/spark_wiring_version.h:45-81)."""
APPLICATIONS: Final = (int(ModuleFunction.USER_PART), int(ModuleFunction.MONOLITHIC))
VERSIONS: Final = "1 to 65535, which without an id of the product's own reads as not set"
"""What a product's version can be: 65535 and "not set" are the same bytes, and only a product id that is set tells them apart."""
_SYSTEM_PART: Final = int(ModuleFunction.SYSTEM_PART)


def check_product(module: Module) -> Iterator[Finding]:
    """The findings of a module's product fields; none when it is no application."""
    suffix = module.suffix
    if module.fields[6] not in APPLICATIONS or suffix is None or suffix.product_id is None:
        return
    unset = 0xFFFFFFFF if suffix.size == SUFFIX_WITH_LONG_PRODUCT else UNSET
    yield from product_findings(suffix.product_id, suffix.product_version or 0, module.fields[5], needed_system(module.fields), unset)


def needed_system(fields: tuple[int, ...]) -> int:
    """The version of the system part that the numbers of a prefix ask for first; 0 when they ask for something else, or nothing."""
    return real_version(fields[10]) if fields[8] == _SYSTEM_PART else 0


@functools.lru_cache(maxsize=1024)
def product_findings(product: int, version: int, platform: int, needs_system: int, unset: int = UNSET) -> tuple[Finding, ...]:
    """What there is to say of the product fields of an application.

    Args:
        product: the id in the image.
        version: of the product.
        platform: id of the platform.
        needs_system: version of the system part that the application depends on; 0 when on none.
        unset: what the id reads when none was compiled in.
    """
    if (product, version) in ((unset, UNSET), (0, 0)):
        return ()
    found = []
    if version == 0:
        found.append(error(FindingName.PRODUCT_VERSION_ZERO, f"the version of product {product} is 0", VERSIONS))
    elif version == UNSET and product != platform:
        text = f"product id {product} comes without a version, or with version {UNSET}: these are the same bytes"
        found.append(warning(FindingName.PRODUCT_VERSION_MISSING, text, VERSIONS))
    if needs_system >= NO_PRODUCT_ID_SINCE:
        if product not in (platform, unset):
            found.append(
                error(
                    FindingName.PRODUCT_ID_EXPLICIT,
                    f"the image holds product id {product}, and is for system version {needs_system}",
                    f"the platform's id, {platform}: since Device OS 4.0 the cloud alone decides the product",
                )
            )
    elif product == platform and version != UNSET:
        text = f"the product id is the platform's, {platform}: fits any product the device was added to"
        found.append(note(FindingName.PRODUCT_WILDCARD, text))
    return tuple(found)


def meant_version(product: int, version: int, platform: int, unset: int = UNSET) -> int | None:
    """A product version as an image or Hello says it; None: it was never set.

    65535 stands for "not set", but is also the highest version there is: it counts as one where an explicit product id stands beside it.
    """
    if (version == UNSET and product in (unset, platform)) or (product, version) == (0, 0):
        return None
    return version


def check_for_product(module: Module, product: int) -> Iterator[Finding]:
    """Whether a product can take a module as its firmware: what is wrong there mostly is that it is another product's."""
    suffix, platform = module.suffix, module.fields[5]
    if module.fields[6] not in APPLICATIONS:
        yield error(FindingName.PRODUCT_MISMATCH, f"product firmware is an application, this is a {module.prefix.function}")
        return
    if suffix is None:
        return
    unset = 0xFFFFFFFF if suffix.size == SUFFIX_WITH_LONG_PRODUCT else UNSET
    named = unset if suffix.product_id is None else suffix.product_id
    version = UNSET if suffix.product_version is None else suffix.product_version
    if (named, version) == (0, 0):
        named = unset
    if named not in (unset, platform, product):
        wildcard = f"{product}, or {platform} for any product"
        yield error(FindingName.PRODUCT_MISMATCH, f"the image is for product {named}, version {version}", wildcard)
    elif meant_version(named, version, platform, unset) is None:
        yield error(FindingName.PRODUCT_VERSION_MISSING, "the image has no product version, which the cloud tells firmware by", VERSIONS)
