import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from particle_protocol.dfu import DfuState, open_session
from particle_protocol.platforms import platforms
from particle_protocol.usb import Setup, Stall

WITH_DFU = [p for p in platforms() if p.dfu_alternates]


def test_the_device_descriptors(dfu):
    assert dfu("photon").get(0x80, 6, 0x0100, 0, 64).hex() == "1201000200000040042b06d0500201020301"
    assert dfu("boron").get(0x80, 6, 0x0100, 0, 64).hex() == "1201000200000040042b0dd0510201020301"
    assert dfu("p2").get(0x80, 6, 0x0100, 0, 64).hex() == "1201000200000040042b20d0520201020301"


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("boron", "09022d00010104c0320904000000fe0102060904000100fe0102070904000200fe01020809210bff0000101a01"),
        ("photon", "09022400010102c0320904000000fe0102060904000100fe01020709210bff0000101a01"),
        ("p2", "09022400010104c0320904000000fe0102050904000100fe01020609210bff0000101a01"),
    ],
)
def test_the_configuration_descriptors(dfu, platform, expected):
    assert dfu(platform).get(0x80, 6, 0x0200, 0, 255).hex() == expected
    assert dfu(platform).get(0x80, 6, 0x0200, 0, 4).hex() == expected[:8]
    assert dfu(platform).get(0x81, 6, 0x2100, 0, 255).hex() == expected[-18:]


@pytest.mark.parametrize("platform", WITH_DFU, ids=lambda p: p.name)
def test_every_platform_tells_its_memories(dfu, platform):
    plugged = dfu(platform.name)
    assert [plugged.string(i) for i in (1, 2, 3)] == ["Particle", platform.dfu_product, "2d0032000f47343438323536"]
    session = plugged.run(open_session())
    assert len(session.alternates) == len(platform.dfu_alternates)
    plugged.run(session.make_idle())


def test_strings_are_cut_to_what_the_host_asks_for(dfu):
    # As particle-cli 3.49.2 reads them: one byte, then the whole.
    photon = dfu()
    assert photon.get(0x80, 6, 0x0306, 0x0409, 1).hex() == "84"
    whole = photon.get(0x80, 6, 0x0306, 0x0409, 132)
    assert whole.hex().startswith("8403400049006e007400650072006e0061006c0020004600")
    assert len(whole) == 132


def test_alternates_are_chosen_by_set_interface(dfu):
    photon = dfu()
    photon.set(0x01, 11, 1, 0)
    assert photon.get(0x81, 10) == b"\1"
    assert photon.function.dfu.alternate == 1
    with pytest.raises(Stall):
        photon.set(0x01, 11, 2, 0)
    photon.set(0x00, 9, 1)
    assert photon.function.dfu.alternate == 0
    assert photon.get(0x81, 10) == b"\0"


def test_configuring_starts_the_bootloader_anew(dfu):
    boron = dfu("boron")
    with pytest.raises(Stall):
        boron.set(0x21, 4)
    assert boron.function.dfu.state is DfuState.ERROR
    boron.function.bus_reset()
    assert boron.function.dfu.state is DfuState.IDLE
    assert not boron.function.configured


def test_control_requests_stall_in_dfu_mode(dfu):
    for setup in (Setup(0xC0, 0x50, 0, 30, 64), Setup(0xC0, 5, 0, 0, 64), Setup(0xA1, 3, 0, 1, 6), Setup(0x80, 6, 0x0600, 0, 10)):
        with pytest.raises(Stall):
            dfu().function.control(setup, b"")
    for use in (lambda f: f.ep_in(0x81, 64), lambda f: f.ep_out(1, b"x")):
        with pytest.raises(Stall):
            use(dfu().function)


def test_windows_finds_the_dfu_interface(dfu):
    photon = dfu()
    assert photon.get(0xC0, 0xEE, 0, 4, 255)[16] == 0
    assert "{37fb5f90-1a34-4929-933b-8a27e1850033}" in photon.get(0xC1, 0xEE, 0, 5, 255)[64:].decode("utf-16-le")


def test_protection_is_told_by_a_string_and_by_the_memory_maps(dfu):
    state = "o"
    boron = dfu("boron", protection=lambda: state)
    assert boron.get(0x80, 6, 0x03FA, 0x0409, 255).hex() == "120373006d003d006f000000000000000000"
    assert boron.run(open_session()).alternates[0].segments[1].letter == "g"
    state = "p"
    assert boron.string(0xFA) == "sm=p\0\0\0\0"
    session = boron.run(open_session())
    assert session.alternates[0].protected
    assert boron.run(session.protection()) == "protected"
    with pytest.raises(Stall):
        dfu("boron").string(0xFA)


transfers = st.tuples(
    st.builds(
        Setup,
        st.sampled_from([0x00, 0x01, 0x21, 0x80, 0x81, 0xA1, 0xC0, 0xC1]) | st.integers(0, 255),
        st.integers(0, 11) | st.integers(0, 255),
        st.integers(0, 4) | st.sampled_from([0x0100, 0x0200, 0x0306]) | st.integers(0, 0xFFFF),
        st.integers(0, 2) | st.integers(0, 0xFFFF),
        st.sampled_from([0, 1, 5, 6, 255, 4096, 0xFFFF]),
    ),
    st.sampled_from([b"\x21\0\0\x0b\0", b"\x41\0\0\x0b\x08", b"\x41\0\0\x0a\x08", b"\xfa"]) | st.binary(max_size=9),
)


@given(st.sampled_from(["photon", "boron", "p2"]), st.lists(transfers, max_size=20))
@settings(max_examples=150)
def test_any_transfer_is_answered_or_stalled(platform, said):
    from emulator.usb import DfuModeDevice
    from particle_protocol.dfu import DfuDevice
    from particle_protocol.platforms import platform_by_name

    class Memory:
        erase_time = program_time = 0.0

        def __init__(self, name):
            self.name = name

        def read(self, address, length):
            return bytes(length)

        def erase(self, address):
            assert address % 1024 == 0

        def program(self, address, data):
            assert data

    found = platform_by_name(platform)
    bootloader = DfuDevice([Memory(name) for name in found.dfu_alternates], found.mcu, on_leave=lambda leave: None)
    device = DfuModeDevice(found, "ab" * 12, bootloader, lambda: 0.0)
    for setup, data in said:
        out = data[: setup.length]
        request = setup if setup.is_in else Setup(setup.request_type, setup.request, setup.value, setup.index, len(out))
        with contextlib.suppress(Stall):
            assert len(device.control(request, b"" if request.is_in else out)) <= request.length
