"""Descriptors: bytes from a device in, a tree out, or an error that says why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.doors.descriptors import ConfigurationDescriptor, DescriptorError, DeviceDescriptor, each_descriptor


def test_a_device_descriptor_gives_its_fields(fakes):
    found = DeviceDescriptor.parse(fakes.Serial.DEVICE)
    assert (found.vendor, found.product, found.release) == (0x2B04, 0xC006, 0x0250)
    assert (found.manufacturer_index, found.product_index, found.serial_index) == (1, 2, 3)
    assert (found.max_packet, found.configurations, found.device_class) == (64, 1, 0xEF)


def test_a_configuration_has_its_interfaces_with_their_endpoints(fakes):
    found = ConfigurationDescriptor.parse(fakes.Serial.CONFIGURATION)
    assert [[each.number for each in settings] for settings in found.interfaces] == [[0], [1], [2]]
    assert [each.address for each in found.interfaces[1][0].endpoints] == [0x01, 0x81]
    assert found.setting(0).endpoints[0].max_packet == 8


def test_foreign_descriptors_belong_to_the_one_before_them(fakes):
    serial = ConfigurationDescriptor.parse(fakes.Serial.CONFIGURATION)
    assert serial.extra.hex() == "080b000202020100"
    assert serial.setting(0).extra.hex() == "05240010010524010101042402060524060001"
    memory = ConfigurationDescriptor.parse(fakes.Memory.CONFIGURATION)
    assert [each.extra.hex() for each in memory.interfaces[0]] == ["09210bff0000101a01"] * 2


def test_alternate_settings_are_one_interface(fakes):
    memory = ConfigurationDescriptor.parse(fakes.Memory.CONFIGURATION)
    assert [each.alternate for each in memory.interfaces[0]] == [0, 1]
    assert memory.setting(0, 1).string_index == 5
    assert memory.setting(0, 2) is None


@pytest.mark.parametrize("raw", [b"", b"\x12", b"\x12\x02" + bytes(16)])
def test_what_is_no_device_descriptor_is_named(raw):
    with pytest.raises(DescriptorError, match="not a device descriptor"):
        DeviceDescriptor.parse(raw)


def test_a_configuration_that_is_cut_short_is_an_error(fakes):
    whole = fakes.Serial.CONFIGURATION
    for length in range(len(whole)):
        with pytest.raises(DescriptorError):
            ConfigurationDescriptor.parse(whole[:length])


def test_an_endpoint_before_any_interface_is_an_error():
    with pytest.raises(DescriptorError, match="wrong place"):
        ConfigurationDescriptor.parse(bytes.fromhex("0902100001010080fa 07058102400000".replace(" ", "")))


@given(st.binary(max_size=80))
def test_random_bytes_give_a_tree_or_a_descriptor_error(data):
    for parse in (DeviceDescriptor.parse, ConfigurationDescriptor.parse, lambda raw: list(each_descriptor(raw))):
        try:
            parse(data)
        except DescriptorError:
            continue


@given(st.binary(max_size=60))
def test_a_random_tail_gives_a_tree_or_a_descriptor_error(tail):
    whole = bytes([9, 2]) + (9 + len(tail)).to_bytes(2, "little") + bytes([1, 1, 0, 0x80, 50]) + tail
    try:
        found = ConfigurationDescriptor.parse(whole)
    except DescriptorError:
        return
    assert found.whole == whole
