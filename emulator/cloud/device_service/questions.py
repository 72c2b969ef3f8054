"""What the cloud asks of a device, as replies: answered once, in time and in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.cloud.sessions import Refused
from emulator.drivers import Reply
from particle_protocol.coap import Message, Type, code_text, is_response, is_success
from particle_protocol.coap_end import CoapEnd, Done, Question
from particle_protocol.protocol_errors import ProtocolErrorCode

Decode = Callable[[Message], Any]


def open_question(
    coap: CoapEnd, reply: Reply[Any], decode: Decode, what: str, gone: Callable[[], BaseException], timeout: float
) -> Question:
    """Begin a question that is answered once.

    Its reply fails with TimeoutError when nothing comes within `timeout` seconds, with `Refused` when the device says no or what cannot be
    read, and with what `gone` gives when the session ends.

    Raises:
        TooManyQuestions: all tokens are taken.
    """

    def answered(message: Message) -> bool:
        if message.type is Type.RST or not is_response(message.code):
            reply.fail(Refused("the device reset the request"))
        elif not is_success(message.code):
            reply.fail(Refused(_reason(message), message.code))
        else:
            try:
                reply.resolve(decode(message))
            except ValueError as error:
                reply.fail(Refused(f"the device's answer to {what} cannot be read: {error}"))
            except Exception as error:
                reply.fail(error)  # whoever asked need not wait, whatever went wrong
                raise
        return True

    return coap.open(answered, failing(reply, what, gone, timeout))


def failing(reply: Reply[Any], what: str, gone: Callable[[], BaseException], timeout: float) -> Done:
    """What fails a reply with the reason for which no answer comes."""

    def failed(error: ProtocolErrorCode) -> None:
        if error is ProtocolErrorCode.MESSAGE_TIMEOUT:
            reply.fail(TimeoutError(f"the device did not answer {what} within {timeout:g} s"))
        elif error is ProtocolErrorCode.MALFORMED_MESSAGE:
            reply.fail(Refused(f"the device's answer to {what} came in blocks that do not fit together"))
        else:
            reply.fail(gone())

    return failed


def _reason(message: Message) -> str:
    text = message.payload.decode(errors="replace")
    return f"the device answered {code_text(message.code)}{f': {text}' if text else ''}"
