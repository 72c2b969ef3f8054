"""Unmodified programs on emulated boards, through umockdev's preload library."""

import os
import re
import signal
import sys

import pytest

from emulator.usb.plug import UsbPlug

FIRST = "0x08000000"


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "firmware.bin"
    path.write_bytes(os.urandom(20_000))
    return path


def wait_until(driver, condition, signals, awaited):
    driver.wait(condition, signals, timeout=20, awaited=awaited)


@pytest.mark.tool("lsusb")
def test_lsusb_lists_the_board(board, run):
    assert "Bus 001 Device 002: ID 2b04:c006 Maker Thing" in run("lsusb").stdout


@pytest.mark.tool("lsusb")
def test_lsusb_draws_the_bus_with_the_drivers(board, run):
    tree = run("lsusb", "-t").stdout
    assert "Class=root_hub, Driver=/15p, 12M" in tree
    assert "If 0, Class=" in tree
    assert tree.count("Driver=cdc_acm, 12M") == 2


@pytest.mark.tool("lsusb")
def test_lsusb_draws_a_board_below_its_hub(driver, real_door, fakes, run):
    other = UsbPlug()
    driver.call(other.attach, fakes.Memory(other))
    real_door.host.plug_in("1-2.3", other)
    lines = [line for line in run("lsusb", "-t").stdout.splitlines() if "Port" in line]
    place = next(number for number, line in enumerate(lines) if "Class=Hub, Driver=hub/4p" in line)
    assert re.search("Port 0*3: Dev", lines[place + 1])
    assert lines[place + 1].index("|__") > lines[place].index("|__")


@pytest.mark.tool("lsusb")
def test_lsusb_shows_every_descriptor(board, run):
    told = run("lsusb", "-v", "-d", "2b04:")
    for part in ("0x2b04", "0123456789abcdef01234567", "CDC Union", "EP 3 IN", "bInterfaceNumber        2"):
        assert part in told.stdout
    assert "can't" not in told.stdout + told.stderr


@pytest.mark.tool("dfu-util")
def test_dfu_util_lists_the_memories(memory, run):
    told = run("dfu-util", "-l").stdout
    assert 'path="1-1", alt=0, name="@First   /0x08000000/64*4Kg", serial="0123456789abcdef01234567"' in told
    assert 'alt=1, name="@Second   /0x20000000/1*4Kg"' in told


@pytest.mark.tool("dfu-util")
def test_dfu_util_writes_and_reads_back(memory, run, image, tmp_path):
    run("dfu-util", "-a", "0", "-s", FIRST, "-D", str(image))
    assert bytes(memory.memory[:20_000]) == image.read_bytes()
    run("dfu-util", "-a", "0", "-s", f"{FIRST}:20000", "-U", str(tmp_path / "back.bin"))
    assert (tmp_path / "back.bin").read_bytes() == image.read_bytes()


@pytest.mark.tool("dfu-util")
def test_the_board_comes_back_in_its_other_mode_after_leave(driver, plug, fakes, memory, real_door, run, image):
    def leave():
        driver.clock.call_later(0.01, plug.detach)
        driver.clock.call_later(0.03, lambda: plug.attach(fakes.Serial(plug)))

    memory.on_leave = leave
    run("dfu-util", "-a", "0", "-s", f"{FIRST}:leave", "-D", str(image))
    wait_until(driver, lambda: bool(real_door.host.serial_ports), [real_door.host.changed], "the serial port")
    assert "2b04:c006" in run("lsusb").stdout
    assert (real_door.root / "dev/ttyACM0").is_symlink()


@pytest.mark.tool("dfu-util")
def test_dfu_util_waits_for_a_board_that_comes_later(driver, plug, fakes, real_door, start, image):
    waiting = start("dfu-util", "-w", "-d", "2b04:d006", "-a", "0", "-s", FIRST, "-D", str(image))
    for line in waiting.stdout:
        if "Waiting for device" in line:
            break
    function = fakes.Memory(plug)
    driver.call(plug.attach, function)
    said, _ = waiting.communicate(timeout=20)
    assert waiting.returncode == 0, said
    assert bytes(function.memory[:20_000]) == image.read_bytes()


@pytest.mark.tool("dfu-util")
def test_a_tool_that_is_killed_in_mid_transfer_leaves_door_and_board_usable(driver, memory, real_door, run, start, image):
    blocks = []
    download = memory.download

    def slow(block, data):
        blocks.append(block)
        if len(blocks) == 5:
            os.kill(tool.pid, signal.SIGKILL)
        return download(block, data)

    memory.download = slow
    tool = start("dfu-util", "-a", "1", "-s", FIRST, "-D", str(image))
    tool.wait(timeout=20)
    (device,) = real_door.host.devices
    memory.download = download
    run("dfu-util", "-a", "0", "-s", FIRST, "-D", str(image))
    assert bytes(memory.memory[:20_000]) == image.read_bytes()
    assert device.claims == {}


LIBUSB = """
    import sys, usb.core, usb.util
    from usb.backend import libusb1
    device = usb.core.find(idVendor=0x2B04, backend=libusb1.get_backend())
"""


@pytest.mark.usefixtures("libusb")
def test_libusb_moves_control_and_bulk_transfers(board, python):
    said = python(
        LIBUSB
        + """
    print(device.port_numbers, device.serial_number, device.speed)
    print(bytes(device.ctrl_transfer(0xC0, 80, 0x1234, 0x5678, 64)).hex())
    print(device.ctrl_transfer(0x40, 80, 1, 2, bytes(4000)))
    device.detach_kernel_driver(0)
    print(device.write(0x01, b"hello"), bytes(device.read(0x81, 64)))
    """
    )
    assert said.split("\n")[:4] == ["(1,) 0123456789abcdef01234567 2", "34127856", "4000", "5 b'HELLO'"]


@pytest.mark.usefixtures("libusb")
def test_libusb_sees_the_same_errors_as_on_hardware(board, python):
    said = python(
        LIBUSB
        + """
    def errno(act):
        try:
            act()
        except usb.core.USBError as error:
            return error.errno
    print(errno(lambda: device.ctrl_transfer(0xC2, 80, 0, 0, 64)))
    print(errno(lambda: usb.util.claim_interface(device, 1)))
    device.detach_kernel_driver(1)
    print(errno(lambda: device.read(0x81, 64, timeout=50)))
    print(errno(lambda: device.set_configuration()))
    usb.util.release_interface(device, 1)
    device.attach_kernel_driver(0)
    print(device.is_kernel_driver_active(1))
    device.ctrl_transfer(0xC0, 80, 0, 0, 4)
    """
    )
    assert said.split() == ["32", "16", "110", "16", "True"]


@pytest.mark.usefixtures("libusb")
def test_libusb_waits_for_data_and_learns_of_the_unplugging(driver, plug, board, real_door, start):
    program = start(
        sys.executable,
        "-u",
        "-c",
        """if True:
        import usb.core
        from usb.backend import libusb1
        device = usb.core.find(idVendor=0x2B04, backend=libusb1.get_backend())
        device.detach_kernel_driver(0)
        print("ready")
        print(bytes(device.read(0x81, 64, timeout=20000)))
        print("again")
        try:
            device.read(0x81, 64, timeout=20000)
        except usb.core.USBError as error:
            print(error.errno)
        """,
    )
    assert program.stdout.readline() == "ready\n"
    driver.call(driver.clock.call_later, 0.05, board.say, b"late")
    assert program.stdout.readline() == "b'late'\n"
    assert program.stdout.readline() == "again\n"
    driver.call(driver.clock.call_later, 0.05, plug.detach)
    assert program.stdout.readline() in ("19\n", "5\n")
    assert program.wait(timeout=10) == 0


def test_pyserial_finds_opens_and_uses_the_port(board, python):
    said = python("""
    import serial, serial.tools.list_ports
    (info,) = serial.tools.list_ports.comports()
    print(info.device, f"{info.vid:04x}:{info.pid:04x}", info.serial_number, info.location, info.manufacturer, info.product, sep="|")
    with serial.Serial(info.device, 115200, timeout=5) as port:
        port.write(b"hello")
        print(port.read(5), port.cts, port.dsr)
        port.dtr = False
        port.rts = False
    """)
    first, second, *_ = said.split("\n")
    assert first == "/dev/ttyACM0|2b04:c006|0123456789abcdef01234567|1-1:1.0|Maker|Thing"
    assert second == "b'HELLO' True False"
    assert [value for value, _ in board.sent(0x21, 0x22)][:3] == [3, 2, 0]
    assert (0, bytes.fromhex("00c20100000008")) in board.sent(0x21, 0x20)


def test_opening_at_14400_baud_reaches_the_board_even_when_closed_at_once(driver, board, real_door, python):
    python("""
    import serial
    serial.Serial("/dev/ttyACM0", 14400).close()
    """)
    told = (0, bytes.fromhex("40380000000008"))
    wait_until(driver, lambda: told in board.sent(0x21, 0x20), [board.heard], "14400 baud")


@pytest.mark.tool("stty")
def test_stty_reads_and_sets_the_line(driver, board, run):
    assert "speed 9600 baud" in run("stty", "-F", "/dev/ttyACM0").stdout
    run("stty", "-F", "/dev/ttyACM0", "57600", "cstopb")
    told = (0, bytes.fromhex("00e10000020008"))
    wait_until(driver, lambda: told in board.sent(0x21, 0x20), [board.heard], "57600 baud and two stop bits")


def test_a_shell_may_redirect_to_and_from_the_port(board, run):
    said = run("sh", "-c", "stty -F /dev/ttyACM0 raw -echo; exec 3<>/dev/ttyACM0; echo hello >&3; head -c6 <&3").stdout
    assert said == "HELLO\n"


def test_much_serial_data_arrives_whole_and_in_order(driver, board, python):
    board.echo = False
    whole = bytes(range(256)) * 100
    receive = board.ep_out

    def answer(endpoint, data):
        receive(endpoint, data)
        if len(board.received) == 20000:
            board.say(whole)

    board.ep_out = answer
    said = python("""
    import serial
    with serial.Serial("/dev/ttyACM0", timeout=10) as port:
        port.write(bytes(20000))
        print(port.read(25600) == bytes(range(256)) * 100)
    """)
    assert said == "True\n"
    assert bytes(board.received) == bytes(20000)


def test_a_program_with_the_port_open_is_told_that_the_board_left(driver, plug, board, real_door, start):
    program = start(
        sys.executable,
        "-u",
        "-c",
        """if True:
        import serial
        port = serial.Serial("/dev/ttyACM0", timeout=20)
        print("ready")
        try:
            port.read()
        except serial.SerialException as error:
            print("gone")
        """,
    )
    assert program.stdout.readline() == "ready\n"
    driver.call(plug.detach)
    assert program.stdout.readline() == "gone\n"
    assert program.wait(timeout=10) == 0


@pytest.mark.tool("udevadm")
def test_udev_knows_the_identity_of_the_serial_port(board, run):
    told = run("udevadm", "info", "--query=property", "--path=/sys/class/tty/ttyACM0").stdout
    for line in ("DEVNAME=/dev/ttyACM0", "ID_VENDOR_ID=2b04", "ID_MODEL_ID=c006", "ID_SERIAL_SHORT=0123456789abcdef01234567"):
        assert line in told


@pytest.mark.usefixtures("libusb")
def test_many_boards_are_served_at_once(driver, plug, board, real_door, fakes, python):
    for number in range(2, 9):
        other = UsbPlug()
        driver.call(other.attach, fakes.Serial(other))
        real_door.host.plug_in(f"1-{number}", other)
    said = python("""
    import threading, usb.core
    from usb.backend import libusb1
    devices = list(usb.core.find(find_all=True, idVendor=0x2B04, backend=libusb1.get_backend()))
    wrong = []
    def use(device):
        for value in range(50):
            if bytes(device.ctrl_transfer(0xC0, 80, value, 7, 64)) != bytes([value, 0, 7, 0]):
                wrong.append(value)
    threads = [threading.Thread(target=use, args=(device,)) for device in devices]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    print(len(devices), wrong)
    """)
    assert said == "8 []\n"
