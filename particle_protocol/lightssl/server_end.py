"""The cloud's end of a lightssl session."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from particle_protocol.lightssl.end import DEVICE_ID_SIZE, IDENTITY_CIPHERTEXT_SIZE, NONCE_SIZE, End, LightSslError, State
from particle_protocol.lightssl.keys import DevicePublicKey, ServerKey
from particle_protocol.lightssl.records import CREDENTIALS_SIZE, Credentials, RecordLayer
from particle_protocol.protocol_errors import ProtocolErrorCode
from particle_protocol.secure_channel import ChannelEvent

HANDSHAKE_TIMEOUT: Final = 20.0
"""How long a device may take to say who it is, in seconds: as long as a device would wait for its server."""
MAX_FRAME: Final = 4096
"""The longest frame the cloud takes, in bytes. No firmware has a message buffer half as large."""


@dataclass(frozen=True, slots=True)
class DeviceIdentified(ChannelEvent):
    """A device says who it is. Nothing is proved yet: it is proved when the device can read the session key.

    `public_key` is the key it sent along (DER), empty from very old firmware. Answer with `ServerEnd.accept`, or `fail` and close.
    """

    device_id: bytes
    public_key: bytes


class ServerEnd(End):
    """A cloud to which a device has just connected. The nonce is in the first `data_to_send`.

    `random_bytes` gives nonce and session key; a Lab puts its seeded generator there, a real server leaves the default.
    """

    __slots__ = ("_max_frame", "_nonce", "_random_bytes", "_server_key")

    def __init__(
        self,
        server_key: ServerKey,
        now: float,
        *,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        handshake_timeout: float = HANDSHAKE_TIMEOUT,
        max_frame: int = MAX_FRAME,
    ) -> None:
        super().__init__(State.EXPECT_IDENTITY, now + handshake_timeout)
        self._server_key = server_key
        self._random_bytes = random_bytes
        self._max_frame = max_frame
        self._nonce = random_bytes(NONCE_SIZE)
        self._out.append(self._nonce)

    def accept(self, public_key: DevicePublicKey, now: float) -> Credentials:
        """The device is known, with this key: send it a session key.

        Raises:
            LightSslError: no device has identified itself, or messages came before the session key went.
        """
        if self.state is not State.EXPECT_VERDICT:
            raise LightSslError(ProtocolErrorCode.INVALID_STATE, f"no device to accept: this end {self.state.value}")
        credentials = Credentials(self._random_bytes(CREDENTIALS_SIZE))
        ciphertext = public_key.encrypt(credentials.data)
        self._out.append(ciphertext + self._server_key.sign(hmac.digest(credentials.data, ciphertext, "sha1")))
        self._establish(RecordLayer(credentials, self._max_frame), credentials, now)
        return credentials

    def _handshake(self, now: float) -> None:
        if self.state is State.EXPECT_IDENTITY and len(self._buffer) >= IDENTITY_CIPHERTEXT_SIZE:
            ciphertext = self._buffer[:IDENTITY_CIPHERTEXT_SIZE]
            self._buffer = self._buffer[IDENTITY_CIPHERTEXT_SIZE:]
            identity = self._server_key.decrypt(ciphertext)
            if identity[:NONCE_SIZE] != self._nonce or len(identity) < NONCE_SIZE + DEVICE_ID_SIZE:
                raise self._refusal(ciphertext, identity)
            self.state = State.EXPECT_VERDICT
            self._nonce = b""
            device_id = identity[NONCE_SIZE : NONCE_SIZE + DEVICE_ID_SIZE]
            self._events.append(DeviceIdentified(device_id, identity[NONCE_SIZE + DEVICE_ID_SIZE :]))
        if self.state is State.EXPECT_VERDICT and self._buffer:
            raise LightSslError(ProtocolErrorCode.INVALID_STATE, "a device that talks on before it has a session key")

    def _refusal(self, ciphertext: bytes, identity: bytes) -> LightSslError:
        if not self._server_key.can_decrypt(ciphertext):
            return LightSslError(ProtocolErrorCode.DECRYPTION, "the board holds the key of another server, or does not speak this protocol")
        if identity[:NONCE_SIZE] != self._nonce:
            return LightSslError(ProtocolErrorCode.AUTHENTICATION, "the device sent back another nonce than it was given")
        return LightSslError(ProtocolErrorCode.MALFORMED_MESSAGE, f"the device's identity has only {len(identity)} bytes")
