"""Updates over the air as a board takes them: the cloud's messages to `ota.ChunkedReceiver`, its answers through the channel."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from emulator.device_os.cloud_facts import CloudEvent, CloudFacts, UpdateEnded, UpdateProgress, UpdateStarted, UpdateTimedOut
from particle_protocol.cloud_profiles import CloudProfile
from particle_protocol.coap import Message, Type
from particle_protocol.coap_end import CoapEnd
from particle_protocol.describe import module_json
from particle_protocol.messages import Kind
from particle_protocol.ota import (
    ApplyUpdate,
    ChunkedReceiver,
    ReceiverEvent,
    ReceiverWays,
    Reply,
    TransferEnded,
    TransferProgress,
    TransferStarted,
)

MAX_VERDICT: Final = 255


class CloudUpdate:
    """At most one transfer at a time. `confirms`: what the board says of its own accord is confirmable."""

    __slots__ = ("_coap", "_core", "_facts", "_profile", "_tell", "_type")

    def __init__(
        self, coap: CoapEnd, profile: CloudProfile, facts: CloudFacts, tell: Callable[[CloudEvent], None], *, confirms: bool
    ) -> None:
        self._coap = coap
        self._profile = profile
        self._facts = facts
        self._tell = tell
        self._type = Type.CON if confirms else Type.NON
        self._core = ChunkedReceiver(ReceiverWays(self._verdict, profile.old_refusal))

    @property
    def running(self) -> bool:
        """Whether a transfer is under way. No pings are sent meanwhile."""
        return self._core.running

    def deadline(self) -> float | None:
        """When the transfer has stood still for too long."""
        return self._core.deadline()

    def handle_timer(self, now: float) -> None:
        """Give up a transfer that stands still."""
        self._core.handle_timer(now)
        self._go_on(now)

    def handle(self, kind: Kind, message: Message, now: float) -> None:
        """Take a message of the cloud; one that is not about updates is ignored.

        Raises:
            MessageError: a malformed message.
        """
        if kind is Kind.UPDATE_BEGIN:
            enabled = self._facts.updates_enabled or self._facts.updates_forced
            self._core.take_begin(message, self._facts.update_sink if enabled else None, now)
        elif kind is Kind.CHUNK:
            self._core.take_chunk(message, now)
        elif kind is Kind.UPDATE_DONE:
            self._core.take_done(message)
        self._go_on(now)

    def cancel(self) -> None:
        """Forget the transfer."""
        self._core.cancel()

    def _go_on(self, now: float) -> None:
        for each in self._core.messages_to_send():
            if not isinstance(each, Reply):
                self._coap.send(replace(each.encode(self._coap.next_id()), type=self._type), now)
            elif each.in_ack:
                self._coap.acknowledge(each.request, each.code, each.payload)
            else:
                self._coap.acknowledge(each.request)
                self._coap.respond(each.request, each.code, now, each.payload, each.options)
        for event in self._core.events():
            self._tell(_told(event))

    def _verdict(self, result: int) -> bytes:
        """What the cloud is told of the update (1.5.2, system/src/system_cloud_internal.cpp:715-747; 2.3.1 says a number)."""
        if self._profile.numeric_verdict:
            return f'{{"r":{result}}}'.encode()
        word = json.dumps("error" if result else "ok")
        module = self._facts.received_module()
        if module is None:
            return f'{{"r":{word}}}'.encode()
        described = module_json(module, old_style=self._profile.old_describe, platform_id=self._facts.platform_id)
        return f'{{"r":{word},"u":{described}}}'.encode()[:MAX_VERDICT]


def _told(event: ReceiverEvent) -> CloudEvent:
    match event:
        case TransferStarted():
            return UpdateStarted(event.size, event.chunk_size)
        case TransferProgress():
            return UpdateProgress(event.received, event.size)
        case ApplyUpdate():
            return UpdateEnded(event.result)
        case TransferEnded():
            return UpdateTimedOut()
