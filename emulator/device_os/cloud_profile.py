"""How a version of Device OS talks to the cloud over TCP: what changed from 0.7 to 3.3, as data.

Sources: Device OS 0.7.0, 1.5.2, 2.3.1 and 3.3.1, communication/ and system/src/system_cloud_internal.cpp. Where releases between these were
not looked at, the change is put at the release that its documentation names.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TypeAlias

from particle_protocol.messages import HelloFlag

OsVersion: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class CloudProfile:
    """One version's ways. Sizes in bytes, times in seconds."""

    flags: HelloFlag
    """What Hello says that the device can do."""
    long_hello: bool
    """Hello ends with version and limits (3.0.0); before, two events tell the limits."""
    posts_describe: bool
    """The device describes itself unasked (2.0.0); before, it subscribes during the handshake and waits to be asked."""
    describe_tokens: bool
    """Descriptions that come unasked carry a token (3.0.0)."""
    describe_needs_query: bool
    """A describe request must say which part it wants, and only one (3.0.0)."""
    tells_updates: bool
    """The device says whether updates are enabled and forced (1.2.1)."""
    says_goodbye: bool
    """A graceful end is announced (2.0.0)."""
    old_describe: bool
    """Empty slots and empty attributes are in the description (up to 0.7.0)."""
    old_refusal: bool
    """A refused update is answered 4.00 without a token (up to 0.7.0)."""
    numeric_verdict: bool
    """The verdict on an update is a number (2.0.0); before, a word and the module."""
    buffer_size: int
    """PROTOCOL_BUFFER_SIZE, which bounds every message."""
    binary_describe: bool
    """The system's part of a description is binary (5.5.0)."""
    marks_empty_data: bool
    """An event whose data is the empty string ends with a bare payload marker (up to 2.3.1; recorded)."""
    text_limit: int
    """Longest function argument and event data."""
    block_size: int | None
    """Longer descriptions are sent in blocks of this size (3.0.0)."""
    ping_interval: float = 15.0
    ping_timeout: float = 10.0


@functools.lru_cache(maxsize=64)
def cloud_profile(version: OsVersion) -> CloudProfile:
    """The ways of one version of Device OS on a Photon or P1."""
    flags = HelloFlag(0)
    if version >= (0, 8, 0):
        flags |= HelloFlag.DIAGNOSTICS
    if version >= (1, 2, 1):
        flags |= HelloFlag.IMMEDIATE_UPDATES
    if version >= (2, 0, 0):
        flags |= HelloFlag.GOODBYE | HelloFlag.DEVICE_INITIATED_DESCRIBE
    return CloudProfile(
        flags=flags,
        long_hello=version >= (3, 0, 0),
        posts_describe=version >= (2, 0, 0),
        describe_tokens=version >= (3, 0, 0),
        describe_needs_query=version >= (3, 0, 0),
        tells_updates=version >= (1, 2, 1),
        says_goodbye=version >= (2, 0, 0),
        old_describe=version <= (0, 7, 0),
        old_refusal=version <= (0, 7, 0),
        numeric_verdict=version >= (2, 0, 0),
        binary_describe=version >= (5, 5, 0),
        marks_empty_data=version < (3, 0, 0),
        buffer_size=960 if version >= (3, 0, 0) else 800,
        block_size=512 if version >= (3, 0, 0) else None,
        text_limit=864 if version >= (3, 0, 0) else 622 if version >= (0, 8, 0) else 64,
    )
