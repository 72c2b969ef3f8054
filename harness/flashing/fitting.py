"""Whether images fit what a board has: what they need, what needs them, bootloaders, and its product.

A board takes what does not fit, and then stays in safe mode, or its product's cloud replaces it: nothing that cannot be mended. So a test
may flash it on purpose, and a person is asked to say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from firmware_images.findings import FindingName
from firmware_images.module import read_module
from firmware_images.product import check_for_product
from harness.errors import CloudRefused, CloudUnreachable, ImageRefused, Refusal, hides
from harness.flashing.images import Image
from harness.flashing.installed import Held, held_modules
from harness.modes import Capability, UsbState
from particle_protocol.os_versions import ModuleNeed, known_releases, main_system_part
from particle_protocol.platforms import ModuleFunction, ModuleKey, Platform

if TYPE_CHECKING:
    from harness.board import Board

__tracebackhide__ = hides

DESPITE = "or have it flashed all the same (--force; in a test, without fit=True)"


def must_fit(board: Board, images: Sequence[Image]) -> None:
    """Refuse images that would not run, or would keep something else from running.

    Raises:
        ImageRefused: tells the first reason, and what to do.
    """
    held = held_modules(board)
    _once_each(board, images)
    _not_older(board, images, held)
    _needs_met(board, images, held)
    _of_its_product(board, images)


def step_by_step(images: Sequence[Image], held: Mapping[ModuleKey, Held]) -> list[Image]:
    """Images in an order in which a running Device OS takes each, as far as there is one.

    It refuses a module that needs what is not there yet, and one that another part of Device OS needs a newer one of: so on the way down
    what needs something goes before what it needs.
    """
    now, left, found = dict(held), list(images), list[Image]()
    while left:
        image = next((each for each in left if _is_taken(each, now)), left[0])
        left.remove(image)
        found.append(image)
        now[image.key] = Held(image.version, image.needs)
    return found


def _is_taken(image: Image, now: Mapping[ModuleKey, Held]) -> bool:
    met = all(need.key in now and now[need.key].version >= need.version for need in image.needs)
    broken = any(
        need.key == image.key and need.version > image.version
        for key, module in now.items()
        if key != image.key and key.function != ModuleFunction.USER_PART
        for need in module.needs
    )
    return met and not broken


def _once_each(board: Board, images: Sequence[Image]) -> None:
    seen: dict[ModuleKey, Image] = {}
    for image in images:
        other = seen.setdefault(image.key, image)
        if other is not image and image.key.function != ModuleFunction.ASSET:
            raise ImageRefused(Refusal.TWICE, f"{other.name} and {image.name} ({image.key})", board=board.label, remedy="Leave one out")


def _not_older(board: Board, images: Sequence[Image], held: Mapping[ModuleKey, Held]) -> None:
    """A bootloader is the one module without which a board cannot be recovered, and a newer one does for every older Device OS."""
    for image in images:
        there = held.get(image.key)
        if image.key.function == ModuleFunction.BOOTLOADER and not image.only_up and there is not None and image.version < there.version:
            what = f"{image} (it has version {there.version})"
            raise ImageRefused(Refusal.OLDER, what, board=board.label, remedy=f"Leave it out, {DESPITE}")


def _needs_met(board: Board, images: Sequence[Image], held: Mapping[ModuleKey, Held]) -> None:
    complete = bool(held) and Capability.USB in board.capabilities and board.usb.state() is UsbState.NORMAL  # elsewhere not all can be seen
    new = [image for image in images if not stays(image, held)]
    application = any(image.key.function == ModuleFunction.USER_PART for image in new)
    after = {
        key: (module.version, module.needs)
        for key, module in held.items()
        if not (application and key.function == ModuleFunction.USER_PART)  # only one of two places is the one that runs
    }
    after |= {image.key: (image.version, image.needs) for image in new}
    names = {image.key: str(image) for image in new}
    for key, (version, needs) in after.items():
        for need in needs:
            has, had = after.get(need.key), held.get(need.key)
            if (has is not None and has[0] >= need.version) or (has is None and not complete):
                continue
            if key not in names and (had is None or had.version < need.version):
                continue  # that was so before
            who = names.get(key, f"the {key} version {version} that is on it")
            what = f"{who} needs {need.key} version {need.version}{_release_of(board.platform, need)}, and it has {_version(has)}"
            raise ImageRefused(Refusal.DEPENDENCY, what, board=board.label, remedy=_remedy(board.platform, need, new=key in names))


def stays(image: Image, held: Mapping[ModuleKey, Held]) -> bool:
    """Whether the board keeps what it has in the place of an image that is only moved up."""
    there = held.get(image.key)
    return image.only_up and image.over_requests and there is not None and there.version >= image.version


def _version(has: tuple[int, object] | None) -> str:
    return "none" if has is None else f"version {has[0]}"


def _release_of(platform: Platform, need: ModuleNeed) -> str:
    release = _first_with(platform, need)
    return f" (Device OS {release})" if release else ""


def _first_with(platform: Platform, need: ModuleNeed) -> str | None:
    """The oldest release whose module does."""
    for release in known_releases(platform):
        if any(module.key == need.key and module.version >= need.version for module in release.modules(platform)):
            return release.version
    return None


def _remedy(platform: Platform, need: ModuleNeed, *, new: bool) -> str:
    release = _first_with(platform, need)
    if release is not None and new:
        return f"Flash that Device OS with it (--device-os {release}), {DESPITE}"
    if not new and need.key == main_system_part(platform):
        return f"Flash an application that fits with it (--tinker), {DESPITE}"
    return f"Flash that with it, {DESPITE}"


def _of_its_product(board: Board, images: Sequence[Image]) -> None:
    """An application of another product would be replaced by the cloud, or its board put into quarantine there."""
    product = _product(board)
    for image in images if product is not None else ():
        if image.key.function == ModuleFunction.USER_PART and product is not None:
            for finding in check_for_product(read_module(image.data), product):
                if finding.name is FindingName.PRODUCT_MISMATCH:
                    what = f"{image.name} ({finding.detail}; the board is in product {product})"
                    remedy = f"Build it with PRODUCT_ID({product}), {DESPITE}"
                    raise ImageRefused(Refusal.OTHER_PRODUCT, what, board=board.label, remedy=remedy)


def _product(board: Board) -> int | None:
    """The product that the board is in, where that is known: a board of nobody's product names its platform."""
    try:
        device = None if board.account is None else board.account.find(board.device_id)
    except (CloudRefused, CloudUnreachable):
        return None
    return None if device is None or device.product_id in (None, board.platform.id) else device.product_id
