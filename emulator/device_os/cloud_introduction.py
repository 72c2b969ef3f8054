"""What a device tells its cloud about itself: Hello, descriptions, subscriptions; and what it knows the cloud to have taken in.

A session over UDP outlives the connection, and a device that goes on with one tells again only what has changed. What the cloud has is
known by checksums, each remembered once everything it stands for was acknowledged (Device OS 6.2.0, communication/src/protocol.cpp:479-504
and 727-770, description.cpp:384-439).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import replace

from emulator.device_os.cloud_facts import CloudFacts
from emulator.device_os.cloud_link import CloudLink
from emulator.device_os.cloud_requests import CloudRequests
from particle_protocol.blocks import cut
from particle_protocol.coap import Message
from particle_protocol.coap_end import ACK_TIMEOUT, CoapEnd, Done
from particle_protocol.dtls import ApplicationState
from particle_protocol.messages import DescribeFlag, DescribePost, Hello, HelloFlag, HelloLimits, Subscription
from particle_protocol.protocol_errors import ProtocolErrorCode

SYSTEM_SUBSCRIPTIONS = (Subscription("particle", own=True), Subscription("spark", own=True))
"""What the system itself listens to, before the application's own (2.3.1, system/src/system_cloud_internal.cpp:198-204)."""
_CHECKSUMS = {DescribeFlag.SYSTEM: "describe_system_crc", DescribeFlag.APPLICATION: "describe_app_crc"}


class Introduction:
    """The introduction of one connection. `known` is what the cloud is known to have; `now` gives the time in seconds."""

    __slots__ = ("_coap", "_facts", "_link", "_now", "_profile", "_requests", "known")

    def __init__(self, link: CloudLink, coap: CoapEnd, facts: CloudFacts, requests: CloudRequests, now: Callable[[], float]) -> None:
        self._link = link
        self._coap = coap
        self._facts = facts
        self._profile = link.profile
        self._requests = requests
        self._now = now
        self.known = link.known

    @property
    def is_current(self) -> bool:
        """Whether Hello and the system's description would say nothing that the cloud does not know."""
        wanted = self._after_hello()
        if self._profile.posts_describe:
            # The application's part is looked at later, when it is there.
            described = zlib.crc32(self._requests.description(DescribeFlag.SYSTEM))
            known = replace(self.known, describe_app_crc=0, subscriptions_crc=0)
            wanted = replace(wanted, describe_system_crc=described)
        else:
            known = replace(self.known, describe_app_crc=0, describe_system_crc=0)
            wanted = replace(wanted, subscriptions_crc=self._subscriptions_crc())
        return wanted == known and not self._facts.update_succeeded

    def say_hello(self, done: Done) -> None:
        """Send Hello. Where it is confirmable, `done` is told how that ended."""
        facts, profile = self._facts, self._profile
        limits = None
        if profile.long_hello:
            limits = HelloLimits(facts.system_version, profile.buffer_size, facts.max_binary, facts.ota_chunk_size)
        flags = self._flags | (HelloFlag.UPDATE_SUCCEEDED if facts.update_succeeded else HelloFlag(0))
        device_id = self._link.device_id if profile.confirms_hello else b""
        hello = Hello(facts.product_id, facts.product_version, flags, facts.platform_id, limits, device_id, profile.confirms_hello)
        self.known = ApplicationState()

        def acknowledged(error: ProtocolErrorCode) -> None:
            if error is ProtocolErrorCode.NO_ERROR:
                self.known = self._after_hello()
            done(error)

        self._send(hello.encode(self._coap.next_id()), acknowledged)

    def introduce_application(self) -> None:
        """Send what the cloud does not know yet of the application's description and of the subscriptions."""
        if zlib.crc32(self._requests.description(DescribeFlag.APPLICATION)) != self.known.describe_app_crc:
            self.post(DescribeFlag.APPLICATION)
        if self._subscriptions_crc() != self.known.subscriptions_crc:
            self.subscribe_all()

    def post(self, flag: DescribeFlag, done: Done | None = None) -> None:
        """Send one part of the description unasked; a long one in blocks, where the firmware can. `done` is told of the last of them."""
        payload, size = self._requests.description(flag), self._profile.block_size

        def acknowledged(error: ProtocolErrorCode) -> None:
            self._described(flag, payload, error)
            if done is not None:
                done(error)

        if size and len(payload) > size:
            self._post_block(flag, payload, 0, size, acknowledged)
            return
        token = self._coap.next_token() if self._profile.describe_tokens else b""
        post = DescribePost(flag, payload, token, self._requests.content_format(flag))
        self._send(post.encode(self._coap.next_id()), acknowledged)

    def answered(self, flag: DescribeFlag, payload: bytes) -> Done | None:
        """What is to be told how the answer to the cloud's own request for a description ended."""
        return None if self._link.channel.is_reliable else lambda error: self._described(flag, payload, error)

    def subscribe_all(self, done: Done | None = None) -> None:
        """Send all subscriptions: the system's, then the application's. `done` is told of each."""
        messages = self._subscriptions()
        left, checksum = len(messages), self._subscriptions_crc()

        def acknowledged(error: ProtocolErrorCode) -> None:
            nonlocal left
            left -= error is ProtocolErrorCode.NO_ERROR
            if not left:
                self.known = replace(self.known, subscriptions_crc=checksum)
            if done is not None:
                done(error)

        for subscription in messages:
            self._send(subscription.encode(self._coap.next_id()), acknowledged)

    def _send(self, message: Message, done: Done) -> None:
        """Send a message whose acknowledgement counts only where the session can be gone on with."""
        if self._link.channel.is_reliable:
            self._coap.send(message, self._now())
        else:
            self._coap.send(message, self._now(), done, timeout=math.inf)

    def _described(self, flag: DescribeFlag, payload: bytes, error: ProtocolErrorCode) -> None:
        field = _CHECKSUMS.get(flag)
        if error is ProtocolErrorCode.NO_ERROR and field is not None:
            self.known = replace(self.known, **{field: zlib.crc32(payload)})

    @property
    def _flags(self) -> HelloFlag:
        """What Hello says that the device can do, now and always."""
        windows = HelloFlag(0) if self._facts.update_store is None else HelloFlag.UPDATES_V3
        packed = HelloFlag.COMPRESSED_UPDATES if self._facts.takes_packed else HelloFlag(0)
        return self._profile.flags | windows | packed

    def _after_hello(self) -> ApplicationState:
        """What the cloud knows from Hello alone."""
        facts, profile = self._facts, self._profile
        return ApplicationState(
            protocol_flags=int(self._flags),
            max_binary_size=facts.max_binary,
            system_version=facts.system_version,
            max_message_size=profile.buffer_size,
            ota_chunk_size=facts.ota_chunk_size,
        )

    def _subscriptions(self) -> list[Subscription]:
        application = self._facts.application
        own = [] if application is None else [each.message for each in application.subscriptions]
        scoped, confirmable = self._profile.scopes_subscriptions, self._profile.confirms_subscriptions
        return [replace(each, own=each.own and scoped, confirmable=confirmable) for each in (*SYSTEM_SUBSCRIPTIONS, *own)]

    def _subscriptions_crc(self) -> int:
        return zlib.crc32(b"".join(each.encode(0).encode() for each in self._subscriptions()))

    def _post_block(self, flag: DescribeFlag, payload: bytes, number: int, size: int, done: Done) -> None:
        """Send one block; the next one follows its acknowledgement, whatever code that has (3.3.1, description.cpp:280-382)."""
        block, piece = cut(payload, number, size)

        def acknowledged(error: ProtocolErrorCode) -> None:
            if block.more and error in (ProtocolErrorCode.NO_ERROR, ProtocolErrorCode.COAP):
                self._post_block(flag, payload, number + 1, size, done)
            else:
                done(error)

        post = DescribePost(flag, piece, self._coap.next_token(), self._requests.content_format(flag), block)
        timeout = ACK_TIMEOUT if self._link.channel.is_reliable else math.inf
        self._coap.send(post.encode(self._coap.next_id()), self._now(), acknowledged, timeout=timeout)
