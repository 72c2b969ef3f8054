"""The secure channel of boards that speak TCP (Photon, P1, Core): both ends, without I/O.

An end is told what came (`receive_data`, `receive_eof`), is asked what to send (`data_to_send`) and what happened (`events`), and says
when it wants to be woken (`deadline`, `handle_timer`). Time is an argument, in seconds. Everything that goes wrong raises `LightSslError`
with the number that Device OS has for it; after that the end is of no more use, and its owner closes the stream.

`DeviceEnd` and `ServerEnd` meet in a handshake (`docs/device-cloud-protocol.md` draws it) and then exchange messages.
"""

from particle_protocol.lightssl.device_end import DeviceEnd
from particle_protocol.lightssl.end import Established, LightSslError
from particle_protocol.lightssl.keys import DeviceKey, DevicePublicKey, KeyFault, ServerKey, ServerPublicKey
from particle_protocol.lightssl.records import Credentials, RecordLayer
from particle_protocol.lightssl.server_end import DeviceIdentified, ServerEnd
from particle_protocol.lightssl.test_keys import POOL_SIZE, lab_device_key, lab_server_key
from particle_protocol.secure_channel import MessageReceived

__all__ = [
    "POOL_SIZE",
    "Credentials",
    "DeviceEnd",
    "DeviceIdentified",
    "DeviceKey",
    "DevicePublicKey",
    "Established",
    "KeyFault",
    "LightSslError",
    "MessageReceived",
    "RecordLayer",
    "ServerEnd",
    "ServerKey",
    "ServerPublicKey",
    "lab_device_key",
    "lab_server_key",
]
