import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from particle_protocol.dct import DCT_SIZE, DctField, ServerAddress, SystemFlag


@pytest.mark.parametrize(
    ("field", "offset", "size"),
    [
        (DctField.DEVICE_PRIVATE_KEY, 34, 1216),
        (DctField.CLAIM_CODE, 1762, 63),
        (DctField.CLAIMED, 1825, 1),
        (DctField.SERVER_ADDRESS, 2082 + 384, 128),
        (DctField.ALT_SERVER_ADDRESS, 3298 + 192, 128),
        (DctField.DEVICE_ID, 3618, 12),
        (DctField.SETUP_DONE, 8134, 1),
    ],
)
def test_fields_lie_where_firmware_asserts_them(field, offset, size):
    assert (field.offset, field.size) == (offset, size)
    image = bytes(range(256)) * 64
    assert field.read(image) == image[offset : offset + size]


def test_fields_do_not_overlap_but_for_the_address_in_the_server_key_and_the_two_endings():
    gen2 = [f for f in DctField if f.offset < 8134 or f.name.startswith("GEN2")]
    gen3 = [f for f in DctField if not f.name.startswith("GEN2")]
    for layout in (gen2, gen3):
        fields = sorted((f for f in layout if f is not DctField.SERVER_ADDRESS), key=lambda f: f.offset)
        for low, high in itertools.pairwise(fields):
            assert low.end <= high.offset
        assert fields[-1].end <= DCT_SIZE


def test_system_flags_stay_in_their_field():
    assert all(f.offset + f.size <= DctField.SYSTEM_FLAGS.size for f in SystemFlag)
    assert len(SystemFlag) == len({f.offset for f in SystemFlag})


def test_a_server_address_is_type_length_text_and_a_big_endian_port():
    record = ServerAddress("cloud.example", 5684).encode()
    assert len(record) == 128
    assert record[:15] == b"\x01\x0dcloud.example"
    assert record[66:68] == b"\x16\x34"
    assert ServerAddress("192.168.1.5").encode()[:6] == b"\x00\x04\xc0\xa8\x01\x05"


@given(st.from_regex(r"[a-z][a-z0-9.-]{0,63}", fullmatch=True) | st.ip_addresses(v=4).map(str), st.none() | st.integers(1, 65534))
def test_a_server_address_survives_the_round_trip(host, port):
    address = ServerAddress(host, port)
    assert ServerAddress.decode(address.encode()) == address


@given(st.binary(max_size=140))
def test_any_bytes_are_an_address_or_none(record):
    found = ServerAddress.decode(record)
    assert found is None or str(found)


def test_a_blank_record_means_the_built_in_server():
    assert ServerAddress.decode(b"\xff" * 128) is None
    assert ServerAddress.decode(b"\0" * 128) is None


@pytest.mark.parametrize(
    "address", [ServerAddress(""), ServerAddress("a" * 65), ServerAddress("höst"), ServerAddress("a", 0), ServerAddress("a", 65535)]
)
def test_what_does_not_fit_a_record_is_refused(address):
    with pytest.raises(ValueError, match="server address"):
        address.encode()
