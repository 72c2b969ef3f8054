"""What a device answers to the cloud's requests; and when it does not take an update, why: a CoAP code, and the system's error in JSON.

Source: Device OS 6.2.0, communication/src/protocol_util.cpp, coap_defs.cpp:29-61.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from particle_protocol.coap import Code, Message, code_text
from particle_protocol.control_requests.codes import Result, result_text
from particle_protocol.json_text import JsonError, parse_json

_CODES: Final[dict[int, Code]] = {
    Result.INVALID_ARGUMENT: Code.BAD_REQUEST,
    Result.BAD_DATA: Code.BAD_REQUEST,
    Result.OUT_OF_RANGE: Code.BAD_REQUEST,
    Result.TOO_LARGE: Code.BAD_REQUEST,
    Result.NOT_FOUND: Code.NOT_FOUND,
    Result.NOT_ALLOWED: Code.FORBIDDEN,
    Result.TIMEOUT: Code.GATEWAY_TIMEOUT,
    Result.NOT_SUPPORTED: Code.NOT_IMPLEMENTED,
    Result.INTERNAL: Code.INTERNAL_SERVER_ERROR,
}
"""All others, those of updates among them, are 5.03."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to one of the cloud's requests.

    `in_ack`: it goes in the acknowledgement. Else the request is acknowledged empty, and the answer is a message of its own with the
    request's token, confirmable where messages can be lost; whoever sends it may want to know that it was acknowledged.
    """

    request: Message
    code: int
    options: tuple[tuple[int, bytes], ...] = ()
    payload: bytes = b""
    in_ack: bool = False


class UpdateFault(Exception):
    """The device cannot do what an update needs; `result` is the system's error."""

    def __init__(self, result: int, text: str = "") -> None:
        self.result = result
        self.text = text or result_text(result)
        super().__init__(self.text)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the device answered instead of doing what it was asked. `result` is the system's error, None if it gave none."""

    code: int
    result: int | None
    text: str

    def __str__(self) -> str:
        named = "" if self.result is None else f": {result_text(self.result)}"
        return f"{code_text(self.code)}{named}{f', {self.text!r}' if self.text else ''}"


def coap_code(result: int) -> Code:
    """The CoAP code for a system error."""
    return _CODES.get(result, Code.SERVICE_UNAVAILABLE)


def diagnostic(fault: UpdateFault, room: int) -> bytes:
    """The payload of an answer that refuses: at most `room` bytes, the text shortened to fit."""
    text = fault.text
    while True:
        payload = json.dumps({"code": fault.result, "message": text}, separators=(",", ":")).encode()
        if len(payload) <= room or not text:
            return payload
        text = text[: len(text) - max(1, (len(payload) - room) // 2)]


def read_refusal(message: Message) -> Refusal:
    """Understand an answer that refuses, whatever is in it."""
    try:
        told = parse_json(message.payload)
        result, text = told.get("code"), told.get("message", "")
    except (JsonError, AttributeError):
        result, text = None, message.payload[:100].decode(errors="replace")
    return Refusal(message.code, result if isinstance(result, int) else None, text if isinstance(text, str) else "")
