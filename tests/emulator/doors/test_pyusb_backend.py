"""Unmodified pyusb on emulated devices: what it lists, moves, waits for and complains about."""

import errno
from array import array

import pytest
import usb.core
import usb.util

from emulator.doors.pyusb_backend import EmulatedUsbBackend
from emulator.usb.plug import UsbPlug


@pytest.fixture
def backend(driver, board, plug):
    return EmulatedUsbBackend(driver, {"1-2.3": plug})


@pytest.fixture
def device(backend):
    return usb.core.find(backend=backend, idVendor=0x2B04)


@pytest.fixture
def free(device):
    """The device with its serial interfaces taken from the kernel."""
    device.detach_kernel_driver(0)
    return device


def number(info):
    return info.value.errno


def test_a_device_is_found_with_its_place_and_strings(device):
    assert (device.idVendor, device.idProduct, device.bcdDevice) == (0x2B04, 0xC006, 0x0250)
    assert (device.bus, device.address, device.port_numbers, device.port_number, device.speed) == (1, 2, (2, 3), 3, 2)
    assert (device.manufacturer, device.product, device.serial_number) == ("Maker", "Thing", "0123456789abcdef01234567")
    assert device.parent is None


def test_pyusb_prints_the_whole_tree(device):
    text = str(device)
    for part in ("2b04:c006", "INTERFACE 2", "ENDPOINT 0x81: Bulk IN", "ENDPOINT 0x1: Bulk OUT", "ENDPOINT 0x83: Interrupt IN"):
        assert part in text


def test_extra_descriptors_come_with_the_setting_they_follow(driver, backend, plug, fakes):
    driver.call(plug.attach, fakes.Memory(plug))
    device = usb.core.find(backend=backend)
    settings = list(device.get_active_configuration())
    assert [bytes(each.extra_descriptors).hex() for each in settings] == ["09210bff0000101a01"] * 2
    assert [usb.util.get_string(device, each.iInterface) for each in settings] == [
        "@First   /0x08000000/64*4Kg",
        "@Second   /0x20000000/1*4Kg",
    ]


def test_nothing_attached_is_nothing_found(driver, backend, plug):
    driver.call(plug.detach)
    assert usb.core.find(backend=backend) is None


def test_control_transfers_go_both_ways(device, board):
    assert device.ctrl_transfer(0xC0, 80, 0x1234, 0x5678, 64) == array("B", bytes.fromhex("34127856"))
    assert device.ctrl_transfer(0xC0, 80, 0x1234, 0x5678, 2) == array("B", bytes.fromhex("3412"))
    assert device.ctrl_transfer(0x40, 80, 1, 2, b"abc") == 3
    assert board.log[-1][1] == b"abc"
    assert board.log[-1][0].length == 3


@pytest.mark.parametrize("data", [4097, 65535, b"x" * 4097])
def test_more_than_libusb_takes_is_errno_22(device, board, data):
    before = len(board.log)
    with pytest.raises(usb.core.USBError, match="libusb takes 4096 bytes in a control transfer") as info:
        device.ctrl_transfer(0x40 if isinstance(data, bytes) else 0xC0, 80, 0, 0, data)
    assert (number(info), len(board.log)) == (errno.EINVAL, before)
    assert len(device.ctrl_transfer(0xC0, 80, 0, 0, 4096)) == 4


def test_a_stall_is_errno_32(device):
    with pytest.raises(usb.core.USBError, match=r"stalled IN  c2 50") as info:
        device.ctrl_transfer(0xC2, 80, 0, 0, 64)
    assert number(info) == errno.EPIPE


def test_a_device_that_answers_too_much_is_errno_75(device, board):
    board.control = None
    device.ctrl_transfer(0xC0, 1, 0, 0, 4)
    device._ctx.handle.control = lambda setup, data: bytes(5)
    with pytest.raises(usb.core.USBError) as info:
        device.ctrl_transfer(0xC0, 1, 0, 0, 4)
    assert number(info) == errno.EOVERFLOW


def test_a_handle_of_a_detached_device_is_errno_19(driver, backend, device, plug, fakes):
    device.ctrl_transfer(0xC0, 80, 0, 0, 4)
    driver.call(plug.attach, fakes.Memory(plug))
    for act in (lambda: device.ctrl_transfer(0xC0, 80, 0, 0, 4), lambda: device.set_configuration(), lambda: device.clear_halt(0x81)):
        with pytest.raises(usb.core.USBError, match="may have been disconnected") as info:
            act()
        assert number(info) == errno.ENODEV
    fresh = usb.core.find(backend=backend)
    assert (fresh.idProduct, fresh.address) == (0xD006, 3)
    assert fresh != device


def test_a_device_that_left_cannot_be_opened(driver, device, plug):
    driver.call(plug.detach)
    with pytest.raises(usb.core.USBError) as info:
        device.ctrl_transfer(0xC0, 80, 0, 0, 4)
    assert number(info) == errno.ENODEV


def test_a_device_may_leave_in_the_middle_of_a_request(free):
    assert free.ctrl_transfer(0x21, 0x01, 0, 0, None) == 0
    with pytest.raises(usb.core.USBError) as info:
        free.ctrl_transfer(0xC0, 80, 0, 0, 4)
    assert number(info) == errno.ENODEV


def test_the_same_device_is_equal_in_every_enumeration(backend):
    first, second = usb.core.find(backend=backend), usb.core.find(backend=backend)
    assert first == second
    assert len({first, second}) == 1


def test_bulk_goes_out_and_comes_in(free, board):
    assert free.write(0x01, b"hello") == 5
    assert bytes(free.read(0x81, 64)) == b"HELLO"
    buffer = array("B", bytes(8))
    free.write(0x01, b"abc")
    assert free.read(0x81, buffer) == 3
    assert buffer.tobytes() == b"ABC\0\0\0\0\0"


def test_a_read_waits_for_data(driver, free, board):
    driver.call(driver.clock.call_later, 0.05, board.say, b"late")
    assert bytes(free.read(0x81, 64, timeout=2000)) == b"late"


def test_a_read_without_time_limit_waits_too(driver, free, board):
    driver.call(driver.clock.call_later, 0.05, board.say, b"late")
    assert bytes(free.read(0x81, 64, timeout=0)) == b"late"


def test_a_read_that_gets_nothing_times_out_with_errno_110(driver, free):
    before = driver.clock.now
    with pytest.raises(usb.core.USBTimeoutError, match=r"data from endpoint 0x81 of 2b04:c006 at port 1-2\.3") as info:
        free.read(0x81, 64, timeout=30)
    assert number(info) == errno.ETIMEDOUT
    assert driver.call(lambda: driver.clock.now) - before >= 0.03 - 1e-9


def test_a_read_ends_with_errno_19_when_the_device_leaves(driver, free, plug):
    driver.call(driver.clock.call_later, 0.02, plug.detach)
    with pytest.raises(usb.core.USBError) as info:
        free.read(0x81, 64, timeout=2000)
    assert number(info) == errno.ENODEV


def test_an_interface_of_the_kernel_is_errno_16_until_it_is_taken_away(device, backend, board):
    assert [device.is_kernel_driver_active(number) for number in range(3)] == [True, True, False]
    with pytest.raises(usb.core.USBError, match="used by the kernel driver cdc_acm") as info:
        usb.util.claim_interface(device, 1)
    assert number(info) == errno.EBUSY
    device.detach_kernel_driver(1)
    assert backend.host.serial_ports == ()
    usb.util.claim_interface(device, 1)
    usb.util.release_interface(device, 1)
    device.attach_kernel_driver(0)
    assert device.is_kernel_driver_active(1)
    assert [port.tty for port in backend.host.serial_ports] == ["ttyACM0"]


def test_two_handles_cannot_claim_one_interface(backend):
    first, second = usb.core.find(backend=backend), usb.core.find(backend=backend)
    usb.util.claim_interface(first, 2)
    with pytest.raises(usb.core.USBError, match="claimed by another program") as info:
        usb.util.claim_interface(second, 2)
    assert number(info) == errno.EBUSY
    usb.util.dispose_resources(first)
    usb.util.claim_interface(second, 2)


def test_an_interface_that_is_not_there_is_errno_2(device):
    for act in (
        lambda: usb.util.claim_interface(device, 7),
        lambda: device.detach_kernel_driver(2),
        lambda: device.attach_kernel_driver(2),
    ):
        with pytest.raises(usb.core.USBError) as info:
            act()
        assert number(info) == errno.ENOENT


def test_a_configuration_can_be_chosen_only_while_nobody_uses_an_interface(device, board):
    with pytest.raises(usb.core.USBError, match="kernel driver cdc_acm") as info:
        device.set_configuration()
    assert number(info) == errno.EBUSY
    device.detach_kernel_driver(0)
    device.set_configuration(0)
    assert board.configuration == 0
    device.set_configuration()
    assert board.configuration == 1
    assert device.is_kernel_driver_active(0)
    device.detach_kernel_driver(0)
    usb.util.claim_interface(device, 2)
    with pytest.raises(usb.core.USBError, match="interface 2 is claimed"):
        device.set_configuration()


def test_an_alternate_setting_reaches_the_device_and_is_set_back_at_the_end(driver, backend, plug, fakes):
    memory = fakes.Memory(plug)
    driver.call(plug.attach, memory)
    device = usb.core.find(backend=backend)
    device.set_interface_altsetting(0, 1)
    assert memory.alternate == 1
    usb.util.dispose_resources(device)
    assert driver.call(lambda: memory.alternate) == 0


def test_a_reset_keeps_the_configuration_and_what_its_handle_claimed(driver, backend, plug, fakes):
    memory = fakes.Memory(plug)
    driver.call(plug.attach, memory)
    handle = backend.open_device(next(iter(backend.enumerate_devices())))
    backend.claim_interface(handle, 0)
    backend.set_interface_altsetting(handle, 0, 1)
    backend.reset_device(handle)
    assert (memory.resets, memory.configuration, memory.alternate) == (1, 1, 0)
    backend.set_interface_altsetting(handle, 0, 1)


def test_a_reset_takes_the_claims_of_other_handles_and_gives_a_serial_port_anew(backend):
    first, second = usb.core.find(backend=backend), usb.core.find(backend=backend)
    usb.util.claim_interface(first, 2)
    (port,) = backend.host.serial_ports
    second.reset()
    assert not port.present
    assert [each.tty for each in backend.host.serial_ports] == ["ttyACM0"]
    usb.util.claim_interface(second, 2)
    with pytest.raises(usb.core.USBError, match=r"interface 2 of .* was lost in a reset") as info:
        usb.util.release_interface(first, 2)
    assert number(info) is None


def test_a_device_that_leaves_at_a_reset_is_errno_2(device, board, plug):
    board.bus_reset = plug.detach
    with pytest.raises(usb.core.USBError, match="gone after the reset") as info:
        device.reset()
    assert number(info) == errno.ENOENT


def test_clear_halt_is_a_standard_request(free, board):
    free.clear_halt(0x81)
    setup, _ = board.log[-1]
    assert (setup.request_type, setup.request, setup.value, setup.index) == (0x02, 1, 0, 0x81)


def test_a_halted_endpoint_is_errno_32(free, board, fakes):
    board.ep_in = board.ep_out = lambda *_: (_ for _ in ()).throw(fakes.Stall)
    for act in (lambda: free.read(0x81, 8), lambda: free.write(0x01, b"x")):
        with pytest.raises(usb.core.USBError) as info:
            act()
        assert number(info) == errno.EPIPE


def test_hosts_can_wait_for_the_bus_to_change(driver, backend, plug, fakes):
    driver.call(driver.clock.call_later, 0.02, lambda: plug.attach(fakes.Memory(plug)))
    found = driver.wait(
        lambda: usb.core.find(backend=backend, idProduct=0xD006), [backend.changed], timeout=5, awaited="the device to come back"
    )
    assert found.address == 3


def test_many_ports_are_listed_in_their_order(driver, fakes):
    plugs = {f"1-{port}": UsbPlug() for port in (3, 1, 2)}
    for each in plugs.values():
        driver.call(each.attach, fakes.Memory(each))
    backend = EmulatedUsbBackend(driver, plugs)
    assert [each.port_numbers for each in usb.core.find(find_all=True, backend=backend)] == [(1,), (2,), (3,)]


def test_a_device_object_may_outlive_the_lab(driver, backend, device):
    usb.util.claim_interface(device, 2)
    driver.close()
    usb.util.dispose_resources(device)


def test_a_device_object_that_is_dropped_on_another_thread_gives_its_interfaces_back(backend, drop_elsewhere):
    first, second = (usb.core.find(backend=backend) for _ in range(2))
    usb.util.claim_interface(first, 2)
    objects = [first]
    del first
    drop_elsewhere(objects)
    usb.util.claim_interface(second, 2)


def test_a_device_object_that_is_dropped_in_the_middle_of_a_request_leaves_the_device_alone_until_its_end(driver, backend, plug, fakes):
    objects, during = [], []

    class Memory(fakes.Memory):
        def control(self, setup, data):
            answer = super().control(setup, data)
            if objects:
                objects.clear()
                during.append(self.alternate)
            return answer

    memory = Memory(plug)
    driver.call(plug.attach, memory)
    kept, dropped = (usb.core.find(backend=backend) for _ in range(2))
    dropped.set_interface_altsetting(0, 1)
    objects.append(dropped)
    del dropped
    assert kept.ctrl_transfer(0x80, 8, 0, 0, 1)[0] == 1
    driver.call(lambda: None)
    assert (during, memory.alternate) == ([1], 0)
