"""What a device says first: the messages after Hello, in the order of its firmware, on a new session and on one that goes on.

Orders of Device OS 2.3.1, system/src/system_cloud_internal.cpp:1109-1225, and 6.2.0, the same file, :1238-1321. What each version leaves
out is in `particle_protocol/cloud_profiles.toml`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from emulator.device_os.cloud_facts import CloudFacts
from emulator.device_os.cloud_introduction import Introduction
from particle_protocol.cloud_profiles import CloudProfile
from particle_protocol.coap import Message
from particle_protocol.coap_end import CoapEnd
from particle_protocol.messages import DescribeFlag, Event, TimeRequest
from particle_protocol.protocol_errors import ProtocolErrorCode

CLAIM_CODE: Final = "spark/device/claim/code"
IDENTITY: Final = "spark/device/ident/0"
MAX_BINARY: Final = "spark/hardware/max_binary"
CHUNK_SIZE: Final = "spark/hardware/ota_chunk_size"
USUAL_CHUNK_SIZE: Final = 512
"""Told over TCP only, when it is this one."""
SAFE_MODE: Final = "spark/device/safemode"
LAST_RESET: Final = "spark/device/last_reset"
UPDATES_ENABLED: Final = "particle/device/updates/enabled"
UPDATES_FORCED: Final = "particle/device/updates/forced"
KEY_ERROR: Final = "spark/device/key/error"


class StartUp:
    """The start-up of one connection.

    With `confirms` everything is confirmable, and the start-up is over when the cloud has acknowledged all of it (SPARK_CLOUD_HANDSHAKE_-
    PENDING); else when all of it is sent. `now` gives the time in seconds; `ended` is called then.
    """

    __slots__ = ("_coap", "_confirms", "_ended", "_facts", "_introduction", "_now", "_profile", "_unacknowledged")

    def __init__(
        self,
        coap: CoapEnd,
        profile: CloudProfile,
        facts: CloudFacts,
        introduction: Introduction,
        now: Callable[[], float],
        *,
        confirms: bool,
        ended: Callable[[], None],
    ) -> None:
        self._coap = coap
        self._profile = profile
        self._facts = facts
        self._introduction = introduction
        self._now = now
        self._confirms = confirms
        self._ended = ended
        self._unacknowledged = 1

    def speak_first(self) -> None:
        """Say everything that comes after Hello, before the application's own description."""
        profile, facts = self._profile, self._facts
        if profile.posts_describe:
            self._unacknowledged += self._confirms
            self._introduction.post(DescribeFlag.SYSTEM, self._acknowledged)
        if facts.claim_code:
            self._say(CLAIM_CODE, facts.claim_code)
        if facts.iccid and profile.tells_identity:
            self._say(IDENTITY, facts.iccid.encode())
        if not profile.long_hello:
            if facts.tells_max_binary:
                self._say(MAX_BINARY, str(facts.max_binary).encode())
            if not self._confirms or facts.ota_chunk_size != USUAL_CHUNK_SIZE:
                self._say(CHUNK_SIZE, str(facts.ota_chunk_size).encode())
        if profile.asks_time_early:
            self._ask_time()
        self._speak_of_now(tells_reset=True)
        if not profile.posts_describe:
            self._introduction.subscribe_all()
        if not profile.asks_time_early:
            self._ask_time()
        if facts.key_errors:
            self._say(KEY_ERROR, str(facts.key_errors).encode())
        self._acknowledged()

    def speak_again(self) -> None:
        """Say what comes first when a session goes on: a ping, for somebody to answer, and what may be another than before."""
        self._unacknowledged += 1
        self._coap.ping(self._now(), self._acknowledged, math.inf)
        if self._profile.asks_time_early and not self._facts.knows_time:
            self._ask_time()
        self._speak_of_now(tells_reset=self._profile.tells_reset_again)
        if not self._profile.asks_time_early and not self._facts.knows_time:
            self._ask_time()
        self._acknowledged()

    def _speak_of_now(self, *, tells_reset: bool) -> None:
        facts = self._facts
        if facts.safe_mode:
            self._say(SAFE_MODE, b"")
        if facts.last_reset and tells_reset:
            self._say(LAST_RESET, facts.last_reset.encode())
            facts.last_reset = ""
        if self._profile.tells_updates:
            self._say(UPDATES_ENABLED, flag_text(facts.updates_enabled))
            self._say(UPDATES_FORCED, flag_text(facts.updates_forced))

    def _say(self, name: str, data: bytes) -> None:
        self._send(Event(name, event_data(data, self._profile), confirmable=self._confirms).encode(self._coap.next_id()))

    def _ask_time(self) -> None:
        self._send(TimeRequest(self._coap.next_token()).encode(self._coap.next_id()))

    def _send(self, message: Message) -> None:
        if self._confirms:
            self._unacknowledged += 1
            self._coap.send(message, self._now(), self._acknowledged, timeout=math.inf)
        else:
            self._coap.send(message, self._now())

    def _acknowledged(self, error: ProtocolErrorCode = ProtocolErrorCode.NO_ERROR) -> None:
        """One of the messages has been acknowledged, or all of them are sent."""
        self._unacknowledged -= 1
        if not self._unacknowledged:
            self._ended()


def event_data(data: bytes | None, profile: CloudProfile) -> bytes | None:
    """What of an event's data goes out. Only old firmware sends the empty string as something else than no data at all."""
    if data == b"" and not profile.marks_empty_data:
        return None
    return data and data[: profile.text_limit]


def flag_text(flag: bool) -> bytes:
    """A flag as the events about updates say it."""
    return b"true" if flag else b"false"
