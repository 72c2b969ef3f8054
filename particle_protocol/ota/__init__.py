"""Firmware updates over the air, version 3: both ends, without I/O.

`UpdateSender` is the cloud, `UpdateReceiver` the device. Each takes the other's messages, is asked what to send, and says when it wants to
be woken. Message ids, tokens, and the repetition of confirmable messages are their owner's.
"""

from particle_protocol.ota.refusals import Refusal, UpdateFault
from particle_protocol.ota.v3_messages import UpdateAck, UpdateChunk, UpdateFinish, UpdateStart, UpdateStarted
from particle_protocol.ota.v3_receiver import (
    ApplyUpdate,
    Reply,
    TransferEnded,
    TransferProgress,
    TransferStarted,
    UpdateReceiver,
    UpdateStore,
)
from particle_protocol.ota.v3_sender import SenderSettings, UpdateCancelled, UpdateFailed, UpdateSender, UpdateTaken

__all__ = [
    "ApplyUpdate",
    "Refusal",
    "Reply",
    "SenderSettings",
    "TransferEnded",
    "TransferProgress",
    "TransferStarted",
    "UpdateAck",
    "UpdateCancelled",
    "UpdateChunk",
    "UpdateFailed",
    "UpdateFault",
    "UpdateFinish",
    "UpdateReceiver",
    "UpdateSender",
    "UpdateStart",
    "UpdateStarted",
    "UpdateStore",
    "UpdateTaken",
]
