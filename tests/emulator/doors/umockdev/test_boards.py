"""Emulated Photons and unmodified programs, through the umockdev door."""

import os
import signal

import pytest

from emulator.board_spec import BoardSpec
from emulator.doors.umockdev import UmockdevDoor
from emulator.factory import user_part
from emulator.lab import Lab
from particle_protocol.platforms import platform_by_name

USER_PART = "0x080A0000"


@pytest.fixture
def lab():
    with Lab(seed=3, served=True) as made:
        yield made


@pytest.fixture
def driver(lab):
    return lab.driver


@pytest.fixture
def plug(board):
    return board.plug


@pytest.fixture
def mode():
    return "dfu"


@pytest.fixture
def board(lab, mode):
    return lab.add_board(BoardSpec(mode=mode))


@pytest.fixture
def real_door(driver, plug, preload):
    with UmockdevDoor(driver, {"1-1": plug}, preload=preload) as opened:
        opened.wait_for = lambda product: driver.wait(
            lambda: next((each for each in opened.host.devices if each.descriptor.product == product), None),
            [opened.host.changed],
            timeout=20,
            awaited=f"a device {product:04x}",
        )
        yield opened


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "tinker.bin"
    path.write_bytes(user_part(platform_by_name("photon"), "2.3.1"))
    return path


@pytest.mark.tool("dfu-util")
def test_dfu_util_lists_both_memories(board, real_door, run):
    real_door.wait_for(0xD006)
    told = run("dfu-util", "-l").stdout
    assert f'serial="{board.device_id}"' in told
    assert 'alt=0, name="@Internal Flash' in told
    assert "alt=1" in told
    assert "[2b04:d006]" in told


@pytest.mark.tool("dfu-util")
def test_dfu_util_writes_an_application_and_the_board_starts_it(board, real_door, run, image, tmp_path):
    real_door.wait_for(0xD006)
    run("dfu-util", "-d", "2b04:d006", "-a", "0", "-s", f"{USER_PART}:leave", "-D", str(image))
    device = real_door.wait_for(0xC006)
    assert device.address == 3
    written = image.read_bytes()
    assert board.flashes["internal"].read(0x080A0000, len(written)) == written


@pytest.mark.tool("dfu-util")
def test_dfu_util_reads_back_what_is_there(board, real_door, run, image, tmp_path):
    real_door.wait_for(0xD006)
    written = image.read_bytes()
    run("dfu-util", "-a", "0", "-s", USER_PART, "-D", str(image))
    run("dfu-util", "-a", "0", "-s", f"{USER_PART}:{len(written)}", "-U", str(tmp_path / "back.bin"))
    assert (tmp_path / "back.bin").read_bytes() == written


@pytest.mark.tool("dfu-util")
def test_a_write_that_is_killed_leaves_a_board_that_can_be_written_again(board, driver, real_door, run, start, tmp_path, image):
    device = real_door.wait_for(0xD006)
    half = tmp_path / "half.bin"
    half.write_bytes(os.urandom(100_000))
    downloads = []
    control = device.function.control

    def watched(setup, data):
        if (setup.request_type, setup.request) == (0x21, 1):
            downloads.append(setup.value)
            if len(downloads) == 12:
                os.kill(tool.pid, signal.SIGKILL)
        return control(setup, data)

    device.control = watched
    tool = start("dfu-util", "-a", "0", "-s", USER_PART, "-D", str(half))
    tool.wait(timeout=20)
    device.control = control
    again = ("dfu-util", "-a", "0", "-s", f"{USER_PART}:leave", "-D", str(image))
    if run(*again, check=False).returncode:  # a board that was left busy refuses the first command, as DFU 1.1a has it, and goes on
        run(*again)
    real_door.wait_for(0xC006)


@pytest.mark.tool("lsusb")
@pytest.mark.parametrize("mode", ["dfu", "normal"])
def test_lsusb_finds_no_fault_with_the_descriptors(real_door, run, mode):
    real_door.wait_for(0xD006 if mode == "dfu" else 0xC006)
    told = run("lsusb", "-v", "-d", "2b04:")
    assert ("Photon DFU Mode" if mode == "dfu" else "Photon") in told.stdout
    for fault in ("can't", "cannot", "Warning", "UNRECOGNIZED", "bad", "junk"):
        assert fault not in told.stdout + told.stderr, told.stdout + told.stderr


@pytest.mark.parametrize("mode", ["normal"])
def test_the_console_answers_pyserial(board, real_door, python):
    real_door.wait_for(0xC006)
    said = python("""
    import serial, serial.tools.list_ports
    (info,) = serial.tools.list_ports.comports()
    with serial.Serial(info.device, 9600, timeout=5) as port:
        port.write(b"i")
        print(info.serial_number, port.readline().strip().decode())
    """)
    assert said == f"{board.device_id} Device ID: {board.device_id}\n"


@pytest.mark.parametrize("mode", ["normal"])
def test_a_touch_at_14400_baud_leads_to_dfu_mode(board, real_door, python, run):
    real_door.wait_for(0xC006)
    python("""
    import contextlib, serial, termios
    with contextlib.suppress(OSError, termios.error):  # a slow program finds that the board is gone already
        serial.Serial("/dev/ttyACM0", 14400).close()
    """)
    real_door.wait_for(0xD006)
    assert "Found DFU: [2b04:d006]" in run("dfu-util", "-l").stdout


@pytest.mark.usefixtures("libusb")
@pytest.mark.parametrize("mode", ["normal"])
def test_libusb_asks_for_the_device_id_by_control_request(board, real_door, python):
    real_door.wait_for(0xC006)
    said = python("""
    import usb.core
    from usb.backend import libusb1
    device = usb.core.find(idVendor=0x2B04, backend=libusb1.get_backend())
    reply = device.ctrl_transfer(0xC0, 1, 0, 20, 64)
    number = int.from_bytes(reply[6:8], "little")
    size = 0
    while not size:
        check = device.ctrl_transfer(0xC0, 2, 0, number, 64)
        size = int.from_bytes(check[6:10], "little")
    print(bytes(device.ctrl_transfer(0xC0, 4, 0, number, size)))
    print(bytes(device.ctrl_transfer(0xC0, 80, 0, 20, 64)))
    """)
    assert said.count(board.device_id) == 2
