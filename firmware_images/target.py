"""What a module is judged for: the device that it is meant for."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_images.fields import Prefix


@dataclass(frozen=True, slots=True)
class Target:
    """The device a module is meant for.

    Attributes:
        platform_id: None when it is not known.
        installed: prefixes of the modules on it; dependencies are looked at only when given.
        quirks: judge dependencies as the device does: a second one only when there is a first.
        user_optional: with `quirks`, also leave out what the device leaves out when it applies an update: the dependencies of a user part,
            and a second dependency on a bootloader.
        protected: whether device protection is on.
        made_here: whether it is a board that stand-ins are built for.
        product: id of the product that it is to be uploaded to; None when it is none's.
    """

    platform_id: int | None = None
    installed: tuple[Prefix, ...] | None = None
    quirks: bool = False
    user_optional: bool = False
    protected: bool = False
    made_here: bool = False
    product: int | None = None


ANY_DEVICE = Target()
