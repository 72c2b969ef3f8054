"""Updates over the air as a board takes them: the cloud's messages to the cores of `particle_protocol.ota`, their answers through CoAP."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

from emulator.device_os.cloud_facts import (
    CloudEvent,
    CloudFacts,
    UpdateAbandoned,
    UpdateEnded,
    UpdateProgress,
    UpdateStarted,
    UpdateStore,
    UpdateTimedOut,
)
from particle_protocol.cloud_profiles import CloudProfile
from particle_protocol.coap import Message, Type, empty
from particle_protocol.coap_end import CoapEnd, Done
from particle_protocol.control_requests.codes import Result
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
    UpdateAck,
    UpdateFault,
    UpdateReceiver,
)
from particle_protocol.protocol_errors import ProtocolErrorCode

MAX_VERDICT: Final = 255
Notify: TypeAlias = Callable[[CloudEvent], None]
Core = TypeVar("Core", bound=ChunkedReceiver | UpdateReceiver)


class CloudUpdate(Protocol):
    """The updates of one connection, in the versions of the protocol that the board speaks. At most one transfer at a time."""

    @property
    def running(self) -> bool:
        """Whether a transfer is under way. No pings are sent meanwhile."""

    def deadline(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""

    def handle_timer(self, now: float) -> None:
        """Time has passed."""

    def handle(self, kind: Kind, message: Message, now: float) -> None:
        """Take a message of the cloud; one that is not about updates is ignored.

        Raises:
            MessageError: a malformed message.
            ChannelError: the connection is to be given up.
        """

    def cancel(self) -> None:
        """The connection is over."""


def cloud_update(coap: CoapEnd, profile: CloudProfile, facts: CloudFacts, notify: Notify, *, confirms: bool) -> CloudUpdate:
    """The updates that a board takes: of version 3 where it has a store for them, else of versions 1 and 2.

    `confirms`: what the board says of its own accord is confirmable.
    """
    if facts.update_store is not None:
        return UpdateByWindows(coap, facts, facts.update_store, notify)
    return UpdateByChunks(coap, profile, facts, notify, confirms=confirms)


class _Transfers(ABC, Generic[Core]):
    """What both kinds of updates do alike around their core. See `CloudUpdate`."""

    __slots__ = ("_coap", "_core", "_notify")

    def __init__(self, coap: CoapEnd, core: Core, notify: Notify) -> None:
        self._coap = coap
        self._core = core
        self._notify = notify

    @property
    def running(self) -> bool:
        """See `CloudUpdate`."""
        return self._core.running

    def deadline(self) -> float | None:
        """See `CloudUpdate`: when the transfer has stood still for too long."""
        return self._core.deadline()

    def handle_timer(self, now: float) -> None:
        """See `CloudUpdate`."""
        self._core.handle_timer(now)
        self._go_on(now)

    def cancel(self) -> None:
        """See `CloudUpdate`. Version 3 keeps what has come, the others forget it."""
        if self._core.running:
            self._notify(UpdateAbandoned())
        self._core.cancel()

    @abstractmethod
    def _go_on(self, now: float) -> None:
        """Send what the core has to send, and notify of what happened."""

    def _reply(self, reply: Reply, now: float, done: Done | None = None) -> None:
        """Answer a message of the cloud. `done`: who is notified when an answer of its own has arrived, or has not."""
        if reply.in_ack:
            self._coap.acknowledge(reply.request, reply.code, reply.payload)
        else:
            self._coap.acknowledge(reply.request)
            self._coap.respond(reply.request, reply.code, now, reply.payload, reply.options, done=done)


class UpdateByChunks(_Transfers[ChunkedReceiver]):
    """Versions 1 and 2. See `CloudUpdate`."""

    __slots__ = ("_facts", "_profile", "_type")

    def __init__(self, coap: CoapEnd, profile: CloudProfile, facts: CloudFacts, notify: Notify, *, confirms: bool) -> None:
        super().__init__(coap, ChunkedReceiver(ReceiverWays(self._verdict, profile.old_refusal)), notify)
        self._profile = profile
        self._facts = facts
        self._type = Type.CON if confirms else Type.NON

    def handle(self, kind: Kind, message: Message, now: float) -> None:
        """See `CloudUpdate`."""
        if kind is Kind.UPDATE_BEGIN:
            enabled = self._facts.updates_enabled or self._facts.updates_forced
            self._core.take_begin(message, self._facts.update_sink if enabled else None, now)
        elif kind is Kind.CHUNK:
            self._core.take_chunk(message, now)
        elif kind is Kind.UPDATE_DONE:
            self._core.take_done(message)
        self._go_on(now)

    def _go_on(self, now: float) -> None:
        for each in self._core.messages_to_send():
            if not isinstance(each, Reply):
                self._coap.send(replace(each.encode(self._coap.next_id()), type=self._type), now)
            else:
                self._reply(each, now)
        for event in self._core.events():
            # One that stood still leads to a reset.
            self._notify(UpdateTimedOut() if isinstance(event, TransferEnded) else _told(event))

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


class UpdateByWindows(_Transfers[UpdateReceiver]):
    """Version 3. See `CloudUpdate`."""

    __slots__ = ("_now", "_store")

    def __init__(self, coap: CoapEnd, facts: CloudFacts, store: UpdateStore, notify: Notify) -> None:
        super().__init__(coap, UpdateReceiver(_WhereAllowed(store, facts)), notify)
        self._store = store
        self._now = 0.0

    def handle(self, kind: Kind, message: Message, now: float) -> None:
        """See `CloudUpdate`."""
        if kind is Kind.UPDATE_START:
            self._core.take_start(message, now)
        elif kind is Kind.UPDATE_CHUNK:
            if not self._core.take_chunk(message, now):
                self._coap.answer(message, empty(Type.RST, message.id))
        elif kind is Kind.UPDATE_FINISH:
            self._core.take_finish(message)
        self._go_on(now)

    def _go_on(self, now: float) -> None:
        self._now = now
        for each in self._core.messages_to_send():
            if isinstance(each, UpdateAck):
                self._coap.send(each.encode(self._coap.next_id()), now)
            else:
                self._reply(each, now, self._acknowledged)
        for event in self._core.events():
            if isinstance(event, ApplyUpdate):
                result = self._store.apply()
                self._notify(UpdateAbandoned() if result else UpdateEnded(result))  # it resets only for what it could install
            else:
                self._notify(UpdateAbandoned() if isinstance(event, TransferEnded) else _told(event))

    def _acknowledged(self, error: ProtocolErrorCode) -> None:
        """The last answer has arrived: if it was the verdict, the file is applied now, and not before."""
        if error is ProtocolErrorCode.NO_ERROR:
            self._core.reply_acknowledged()
            self._go_on(self._now)


class _WhereAllowed:
    """A store that takes nothing while the application has updates disabled."""

    __slots__ = ("_facts", "_store", "suspend", "validate", "write")

    def __init__(self, store: UpdateStore, facts: CloudFacts) -> None:
        self._store = store
        self._facts = facts
        self.write, self.validate, self.suspend = store.write, store.validate, store.suspend

    @property
    def capacity(self) -> int:
        """See `ota.UpdateStore`."""
        return self._store.capacity

    def begin(self, size: int, sha256: bytes | None, *, discard: bool, module_function: int | None) -> int:
        """See `ota.UpdateStore`."""
        if not (self._facts.updates_enabled or self._facts.updates_forced):
            raise UpdateFault(Result.OTA_UPDATES_DISABLED)
        return self._store.begin(size, sha256, discard=discard, module_function=module_function)


def _told(event: ReceiverEvent) -> CloudEvent:
    match event:
        case TransferStarted():
            return UpdateStarted(event.size, event.chunk_size)
        case TransferProgress():
            return UpdateProgress(event.received, event.size)
        case ApplyUpdate():
            return UpdateEnded(event.result)
        case TransferEnded():
            return UpdateAbandoned()
