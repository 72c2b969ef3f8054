"""Firmware updates over the air: both ends, without I/O.

`ChunkedSender` and `ChunkedReceiver` speak versions 1 and 2 (boards of the second generation, and others up to Device OS 2),
`UpdateSender` and `UpdateReceiver` version 3. Senders are the cloud, receivers the device. Each takes the other's messages, is asked what
to send, and says when it wants to be woken. Message ids, tokens, and the repetition of confirmable messages are their owner's.
"""

from particle_protocol.ota.answers import Refusal, Reply, UpdateFault
from particle_protocol.ota.outcomes import (
    ApplyUpdate,
    ReceiverEvent,
    SenderResult,
    TransferEnded,
    TransferProgress,
    TransferStarted,
    UpdateCancelled,
    UpdateFailed,
    UpdateTaken,
)
from particle_protocol.ota.v1_receiver import ChunkedReceiver, ReceiverWays, UpdateSink
from particle_protocol.ota.v1_sender import ChunkedSender
from particle_protocol.ota.v3_messages import UpdateAck, UpdateChunk, UpdateFinish, UpdateStart, UpdateStarted
from particle_protocol.ota.v3_receiver import UpdateReceiver, UpdateStore
from particle_protocol.ota.v3_sender import SenderSettings, UpdateSender

__all__ = [
    "ApplyUpdate",
    "ChunkedReceiver",
    "ChunkedSender",
    "ReceiverEvent",
    "ReceiverWays",
    "Refusal",
    "Reply",
    "SenderResult",
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
    "UpdateSink",
    "UpdateStart",
    "UpdateStarted",
    "UpdateStore",
    "UpdateTaken",
]
