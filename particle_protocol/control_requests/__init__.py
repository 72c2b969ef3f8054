"""USB vendor control requests, both ends.

A request is a type and a payload; its answer is a result and data. On the wire it is a little conversation of vendor control transfers:
INIT announces it, SEND carries the payload, CHECK asks for the result, RECV fetches the data, RESET takes it back.

Device: give transfers to `ControlRequestChannel.control`; it hands complete `Request`s to your handler, which must `reply` to each, once.
Host: `host.request` or a function of `calls` is a generator to be driven over a USB connection (see `particle_protocol.usb`).
"""

from particle_protocol.control_requests.codes import RawRequestType, RequestType, Result, ServiceRequest, Status, request_name, result_text
from particle_protocol.control_requests.device import ControlRequestChannel, RawRequests, Request, RequestState
from particle_protocol.control_requests.errors import (
    BadMessage,
    ControlRequestError,
    DeviceBusy,
    DeviceOutOfMemory,
    DeviceProtectedError,
    ProtocolError,
    RequestError,
    RequestLost,
    RequestTimeout,
)
from particle_protocol.control_requests.host import raw_system_version, request, reset_all
from particle_protocol.control_requests.messages import decode_message, decode_string, encode_string, message_types
from particle_protocol.control_requests.service import ServiceReply

__all__ = [
    "BadMessage",
    "ControlRequestChannel",
    "ControlRequestError",
    "DeviceBusy",
    "DeviceOutOfMemory",
    "DeviceProtectedError",
    "ProtocolError",
    "RawRequestType",
    "RawRequests",
    "Request",
    "RequestError",
    "RequestLost",
    "RequestState",
    "RequestTimeout",
    "RequestType",
    "Result",
    "ServiceReply",
    "ServiceRequest",
    "Status",
    "decode_message",
    "decode_string",
    "encode_string",
    "message_types",
    "raw_system_version",
    "request",
    "request_name",
    "reset_all",
    "result_text",
]
