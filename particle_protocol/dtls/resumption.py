"""What a device keeps of a session, so that it can go on with it after sleep, a reset or a change of network, without a handshake.

Nothing of this is on the wire: the device goes on sending under the keys it has, from wherever it is now, and marks its datagrams
(`moved`) until one comes back.

Source: Device OS 6.2.0, communication/inc/dtls_session_persist.h:61-136; the layout is that of its backup memory.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field, replace
from typing import Final

from particle_protocol.dtls.dialects import Dialect
from particle_protocol.dtls.hellos import CID_SIZE, ECDHE_ECDSA_AES_128_CCM_8
from particle_protocol.dtls.key_schedule import MASTER_SIZE, RANDOM_SIZE, SessionSecrets

MAX_USES: Final = 3
"""How often a session is tried again without anything having been received in it."""

_LAYOUT: Final = struct.Struct("<HBB32sI64siiI32s48sH8sHIIIIIIHHHQQ8s")


@dataclass(frozen=True, slots=True)
class ApplicationState:
    """What a device compares to decide whether it has to introduce itself again: checksums of what it has described, and its limits."""

    subscriptions_crc: int = 0
    describe_app_crc: int = 0
    describe_system_crc: int = 0
    protocol_flags: int = 0
    app_state_flags: int = 0
    max_binary_size: int = 0
    system_version: int = 0
    max_message_size: int = 0
    ota_chunk_size: int = 0


@dataclass(frozen=True, slots=True)
class SavedSession:
    """A session as it lies in backup memory. Sequence numbers are those of epoch 1."""

    secrets: SessionSecrets
    keys_checksum: int
    sequence: int
    window_top: int
    window_bits: int
    cid: bytes
    next_message_id: int = 1
    uses: int = 0
    application: ApplicationState = field(default_factory=ApplicationState)

    def fault(self, keys_checksum: int, dialect: Dialect | None = None) -> str:
        """Why the session cannot be resumed with these keys, by firmware that speaks this dialect; empty if it can.

        What firmware without connection ids keeps has no room for one, so that other firmware finds a session of another size
        (6.2.0, dtls_session_persist.h:61-136).
        """
        if dialect is not None and dialect.connection_id != bool(self.cid):
            return "the session was kept by firmware that keeps another kind of session"
        if self.keys_checksum != keys_checksum:
            return "the device's or its server's key is another one than in the session"
        if self.uses >= MAX_USES:
            return f"the session was tried {self.uses} times, and nothing was received"
        return ""

    def used(self) -> SavedSession:
        """The session, tried once more."""
        return replace(self, uses=self.uses + 1)

    def encode(self) -> bytes:
        """The session as it lies in backup memory."""
        state = self.application
        out_counter = (1 << 48 | self.sequence).to_bytes(8)
        return _LAYOUT.pack(
            _LAYOUT.size,
            1,
            self.uses,
            b"",
            self.keys_checksum,
            self.secrets.server_random + self.secrets.client_random,
            ECDHE_ECDSA_AES_128_CCM_8,
            0,
            0,
            b"",
            self.secrets.master,
            1,
            out_counter,
            self.next_message_id,
            state.subscriptions_crc,
            state.describe_app_crc,
            state.describe_system_crc,
            state.protocol_flags,
            state.app_state_flags,
            state.max_binary_size,
            state.system_version,
            state.max_message_size,
            state.ota_chunk_size,
            self.window_top,
            self.window_bits,
            self.cid.ljust(CID_SIZE, b"\0"),
        )

    @classmethod
    def decode(cls, data: bytes) -> SavedSession | None:
        """Read backup memory; None if there is no session in it."""
        if len(data) < _LAYOUT.size or int.from_bytes(data[:2], "little") != _LAYOUT.size:
            return None
        (_, persistent, uses, _, checksum, randoms, suite, _, _, _, master, epoch, counter, message_id, *rest) = _LAYOUT.unpack_from(data)
        *state, top, bits, cid = rest
        if persistent != 1 or suite != ECDHE_ECDSA_AES_128_CCM_8 or epoch != 1:
            return None
        secrets = SessionSecrets(master[:MASTER_SIZE], randoms[RANDOM_SIZE:], randoms[:RANDOM_SIZE])
        sequence = int.from_bytes(counter) & (1 << 48) - 1
        return cls(secrets, checksum, sequence, top, bits, cid if any(cid) else b"", message_id, uses, ApplicationState(*state))


def keys_checksum(server_public_der: bytes, device_private_der: bytes) -> int:
    """What ties a session to the keys it was made with: the CRC-32 of both keys' CRC-32 (dtls_session_persist.h:65-72).

    In which order of bytes the two stand is not known; little endian was chosen, as everything else in that memory.
    """
    return zlib.crc32(struct.pack("<II", zlib.crc32(server_public_der), zlib.crc32(device_private_der)))
