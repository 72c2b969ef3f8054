"""Unmodified pyserial on emulated ports: list, open, read with time-outs, lines, and a board that leaves."""

import errno
import io

import pytest
import serial

from emulator.doors.cdc_acm import BUFFER_SIZE
from emulator.doors.serial_url import EmulatedSerial, TerminalError, comports
from emulator.doors.usb_host import UsbHost
from emulator.usb.plug import UsbPlug

GONE = r"ttyACM0 \(device 0123456789abcdef01234567, .* port 1-1 .*was disconnected"


@pytest.fixture
def host(driver, board, plug):
    return UsbHost(driver, {"1-1": plug})


@pytest.fixture
def url(host):
    return comports(host)[0].device


@pytest.fixture
def port(url):
    with serial.serial_for_url(url, timeout=1) as opened:
        yield opened


def test_the_list_of_ports_has_what_the_operating_system_knows(host):
    (info,) = comports(host)
    assert info.device == f"emu://{host.name}/ttyACM0"
    assert (info.vid, info.pid, info.serial_number) == (0x2B04, 0xC006, "0123456789abcdef01234567")
    assert (info.manufacturer, info.product, info.location, info.name) == ("Maker", "Thing", "1-1:1.0", "ttyACM0")
    assert info.hwid == "USB VID:PID=2B04:C006 SER=0123456789abcdef01234567 LOCATION=1-1:1.0"
    assert str(info) == f"{info.device} - Thing"


def test_a_device_without_a_serial_function_has_no_port(driver, host, plug, fakes):
    driver.call(plug.attach, fakes.Memory(plug))
    assert comports(host) == []


def test_bytes_go_both_ways(port, board):
    assert port.write(b"hello") == 5
    assert bytes(board.received) == b"hello"
    assert port.in_waiting == 5
    assert port.read(5) == b"HELLO"


def test_a_port_opens_by_its_usb_port_and_by_its_class(host, url):
    with serial.serial_for_url(f"emu://{host.name}/1-1") as first:
        assert first.is_open
    with EmulatedSerial(url) as second:
        assert second.is_open
    assert not second.is_open


def test_a_port_can_be_made_closed_and_opened_later(url, board):
    port = serial.serial_for_url(url, do_not_open=True, baudrate=115200)
    assert not port.is_open
    with pytest.raises(serial.PortNotOpenError):
        port.read()
    port.open()
    with pytest.raises(serial.SerialException, match="open already"):
        port.open()
    port.close()
    port.close()
    assert board.sent(0x21, 0x20)[-1] == (0, bytes.fromhex("00c20100000008"))


def test_a_read_waits_no_longer_than_its_timeout(driver, port):
    before = driver.clock.now
    port.timeout = 0.05
    assert port.read(4) == b""
    assert driver.call(lambda: driver.clock.now) - before >= 0.05 - 1e-9


def test_a_read_gives_what_came_in_time(driver, port, board):
    driver.call(driver.clock.call_later, 0.01, board.say, b"ab")
    port.timeout = 0.05
    assert port.read(4) == b"ab"


def test_a_read_ends_as_soon_as_it_has_enough(driver, port, board):
    driver.call(driver.clock.call_later, 0.01, board.say, b"ab")
    driver.call(driver.clock.call_later, 0.02, board.say, b"cdef")
    port.timeout = 100
    assert port.read(4) == b"abcd"
    assert port.read(2) == b"ef"
    assert driver.clock.now < 50


def test_a_read_without_waiting_gives_what_is_there(port, board, driver):
    port.timeout = 0
    assert port.read(9) == b""
    driver.call(board.say, b"x")
    assert port.read(9) == b"x"


def test_a_pause_between_bytes_ends_no_read_as_on_linux(driver, port, board):
    driver.call(driver.clock.call_later, 0.01, board.say, b"ab")
    driver.call(driver.clock.call_later, 0.1, board.say, b"cd")
    port.timeout, port.inter_byte_timeout = 100, 0.02
    assert port.read(4) == b"abcd"
    with pytest.raises(ValueError, match=r"at most 25\.5 s, not 30"):
        port.inter_byte_timeout = 30


def test_read_until_and_lines_work(port, board, driver):
    driver.call(board.say, b"one\r\ntwo\r\nrest")
    assert port.read_until(b"\r\n") == b"one\r\n"
    assert port.readline() == b"two\r\n"
    port.timeout = 0.01
    assert port.read_all() == b"rest"


def test_text_wrappers_work(port, board, driver):
    driver.call(board.say, b"pulsing cyan\n")
    assert io.TextIOWrapper(io.BufferedReader(port, buffer_size=1)).readline() == "pulsing cyan\n"


@pytest.mark.parametrize("driver", ["inline"], indirect=True)
def test_a_read_for_ever_of_a_silent_board_is_an_error_in_virtual_time(port, driver):
    port.timeout = None
    with pytest.raises(serial.SerialException, match="nothing more can happen"):
        port.read()


def test_opening_raises_the_control_lines_and_closing_drops_them(url, board):
    with serial.serial_for_url(url):
        pass
    assert [value for value, _ in board.sent(0x21, 0x22)] == [3, 0]


def test_the_control_lines_can_be_moved(port, board):
    port.dtr = False
    port.rts = False
    port.dtr = True
    assert [value for value, _ in board.sent(0x21, 0x22)] == [3, 2, 0, 1]


def test_the_line_coding_follows_the_settings(port, board):
    port.baudrate = 14400
    port.parity = serial.PARITY_EVEN
    port.stopbits = serial.STOPBITS_TWO
    port.bytesize = serial.SEVENBITS
    codings = [data.hex() for _, data in board.sent(0x21, 0x20)]
    assert codings == ["80250000000008", "40380000000008", "40380000000208", "40380000020208", "40380000020207"]


def test_opening_with_the_same_coding_sends_nothing_new(url, board):
    serial.serial_for_url(url, baudrate=9600).close()
    assert len(board.sent(0x21, 0x20)) == 1


def test_a_break_starts_and_ends(port, board):
    port.send_break(0.01)
    assert [value for value, _ in board.sent(0x21, 0x23)] == [0xFFFF, 0]


def test_the_device_reports_its_lines(port, board, driver):
    assert (port.cts, port.dsr, port.ri, port.cd) == (True, False, False, False)
    board.notes.append(bytes.fromhex("a12000000000020003 00".replace(" ", "")))
    driver.call(board.plug.readable)
    assert (port.cts, port.dsr, port.ri, port.cd) == (True, True, False, True)


def test_what_is_not_read_stays_with_the_device_when_the_buffer_is_full(port, board, driver):
    driver.call(board.say, bytes(3 * BUFFER_SIZE))
    assert port.in_waiting < BUFFER_SIZE + 128
    assert len(port.read(3 * BUFFER_SIZE)) == 3 * BUFFER_SIZE
    assert port.in_waiting == 0


def test_buffers_can_be_reset(port, board, driver):
    driver.call(board.say, b"old")
    port.reset_input_buffer()
    port.reset_output_buffer()
    port.flush()
    assert (port.in_waiting, port.out_waiting) == (0, 0)


def test_nothing_is_fetched_while_the_port_is_closed_and_opening_flushes(url, board, driver):
    driver.call(board.say, b"before")
    assert bytes(board.inbox) == b"before"
    with serial.serial_for_url(url, timeout=0) as port:
        assert port.read(10) == b""
    driver.call(board.say, b"after")
    assert bytes(board.inbox) == b"after"


def test_a_board_that_leaves_is_named_after_its_last_words(port, board, driver, plug):
    driver.call(lambda: (board.say(b"bye"), plug.detach()))
    assert port.read(10) == b"bye"
    for act in (port.read, lambda: port.write(b"x"), lambda: setattr(port, "baudrate", 300)):
        with pytest.raises(serial.SerialException, match=GONE):
            act()
    for act in (lambda: port.in_waiting, lambda: port.cts, lambda: setattr(port, "dtr", False)):
        with pytest.raises(OSError, match=GONE) as info:
            act()
        assert (type(info.value), info.value.errno) == (OSError, errno.EIO)
    for act in (port.flush, port.reset_input_buffer, port.send_break):
        with pytest.raises(TerminalError, match=GONE):
            act()
    port.close()


def test_a_read_that_waits_ends_when_the_board_leaves(port, driver, plug):
    driver.call(driver.clock.call_later, 0.02, plug.detach)
    port.timeout = None
    with pytest.raises(serial.SerialException, match="disconnected"):
        port.read()


def test_a_board_that_returns_is_a_new_port(port, host, driver, plug, fakes):
    driver.call(plug.attach, fakes.Serial(plug))
    with serial.serial_for_url(comports(host)[0].device, timeout=1) as again:
        again.write(b"back")
        assert again.read(4) == b"BACK"
        assert again.port.endswith("ttyACM1")


def test_an_exclusive_port_is_refused_to_those_who_want_it_exclusively_too(url, port):
    with serial.serial_for_url(url, exclusive=True):
        pass
    port.exclusive = True
    with pytest.raises(serial.SerialException, match="exclusive use") as info:
        serial.serial_for_url(url, exclusive=True)
    assert info.value.errno == errno.EWOULDBLOCK
    with serial.serial_for_url(url):
        pass


def test_another_flow_can_end_a_read(driver, port):
    def stop():
        driver.sleep(0.01)
        port.cancel_read()

    port.timeout = 100
    assert driver.gather([port.read, stop])[0] == b""
    assert driver.clock.now < 50


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ("emu://nowhere/ttyACM0", "no emulated host named nowhere"),
        ("emu:///ttyACM0", "written emu://HOST/ttyACM0"),
        ("emu://HOST/", "written emu://HOST/ttyACM0"),
    ],
)
def test_a_url_that_leads_nowhere_says_why(wrong, text, host):
    with pytest.raises(serial.SerialException, match=text):
        serial.serial_for_url(wrong)


def test_a_port_that_is_not_there_is_an_error_that_lists_those_that_are(host, driver, plug):
    with pytest.raises(serial.SerialException, match=r"there is emu://.*/ttyACM0"):
        serial.serial_for_url(f"emu://{host.name}/ttyACM7")
    driver.call(plug.detach)
    with pytest.raises(serial.SerialException, match="there is no serial port at all"):
        serial.serial_for_url(f"emu://{host.name}/ttyACM0")


def test_an_endpoint_that_halts_is_a_line_in_the_log_that_names_the_board(port, host, board, fakes):
    board.ep_out = lambda *_: (_ for _ in ()).throw(fakes.Stall)
    assert port.write(b"lost") == 4
    assert "ttyACM0: 2b04:c006 at port 1-1 (bus 1, address 2) halted its OUT endpoint: 4 bytes are lost" in host.log[-1]


def test_a_rate_of_0_hangs_up(port, board):
    port.baudrate = 0
    port.baudrate = 19200
    assert [lines for lines, _ in board.sent(0x21, 0x22)] == [3, 2, 3]
    assert [data[:4].hex() for _, data in board.sent(0x21, 0x20)] == ["80250000", "004b0000"]


def test_many_boards_have_a_port_each(driver, host, fakes):
    other = UsbPlug()
    driver.call(other.attach, fakes.Serial(other))
    host.plug_in("1-2", other)
    assert [info.location for info in comports(host)] == ["1-1:1.0", "1-2:1.0"]


def test_a_port_may_outlive_the_lab(driver, port):
    driver.close()
    port.close()


def test_a_port_that_is_dropped_on_another_thread_is_closed(url, board, driver, drop_elsewhere):
    objects = [serial.serial_for_url(url)]
    drop_elsewhere(objects)
    driver.call(lambda: None)
    assert [lines for lines, _ in board.sent(0x21, 0x22)] == [3, 0]
