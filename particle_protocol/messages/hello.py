"""Hello: the first message of a session, in the two forms that firmware has had."""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

from particle_protocol.coap import Code, Message, Type, path_options
from particle_protocol.messages.errors import MessageError

_HEAD = struct.Struct(">HHHH")
_LIMITS = struct.Struct(">HHIH")
_ID_LENGTH = struct.Struct(">H")


class HelloFlag(enum.IntFlag):
    """What a device can do, and what just happened to it (Device OS 6.2.0, communication/src/protocol.cpp:42-51)."""

    UPDATE_SUCCEEDED = 0x01
    DIAGNOSTICS = 0x02
    IMMEDIATE_UPDATES = 0x04
    HANDSHAKE_COMPLETE = 0x08
    GOODBYE = 0x10
    DEVICE_INITIATED_DESCRIBE = 0x20
    COMPRESSED_UPDATES = 0x40
    UPDATES_V3 = 0x80


@dataclass(frozen=True, slots=True)
class HelloLimits:
    """What firmware since 3.0.0 adds to its Hello: its version, and how much it can take (sizes in bytes)."""

    system_version: int
    max_message_size: int
    max_binary_size: int
    ota_chunk_size: int


@dataclass(frozen=True, slots=True)
class Hello:
    """A device's Hello.

    Without `limits` it has the form of firmware up to 2.3.1 (8 bytes over TCP), with them that of 3.0.0 and later (20 bytes over TCP);
    over UDP, where the handshake does not tell it, the 12-byte device id is in it too
    (Device OS 2.3.1, communication/src/messages.cpp:118-148; 6.2.0, communication/src/messages.cpp:126-165).
    """

    product_id: int
    product_version: int
    flags: HelloFlag
    platform_id: int
    limits: HelloLimits | None = None
    device_id: bytes = b""
    confirmable: bool = False

    def encode(self, message_id: int) -> Message:
        """The Hello as a CoAP message: NON over TCP, CON over UDP, no token."""
        payload = _HEAD.pack(self.product_id, self.product_version, self.flags, self.platform_id)
        if self.device_id or self.limits:
            payload += _ID_LENGTH.pack(len(self.device_id)) + self.device_id
        if self.limits:
            limits = self.limits
            payload += _LIMITS.pack(limits.system_version, limits.max_message_size, limits.max_binary_size, limits.ota_chunk_size)
        type_ = Type.CON if self.confirmable else Type.NON
        return Message(type_, Code.POST, message_id, b"", path_options("h"), payload)

    @classmethod
    def decode(cls, message: Message) -> Hello:
        """Read a device's Hello. What a later firmware may add behind its end is passed over.

        Raises:
            MessageError: the payload has none of the known forms.
        """
        payload = message.payload
        if message.code != Code.POST or message.path != "h" or len(payload) < _HEAD.size:
            raise MessageError("Hello", message, "POST /h with at least 8 bytes of payload was expected")
        product_id, product_version, flags, platform_id = _HEAD.unpack_from(payload)
        device_id, limits = b"", None
        if len(payload) > _HEAD.size:
            rest = payload[_HEAD.size + _ID_LENGTH.size :]
            length = int.from_bytes(payload[_HEAD.size : _HEAD.size + _ID_LENGTH.size])
            too_short = len(rest) != length and len(rest) < length + _LIMITS.size
            if len(payload) < _HEAD.size + _ID_LENGTH.size or length not in (0, 12) or too_short:
                raise MessageError("Hello", message, f"a payload of {len(payload)} bytes does not fit a device id of {length} bytes")
            device_id = rest[:length]
            if len(rest) > length:
                limits = HelloLimits(*_LIMITS.unpack_from(rest, length))
        return cls(product_id, product_version, HelloFlag(flags), platform_id, limits, device_id, message.type is Type.CON)

    def __str__(self) -> str:
        version = "" if self.limits is None else f", system {self.limits.system_version}"
        product = f"product {self.product_id} version {self.product_version}"
        return f"Hello: platform {self.platform_id}, {product}, flags {self.flags:#06x}{version}"


def cloud_hello(message_id: int) -> Message:
    """The cloud's Hello: NON POST /h, nothing else.

    A TCP device waits 4 s for it (Device OS 2.3.1, communication/src/protocol.cpp:420-430).
    """
    return Message(Type.NON, Code.POST, message_id, b"", path_options("h"))
