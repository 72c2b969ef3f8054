"""The error of this package."""

from __future__ import annotations

from particle_protocol.coap import CoapError, Message


class MessageError(CoapError):
    """A well-formed CoAP message that is not the message it should be."""

    def __init__(self, expected: str, message: Message, why: str) -> None:
        self.expected = expected
        self.message = message
        self.why = why
        super().__init__(f"no {expected}: {why} ({message})")
