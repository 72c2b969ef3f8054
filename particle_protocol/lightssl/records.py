"""What follows the handshake: messages in AES-128-CBC, each behind its length.

A frame is the length of the ciphertext (u16, big endian) and the ciphertext; PKCS #7 padding is always there. The next frame in the same
direction uses the *first* 16 bytes of this ciphertext as its IV; both directions begin with the IV of the handshake. Nothing
authenticates a frame (Device OS 2.3.1, communication/src/lightssl_message_channel.cpp:67-78, 130-149).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from particle_protocol.lightssl.end import LightSslError
from particle_protocol.protocol_errors import ProtocolErrorCode

BLOCK: Final = 16
LENGTH_SIZE: Final = 2
CREDENTIALS_SIZE: Final = 40


@dataclass(frozen=True, slots=True)
class Credentials:
    """The 40 bytes that the server chooses for a session: key and IV, 16 each, and 8 bytes of salt."""

    data: bytes

    @property
    def key(self) -> bytes:
        """The AES-128 key of both directions."""
        return self.data[:16]

    @property
    def iv(self) -> bytes:
        """The first IV of both directions."""
        return self.data[16:32]

    @property
    def message_id(self) -> int:
        """Where the device's counter of CoAP message ids starts; its first message has the next number.

        The first two bytes of the salt, little endian (Device OS 2.3.1, communication/src/lightssl_message_channel.cpp:118-125).
        """
        return int.from_bytes(self.data[32:34], "little")


class RecordLayer:
    """Both directions of one session. `max_frame` is the longest ciphertext taken, in bytes.

    One CBC context runs through a whole direction, and goes on with the *last* block of each frame. As the next one goes on with the first
    block, its first one is corrected by how the two differ: making a context for each frame costs more than all else in it.
    """

    __slots__ = ("_buffer", "_decrypt", "_encrypt", "_receive_shift", "_send_shift", "credentials", "max_frame")

    def __init__(self, credentials: Credentials, max_frame: int) -> None:
        self.credentials = credentials
        cipher = Cipher(AES(credentials.key), CBC(credentials.iv))
        self._encrypt = cipher.encryptor().update
        self._decrypt = cipher.decryptor().update
        self._send_shift = self._receive_shift = 0
        self._buffer = b""
        self.max_frame = max_frame

    @property
    def has_half_a_frame(self) -> bool:
        """Whether the other end has begun a frame, and not yet ended it."""
        return bool(self._buffer)

    def seal(self, message: bytes) -> bytes:
        """A message as a frame.

        Raises:
            LightSslError: the message is longer than a frame can be.
        """
        padding = BLOCK - len(message) % BLOCK
        size = len(message) + padding
        if size > 0xFFF0:
            raise LightSslError(ProtocolErrorCode.INSUFFICIENT_STORAGE, f"a message of {len(message)} bytes fits no frame")
        padded = message + bytes((padding,)) * padding
        if self._send_shift:
            padded = _shifted(padded, self._send_shift)
        ciphertext = self._encrypt(padded)
        self._send_shift = _shift(ciphertext)
        return size.to_bytes(LENGTH_SIZE) + ciphertext

    def receive(self, data: bytes) -> Iterator[bytes]:
        """Take bytes from the stream; give the messages that are complete now, those before a fault too.

        Raises:
            LightSslError: a frame too long (error 4), of a length that cannot be (5), or with padding that cannot be (6).
        """
        buffer = self._buffer + data if self._buffer else data
        self._buffer = b""
        while len(buffer) >= LENGTH_SIZE:
            size = int.from_bytes(buffer[:LENGTH_SIZE])
            if size > self.max_frame:
                raise LightSslError(ProtocolErrorCode.INSUFFICIENT_STORAGE, f"a frame of {size} bytes; at most {self.max_frame} are taken")
            if size == 0 or size % BLOCK:
                raise LightSslError(ProtocolErrorCode.MALFORMED_MESSAGE, f"a frame of {size} bytes, which is no multiple of {BLOCK}")
            end = LENGTH_SIZE + size
            if len(buffer) < end:
                break
            frame, buffer = buffer[LENGTH_SIZE:end], buffer[end:]
            yield self._open(frame)
        self._buffer = buffer

    def _open(self, ciphertext: bytes) -> bytes:
        plain = self._decrypt(ciphertext)
        if self._receive_shift:
            plain = _shifted(plain, self._receive_shift)
        self._receive_shift = _shift(ciphertext)
        # Device OS looks at no more of the padding than its last byte.
        padding = plain[-1]
        if padding > len(plain):
            raise LightSslError(ProtocolErrorCode.DECRYPTION, f"padding of {padding} bytes in a frame of {len(plain)}: wrong session key")
        return plain[: len(plain) - padding]


def _shift(ciphertext: bytes) -> int:
    """How the IV of the next frame differs from the block that CBC would go on with."""
    if len(ciphertext) == BLOCK:
        return 0
    return int.from_bytes(ciphertext[:BLOCK]) ^ int.from_bytes(ciphertext[-BLOCK:])


def _shifted(plain: bytes, shift: int) -> bytes:
    return (int.from_bytes(plain[:BLOCK]) ^ shift).to_bytes(BLOCK) + plain[BLOCK:]
