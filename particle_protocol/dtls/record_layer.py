"""Both directions of one end's records: sequence numbers, the two epochs there are, and what is taken in.

Epoch 0 is in the open, epoch 1 encrypted; there is no other, as nothing is ever negotiated again.
"""

from __future__ import annotations

from particle_protocol.dtls.ciphers import Cipher
from particle_protocol.dtls.records import HEADER_SIZE, ContentType, Record, push_record
from particle_protocol.dtls.replay_window import ReplayWindow

_OPEN_TYPES = (ContentType.HANDSHAKE, ContentType.CHANGE_CIPHER_SPEC, ContentType.ALERT)


class RecordLayer:
    """Sends and takes records. `sequences` are the numbers of the next record in each epoch."""

    __slots__ = ("_read", "_write", "has_new", "sequences", "window")

    def __init__(self) -> None:
        self._read: Cipher | None = None
        self._write: Cipher | None = None
        self.sequences = [0, 0]
        self.window = ReplayWindow()
        self.has_new = False
        """Whether an authentic record newer than all before was opened. Whoever wants to know sets it back."""

    @property
    def has_keys(self) -> bool:
        """Whether records of epoch 1 can be sent and read."""
        return self._read is not None

    def install(self, read: Cipher, write: Cipher) -> None:
        """The keys are known."""
        self._read, self._write = read, write

    def overhead(self, epoch: int) -> int:
        """By how many bytes at most a record exceeds its content."""
        return HEADER_SIZE + (self._write.overhead if epoch and self._write is not None else 0)

    def seal(self, kind: int, epoch: int, content: bytes) -> bytes:
        """The next record of an epoch, as bytes."""
        sequence = self.sequences[epoch]
        self.sequences[epoch] = sequence + 1
        if epoch == 0:
            return push_record(Record(kind, 0, sequence, content))
        assert self._write is not None, "nothing is sent in epoch 1 before there are keys"
        return push_record(self._write.seal(kind, epoch, sequence, content))

    def open(self, record: Record) -> tuple[int, bytes] | None:
        """The real type and the content of a record, None if it is to be passed over: forged, broken, or received before."""
        if record.epoch == 0:
            return (record.type, record.fragment) if record.type in _OPEN_TYPES else None
        if record.epoch != 1 or self._read is None or self.window.has_received(record.sequence):
            return None
        opened = self._read.open(record)
        if opened is not None:
            self.has_new |= self.window.is_newest(record.sequence)
            self.window.note(record.sequence)
        return opened
