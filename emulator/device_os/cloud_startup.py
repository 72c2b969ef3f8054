"""What a device says first: the messages after Hello, in the order of its firmware.

Order of Device OS 2.3.1, system/src/system_cloud_internal.cpp:1109-1225; what each version leaves out is in its profile.
"""

from __future__ import annotations

from typing import Final, Protocol

from emulator.device_os.cloud_facts import CloudFacts
from particle_protocol.cloud_profiles import CloudProfile
from particle_protocol.messages import DescribeFlag, Subscription

SYSTEM_SUBSCRIPTIONS: Final = (Subscription("particle", own=True), Subscription("spark", own=True))
"""What the system itself listens to, before the application's own (2.3.1, system/src/system_cloud_internal.cpp:198-204)."""
CLAIM_CODE: Final = "spark/device/claim/code"
MAX_BINARY: Final = "spark/hardware/max_binary"
CHUNK_SIZE: Final = "spark/hardware/ota_chunk_size"
SAFE_MODE: Final = "spark/device/safemode"
LAST_RESET: Final = "spark/device/last_reset"
UPDATES_ENABLED: Final = "particle/device/updates/enabled"
UPDATES_FORCED: Final = "particle/device/updates/forced"
KEY_ERROR: Final = "spark/device/key/error"


class Speaker(Protocol):
    """What the start-up needs of a connection."""

    def send_event(self, name: str, data: bytes) -> None:
        """Send one of the system's events."""

    def post_describe(self, flag: DescribeFlag) -> None:
        """Send one part of the description."""

    def subscribe_all(self) -> None:
        """Send the subscriptions of the system and of the application."""

    def request_time(self) -> None:
        """Ask for the time."""


def speak_first(speaker: Speaker, profile: CloudProfile, facts: CloudFacts) -> None:
    """Say everything that comes before the application's own description."""
    if profile.posts_describe:
        speaker.post_describe(DescribeFlag.SYSTEM)
    if facts.claim_code:
        speaker.send_event(CLAIM_CODE, facts.claim_code)
    if not profile.long_hello:
        speaker.send_event(MAX_BINARY, str(facts.max_binary).encode())
        speaker.send_event(CHUNK_SIZE, str(facts.ota_chunk_size).encode())
    if facts.safe_mode:
        speaker.send_event(SAFE_MODE, b"")
    if facts.last_reset:
        speaker.send_event(LAST_RESET, facts.last_reset.encode())
    if profile.tells_updates:
        speaker.send_event(UPDATES_ENABLED, flag_text(facts.updates_enabled))
        speaker.send_event(UPDATES_FORCED, flag_text(facts.updates_forced))
    if not profile.posts_describe:
        speaker.subscribe_all()
    speaker.request_time()
    if facts.key_errors:
        speaker.send_event(KEY_ERROR, str(facts.key_errors).encode())


def flag_text(flag: bool) -> bytes:
    """A flag as the events about updates say it."""
    return b"true" if flag else b"false"
