"""A serial port's modem lines and its pty, asked for as the preload library asks; no library needed."""

import errno
import os
import select
import struct
import termios
import threading

import pytest

from emulator.doors.umockdev import tty as tty_module
from emulator.doors.umockdev.tty import ModemLine, TtyIoctl
from emulator.doors.umockdev.wire import UNHANDLED, Message

SMALL = 0x100


@pytest.fixture
def tty(board, door, program):
    """An open port: the ioctl side."""
    return program("dev/ttyACM0")


@pytest.fixture
def line(tty, door):
    """An open port: the bytes, with the terminal set raw."""
    opened = os.open((door.root / "dev/ttyACM0").resolve(), os.O_RDWR | os.O_NOCTTY)
    lines(tty)
    raw(opened)
    yield opened
    os.close(opened)


def raw(opened):
    settings = termios.tcgetattr(opened)
    settings[0] = settings[1] = settings[3] = 0
    termios.tcsetattr(opened, termios.TCSANOW, settings)


def lines(tty):
    assert tty.ioctl(TtyIoctl.TIOCMGET, SMALL) == (0, 0)
    return ModemLine(tty.number(SMALL))


def move(tty, request, wanted):
    tty.put(SMALL, struct.pack("@i", wanted))
    assert tty.ioctl(request, SMALL) == (0, 0)


def until(driver, condition, signal, awaited):
    driver.wait(condition, [signal], timeout=10, awaited=awaited)


def test_opening_raises_the_lines_and_closing_drops_them(driver, tty, board):
    assert lines(tty) == ModemLine.DTR | ModemLine.RTS | ModemLine.CTS
    tty.close()
    until(driver, lambda: [value for value, _ in board.sent(0x21, 0x22)] == [3, 0], board.heard, "both lines down")


def test_modem_lines_are_set_cleared_and_written(tty, board):
    move(tty, TtyIoctl.TIOCMBIC, ModemLine.DTR)
    assert lines(tty) == ModemLine.RTS | ModemLine.CTS
    move(tty, TtyIoctl.TIOCMBIS, ModemLine.DTR)
    move(tty, TtyIoctl.TIOCMSET, ModemLine.DTR)
    assert lines(tty) == ModemLine.DTR | ModemLine.CTS
    assert [value for value, _ in board.sent(0x21, 0x22)] == [3, 2, 3, 1]


def test_the_board_reports_its_lines(driver, tty, board):
    board.notes.append(bytes.fromhex("a1200000000002000b00"))
    driver.call(board.plug.readable)
    assert lines(tty) & (ModemLine.CARRIER | ModemLine.DSR | ModemLine.RING) == ModemLine.CARRIER | ModemLine.DSR | ModemLine.RING


def test_a_break_reaches_the_board(tty, board):
    assert tty.ioctl(TtyIoctl.TIOCSBRK) == (0, 0)
    assert tty.ioctl(TtyIoctl.TIOCCBRK) == (0, 0)
    assert [value for value, _ in board.sent(0x21, 0x23)] == [0xFFFF, 0]


def test_everything_else_is_left_to_the_real_terminal(tty):
    assert tty.ioctl(0x5401, SMALL) == (UNHANDLED, 0)
    assert tty.call(Message.READ, SMALL, 4) == (UNHANDLED, 0)
    assert tty.call(Message.WRITE, SMALL, 4) == (UNHANDLED, 0)


def test_bytes_go_through_the_terminal_both_ways(line, board):
    os.write(line, b"hello")
    assert os.read(line, 5) == b"HELLO"


def test_a_reader_that_is_slow_loses_nothing(driver, line, board):
    whole = os.urandom(50_000)
    driver.call(board.say, whole)
    came = b""
    while len(came) < len(whole):
        came += os.read(line, 1000)
    assert came == whole


def test_the_speed_of_the_terminal_is_told_to_the_board(driver, line, board):
    settings = termios.tcgetattr(line)
    settings[4] = settings[5] = termios.B115200
    termios.tcsetattr(line, termios.TCSANOW, settings)
    told = (0, bytes.fromhex("00c20100000008"))
    until(driver, lambda: told in board.sent(0x21, 0x20), board.heard, "115200 baud")


def test_a_new_speed_is_told_before_the_bytes_that_follow_it(driver, line, board):
    settings = termios.tcgetattr(line)
    settings[4] = settings[5] = termios.B115200
    order = []
    receive = board.ep_out
    board.ep_out = lambda endpoint, data: (order.append("bytes"), receive(endpoint, data))
    board.heard.subscribe(lambda: order.append("speed"))
    termios.tcsetattr(line, termios.TCSANOW, settings)
    os.write(line, b"x")
    os.read(line, 1)
    assert order == ["speed", "bytes"]


def test_what_was_not_read_is_lost_when_the_port_is_closed(driver, tty, board, program, door):
    board.echo = False
    slave = (door.root / "dev/ttyACM0").resolve()
    lines(tty)
    driver.call(board.say, b"old")
    tty.close()
    until(driver, lambda: len(board.sent(0x21, 0x22)) == 2, board.heard, "the lines to go down")
    with open(slave, "rb", buffering=0) as again:
        lines(program("dev/ttyACM0"))
        driver.call(board.say, b"new\n")
        assert again.read(10) == b"new\n"


@pytest.mark.parametrize("moment", [1, 2])
def test_who_opens_the_port_just_as_another_closes_it_loses_nothing(monkeypatch, tty, board, door, program, moment):
    slave, opened, looks, written = (door.root / "dev/ttyACM0").resolve(), [], [], threading.Event()
    lines(tty)

    def looked(master, really=tty_module.hung_up):
        gone = really(master)
        looks.extend([gone] if gone else [])
        if len(looks) == moment and not opened:  # in the moment after the look
            opened.append(os.open(slave, os.O_RDWR | os.O_NOCTTY))
            raw(opened[0])
            os.write(opened[0], b"hello")
            written.set()
        return gone

    monkeypatch.setattr(tty_module, "hung_up", looked)
    tty.close()
    assert written.wait(10)
    lines(program("dev/ttyACM0"))
    assert select.select(opened, [], [], 10)[0] == opened, "an answer"
    assert os.read(opened[0], 5) == b"HELLO"
    os.close(opened[0])


def test_a_copy_of_the_file_keeps_the_port_open(driver, tty, line, board, program):
    tty.close()
    os.write(line, b"hello")
    assert os.read(line, 5) == b"HELLO"
    assert [value for value, _ in board.sent(0x21, 0x22)] == [3]


def test_a_board_that_leaves_hangs_up(driver, plug, tty, line):
    driver.call(plug.detach)
    with pytest.raises(OSError, match="Input/output error"):
        os.write(line, b"x")
    assert tty.ioctl(TtyIoctl.TIOCMGET, SMALL) == (-1, errno.EIO)


def test_two_programs_share_the_port(tty, program, board):
    other = program("dev/ttyACM0")
    lines(other)
    tty.close()
    assert lines(other) & ModemLine.DTR


def test_an_echoing_terminal_echoes_as_any_does(board, door, program):
    program("dev/ttyACM0").ioctl(TtyIoctl.TIOCMGET, SMALL)
    opened = os.open((door.root / "dev/ttyACM0").resolve(), os.O_RDWR | os.O_NOCTTY)
    try:
        assert termios.tcgetattr(opened)[3] & termios.ECHO
        assert termios.tcgetattr(opened)[4] == termios.B9600
    finally:
        os.close(opened)
