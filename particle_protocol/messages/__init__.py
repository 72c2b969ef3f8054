"""What devices and the cloud say to each other, as frozen dataclasses over CoAP.

Each class has `encode(message_id, ...) -> coap.Message` and `decode(message)`; the latter raises `MessageError` when the CoAP message is
well-formed but is not this message. `Kind.of(message)` tells which class a request belongs to. Both directions and both transports share
these classes; what differs (confirmable or not, with a token or without) is a field.

Firmware updates have a vocabulary of their own: `particle_protocol.updates`.
"""

from particle_protocol.messages.describe import DescribeFlag, DescribePost, DescribeRequest
from particle_protocol.messages.errors import MessageError
from particle_protocol.messages.events import DEFAULT_TTL, Event, Subscription
from particle_protocol.messages.goodbye import CloudReason, Goodbye, NetworkReason, ResetReason
from particle_protocol.messages.hello import Hello, HelloFlag, HelloLimits, cloud_hello
from particle_protocol.messages.kinds import Kind
from particle_protocol.messages.requests import FunctionCall, KeyChange, Signal, TimeRequest, VariableRead
from particle_protocol.messages.values import (
    Value,
    VariableType,
    decode_function_result,
    decode_value,
    encode_function_result,
    encode_value,
)

__all__ = [
    "DEFAULT_TTL",
    "CloudReason",
    "DescribeFlag",
    "DescribePost",
    "DescribeRequest",
    "Event",
    "FunctionCall",
    "Goodbye",
    "Hello",
    "HelloFlag",
    "HelloLimits",
    "KeyChange",
    "Kind",
    "MessageError",
    "NetworkReason",
    "ResetReason",
    "Signal",
    "Subscription",
    "TimeRequest",
    "Value",
    "VariableRead",
    "VariableType",
    "cloud_hello",
    "decode_function_result",
    "decode_value",
    "encode_function_result",
    "encode_value",
]
