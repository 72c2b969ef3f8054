"""The messages that requests and replies carry: which type belongs to which request, and how to read and write them.

Importing this module does not import protobuf; the first message does. The replies asked for most hold nothing but one string, which
`encode_string` and `decode_string` read and write without protobuf.
"""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Final, TypeVar

from particle_protocol.control_requests.codes import RequestType, request_name
from particle_protocol.control_requests.errors import BadMessage

if TYPE_CHECKING:
    from google.protobuf.message import Message

    M = TypeVar("M", bound=Message)
else:
    M = TypeVar("M")

_MODULES: Final = ("system", "config", "storage", "network", "wifi", "wifi_old", "cellular")
_STRING_FIELD: Final = 2
"""Wire type of strings (protobuf encoding, "length-delimited")."""


@functools.cache
def message_types(request_type: int) -> tuple[type[Message], type[Message]]:
    """The message types of a request and its reply.

    Raises:
        LookupError: the request has no message: ECHO, DIAGNOSTIC_INFO and the like carry bytes or text, others are gone from firmware.
    """
    try:
        name = "".join(word.capitalize() for word in RequestType(request_type).name.split("_"))
    except ValueError:
        raise LookupError(f"{request_name(request_type)} has no message") from None
    for module_name in _MODULES:
        module = importlib.import_module(f"particle_protocol.control_requests.generated.{module_name}_pb2")
        if hasattr(module, f"{name}Request"):
            return getattr(module, f"{name}Request"), getattr(module, f"{name}Reply")
    raise LookupError(f"{request_name(request_type)} has no message")


def decode_message(kind: type[M], data: bytes) -> M:
    """Read a message; no bytes are a message whose fields all have their default.

    Raises:
        BadMessage: the bytes are no such message.
    """
    from google.protobuf.message import DecodeError

    message = kind()
    try:
        message.ParseFromString(bytes(data))
    except DecodeError as error:
        raise BadMessage(f"{len(data)} bytes are no {kind.__name__}: {bytes(data[:16]).hex()} ({error})") from error
    return message


def encode_string(text: str, field: int = 1) -> bytes:
    """A message whose only field is a string. An empty string is an empty message, as for protobuf."""
    raw = text.encode()
    size = len(raw)
    if size < 0x80:
        return bytes((field << 3 | _STRING_FIELD, size)) + raw if raw else b""
    length = bytearray((field << 3 | _STRING_FIELD,))
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return bytes(length) + raw


def decode_string(data: bytes, kind: type[Message] | None = None) -> str:
    """The string in field 1 of a message.

    Reads the usual form itself, everything else (other fields, unusual encodings) as a message with `kind`, GetDeviceIdReply unless told.

    Raises:
        BadMessage: the bytes are no such message.
    """
    if not data:
        return ""
    if data[0] == 0x0A and len(data) > 1 and data[1] == len(data) - 2 and data[1] < 0x80:
        try:
            return str(data[2:], "utf-8")
        except UnicodeDecodeError as error:
            raise BadMessage(f"a text in a reply is not UTF-8: {bytes(data).hex()}") from error
    message = decode_message(kind or message_types(RequestType.GET_DEVICE_ID)[1], data)
    _, text = message.ListFields()[0] if message.ListFields() else (None, "")
    return str(text)
