"""Encrypting records: AES-128-CCM with a tag of 8 bytes (RFC 6655), and the form that records with a connection id have.

With a connection id a record's real type is encrypted with its content, and zeros make both a multiple of 16 bytes. What is authenticated
besides is that of draft-ietf-tls-dtls-connection-id-05, 5; RFC 9146 has something else there, so stock ends cannot read such records.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from particle_protocol.dtls.key_schedule import WriteKeys
from particle_protocol.dtls.records import VERSION, ContentType, Record

NONCE_SIZE: Final = 8
"""The part of the nonce that goes along with each record."""
TAG_SIZE: Final = 8
CID_PADDING: Final = 16


class Cipher:
    """One direction of a session. `cid` is the connection id that the receiver gave out; without one, records are ordinary."""

    __slots__ = ("_aead", "_iv", "_middle", "cid")

    def __init__(self, keys: WriteKeys, cid: bytes = b"") -> None:
        self._aead = AESCCM(keys.key, tag_length=TAG_SIZE)
        self._iv = keys.iv
        self.cid = cid
        self._middle = VERSION + (cid + bytes((len(cid),)) if cid else b"")

    @property
    def overhead(self) -> int:
        """By how many bytes at most a record's fragment and connection id exceed the content."""
        return NONCE_SIZE + TAG_SIZE + (len(self.cid) + CID_PADDING if self.cid else 0)

    def seal(self, kind: int, epoch: int, sequence: int, content: bytes) -> Record:
        """Encrypt a record."""
        number = (epoch << 48 | sequence).to_bytes(8)
        if self.cid:
            content = content + bytes((kind,)) + bytes(-(len(content) + 1) % CID_PADDING)
            kind = ContentType.WITH_CID
        sealed = self._aead.encrypt(self._iv + number, content, self._authenticated(number, kind, len(content)))
        return Record(kind, epoch, sequence, number + sealed, self.cid)

    def open(self, record: Record) -> tuple[int, bytes] | None:
        """The real type and the content of a record; None when it was not made with this key, for this connection id."""
        size = len(record.fragment) - NONCE_SIZE - TAG_SIZE
        if size < 0 or record.cid != self.cid or (record.type == ContentType.WITH_CID) is not bool(self.cid):
            return None
        number = (record.epoch << 48 | record.sequence).to_bytes(8)
        fragment = record.fragment
        try:
            content = self._aead.decrypt(
                self._iv + fragment[:NONCE_SIZE], fragment[NONCE_SIZE:], self._authenticated(number, record.type, size)
            )
        except InvalidTag:
            return None
        if not self.cid:
            return record.type, content
        content = content.rstrip(b"\0")
        return (content[-1], content[:-1]) if content else None

    def _authenticated(self, number: bytes, kind: int, size: int) -> bytes:
        return number + bytes((kind,)) + self._middle + size.to_bytes(2)
