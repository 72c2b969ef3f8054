"""Everything that can be wrong with one module, each thing found by its own name.

`check_module` judges a file as devices, build tools and the cloud together would; `firmware_images.device_rules` gives the verdict of one
device alone. A sound, ordinary module is recognised by one look at plain numbers; what is the least bit unusual is left to
`firmware_images.close_checks`, imported when it is needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from firmware_images.fields import Prefix
from firmware_images.findings import Finding
from firmware_images.module import Module
from firmware_images.placing import place_findings
from firmware_images.plain import plain_product
from firmware_images.product import APPLICATIONS, needed_system, product_findings
from firmware_images.target import ANY_DEVICE as ANY_DEVICE
from firmware_images.target import Target as Target


def check_module(
    module: Module,
    target: Target = ANY_DEVICE,
    *,
    platform_id: int | None = None,
    installed: Iterable[Prefix] | None = None,
) -> tuple[Finding, ...]:
    """Judge a module.

    Args:
        module: as read.
        target: the device it is meant for.
        platform_id: sets that of the target.
        installed: sets those of the target.

    Returns:
        The findings, the most basic first; empty when there is nothing to say.
    """
    if platform_id is not None:
        target = replace(target, platform_id=platform_id)
    if installed is not None:
        target = replace(target, installed=tuple(installed))
    if target.installed is None and not target.protected and target.product is None and target.platform_id in (None, module.fields[5]):
        product = plain_product(module)
        if product is not None:
            fields = module.fields
            if fields[6] not in APPLICATIONS:
                return ()
            return place_findings(fields) + product_findings(*product, fields[5], needed_system(fields))
    from firmware_images.close_checks import check_closely

    return check_closely(module, target)
