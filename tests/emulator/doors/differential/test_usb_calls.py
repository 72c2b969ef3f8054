"""Every call of `usb.core.Device`, in process and on the real libusb: same script, same results."""

import re

import pytest
import usb.core

SERIAL_DEVICE = {
    "who it is": """
        a = find()
        b = find()
        a == b
        hash(a) == hash(b)
        [(each.idVendor, each.idProduct) for each in find(find_all=True)]
        find(idVendor=0x1234)
        [getattr(a, name) for name in ("idVendor", "idProduct", "bcdDevice", "bcdUSB")]
        [getattr(a, name) for name in ("bDeviceClass", "bDeviceSubClass", "bDeviceProtocol", "bDescriptorType")]
        [getattr(a, name) for name in ("bNumConfigurations", "bMaxPacketSize0", "iManufacturer", "iProduct", "iSerialNumber", "bLength")]
        (a.bus, a.port_number, a.port_numbers, a.speed, a.langids, a.manufacturer, a.product, a.serial_number)
        str(a)
        repr(a)
        list(a)
        a[0]
        a[1]
        [list(each) for each in a[0]]
        a.configurations()
        a.get_active_configuration()
        usb.util.get_string(a, 2)
        usb.util.get_string(a, 9)
        usb.util.get_string(a, 2, 0x409)
        usb.util.get_langids(a)
        (a.default_timeout, setattr(a, "default_timeout", 5), a.default_timeout)
        a.default_timeout = -1
        usb.core.show_devices(backend=a.backend, idVendor=0x2B04)
    """,
    "control transfers": """
        a = find()
        a.ctrl_transfer(0xC0, 80, 0x1234, 0x5678, 64)
        a.ctrl_transfer(0xC0, 80, 0x1234, 0x5678, 2)
        a.ctrl_transfer(0xC0, 80, 0x1234, 0x5678, 0)
        a.ctrl_transfer(0xC0, 80, 0x1234, 0x5678)
        filled(lambda buffer: a.ctrl_transfer(0xC0, 80, 1, 2, buffer), 9)
        a.ctrl_transfer(0xC0, 80, 0x12345, 0x56789, 64)
        a.ctrl_transfer(0xC0, 80, -1, -2, 64)
        a.ctrl_transfer(0x1C0, 0x150, 1, 2, 64)
        a.ctrl_transfer(0xC0, 80, 1, 2, 4096)
        a.ctrl_transfer(0xC0, 80, 1, 2, 4097)
        a.ctrl_transfer(0xC0, 80, 1, 2, 65535)
        a.ctrl_transfer(0xC0, 80, 1, 2, 65536)
        a.ctrl_transfer(0xC0, 80, 1, 2, 65540)
        a.ctrl_transfer(0x40, 80, 1, 2, b"abc")
        a.ctrl_transfer(0x40, 80, 1, 2, "abc")
        a.ctrl_transfer(0x40, 80, 1, 2, [1, 2, 3])
        a.ctrl_transfer(0x40, 80, 1, 2)
        a.ctrl_transfer(0x40, 80, 1, 2, b"x" * 4096)
        a.ctrl_transfer(0x40, 80, 1, 2, b"x" * 4097)
        a.ctrl_transfer(0x40, 80, 1, 2, b"x" * 65536)
        a.ctrl_transfer(0x40, 80, 1, 2, array("H", [1, 2]))
        a.ctrl_transfer(0xC2, 80, 0, 0, 64)
        a.ctrl_transfer(0x60, 80, 0, 0, b"")
        a.ctrl_transfer(0x80, 0, 0, 0, 2)
        a.ctrl_transfer(0x81, 0, 0, 0, 2)
        a.ctrl_transfer(0x81, 0, 0, 2, 2)
        a.ctrl_transfer(0x81, 0, 0, 7, 2)
        a.ctrl_transfer(0x82, 0, 0, 0, 2)
        a.ctrl_transfer(0x82, 0, 0, 0x80, 2)
        a.ctrl_transfer(0x82, 0, 0, 0x81, 2)
        a.ctrl_transfer(0x82, 0, 0, 0x42, 2)
        a.ctrl_transfer(0x02, 1, 0, 0x81)
        a.ctrl_transfer(0x21, 0x22, 3, 0)
        a.ctrl_transfer(0x21, 0x22, 3, 2)
        a.ctrl_transfer(0x21, 0x22, 3, 0x102)
        a.ctrl_transfer(0x41, 0x22, 3, 0)
        a.ctrl_transfer(0x61, 0x22, 3, 0)
        a.ctrl_transfer(0xC0, 80, 1, 2, 4, timeout=0)
        a.ctrl_transfer(0xC0, 80, 1, 2, 4, timeout=1)
        a.ctrl_transfer(0xC0, 80, 1, 2, b"abcd")
        a.ctrl_transfer(0x80, 8, 0, 0, 1)
        a.ctrl_transfer(0x00, 9, 1, 0)
    """,
    "a device of its own": """
        a = find()
        [a.is_kernel_driver_active(number) for number in range(3)]
        a.is_kernel_driver_active(7)
        a.is_kernel_driver_active(31)
        a.is_kernel_driver_active(32)
        a.detach_kernel_driver(2)
        a.detach_kernel_driver(7)
        a.detach_kernel_driver(32)
        a.attach_kernel_driver(0)
        a.attach_kernel_driver(1)
        a.attach_kernel_driver(2)
        a.attach_kernel_driver(7)
        a.attach_kernel_driver(32)
        a.detach_kernel_driver(1)
        comports()
        [a.is_kernel_driver_active(number) for number in range(3)]
        a.detach_kernel_driver(0)
        a.attach_kernel_driver(1)
        [a.is_kernel_driver_active(number) for number in range(3)]
        a.attach_kernel_driver(0)
        [a.is_kernel_driver_active(number) for number in range(3)]
        len(comports())
        a.detach_kernel_driver(0)
        usb.util.claim_interface(a, 1)
        a.attach_kernel_driver(0)
        a.attach_kernel_driver(1)
        a.detach_kernel_driver(1)
        [a.is_kernel_driver_active(number) for number in range(3)]
        usb.util.claim_interface(a, 0)
        a.attach_kernel_driver(0)
        b = find()
        b.attach_kernel_driver(0)
        b.detach_kernel_driver(0)
        usb.util.release_interface(a, 0)
        usb.util.release_interface(a, 1)
        b.attach_kernel_driver(0)
        [b.is_kernel_driver_active(number) for number in range(3)]
    """,
    "claims": """
        a = find()
        b = find()
        usb.util.claim_interface(a, 0)
        usb.util.claim_interface(a, 1)
        usb.util.claim_interface(a, 2)
        usb.util.claim_interface(a, 2)
        usb.util.claim_interface(a, 3)
        usb.util.claim_interface(a, 31)
        usb.util.claim_interface(a, 32)
        usb.util.claim_interface(a, 255)
        usb.util.claim_interface(b, 2)
        b.ctrl_transfer(0x81, 0, 0, 2, 2)
        usb.util.release_interface(a, 2)
        usb.util.release_interface(a, 2)
        usb.util.release_interface(a, 5)
        a._ctx.backend.release_interface(a._ctx.handle, 2)
        a._ctx.backend.release_interface(a._ctx.handle, 32)
        b.ctrl_transfer(0x81, 0, 0, 2, 2)
        usb.util.claim_interface(a, 2)
        usb.util.dispose_resources(b)
        usb.util.claim_interface(a, 2)
        usb.util.claim_interface(a, a[0].interfaces()[2])
    """,
    "claims that only the kernel knows of": """
        a = find()
        b = find()
        a.detach_kernel_driver(0)
        a.ctrl_transfer(0x82, 0, 0, 0x81, 2)
        usb.util.claim_interface(b, 1)
        b.ctrl_transfer(0x82, 0, 0, 0x01, 2)
        b.ctrl_transfer(0x82, 0, 0, 0x83, 2)
        a.ctrl_transfer(0x82, 0, 0, 0x83, 2)
        a._ctx.backend.release_interface(a._ctx.handle, 1)
        usb.util.claim_interface(a, 1)
        usb.util.release_interface(a, 1)
        usb.util.claim_interface(b, 1)
        a.clear_halt(0x81)
        a.attach_kernel_driver(0)
    """,
    "configurations": """
        a = find()
        a.get_active_configuration().bConfigurationValue
        a.set_configuration()
        a.set_configuration(0)
        a.set_configuration(1)
        a.set_configuration(2)
        a.detach_kernel_driver(0)
        usb.util.claim_interface(a, 2)
        a.set_configuration(1)
        usb.util.release_interface(a, 2)
        a.set_configuration(1)
        [a.is_kernel_driver_active(number) for number in range(3)]
        a._ctx.backend.set_configuration(a._ctx.handle, 2)
        a._ctx.backend.set_configuration(a._ctx.handle, 256)
        a._ctx.backend.set_configuration(a._ctx.handle, -2)
        a._ctx.backend.get_configuration(a._ctx.handle)
        a.set_configuration(a[0])
        a.set_configuration(0)
        a._ctx.backend.get_configuration(a._ctx.handle)
        find().get_active_configuration()
        a.get_active_configuration()
        a.is_kernel_driver_active(0)
        a.detach_kernel_driver(0)
        a.attach_kernel_driver(0)
        usb.util.claim_interface(a, 2)
        a.set_interface_altsetting(0, 0)
        a.clear_halt(0x81)
        a.ctrl_transfer(0xC0, 80, 1, 2, 4)
        a.ctrl_transfer(0x81, 0, 0, 2, 2)
        a.ctrl_transfer(0x82, 0, 0, 0x81, 2)
        a.ctrl_transfer(0x82, 0, 0, 0x80, 2)
        a.write(0x01, b"x")
        len(comports())
        a.set_configuration()
        [a.is_kernel_driver_active(number) for number in range(3)]
        len(comports())
        a.set_configuration(0)
        a.detach_kernel_driver(0)
        a._ctx.backend.set_configuration(a._ctx.handle, -1)
        a._ctx.backend.get_configuration(a._ctx.handle)
        a.set_configuration(1)
    """,
    "alternate settings of a serial device": """
        a = find()
        a.set_interface_altsetting()
        a.set_interface_altsetting(2, 0)
        a.set_interface_altsetting(2, 1)
        a.set_interface_altsetting(7, 0)
        a._ctx.backend.set_interface_altsetting(a._ctx.handle, 2, 1)
        a._ctx.backend.set_interface_altsetting(a._ctx.handle, 2, 256)
        a._ctx.backend.set_interface_altsetting(a._ctx.handle, 32, 0)
        a._ctx.backend.set_interface_altsetting(a._ctx.handle, 1, 0)
        a.detach_kernel_driver(0)
        a.set_interface_altsetting(1, 0)
        a.set_interface_altsetting(a[0].interfaces()[1])
    """,
    "endpoints": """
        a = find()
        a.read(0x81, 64)
        a.write(0x01, b"x")
        a.clear_halt(0x81)
        a.clear_halt(0x42)
        a.clear_halt(0x80)
        a.clear_halt(0x05)
        a.clear_halt(0x183)
        a.detach_kernel_driver(0)
        a.clear_halt(0x81)
        a.clear_halt(0x01)
        a.clear_halt(a[0].interfaces()[1].endpoints()[0])
        a.write(0x01, b"hello")
        a.read(0x81, 64)
        a.write(0x01, "text")
        filled(lambda buffer: a.read(0x81, buffer), 8)
        a.write(0x01, b"")
        a.write(0x01, [1, 2])
        a.read(0x81, 64)
        a.read(0x81, 64, 15)
        a.read(0x83, 8, 15)
        a.write(0x81, b"x")
        a.read(0x01, 64)
        a.read(0x85, 64)
        a.write(0x83, b"x", 15)
        a.write(0x01, b"y" * 300)
        a.read(0x81, 64)
        a.read(0x81, 64)
        a.read(0x81, 0, 15)
        a.read(a[0].interfaces()[1].endpoints()[1], 64)
        a[0].interfaces()[1].endpoints()[0].write(b"z")
        a[0].interfaces()[1].endpoints()[1].read(64)
        a.read(0x81, 64)
        a.read(0x81, 64)
        board.note(bytes.fromhex("a1200000000002000300"))
        a.read(0x83, 16)
        b = find()
        b.read(0x81, 64)
        b.write(0x01, b"x")
        a._ctx.backend.bulk_write(a._ctx.handle, 0x05, 1, array("B", b"x"), 15)
        a._ctx.backend.bulk_read(a._ctx.handle, 0x42, 1, array("B", b"x"), 15)
        b._ctx.backend.bulk_write(b._ctx.handle, 0x01, 1, array("B", b"x"), 15)
        a._ctx.backend.intr_write(a._ctx.handle, 0x01, 1, array("B", b"x"), 15)
        a._ctx.backend.bulk_read(a._ctx.handle, 0x83, 1, array("B", bytes(16)), 15)
    """,
    "resets": """
        a = find()
        b = find()
        usb.util.claim_interface(a, 2)
        a.reset()
        usb.util.claim_interface(a, 2)
        b.reset()
        a._ctx.backend.release_interface(a._ctx.handle, 2)
        usb.util.claim_interface(b, 2)
        a.ctrl_transfer(0xC0, 80, 1, 2, 4)
        [a.is_kernel_driver_active(number) for number in range(3)]
        a.detach_kernel_driver(0)
        a.reset()
        [a.is_kernel_driver_active(number) for number in range(3)]
        len(comports())
        board.leave_at_reset()
        a.reset()
        a.reset()
        a.ctrl_transfer(0xC0, 80, 1, 2, 4)
        find()
    """,
    "a device that leaves": """
        a = find()
        b = find()
        c = find()
        usb.util.claim_interface(a, 2)
        b.ctrl_transfer(0xC0, 80, 1, 2, 4)
        board.unplug()
        a.ctrl_transfer(0xC0, 80, 1, 2, 4)
        a.ctrl_transfer(0xC0, 80, 1, 2, 5000)
        a.ctrl_transfer(0x81, 0, 0, 2, 2)
        a.set_configuration()
        a.set_configuration(0)
        a.get_active_configuration().bConfigurationValue
        a._ctx.backend.get_configuration(a._ctx.handle)
        a.set_interface_altsetting(2, 0)
        a.clear_halt(0x81)
        a.read(0x81, 64, 15)
        a._ctx.backend.bulk_read(a._ctx.handle, 0x81, 1, array("B", bytes(16)), 15)
        a._ctx.backend.bulk_write(a._ctx.handle, 0x01, 1, array("B", bytes(16)), 15)
        a.is_kernel_driver_active(0)
        a.is_kernel_driver_active(32)
        a.detach_kernel_driver(0)
        a.attach_kernel_driver(0)
        a.langids
        a.serial_number
        str(b)
        list(b)
        a.reset()
        usb.util.claim_interface(b, 2)
        usb.util.claim_interface(b, 32)
        usb.util.release_interface(a, 2)
        usb.util.dispose_resources(a)
        a.ctrl_transfer(0xC0, 80, 1, 2, 4)
        c.ctrl_transfer(0xC0, 80, 1, 2, 4)
        c.manufacturer
        find()
        board.plug_in()
        a.ctrl_transfer(0xC0, 80, 1, 2, 4)
        d = find()
        d == a
        d.serial_number
    """,
    "a device that leaves in the middle of a request": """
        a = find()
        a.detach_kernel_driver(0)
        a.ctrl_transfer(0x21, 0x01, 0, 0, None)
        a.ctrl_transfer(0xC0, 80, 0, 0, 4)
        find()
    """,
}

MEMORY_DEVICE = {
    "alternate settings": """
        a = find()
        list(a[0])
        [usb.util.get_string(a, each.iInterface) for each in a[0]]
        a.is_kernel_driver_active(0)
        a.attach_kernel_driver(0)
        a._ctx.managed_open() is None
        a._ctx.backend.set_interface_altsetting(a._ctx.handle, 0, 1)
        a.set_interface_altsetting(0, 1)
        a.set_interface_altsetting(0, 7)
        a._ctx.backend.set_interface_altsetting(a._ctx.handle, 0, 7)
        a.set_interface_altsetting(a[0][0, 1])
        a.ctrl_transfer(0xA1, 3, 0, 0, 6)
        a.ctrl_transfer(0xA1, 3, 0, 1, 6)
        a.ctrl_transfer(0x01, 11, 1, 0)
        a.set_configuration(1)
        usb.util.release_interface(a, 0)
        a.set_configuration(1)
        a.set_interface_altsetting(0, 1)
        a.reset()
        a.set_interface_altsetting(0, 1)
        usb.util.dispose_resources(a)
        a.read(0x81, 8)
        a.ctrl_transfer(0x21, 1, 0, 0, bytes.fromhex("2100000008"))
        a.ctrl_transfer(0xA1, 3, 0, 0, 6)
        a.ctrl_transfer(0x21, 1, 2, 0, bytes(4096))
        a.ctrl_transfer(0x21, 1, 2, 0, bytes(4097))
        a.ctrl_transfer(0xA1, 2, 2, 0, 4096)
        a.ctrl_transfer(0xA1, 2, 2, 0, 4097)
    """,
}


def lines(script):
    return [line.strip() for line in script.strip().splitlines()]


@pytest.mark.parametrize("script", SERIAL_DEVICE)
def test_a_serial_device(script, both):
    both("Serial", lines(SERIAL_DEVICE[script]))


@pytest.mark.parametrize("script", MEMORY_DEVICE)
def test_a_memory_device(script, both):
    both("Memory", lines(MEMORY_DEVICE[script]))


def test_no_call_is_left_out():
    played = "\n".join([*SERIAL_DEVICE.values(), *MEMORY_DEVICE.values()])
    own = {name for name in dir(usb.core.Device) if not name.startswith("_")} - {"parent", "finalize"}
    assert {name for name in own if not re.search(rf"\ba\.{name}\b", played)} == set()
