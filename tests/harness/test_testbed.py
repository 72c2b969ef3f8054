"""Programs whose door or board is gone get a sentence, and not an empty list, an abort or a traceback."""

import errno
import socket
import sys

import pytest
import serial

from harness.errors import BoardNotAvailable, Unavailable
from harness.host import RealHost, SerialEntry, open_serial_port
from harness.testbed import check_served


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A testbed with the socket of one device, reached by a short path: those of sockets have 108 bytes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t/ioctl/dev/bus/usb/001").mkdir(parents=True)
    return "t"


@pytest.fixture
def listener(folder):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        made.bind(f"{folder}/ioctl/dev/bus/usb/001/002")
        made.listen()
        yield made


def inside(folder):
    return {"UMOCKDEV_DIR": folder, "LD_PRELOAD": "/usr/lib/libumockdev-preload.so.0"}


def test_a_testbed_that_is_served_is_fine(folder, listener):
    check_served(inside(folder))


def test_one_without_any_device_node_is_somebody_elses(folder):
    check_served(inside(folder))


@pytest.mark.parametrize("environment", [{}, {"UMOCKDEV_DIR": "gone"}, {"UMOCKDEV_DIR": "", "LD_PRELOAD": "libumockdev-preload.so.0"}])
def test_without_the_library_no_testbed_is_in_use(environment):
    check_served(environment)


def test_one_whose_server_died_is_named_with_the_way_out(folder, listener, monkeypatch):
    listener.close()
    for name, value in inside(folder).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BoardNotAvailable, match=r"not served any more: UMOCKDEV_DIR=t; seen: nobody answers.*Unset UMOCKDEV_DIR") as info:
        RealHost()
    assert info.value.reason is Unavailable.NOT_SERVED


def test_one_that_was_removed_is_named_too():
    with pytest.raises(BoardNotAvailable, match="UMOCKDEV_DIR=/nowhere; seen: there is no such folder"):
        check_served(inside("/nowhere"))


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
def test_a_board_that_leaves_while_its_port_is_opened_is_no_traceback(monkeypatch):
    """The C library's terminal functions fail then, and Python's exception for that is no OSError."""
    import termios

    def leave(*_, **__):
        raise termios.error(errno.EIO, "Input/output error")

    monkeypatch.setattr(serial, "serial_for_url", leave)
    with pytest.raises(BoardNotAvailable, match="it went away: serial port /dev/ttyACM0") as info:
        open_serial_port(SerialEntry("/dev/ttyACM0", 0x2B04, 0xC006, None), None, baudrate=9600)
    assert info.value.reason is Unavailable.UNPLUGGED
