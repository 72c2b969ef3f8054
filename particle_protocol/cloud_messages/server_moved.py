"""Server moved: the cloud tells a device where it is from now on, and by which key it will be known: CON POST /M.

Only who holds one private key can tell it; firmware knows the public half. What is signed is key and address, each behind its length (four
bytes), and the port (two bytes), little endian (Device OS 6.2.0, system/src/server_config.cpp:223-259).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from particle_protocol.coap import Code, Message, Type, path_options
from particle_protocol.dtls import PublicKey
from particle_protocol.dtls.keys import SigningKey
from particle_protocol.messages import MessageError

USUAL_PORT: Final = 5684


@dataclass(frozen=True, slots=True)
class ServerMoved:
    """The message. `public_key` is a SubjectPublicKeyInfo in DER, `signature` ECDSA with SHA-256 in DER."""

    address: str
    port: int
    public_key: bytes
    signature: bytes = b""

    def signed_by(self, key: SigningKey) -> ServerMoved:
        """The same, with a signature."""
        return ServerMoved(self.address, self.port, self.public_key, key.sign(self._signed()))

    def is_genuine(self, key: PublicKey) -> bool:
        """Whether the signature is that of the owner of `key`."""
        return key.verifies(self.signature, self._signed())

    def encode(self, message_id: int, token: bytes) -> Message:
        """The request as a CoAP message."""
        from particle_protocol.cloud_messages.generated import server_moved_pb2

        wire = server_moved_pb2.ServerMoved(address=self.address, port=self.port, public_key=self.public_key, signature=self.signature)
        return Message(Type.CON, Code.POST, message_id, token, path_options("M"), wire.SerializeToString())

    @classmethod
    def decode(cls, message: Message) -> ServerMoved:
        """Read the request.

        Raises:
            MessageError: not POST /M with an address, a port and a key.
        """
        from google.protobuf.message import DecodeError

        from particle_protocol.cloud_messages.generated import server_moved_pb2

        wire = server_moved_pb2.ServerMoved()
        try:
            wire.ParseFromString(bytes(message.payload))
        except DecodeError as error:
            raise MessageError("server moved", message, str(error)) from None
        port = wire.port or USUAL_PORT
        if message.code != Code.POST or not message.path.startswith("M") or not wire.address or not wire.public_key or port > 0xFFFF:
            raise MessageError("server moved", message, "POST /M with an address, a port and a key was expected")
        return cls(wire.address, port, wire.public_key, wire.signature)

    def _signed(self) -> bytes:
        key, address = self.public_key, self.address.encode()
        return struct.pack("<I", len(key)) + key + struct.pack("<I", len(address)) + address + struct.pack("<H", self.port)

    def __str__(self) -> str:
        return f"server moved to {self.address}:{self.port}"
