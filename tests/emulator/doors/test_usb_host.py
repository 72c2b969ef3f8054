"""What the computer's kernel does between a connector and the programs."""

import gc
import weakref

import pytest

from emulator.doors.usb_device import PortPath
from emulator.doors.usb_host import UsbHost, host_named
from emulator.usb.plug import UsbPlug


@pytest.fixture
def host(driver, board, plug):
    return UsbHost(driver, {"1-1": plug})


@pytest.mark.parametrize(("text", "bus", "ports"), [("1-1", 1, (1,)), ("2-1.4.3", 2, (1, 4, 3))])
def test_a_port_path_reads_as_linux_writes_it(text, bus, ports):
    path = PortPath.parse(text)
    assert (path.bus, path.ports, str(path)) == (bus, ports, text)


@pytest.mark.parametrize("text", ["", "1", "1-", "-1", "1-0", "0-1", "1-a", "usb1", "1-1."])
def test_what_is_no_port_path_is_refused(text):
    with pytest.raises(ValueError, match="BUS-PORT"):
        PortPath.parse(text)


def test_an_attached_device_is_configured_and_its_strings_are_known(host, board):
    (device,) = host.devices
    assert board.configuration == 1
    assert (device.manufacturer, device.product, device.serial_number) == ("Maker", "Thing", "0123456789abcdef01234567")
    assert (str(device.path), device.address) == ("1-1", 2)


def test_every_attach_gives_a_new_address(driver, host, plug, fakes):
    first = host.devices[0]
    driver.call(plug.attach, fakes.Memory(plug))
    (second,) = host.devices
    assert not first.present
    assert (first.address, second.address) == (2, 3)
    assert second.descriptor.product == 0xD006


def test_addresses_wrap_past_127_and_skip_those_in_use(driver, host, plug, fakes):
    other = UsbPlug()
    driver.call(other.attach, fakes.Memory(other))
    host.plug_in("1-2", other)
    kept = host.device_at("1-2").address

    def many():
        for _ in range(130):
            plug.attach(fakes.Memory(plug))

    driver.call(many)
    assert kept == 3
    assert host.device_at("1-1").address not in (1, 3)
    assert host.device_at("1-1").address <= 127


def test_changes_are_told_and_written_to_the_log(driver, host, plug):
    told = []
    host.changed.subscribe(lambda: told.append(len(host.devices)))
    driver.call(plug.detach)
    assert told == [0]
    assert "2b04:c006, Maker, Thing, serial 0123456789abcdef01234567" in host.log[1]
    assert host.log[-1].endswith("usb 1-1: USB disconnect, device number 2")


def test_a_device_that_no_host_could_use_is_not_listed_and_the_log_says_why(driver, plug, fakes):
    class Broken(fakes.Memory):
        CONFIGURATION = fakes.Memory.CONFIGURATION[:-1]

    class Mute(fakes.Memory):
        DEVICE = b""

    host = UsbHost(driver, {"1-1": plug})
    driver.call(plug.attach, Broken(plug))
    assert host.devices == ()
    assert "unable to enumerate the device: a configuration of 45 bytes of which only 44 came" in host.log[-1]
    driver.call(plug.attach, Mute(plug))
    assert "not a device descriptor: nothing" in host.log[-1]


def test_pulling_the_cable_detaches_for_the_host_only(host, plug, board):
    device = host.devices[0]
    host.unplug("1-1")
    assert not device.present
    assert host.devices == ()
    assert plug.function is board
    with pytest.raises(ValueError, match="nothing is plugged into port 1-1"):
        host.unplug("1-1")


def test_a_port_takes_one_plug(host):
    with pytest.raises(ValueError, match="port 1-1 already"):
        host.plug_in("1-1", UsbPlug())


def test_a_bus_takes_126_devices_and_the_error_names_the_way_out(driver, host, fakes):
    def many():
        for number in range(2, 127):
            other = UsbPlug()
            other.attach(fakes.Memory(other))
            host.plug_in(f"1-{number}", other)

    driver.call(many)
    assert len({device.address for device in host.devices}) == 126
    with pytest.raises(ValueError, match="bus 1 is full: it has addresses for 126 devices; use a port of bus 2"):
        host.plug_in("1-127", UsbPlug())
    host.plug_in("2-1", UsbPlug())


def test_a_serial_function_becomes_a_port_and_is_told_9600_baud(host, board):
    (port,) = host.serial_ports
    assert port.tty == "ttyACM0"
    assert board.sent(0x21, 0x20) == [(0, bytes.fromhex("80250000000008"))]


def test_the_number_of_a_port_that_is_still_open_stays_taken(driver, host, plug, fakes):
    old = host.serial_ports[0]
    driver.call(old.open)
    driver.call(plug.attach, fakes.Serial(plug))
    assert [port.tty for port in host.serial_ports] == ["ttyACM1"]
    driver.call(old.close)
    driver.call(plug.attach, fakes.Serial(plug))
    assert [port.tty for port in host.serial_ports] == ["ttyACM0"]


def test_a_host_is_found_by_its_name_as_long_as_it_lives(driver):
    host = UsbHost(driver, name="bench")
    assert host_named("bench") is host
    gone = weakref.ref(host)
    del host
    gc.collect()
    assert gone() is None
    assert host_named("bench") is None
