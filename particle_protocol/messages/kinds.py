"""Which request a CoAP message is."""

from __future__ import annotations

import enum

from particle_protocol.coap import Code, Message, Option, Type


class Kind(enum.Enum):
    """The requests of the protocol. The value is the method and the one character of the path that make it.

    Device OS looks at no more than these two: the first character of the first option, which must be a Uri-Path
    (Device OS 6.2.0, communication/src/messages.cpp:37-124).
    """

    HELLO = (Code.POST, "h")
    GOODBYE = (Code.POST, "x")
    DESCRIBE_REQUEST = (Code.GET, "d")
    DESCRIBE_POST = (Code.POST, "d")
    TIME_REQUEST = (Code.GET, "t")
    EVENT = (Code.POST, "E")
    PUBLIC_EVENT = (Code.POST, "e")
    SUBSCRIPTION = (Code.GET, "e")
    FUNCTION_CALL = (Code.POST, "f")
    VARIABLE_READ = (Code.GET, "v")
    SIGNAL = (Code.PUT, "s")
    KEY_CHANGE = (Code.PUT, "k")
    UPDATE_BEGIN = (Code.POST, "u")
    UPDATE_DONE = (Code.PUT, "u")
    CHUNK = (Code.POST, "c")
    CHUNK_MISSED = (Code.GET, "c")
    UPDATE_START = (Code.POST, "S")
    UPDATE_CHUNK = (Code.POST, "C")
    UPDATE_ACK = (Code.POST, "A")
    UPDATE_FINISH = (Code.POST, "F")
    SERVER_MOVED = (Code.POST, "M")
    LEDGER = (Code.POST, "L")
    PING = (Code.EMPTY, "")

    @classmethod
    def of(cls, message: Message) -> Kind | None:
        """The kind of a request; None when it is none of these, or no request at all."""
        if message.code == Code.EMPTY:
            return cls.PING if message.type is Type.CON else None
        if not message.options:
            return None
        number, value = message.options[0]
        if number != Option.URI_PATH:
            return None
        return _KINDS.get((message.code, value[:1]))


_KINDS: dict[tuple[int, bytes], Kind] = {(int(kind.value[0]), kind.value[1].encode()): kind for kind in Kind}
