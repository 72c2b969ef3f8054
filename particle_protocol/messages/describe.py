"""How a description travels: the cloud's request for it, and the device's own sending of it.

What is inside a description is in `particle_protocol.describe`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from particle_protocol.blocks import Block
from particle_protocol.coap import Code, Message, Option, Type, pack_uint, path_options, query_options, unpack_uint
from particle_protocol.messages.errors import MessageError

_URI_QUERY = int(Option.URI_QUERY)
_BLOCK1 = int(Option.BLOCK1)


class DescribeFlag(enum.IntFlag):
    """The parts of a description (Device OS 6.2.0, communication/src/protocol_defs.h)."""

    SYSTEM = 1
    APPLICATION = 2
    METRICS = 4


@dataclass(frozen=True, slots=True)
class DescribeRequest:
    """The cloud asks for a description: CON GET /d, `flags` in one byte of query.

    `flags` None is a request with no query: firmware up to 2.3.1 takes it for system and application in one, later firmware refuses it
    (Device OS 3.3.1, communication/src/description.cpp:236-268).
    """

    flags: DescribeFlag | None
    token: bytes

    def encode(self, message_id: int) -> Message:
        """The request as a CoAP message."""
        queries = () if self.flags is None else query_options((bytes((self.flags,)),))
        return Message(Type.CON, Code.GET, message_id, self.token, path_options("d") + queries)

    @classmethod
    def decode(cls, message: Message) -> DescribeRequest:
        """Read a request for a description.

        Raises:
            MessageError: not GET /d.
        """
        if message.code != Code.GET or message.path != "d":
            raise MessageError("describe request", message, "GET /d was expected")
        query = message.option(_URI_QUERY)
        return cls(DescribeFlag(query[0]) if query else None, message.token)

    def __str__(self) -> str:
        return f"describe request, flags {'none' if self.flags is None else int(self.flags)}"


@dataclass(frozen=True, slots=True)
class DescribePost:
    """A device sends a description of its own accord (since 2.0.0): CON POST /d, without a token up to 2.3.1, with one later.

    A long one comes in pieces (since 3.0.0), each a message of its own: `block` then says which piece `payload` is.
    """

    flags: DescribeFlag
    payload: bytes
    token: bytes = b""
    content_format: int | None = None
    block: Block | None = None

    def encode(self, message_id: int) -> Message:
        """The description as a CoAP message."""
        options = path_options("d")
        if self.block is not None:
            options += ((_BLOCK1, self.block.encode()),)
        if self.content_format is not None:
            options += ((int(Option.CONTENT_FORMAT), pack_uint(self.content_format)),)
        return Message(Type.CON, Code.POST, message_id, self.token, options + query_options((bytes((self.flags,)),)), self.payload)

    @classmethod
    def decode(cls, message: Message) -> DescribePost:
        """Read a description that came unasked.

        Raises:
            MessageError: not POST /d with one byte of query.
            CoapError: a malformed block.
        """
        query = message.option(_URI_QUERY)
        if message.code != Code.POST or message.path != "d" or not query:
            raise MessageError("description", message, "POST /d with one byte of query was expected")
        content_format, block = message.option(int(Option.CONTENT_FORMAT)), message.option(_BLOCK1)
        return cls(
            DescribeFlag(query[0]),
            message.payload,
            message.token,
            None if content_format is None else unpack_uint(content_format),
            None if block is None else Block.decode(block),
        )

    def __str__(self) -> str:
        return f"description, flags {int(self.flags)}, {len(self.payload)} bytes"
