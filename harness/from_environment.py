"""A cloud, an account and a network as whoever runs something names them: in words, and in the environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from harness.cloud import CloudTarget, WifiNetwork
from harness.hiding import hides
from harness.host import WallClock

if TYPE_CHECKING:
    from harness.rack.lab_file import LabFile

__tracebackhide__ = hides

PREFIX: Final = "PARTICLE_HIL_"
"""What the names of environment variables begin with."""


def cloud_from_environment(url: str | None, *, allow_changes: bool, lab: LabFile | None = None) -> CloudTarget | None:
    """The real cloud at `url`, with the account that the environment names, else the first one of the lab file. None without a URL."""
    if not url:
        return None
    account = None if lab is None else lab.account(None)
    if account is not None and account.password is not None and not any(os.environ.get(PREFIX + name) for name in ("TOKEN", "USER")):
        return CloudTarget(url, WallClock(), username=account.user, password=account.password.reveal(), allow_changes=allow_changes)
    return CloudTarget(
        url,
        WallClock(),
        token=os.environ.get(PREFIX + "TOKEN", ""),
        username=os.environ.get(PREFIX + "USER", ""),
        password=os.environ.get(PREFIX + "PASSWORD", ""),
        allow_changes=allow_changes,
    )


def parse_wifi(text: str | None) -> WifiNetwork | None:
    """A network written as SSID:PASSWORD, or SSID alone for one without a password."""
    if not text:
        return None
    ssid, colon, password = text.partition(":")
    return WifiNetwork(ssid, password, 3 if colon else 0)
