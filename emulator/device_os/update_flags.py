"""Whether a board takes updates over the air now: what the application wants, and what the cloud says. Every boot begins with the same.

Device OS 2.3.1, system/src/system_update.cpp (`systemFlags`, `system_set_flag`): what changes is told to the cloud, and none of it is kept.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class UpdateFlags:
    """The flags of one boot.

    Attributes:
        enabled: the application allows updates.
        forced: the cloud sends updates all the same.
        pending: the cloud has one that waits for them to be allowed.
    """

    enabled: bool = True
    forced: bool = False
    pending: bool = False
