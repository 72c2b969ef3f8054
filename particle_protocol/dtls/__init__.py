"""DTLS 1.2 as boards speak it that reach their cloud over UDP (from the Electron on): both ends, without I/O.

`ClientEnd` is a device, `ServerEnd` the cloud's end of one session, `Listener` the cloud's port, which knows to whom a datagram belongs. An
end is a `secure_channel.SecureChannel`: it is told what came and what time it is, and is asked what to send and what happened. Everything
that goes wrong raises `DtlsError`; there is a class of it for each alert.

One cipher suite, one curve, raw public keys: `docs/device-cloud-protocol.md` draws the handshake. `dialects` has what differs between
versions of Device OS, and the dialect of stock programs.
"""

from particle_protocol.dtls import errors
from particle_protocol.dtls.client_end import ClientEnd, DeviceIdentity
from particle_protocol.dtls.dialects import SERVER, STOCK, Dialect, Mark, device_dialect
from particle_protocol.dtls.end import EndSettings, Established
from particle_protocol.dtls.errors import Alert, AlertDescription, DtlsError, HandshakeTimeout
from particle_protocol.dtls.keys import KeyFault, PrivateKey, PublicKey, Share
from particle_protocol.dtls.listener import Listener, Stray, StrayReason
from particle_protocol.dtls.resumption import ApplicationState, SavedSession, keys_checksum
from particle_protocol.dtls.server_end import KeyProved, ServerEnd
from particle_protocol.secure_channel import MessageReceived

__all__ = [
    "SERVER",
    "STOCK",
    "Alert",
    "AlertDescription",
    "ApplicationState",
    "ClientEnd",
    "DeviceIdentity",
    "Dialect",
    "DtlsError",
    "EndSettings",
    "Established",
    "HandshakeTimeout",
    "KeyFault",
    "KeyProved",
    "Listener",
    "Mark",
    "MessageReceived",
    "PrivateKey",
    "PublicKey",
    "SavedSession",
    "ServerEnd",
    "Share",
    "Stray",
    "StrayReason",
    "device_dialect",
    "errors",
    "keys_checksum",
]
