"""The door as a whole: its directory, its messages, and that it leaves nothing behind."""

import gc
import os
import socket
import struct
import threading

import pytest

from emulator.doors.umockdev import PreloadMissing, UmockdevDoor, find_preload
from emulator.doors.umockdev.hubs import Hub, hub_device
from emulator.doors.umockdev.preload import VARIABLE
from emulator.doors.umockdev.uevents import encode_uevent, murmur_hash
from emulator.doors.usb_device import PortPath
from emulator.usb.plug import UsbPlug
from particle_protocol.usb import Setup, Stall


class Monitor:
    """A program's udev monitor, as the preload library makes it."""

    def __init__(self, root, number=7):
        self.path = root / f"event{number}"
        self.link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.link.bind(str(self.path))
        self.link.settimeout(5)

    def next(self):
        message = self.link.recv(65536)
        size = struct.unpack_from("@I", message, 16)[0]
        return dict(line.split("=", 1) for line in message[size:].decode().split("\0") if line)


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def test_the_environment_names_directory_and_library(door):
    environment = door.environment()
    assert environment["UMOCKDEV_DIR"] == str(door.root)
    assert environment["LD_PRELOAD"].endswith("none.so")
    assert len(str(door.root)) < 75


def test_another_preloaded_library_is_kept(door, monkeypatch):
    monkeypatch.setenv("LD_PRELOAD", "libeatmydata.so")
    assert door.environment()["LD_PRELOAD"].endswith("none.so:libeatmydata.so")


def test_a_device_is_in_the_tree_as_linux_has_it(door, board, fakes):
    base = door.root / "sys/bus/usb/devices/1-1"
    values = {
        name: (base / name).read_text().strip() for name in ("idVendor", "idProduct", "busnum", "devnum", "speed", "serial", "version")
    }
    assert values == {
        "idVendor": "2b04",
        "idProduct": "c006",
        "busnum": "1",
        "devnum": "2",
        "speed": "12",
        "serial": "0123456789abcdef01234567",
        "version": "2.00",
    }
    assert (base / "descriptors").read_bytes() == fakes.Serial.DEVICE + fakes.Serial.CONFIGURATION
    assert (base / "subsystem").resolve() == door.root / "sys/bus/usb"
    assert (door.root / "sys/dev/char/189:1").resolve() == base.resolve()
    assert str((door.root / "dev/.node/bus_usb_001_002").readlink()) == "189:1"


def test_a_serial_port_is_in_the_tree(door, board):
    tty = door.root / "sys/class/tty/ttyACM0"
    assert (tty / "dev").read_text() == "166:0\n"
    assert (tty / "device").resolve().name == "1-1:1.0"
    assert str((door.root / "dev/ttyACM0").readlink()).startswith("/dev/pts/")
    link = door.root / "dev/serial/by-id/usb-Maker_Thing_0123456789abcdef01234567-if00"
    assert link.readlink().name == "ttyACM0"
    assert "E:ID_SERIAL_SHORT=0123456789abcdef01234567" in (door.root / "run/udev/data/c166:0").read_text()


def test_an_unplugged_device_leaves_no_trace_in_the_tree(driver, door, plug, board):
    driver.call(plug.detach)
    left = [str(path) for path in door.root.rglob("*") if "1-1" in path.name or "ttyACM" in path.name or path.name == "002"]
    assert left == []


def test_a_program_is_told_who_comes_and_goes_in_order(driver, door, plug, fakes):
    monitor = Monitor(door.root)
    driver.call(plug.attach, fakes.Serial(plug))
    seen = [monitor.next() for _ in range(7)]
    assert [(each["ACTION"], each["SUBSYSTEM"], each["DEVPATH"].rsplit("/", 1)[1]) for each in seen] == [
        ("add", "usb", "usb1"),
        ("add", "usb", "1-0:1.0"),
        ("add", "usb", "1-1"),
        ("add", "usb", "1-1:1.0"),
        ("add", "usb", "1-1:1.1"),
        ("add", "usb", "1-1:1.2"),
        ("add", "tty", "ttyACM0"),
    ]
    assert seen[2]["DEVNAME"] == "/dev/bus/usb/001/002"
    assert seen[2]["PRODUCT"] == "2b04/c006/250"
    assert [int(each["SEQNUM"]) for each in seen] == list(range(1, 8))
    driver.call(plug.detach)
    gone = [monitor.next() for _ in range(5)]
    assert [each["DEVPATH"].rsplit("/", 1)[1] for each in gone] == ["ttyACM0", "1-1:1.2", "1-1:1.1", "1-1:1.0", "1-1"]
    assert {each["ACTION"] for each in gone} == {"remove"}
    monitor.link.close()


def test_a_program_that_reads_slowly_gets_every_message(driver, door, plug, fakes):
    monitor = Monitor(door.root)

    def often():
        for _ in range(40):
            plug.attach(fakes.Memory(plug))
        plug.detach()

    driver.call(often)
    seen = []
    while not seen or int(seen[-1]["SEQNUM"]) < 2 + 40 * 4:
        seen.append(monitor.next())
    assert [int(each["SEQNUM"]) for each in seen] == list(range(1, 2 + 40 * 4 + 1))
    monitor.link.close()


def test_a_monitor_that_is_dead_is_swept_away(driver, door, plug, fakes):
    monitor = Monitor(door.root)
    monitor.link.close()
    driver.call(plug.attach, fakes.Memory(plug))
    assert not monitor.path.exists()


def test_a_message_says_what_it_is_about(fakes):
    message = encode_uevent("usb", "usb_device", [("ACTION", "add")])
    assert message[:12] == b"libudev\0\xfe\xed\xca\xfe"
    assert message[40:] == b"ACTION=add\0"
    assert struct.unpack_from(">II", message, 24) == (murmur_hash(b"usb"), murmur_hash(b"usb_device"))
    assert struct.unpack_from(">II", encode_uevent("tty", None, []), 24) == (murmur_hash(b"tty"), 0)


def test_a_device_behind_a_hub_is_shown_below_it(driver, door, fakes):
    other = UsbPlug()
    driver.call(other.attach, fakes.Memory(other))
    door.host.plug_in("1-2.3", other)
    devices = door.root / "sys/bus/usb/devices"
    hub, device = devices / "1-2", devices / "1-2.3"
    assert device.resolve().parent == hub.resolve()
    assert ((hub / "bDeviceClass").read_text(), (hub / "maxchild").read_text()) == ("09\n", "4\n")
    assert (device / "devpath").read_text() == "2.3\n"
    addresses = [(devices / name / "devnum").read_text() for name in ("usb1", "1-2", "1-2.3")]
    assert len(set(addresses)) == 3
    driver.call(other.detach)
    assert (hub.exists(), device.exists()) == (True, False), "the hub stays"
    driver.call(other.attach, fakes.Memory(other))
    assert device.exists()


def test_a_port_that_has_a_hub_takes_no_board_and_the_other_way_round(door):
    door.host.plug_in("1-2.3", UsbPlug())
    with pytest.raises(ValueError, match=r"1-2 has the hub of 1-2\.3"):
        door.host.plug_in("1-2", UsbPlug())
    with pytest.raises(ValueError, match=r"1-1 has a board, and no hub with a port 1-1\.4"):
        door.host.plug_in("1-1.4", UsbPlug())


def test_a_second_bus_has_a_hub_of_its_own(driver, door, fakes):
    other = UsbPlug()
    driver.call(other.attach, fakes.Memory(other))
    door.host.plug_in("2-20", other)
    assert (door.root / "sys/bus/usb/devices/usb2/busnum").read_text() == "2\n"
    assert str((door.root / "dev/.node/bus_usb_002_002").readlink()) == "189:129"


def test_opening_and_closing_many_times_leaks_nothing(driver, plug, board, tmp_path):
    library = tmp_path / "none.so"
    library.touch()
    roots = []

    def once():
        door = UmockdevDoor(driver, {"1-1": plug}, preload=library)
        with door:
            roots.append(door.root)
            link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            link.connect(str(door.root / "ioctl/dev/bus/usb/001/002"))
            driver.call(plug.attach, type(board)(plug))
            link.close()

    once()
    gc.collect()
    before, threads = descriptors(), threading.active_count()
    for _ in range(5):
        once()
    gc.collect()
    assert descriptors() == before
    assert threading.active_count() == threads
    assert not any(root.exists() for root in roots)


def test_many_unpluggings_leak_nothing_while_the_door_is_open(driver, door, plug, board):
    def again():
        plug.attach(type(board)(plug))

    driver.call(again)
    before = descriptors()
    for _ in range(30):
        driver.call(again)
    assert descriptors() == before


def test_a_closed_door_has_no_directory(driver, plug, tmp_path):
    library = tmp_path / "none.so"
    library.touch()
    door = UmockdevDoor(driver, {"1-1": plug}, preload=library)
    with pytest.raises(RuntimeError, match="not open"):
        door.environment()
    door.start()
    door.start()
    door.stop()
    door.stop()
    with pytest.raises(RuntimeError, match="not open"):
        _ = door.root


def test_a_library_that_is_missing_is_an_error_that_says_how_to_get_it(tmp_path):
    with pytest.raises(PreloadMissing, match=r"names .*nothing\.so, where there is no file.*apt-get install umockdev"):
        find_preload({VARIABLE: str(tmp_path / "nothing.so")})


def test_a_library_is_found_where_the_variable_or_the_linker_says(tmp_path):
    library = tmp_path / "libumockdev-preload.so.0"
    library.touch()
    assert find_preload({VARIABLE: str(library)}) == library.resolve()
    assert find_preload({"LD_LIBRARY_PATH": str(tmp_path)}) == library


def test_the_root_hub_answers_what_lsusb_asks():
    hub = Hub(4)
    device = hub_device(PortPath((1,)), 1, 4)
    assert (device.descriptor.vendor, device.descriptor.product, device.address) == (0x1D6B, 2, 1)
    assert device.product == "Emulated host controller"
    assert hub.control(Setup(0xA0, 6, 0x2900, 0, 9), b"").hex() == "0929040900" + "0a00" + "00ff"
    assert hub.control(Setup(0xA3, 0, 0, 1, 4), b"") == bytes.fromhex("00010000")
    assert hub.control(Setup(0xA0, 0, 0, 0, 4), b"") == bytes(4)
    assert hub.control(Setup(0x80, 0, 0, 0, 2), b"") == b"\x01\x00"
    assert hub.ep_in(0x81, 4) is None
    hub.bus_reset()
    for refused in (Setup(0xA0, 99, 0, 0, 1), Setup(0x80, 6, 0x0A00, 0, 9), Setup(0x80, 99, 0, 0, 1)):
        with pytest.raises(Stall):
            hub.control(refused, b"")
    with pytest.raises(Stall):
        hub.ep_out(1, b"")
