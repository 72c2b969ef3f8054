import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.usb import NormalModeDevice, NotEmulated, usb_profile
from particle_protocol.cdc import LineCoding
from particle_protocol.control_requests import calls, raw_system_version
from particle_protocol.platforms import platform_by_name, platforms
from particle_protocol.usb import Setup, Stall

EMULATED = [p for p in platforms() if p.normal_product is not None]

# Read off the sources named in emulator/usb/profiles.py, field by field.
PHOTON_CONFIGURATION = (
    "09025400030104" "8032"
    "080b00020202010a"
    "0904000001020201" "0a" "0524001001" "0524010001" "04240202" "0524060001" "07058303080010"
    "09040100020a0000" "0a" "07050102400000" "07058102400000"
    "0904020000ffffff" "09"
)  # fmt: skip
BORON_CONFIGURATION = (
    "09025400030104" "c0fa"
    "080b000202020100"
    "0904000001020201" "00" "0524001001" "0524010301" "04240202" "0524060001" "07058203400010"
    "09040100020a0000" "00" "07058102400000" "07050102400000"
    "0904020000ffffff" "00"
)  # fmt: skip
P2_CONFIGURATION = (
    "09025400030104" "80fa"
    "0904000000ffffff" "05"
    "080b010202020106"
    "0904010001020201" "06" "0524001001" "0524010002" "04240202" "0524060102" "07058103080010"
    "09040200020a0000" "06" "07050102400010" "07058202400010"
)  # fmt: skip


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("photon", "12010002ef020140042b06c0500201020301"),
        ("boron", "12010002ef020140042b0dc0020101020301"),
        ("p2", "12010002ef020140042b20c0510201020301"),
    ],
)
def test_the_device_descriptor(normal, platform, expected):
    assert normal(platform).get(0x80, 6, 0x0100, 0, 64).hex() == expected


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("photon", PHOTON_CONFIGURATION),
        ("p1", PHOTON_CONFIGURATION.replace("07058303080010", "07058a030800ff")),
        ("boron", BORON_CONFIGURATION),
        ("p2", P2_CONFIGURATION),
    ],
)
def test_the_configuration_descriptor(normal, platform, expected):
    whole = normal(platform).get(0x80, 6, 0x0200, 0, 4096)
    assert whole.hex() == expected
    assert int.from_bytes(whole[2:4], "little") == len(whole)
    assert normal(platform).get(0x80, 6, 0x0200, 0, 9) == whole[:9]


@pytest.mark.parametrize("platform", EMULATED, ids=lambda p: p.name)
def test_every_platform_tells_who_it_is(normal, platform):
    plugged = normal(platform.name)
    descriptor = plugged.get(0x80, 6, 0x0100, 0, 18)
    assert int.from_bytes(descriptor[8:10], "little") == platform.vendor_id
    assert int.from_bytes(descriptor[10:12], "little") == platform.normal_product_id
    assert [plugged.string(i) for i in (1, 2, 3)] == ["Particle", platform.normal_product, "2d0032000f47343438323536"]
    configuration = plugged.get(0x80, 6, 0x0200, 0, 255)
    at = 0
    while at < len(configuration):
        if configuration[at + 1] in (4, 11) and configuration[at + configuration[at] - 1]:
            assert plugged.string(configuration[at + configuration[at] - 1])
        at += configuration[at]


def test_a_photon_2_calls_itself_so(normal):
    assert normal("p2", product="Photon 2").string(2) == "Photon 2"


def test_the_control_interface_of_a_photon_has_a_name(normal):
    assert normal().string(9) == "Photon Control Interface"


def test_strings_are_cut_to_what_the_host_asks_for(normal):
    whole = normal().get(0x80, 6, 0x0303, 0x0409, 255)
    assert (len(whole), whole[0]) == (50, 50)
    assert normal().get(0x80, 6, 0x0303, 0x0409, 1) == whole[:1]
    assert normal().get(0x80, 6, 0x0300, 0, 255).hex() == "04030904"


@pytest.mark.parametrize("value", [0x0600, 0x0700, 0x0F00, 0x0101, 0x0201, 0x0342, 0x2200])
def test_descriptors_that_are_not_there_stall(normal, value):
    with pytest.raises(Stall):
        normal().get(0x80, 6, value)


def test_particle_cli_finds_what_it_looks_for(normal):
    # The transfers of `particle identify`, particle-cli 3.49.2.
    photon = normal()
    assert (photon.string(3), photon.string(2)) == ("2d0032000f47343438323536", "Photon")
    assert photon.get(0xC0, 0x50, 0, 30, 64).hex() == "322e332e31"
    assert photon.get(0xC0, 0x5, 0, 0, 64).hex() == "010000000000"
    assert photon.run(raw_system_version()) == "2.3.1"
    assert photon.run(calls.get_device_id()) == "2d0032000f47343438323536"


def test_windows_finds_the_control_interface(normal):
    for platform, interface in (("photon", 2), ("p2", 0)):
        plugged = normal(platform)
        assert plugged.get(0x80, 6, 0x03EE, 0, 255).hex() == "12034d00530046005400310030003000ee00"
        compatible = plugged.get(0xC0, 0xEE, 0, 4, 255)
        assert compatible.hex() == f"280000000001040001{'00' * 7}{interface:02x}0157494e555342{'00' * 16}"
        assert plugged.get(0xC0, 0xEE, 0, 4, 16) == compatible[:16]
        properties = plugged.get(0xC1, 0xEE, interface, 5, 255)
        assert properties[:14].hex() == "8e00000000010500010084000000"
        assert len(properties) == 0x8E
        assert "{20b6cfa4-6dc7-468a-a8db-faa7c23ddea5}" in properties[64:].decode("utf-16-le")
        assert plugged.get(0xC1, 0xEE, 1, 5, 255) == bytes(10)
        with pytest.raises(Stall):
            plugged.get(0xC0, 0xEE, 0, 7, 255)


def test_configurations_come_and_go(normal):
    photon = normal()
    assert photon.get(0x80, 8) == b"\1"
    assert photon.get(0x80, 0) == b"\0\0"
    assert normal("boron").get(0x80, 0) == b"\1\0"  # self powered
    photon.function.port.fetch(1)
    photon.set(0x00, 9, 0)
    assert photon.get(0x80, 8) == b"\0"
    assert not photon.function.port.is_open
    with pytest.raises(Stall):
        photon.function.ep_out(0x01, b"x")
    with pytest.raises(Stall):
        photon.set(0x00, 9, 2)
    photon.set(0x00, 5, 17)


def test_interfaces_have_one_setting(normal):
    photon = normal()
    for interface in range(3):
        assert photon.get(0x81, 10, 0, interface) == b"\0"
        assert photon.get(0x81, 0, 0, interface) == b"\0\0"
        photon.set(0x01, 11, 0, interface)
        with pytest.raises(Stall):
            photon.set(0x01, 11, 1, interface)
    for bad in (lambda: photon.get(0x81, 10, 0, 3), lambda: photon.set(0x01, 11, 0, 3), lambda: photon.get(0x81, 0, 0, 3)):
        with pytest.raises(Stall):
            bad()


def test_a_halted_endpoint_stalls_until_it_is_cleared(normal):
    photon = normal()
    photon.set(0x02, 3, 0, 0x81)
    assert photon.get(0x82, 0, 0, 0x81) == b"\1\0"
    with pytest.raises(Stall):
        photon.function.ep_in(0x81, 64)
    photon.set(0x02, 1, 0, 0x81)
    assert photon.get(0x82, 0, 0, 0x81) == b"\0\0"
    assert photon.get(0x82, 0, 0, 0x80) == b"\0\0"
    assert photon.function.ep_in(0x81, 64) is None
    for index, value in ((0x05, 0), (0x81, 1)):
        with pytest.raises(Stall):
            photon.set(0x02, 3, value, index)
    with pytest.raises(Stall):
        photon.set(0x00, 3, 1)  # remote wake-up, which no board offers


@pytest.mark.parametrize(
    ("platform", "interface", "out", "into", "note"), [("photon", 0, 1, 0x81, 0x83), ("boron", 0, 1, 0x81, 0x82), ("p2", 1, 1, 0x82, 0x81)]
)
def test_the_serial_port(normal, platform, interface, out, into, note):
    plugged = normal(platform)
    port = plugged.function.port
    received, speeds = [], []
    port.on_receive, port.on_line_coding = received.append, speeds.append
    plugged.set(0x21, 0x20, 0, interface, LineCoding(14400).encode())
    assert speeds == [14400]
    assert plugged.get(0xA1, 0x21, 0, interface, 7) == LineCoding(14400).encode()
    plugged.set(0x21, 0x22, 3, interface)
    assert (port.dtr, port.rts) == (True, True)
    plugged.set(0x21, 0x23, 0xFFFF, interface)
    plugged.function.ep_out(out, b"i")
    assert received == [b"i"]
    assert port.write(b"Your device id is x\r\n") == 21
    assert plugged.function.ep_in(into, 8) == b"Your dev"
    assert plugged.function.ep_in(into, 64) == b"ice id is x\r\n"
    assert plugged.function.ep_in(into, 64) is None
    assert plugged.function.ep_in(note, 8) is None
    for endpoint in (into & 0x7F ^ 0x0F, 0x02 | into & 0x40):
        with pytest.raises(Stall):
            plugged.function.ep_out(endpoint, b"x")
    with pytest.raises(Stall):
        plugged.function.ep_in(0x8F, 8)
    for bad in (
        Setup(0x21, 0x20, 0, interface, 6),
        Setup(0xA1, 0x01, 0, interface, 8),
        Setup(0x21, 0x22, 0, 2 if platform != "p2" else 0, 0),
    ):
        with pytest.raises(Stall):
            plugged.function.control(bad, bytes(6) if bad.length == 6 else b"")


def test_a_bus_reset_takes_everything_back(normal):
    photon = normal()
    function = photon.function
    function.control(Setup(0xC0, 1, 9, 1, 64), b"")
    photon.set(0x21, 0x22, 1, 0)
    photon.set(0x02, 3, 0, 0x81)
    function.bus_reset()
    assert not function.configured
    assert not function.port.dtr
    assert function.control(Setup(0xC0, 2, 0, 1, 64), b"")[4] == 5  # the request is not found any more
    photon.set(0x00, 9, 1)
    assert function.ep_in(0x81, 64) is None


@pytest.mark.parametrize("name", ["core", "tachyon", "sulu"])
def test_platforms_of_which_too_little_is_known_are_refused(name):
    with pytest.raises(NotEmulated, match=r"platform \d+"):
        usb_profile(platform_by_name(name))


setups = st.builds(
    Setup,
    st.sampled_from([0x00, 0x01, 0x02, 0x21, 0x40, 0x80, 0x81, 0x82, 0xA1, 0xC0, 0xC1]) | st.integers(0, 255),
    st.integers(0, 12) | st.sampled_from([0x20, 0x21, 0x22, 0x50, 0xEE]) | st.integers(0, 255),
    st.sampled_from([0, 1, 0x0100, 0x0200, 0x0302, 0x03EE]) | st.integers(0, 0xFFFF),
    st.sampled_from([0, 1, 2, 4, 5, 0x81, 0x0409]) | st.integers(0, 0xFFFF),
    st.sampled_from([0, 1, 7, 18, 64, 255, 4096, 0xFFFF]),
)


@given(st.sampled_from(["photon", "boron", "p2"]), st.lists(st.tuples(setups, st.binary(max_size=16)), max_size=20))
@settings(max_examples=150)
def test_any_transfer_is_answered_or_stalled(platform, transfers):
    from emulator.usb import CdcPort
    from particle_protocol.control_requests import ControlRequestChannel, RawRequests

    channel = ControlRequestChannel(lambda request: request.reply(0, request.payload))
    raw = RawRequests(device_id="ab" * 12, version="6.2.0", reset=lambda: None, cloud_disconnect=lambda: None)
    device = NormalModeDevice(platform_by_name(platform), "ab" * 12, channel, raw, CdcPort())
    for setup, data in transfers:
        out = data[: setup.length]
        request = setup if setup.is_in else Setup(setup.request_type, setup.request, setup.value, setup.index, len(out))
        with contextlib.suppress(Stall):
            assert len(device.control(request, b"" if request.is_in else out)) <= request.length
