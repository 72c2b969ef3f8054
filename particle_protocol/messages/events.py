"""Events in both directions, and a device's subscriptions to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from particle_protocol.coap import Code, Message, Option, Type, pack_uint, path_options, query_options, unpack_uint
from particle_protocol.messages.errors import MessageError

DEFAULT_TTL: Final = 60
"""The time to live of an event in seconds, when no Max-Age says otherwise."""

_URI_PATH, _URI_QUERY = int(Option.URI_PATH), int(Option.URI_QUERY)
_PRIVATE, _PUBLIC = (_URI_PATH, b"E"), (_URI_PATH, b"e")


@dataclass(frozen=True, slots=True)
class Event:
    """An event. `ttl` is in seconds; `public` is a thing of the past that firmware up to 6.1 can still say.

    A device puts the whole name into one Uri-Path option, slashes and all (Device OS 2.3.1, communication/src/messages.cpp:303-335). The
    cloud may split it at the slashes; the device joins it again (communication/inc/subscriptions.h:140-163).

    `data` None is an event without data. The empty string is something else to firmware up to 2.3.1 alone, which sends a payload marker
    with nothing behind it; later firmware, and the cloud, send both alike.
    """

    name: str
    data: bytes | None = None
    ttl: int = DEFAULT_TTL
    public: bool = False
    confirmable: bool = False
    content_format: int | None = None

    def encode(self, message_id: int, *, wide_max_age: bool = True) -> Message:
        """The event as a device sends it: data of no bytes as firmware up to 2.3.1 does (later firmware has None there).

        A `ttl` other than 60 s goes into Max-Age: three bytes wide from firmware up to 6.1 (`wide_max_age`), as short as possible from
        later ones (Device OS 6.2.0, communication/src/publisher.cpp:34-97).
        """
        max_age = self.ttl.to_bytes(3) if wide_max_age else pack_uint(self.ttl)
        return self._message(message_id, ((_URI_PATH, self.name.encode()),), max_age, bare_marker=self.data == b"")

    def encode_from_cloud(self, message_id: int) -> Message:
        """The event as the cloud sends it: one Uri-Path option for each part of the name.

        Firmware up to 6.1 understands no options but the path and Max-Age, so `content_format` should be None for it.
        """
        return self._message(message_id, path_options(*self.name.split("/")), pack_uint(self.ttl))

    def _message(self, message_id: int, name: tuple[tuple[int, bytes], ...], max_age: bytes, *, bare_marker: bool = False) -> Message:
        options = (_PUBLIC if self.public else _PRIVATE, *name)
        if self.content_format is not None:
            options += ((int(Option.CONTENT_FORMAT), pack_uint(self.content_format)),)
        if self.ttl != DEFAULT_TTL:
            options += ((int(Option.MAX_AGE), max_age),)
        type_ = Type.CON if self.confirmable else Type.NON
        return Message(type_, Code.POST, message_id, b"", options, self.data or b"", bare_marker)

    @classmethod
    def decode(cls, message: Message) -> Event:
        """Read an event of either direction.

        Raises:
            MessageError: not POST /E/name or /e/name, or a name that is no UTF-8.
        """
        segments: list[bytes] = []
        ttl, content_format = DEFAULT_TTL, None
        for number, value in message.options:
            if number == _URI_PATH:
                segments.append(value)
            elif number == Option.MAX_AGE:
                ttl = unpack_uint(value)
            elif number == Option.CONTENT_FORMAT:
                content_format = unpack_uint(value)
        if message.code != Code.POST or len(segments) < 2 or segments[0] not in (b"E", b"e"):
            raise MessageError("event", message, "POST /E/name was expected")
        try:
            name = b"/".join(segments[1:]).decode()
        except UnicodeDecodeError:
            raise MessageError("event", message, "its name is no UTF-8") from None
        data = message.payload if message.payload or message.bare_marker else None
        return cls(name, data, ttl, segments[0] == b"e", message.type is Type.CON, content_format)

    @property
    def text(self) -> str:
        """The data as text, empty if there is none; bytes that are no UTF-8 become U+FFFD."""
        return (self.data or b"").decode(errors="replace")

    def __str__(self) -> str:
        return f"event {self.name}{f' = {self.text[:64]!r}' if self.data else ''}"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A device asks for the events whose names begin with `prefix` (empty: all).

    `own` limits them to events of the owner's devices (Uri-Query `u`, firmware up to 6.1); `device_id` (24 hex characters) to those of
    one device; `content` is `c` or `b` when the handler wants CBOR or binary data (firmware since 6.2)
    (Device OS 2.3.1, communication/src/events.cpp; 6.2.0, communication/src/subscriptions.cpp:28-62).
    """

    prefix: str
    own: bool = False
    device_id: str = ""
    content: str = ""
    confirmable: bool = True

    def encode(self, message_id: int) -> Message:
        """The subscription as a device sends it: GET, no token."""
        options = path_options("e", self.prefix) if self.prefix else path_options("e")
        queries = ([b"u"] if self.own else []) + ([self.content.encode()] if self.content else [])
        type_ = Type.CON if self.confirmable else Type.NON
        return Message(type_, Code.GET, message_id, b"", options + query_options(queries), self.device_id.encode())

    @classmethod
    def decode(cls, message: Message) -> Subscription:
        """Read a subscription.

        Raises:
            MessageError: not GET /e, or text in it that is no UTF-8.
        """
        segments = message.option_values(_URI_PATH)
        if message.code != Code.GET or not segments or segments[0] not in (b"e", b"E"):
            raise MessageError("subscription", message, "GET /e/prefix was expected")
        try:
            prefix = b"/".join(segments[1:]).decode()
            queries = [value.decode() for value in message.option_values(_URI_QUERY)]
            device_id = message.payload.decode()
        except UnicodeDecodeError:
            raise MessageError("subscription", message, "text in it is no UTF-8") from None
        content = next((each for each in queries if each in ("c", "b")), "")
        return cls(prefix, "u" in queries, device_id, content, message.type is Type.CON)

    def matches(self, name: str) -> bool:
        """Whether an event of this name is wanted, as far as the name tells."""
        return name.startswith(self.prefix)

    def __str__(self) -> str:
        scope = f" of {self.device_id}" if self.device_id else " of own devices" if self.own else ""
        return f"subscription to {self.prefix or 'everything'}{scope}"
