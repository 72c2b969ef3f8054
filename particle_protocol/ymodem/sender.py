"""The sending end: a host that gives one file away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from particle_protocol.ymodem.blocks import ACK, CAN, EOT, NAK, SIZES, STX, WANTS_CRC, encode_block, encode_file_header

MAX_TRIES: Final = 10
_NO_MORE_FILES: Final = encode_block(0, b"", b"\0")


class TransferFailed(Exception):
    """The file was not taken; the text says how it ended."""


class YmodemSender:
    """One file. Send what `data_to_send` gives, feed what comes, call `timed_out` when nothing does, until it is `done`.

    Args:
        name: of the file.
        data: its content.
        eager: begin at once, and say that no more files come without being asked for the next: what a board wants, which asks late. Other
            receivers ask at once, and throw away what came before.

    Raises:
        ValueError: the name cannot be one.
    """

    def __init__(self, name: bytes, data: bytes, *, eager: bool = False) -> None:
        self.done = False
        self.sent = 0
        """Bytes of the file that were acknowledged."""
        self._size = len(data)
        self._eager = eager
        self._steps = self._run(encode_file_header(name, len(data)), memoryview(data))
        self._out = bytearray()
        self._last = b""
        self._wanted = frozenset[int]()
        self._tries = 0
        self._cancelling = False
        self._go_on()

    def data_to_send(self) -> bytes:
        """What to send now; call it after every other method."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def receive(self, data: bytes) -> bytes:
        """Take what came; gives back what came after the end.

        Raises:
            TransferFailed: the receiver ended it, or asks for the same block again and again.
        """
        for at, byte in enumerate(data):
            if self.done:
                return data[at:]
            if byte == CAN and self._cancelling:
                raise TransferFailed("the receiver cancelled the transfer")
            self._cancelling = byte == CAN
            if byte in self._wanted:
                self._go_on()
            elif byte in (NAK, WANTS_CRC):
                self._again("the receiver asks for the same block again and again")
        return b""

    def timed_out(self) -> None:
        """Nothing came for a while.

        Raises:
            TransferFailed: that was so too often.
        """
        self._again("the receiver does not answer")

    def _again(self, reason: str) -> None:
        self._tries += 1
        if self._tries > MAX_TRIES:
            raise TransferFailed(reason)
        self._out += self._last

    def _go_on(self) -> None:
        """The last step is done: the next one."""
        self._tries = 0
        step = next(self._steps, None)
        if step is None:
            self.done = True
            return
        self._last, self._wanted = step
        self._out += self._last

    def _run(self, header: bytes, data: memoryview) -> Iterator[tuple[bytes, frozenset[int]]]:
        """What to send, and what must come then."""
        acknowledged, asked = frozenset((ACK,)), frozenset((WANTS_CRC,))
        if not self._eager:
            yield b"", asked
        yield header, acknowledged
        yield b"", asked
        for number, at in enumerate(range(0, len(data), SIZES[STX]), 1):
            yield encode_block(number, bytes(data[at : at + SIZES[STX]])), acknowledged
            self.sent = min(at + SIZES[STX], self._size)
        yield bytes((EOT,)), acknowledged
        if not self._eager:
            yield b"", asked
        yield _NO_MORE_FILES, acknowledged
