"""What a device asks about ledgers: POST /L (Device OS since 5.8.0).

Only what makes a device content that there are none: the answer to "what are these ledgers like" names none of them, and the device does
not ask again in this session. Any other answer counts as a failure, and is asked for again after 30 s, doubling to five minutes
(6.2.0, system/src/ledger/ledger_manager.cpp:654-695, 895-900, 1009-1035).
"""

from __future__ import annotations

from typing import Final

from particle_protocol.coap import Code, Message, Type
from particle_protocol.messages import MessageError

GET_INFO: Final = 1
NO_SUCH_LEDGER: Final = 2


def ledger_answer(request: Message) -> Message:
    """The acknowledgement of a (confirmable) request about ledgers, by a cloud that has none for the device.

    It is not 2.05, which a device would take for the time.

    Raises:
        MessageError: it is no such request.
    """
    from google.protobuf.message import DecodeError

    from particle_protocol.cloud_messages.generated import ledger_pb2

    asked, answer = ledger_pb2.LedgerRequest(), ledger_pb2.LedgerResponse()
    try:
        asked.ParseFromString(bytes(request.payload))
    except DecodeError as error:
        raise MessageError("request about ledgers", request, str(error)) from None
    if asked.type == GET_INFO:
        answer.get_info.SetInParent()
    else:
        answer.result = NO_SUCH_LEDGER
    return Message(Type.ACK, Code.CHANGED, request.id, request.token, (), answer.SerializeToString())
