"""YModem: our two ends together, and each with a program that nobody here wrote (lrzsz)."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from particle_protocol.ymodem import Outcome, TransferFailed, YmodemReceiver, YmodemSender
from particle_protocol.ymodem.blocks import ACK, CAN, EOT, NAK, decode_file_header, encode_block, encode_file_header
from particle_protocol.ymodem.receiver import MAX_ERRORS, TIMEOUT
from particle_protocol.ymodem.sender import MAX_TRIES

CONTENT = bytes(number % 251 for number in range(5000))
HEADER_OF_SB = b"\x01\x00\xffapp.bin\x005000 14524770400 100644 0 1 5000" + bytes(87) + b"\x28\xf8\x47"
"""The first block that sb (lrzsz 0.12.21) sent for a file `app.bin` of 5000 bytes."""


class Sink:
    """Takes a file of at most `capacity` bytes."""

    def __init__(self, capacity: int = 0x20000, failed: int = 0) -> None:
        self.capacity = capacity
        self.failed = failed
        self.size = 0
        self.data = bytearray()
        self.cancelled = 0

    @property
    def file(self) -> bytes:
        return bytes(self.data[: self.size])

    def begin_update(self, size: int) -> bool:
        self.size = size
        self.data = bytearray()
        return size <= self.capacity

    def write_update(self, offset: int, data: bytes) -> bool:
        self.data[offset:] = data
        return True

    def finish_update(self) -> int:
        return self.failed

    def cancel_update(self) -> None:
        self.cancelled += 1


class Board:
    """A receiver with time that passes only when it is asked for."""

    def __init__(self, sink: Sink | None = None) -> None:
        self.sink = sink or Sink()
        self.now = 0.0
        self.receiver = YmodemReceiver(self.sink, self.now)
        self.rest = bytearray()

    def send(self, data: bytes) -> bytes:
        self.rest += data
        self.receiver.receive(self.rest, self.now)
        return self.receiver.data_to_send()

    def wait(self) -> bytes:
        due = self.receiver.deadline()
        assert due is not None
        self.now = due
        self.receiver.handle_timer(self.now)
        return self.receiver.data_to_send()


def transfer(board: Board, sender: YmodemSender, spoil: Callable[[bytes], bytes] = bytes) -> None:
    """Run both ends; `spoil` is what happens to the sender's bytes on their way."""
    said = board.send(spoil(sender.data_to_send()))
    while board.receiver.outcome is None:
        sender.receive(said)
        sent = sender.data_to_send()
        said = board.send(spoil(sent)) if sent else board.wait()
    sender.receive(said)


@pytest.mark.parametrize("size", [1, 127, 128, 129, 1023, 1024, 1025, 5000, 300_000])
@pytest.mark.parametrize("eager", [True, False], ids=["as to a board", "by the book"])
def test_a_file_arrives(size: int, eager: bool) -> None:
    content = (CONTENT * 60)[:size]
    board = Board(Sink(capacity=400_000))
    sender = YmodemSender(b"app.bin", content, eager=eager)
    transfer(board, sender)
    assert board.receiver.outcome is Outcome.RECEIVED
    assert (board.receiver.name, board.receiver.size, board.sink.file) == (b"app.bin", size, content)
    assert (sender.done, sender.sent) == (True, size)


def test_an_eager_sender_need_not_wait_for_a_board_that_asks_late() -> None:
    board = Board()
    transfer(board, YmodemSender(b"app.bin", CONTENT, eager=True))
    assert board.now == 0
    board = Board()
    transfer(board, YmodemSender(b"app.bin", CONTENT))
    assert board.now == pytest.approx(2 * TIMEOUT)


def test_a_spoiled_block_is_sent_again() -> None:
    sent: list[bytes] = []

    def spoil(data: bytes) -> bytes:
        sent.append(data)
        return data[:1] + b"\x77" + data[2:] if len(sent) in (2, 4) else data

    board = Board()
    transfer(board, YmodemSender(b"app.bin", CONTENT, eager=True), spoil)
    assert board.receiver.outcome is Outcome.RECEIVED
    assert board.sink.file == CONTENT
    assert sent.count(encode_block(1, CONTENT[:1024])) == 2


def test_a_block_cut_short_is_asked_for_again_when_nothing_more_comes() -> None:
    board = Board()
    assert board.send(encode_file_header(b"app.bin", 5)) == bytes((ACK,)) + b"C"
    assert board.send(encode_block(1, b"hello")[:70]) == b""
    assert board.wait() == b"C"
    assert board.send(encode_block(1, b"hello")) == bytes((ACK,))


def test_the_crc_of_a_block_is_not_looked_at() -> None:
    board = Board()
    board.send(encode_file_header(b"app.bin", 5))
    assert board.send(encode_block(1, b"hello")[:-2] + b"??") == bytes((ACK,))


def test_a_block_that_was_there_before_gets_nak() -> None:
    board = Board()
    board.send(encode_file_header(b"app.bin", 500))
    board.send(encode_block(1, b"hello"))
    assert board.send(encode_block(1, b"hello")) == bytes((NAK,))
    assert board.send(encode_block(2, b"again")) == bytes((ACK,))


def test_the_sender_may_cancel() -> None:
    board = Board()
    board.send(encode_file_header(b"app.bin", 500))
    assert board.send(bytes((CAN,))) == b""
    assert board.send(bytes((CAN,)) + b"i") == bytes((ACK, CAN, CAN))
    assert (board.receiver.outcome, board.sink.cancelled, bytes(board.rest)) == (Outcome.FAILED, 1, b"i")
    board = Board()
    assert board.send(bytes((CAN,)) + b"x") == b"C"
    assert board.receiver.outcome is None


def test_too_much_rubbish_ends_it() -> None:
    board = Board()
    assert board.send(b"x" * MAX_ERRORS) == b"C" * MAX_ERRORS
    assert board.send(b"x") == b"C" + bytes((CAN,)) * 4
    assert board.receiver.outcome is Outcome.FAILED
    assert board.receiver.deadline() is None


def test_a_space_is_no_matter_and_an_a_ends_it() -> None:
    board = Board()
    assert board.send(b" ") == bytes((ACK,))
    assert board.send(b"A") == bytes((CAN,)) * 4
    assert board.receiver.outcome is Outcome.ABORTED


def test_no_file_at_all_is_a_failure() -> None:
    board = Board()
    board.send(encode_block(0, b"", b"\0"))
    assert board.receiver.outcome is Outcome.FAILED
    board = Board()
    board.send(encode_block(0, b"app.bin\0", b"\0"))
    board.send(bytes((EOT,)))
    board.send(encode_block(0, b"", b"\0"))
    assert board.receiver.outcome is Outcome.FAILED


def test_a_refusal_reaches_the_sender() -> None:
    for sink, outcome in ((Sink(capacity=10), Outcome.TOO_LARGE), (Sink(failed=2), Outcome.INVALID)):
        board = Board(sink)
        with pytest.raises(TransferFailed, match="the receiver cancelled"):
            transfer(board, YmodemSender(b"app.bin", CONTENT, eager=True))
        assert board.receiver.outcome is outcome
        assert board.receiver.failed_checks == sink.failed


def test_a_receiver_that_says_nothing_is_given_up() -> None:
    sender = YmodemSender(b"app.bin", CONTENT, eager=True)
    first = sender.data_to_send()
    for _ in range(MAX_TRIES):
        sender.timed_out()
        assert sender.data_to_send() == first
    with pytest.raises(TransferFailed, match="does not answer"):
        sender.timed_out()
    sender = YmodemSender(b"app.bin", CONTENT, eager=True)
    with pytest.raises(TransferFailed, match="again and again"):
        sender.receive(bytes((NAK,)) * 20)


def test_the_header_of_another_program_is_understood() -> None:
    assert len(HEADER_OF_SB) == 133
    assert decode_file_header(HEADER_OF_SB[3:-2]) == (b"app.bin", 5000)
    assert encode_block(0, HEADER_OF_SB[3:-2].rstrip(b"\0"), b"\0") == HEADER_OF_SB


@pytest.mark.parametrize("name", [b"", b"a\0b", b"x" * 1024])
def test_a_name_that_cannot_be_one_is_refused(name: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a file"):
        YmodemSender(name, b"")


@given(
    st.lists(st.binary(max_size=300) | st.sampled_from([encode_file_header(b"a", 9), encode_block(1, b"x"), b"\x04", b"\x18\x18", b"C"]))
)
def test_whatever_comes_the_receiver_goes_on_or_ends(pieces: list[bytes]) -> None:
    board = Board()
    for piece in pieces:
        board.send(piece)
    for _ in range(MAX_ERRORS + 1):
        if board.receiver.outcome is None:
            board.wait()
    assert board.receiver.outcome is not None


@given(st.lists(st.binary(max_size=50) | st.sampled_from([b"\x06", b"\x06C", b"\x15", b"\x18\x18", b"C"])))
def test_whatever_comes_the_sender_goes_on_or_fails(pieces: list[bytes]) -> None:
    sender = YmodemSender(b"app.bin", CONTENT, eager=True)
    with contextlib.suppress(TransferFailed):
        for piece in pieces:
            sender.receive(piece)
    assert len(sender.data_to_send()) <= 40 * 1029 * (1 + sum(map(len, pieces)))


@contextlib.contextmanager
def running(*command: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    program = shutil.which(command[0])
    if program is None:
        pytest.skip(f"{command[0]} is not here: apt install lrzsz")
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "bufsize": 0}
    with subprocess.Popen([program, *command[1:]], cwd=folder, **options) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.kill()


def heard(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    """What a program says, waiting for it a while; nothing once it has ended."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    return os.read(process.stdout.fileno(), 4096) if ready else b""


@pytest.mark.tool("sb")
@pytest.mark.parametrize("options", [[], ["-k"]], ids=["128", "1024"])
def test_sb_sends_to_a_board(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "app.bin").write_bytes(CONTENT)
    board = Board()
    with running("sb", *options, "app.bin", folder=tmp_path) as process:
        assert process.stdin is not None
        end = time.monotonic() + 30
        while board.receiver.outcome is None and time.monotonic() < end:
            came = heard(process, 0.2)
            process.stdin.write(board.send(came) if came else board.wait())
        assert board.receiver.outcome is Outcome.RECEIVED
        assert process.wait(30) == 0
    assert (board.receiver.name, board.sink.file) == (b"app.bin", CONTENT)


@pytest.mark.tool("rb")
def test_rb_receives_what_a_host_sends(tmp_path: Path) -> None:
    sender = YmodemSender(b"app.bin", CONTENT)
    with running("rb", folder=tmp_path) as process:
        assert process.stdin is not None
        end = time.monotonic() + 30
        while not sender.done and time.monotonic() < end:
            process.stdin.write(sender.data_to_send())
            sender.receive(heard(process, 1))
        assert sender.done
        assert process.wait(30) == 0
    assert (tmp_path / "app.bin").read_bytes() == CONTENT
