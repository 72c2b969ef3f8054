"""The device's end of a lightssl session (Device OS 2.3.1, communication/src/lightssl_message_channel.cpp:151-198)."""

from __future__ import annotations

import hmac
from typing import Final

from particle_protocol.lightssl.end import (
    BLOCKING_TIMEOUT,
    DEVICE_ID_SIZE,
    FRAME_OVERHEAD,
    NONCE_SIZE,
    SESSION_CIPHERTEXT_SIZE,
    SIGNATURE_SIZE,
    End,
    LightSslError,
    State,
)
from particle_protocol.lightssl.keys import DeviceKey, ServerPublicKey
from particle_protocol.lightssl.records import CREDENTIALS_SIZE, Credentials, RecordLayer
from particle_protocol.protocol_errors import ProtocolErrorCode

DEFAULT_BUFFER: Final = 800
"""PROTOCOL_BUFFER_SIZE of a Photon up to Device OS 2.x, in bytes (2.3.1, crypto/inc/mbedtls_config_photon.h:2620)."""


class DeviceEnd(End):
    """A device that has just connected and waits for the nonce.

    `device_id` are 12 bytes; `buffer_size` is the firmware's message buffer, which bounds the frames it takes. `sends_public_key` False is
    very old firmware (Core), which says who it is and no more.
    """

    __slots__ = ("_device_id", "_device_key", "_max_frame", "_sends_public_key", "_server_key")

    def __init__(
        self,
        device_id: bytes,
        device_key: DeviceKey,
        server_key: ServerPublicKey,
        now: float,
        *,
        buffer_size: int = DEFAULT_BUFFER,
        sends_public_key: bool = True,
    ) -> None:
        super().__init__(State.EXPECT_NONCE, now + BLOCKING_TIMEOUT)
        if len(device_id) != DEVICE_ID_SIZE:
            raise ValueError(f"a device id has {DEVICE_ID_SIZE} bytes, not {len(device_id)}")
        self._device_id = device_id
        self._device_key = device_key
        self._server_key = server_key
        self._max_frame = buffer_size - FRAME_OVERHEAD
        self._sends_public_key = sends_public_key

    def _handshake(self, now: float) -> None:
        if self.state is State.EXPECT_NONCE and len(self._buffer) >= NONCE_SIZE:
            identity = self._buffer[:NONCE_SIZE] + self._device_id + (self._device_key.public_der if self._sends_public_key else b"")
            self._buffer = self._buffer[NONCE_SIZE:]
            self._out.append(self._server_key.encrypt(identity))
            self.state = State.EXPECT_SESSION_KEY
            self._deadline = now + BLOCKING_TIMEOUT
        if self.state is State.EXPECT_SESSION_KEY and len(self._buffer) >= SESSION_CIPHERTEXT_SIZE + SIGNATURE_SIZE:
            envelope = self._buffer[: SESSION_CIPHERTEXT_SIZE + SIGNATURE_SIZE]
            self._buffer = self._buffer[len(envelope) :]
            credentials = self._open_envelope(envelope[:SESSION_CIPHERTEXT_SIZE], envelope[SESSION_CIPHERTEXT_SIZE:])
            self._establish(RecordLayer(credentials, self._max_frame), credentials, now)

    def _open_envelope(self, ciphertext: bytes, signature: bytes) -> Credentials:
        """Decrypt, then check the signature: in this order, so that each fault has its own number (:94-128)."""
        key = self._device_key
        if not key.is_walkable:
            raise LightSslError(ProtocolErrorCode.DECRYPTION, "the private key in the board's flash has a form that Device OS cannot read")
        session = key.decrypt(ciphertext)
        if len(session) == CREDENTIALS_SIZE and self._server_key.verifies(signature, hmac.digest(session, ciphertext, "sha1")):
            return Credentials(session)
        if len(session) != CREDENTIALS_SIZE or not key.can_decrypt(ciphertext):
            raise LightSslError(
                ProtocolErrorCode.DECRYPTION, "the session key was encrypted for another device key: the cloud has a wrong one"
            )
        raise LightSslError(ProtocolErrorCode.AUTHENTICATION, "the session key is not signed with the server key that the board trusts")
