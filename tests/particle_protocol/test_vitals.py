"""Vitals: the bytes of real devices, and what the report shows of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from particle_protocol.coap import Message
from particle_protocol.messages import DescribeFlag, DescribePost, Kind
from particle_protocol.vitals import VITALS, VitalError, VitalsError, by_name, decode_vitals, encode_vitals, q8_8, q16_16, report

NETWORK = {"status": "connected", "error": 0, "disconnects": 0, "attempts": 1, "disconnect_reason": "none"}
CLOUD = {"status": "connected", "error": 0, "attempts": 1, "disconnects": 0, "disconnect_reason": "none"}
UNKNOWN = {"err": -100}


def sent(lines):
    """The vitals that a device sent of its own accord, or answered with."""
    for line in lines:
        if line.what == "<":
            message = Message.decode(line.data)
            post = DescribePost.decode(message) if Kind.of(message) is Kind.DESCRIBE_POST else None
            if (post and post.flags is DescribeFlag.METRICS) or (message.code == 0x45 and message.payload.startswith(b"\0\4")):
                yield message.payload


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("e2e231", {6: 53, 20: 4, 23: 0, 26: VitalError(-100)}),
        ("e2e620", {6: 50, 20: 5, 60: 0}),
        ("udp580", {6: 5, 10: 2, 23: 14, 31: 21, 36: 1, 37: VitalError(-100)}),
        ("tcp620", {6: 20, 8: 4}),
    ],
)
def test_the_bytes_of_real_devices_read_and_write_alike(recording, name, values):
    (payload, *_) = sent(recording(name))
    found = decode_vitals(payload)
    assert encode_vitals(found) == payload
    assert {number: found[number] for number in values} == values
    assert found.keys() <= VITALS.keys()


def test_the_report_of_a_real_device(recording):
    (payload,) = sent(recording("udp580"))
    signal = {"at": "Wi-Fi"} | dict.fromkeys(("strength", "strengthv", "quality", "qualityv"), UNKNOWN)
    assert report(decode_vitals(payload)) == {
        "network": {"signal": signal, "connection": NETWORK},
        "cloud": {
            "connection": CLOUD,
            "coap": {"transmit": 14, "retransmit": 0, "unack": 0, "round_trip": 21},
            "publish": {"rate_limited": 0},
        },
        "system": {"uptime": 5, "memory": {"used": UNKNOWN, "total": UNKNOWN}},
    }


def test_fixed_point_numbers_have_their_units():
    vitals = {33: q8_8(66.66), 37: q16_16(-57), 34: q8_8(75.51), 35: q16_16(-6), 3: q8_8(81.5), 7: 6}
    assert report(decode_vitals(encode_vitals(vitals))) == {
        "network": {
            "signal": {"strength": 66.66, "strength_units": "%", "strengthv": -57, "strengthv_units": "dBm"}
            | {"quality": 75.51, "quality_units": "%", "qualityv": -6, "qualityv_units": "dB"}
        },
        "power": {"battery": {"charge": 81.5, "charge_units": "%", "state": "disconnected"}},
    }


def test_what_is_unknown_is_shown_by_number():
    vitals = {61: 1, 0x8000: 7, 0xFFFF: -1, 8: 99, 15: 0xC0A80107 - (1 << 32), 3: VitalError(-210)}
    assert decode_vitals(encode_vitals(vitals)) == vitals
    assert report(vitals) == {
        "network": {"connection": {"status": 99}, "ip": {"address": "192.168.1.7"}},
        "power": {"battery": {"charge": {"err": -210}}},
        "other": {"61": 1, "32768": 7, "65535": -1},
    }


def test_a_host_is_told_raw_values_by_name():
    assert by_name({6: 5, 37: q16_16(-57), 25: VitalError(-100), 61: 1}) == {"sys:uptime": 5, "net:sigstrv": -57 << 16, "sys:tram": UNKNOWN}


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ("", "no metrics"),
        ("7b7d", "no metrics"),
        ("0004000200040006", "metrics of 8 bytes end inside a value"),
        ("00010002000400", "no metrics"),
        ("000400020008000600010000000000", "values of 4 bytes"),
    ],
)
def test_what_are_no_vitals_is_refused(payload, why):
    with pytest.raises(VitalsError, match=why):
        decode_vitals(bytes.fromhex(payload))


@given(st.dictionaries(st.integers(0, 0x7FFF), st.integers(-(2**31), 2**31 - 1)), st.sets(st.sampled_from(sorted(VITALS)), max_size=5))
def test_all_vitals_survive_the_wire_and_have_a_report(values, errors):
    vitals = values | {number: VitalError(-number) for number in errors}
    assert decode_vitals(encode_vitals(vitals)) == vitals
    assert bool(report(vitals)) == bool(vitals)


def test_every_id_has_a_place_of_its_own():
    assert len({vital.path for vital in VITALS.values()}) == len({vital.name for vital in VITALS.values()}) == len(VITALS)


@given(st.binary(max_size=40))
def test_random_bytes_are_vitals_or_a_vitals_error(data):
    for payload in (data, bytes.fromhex("00040002000400") + data):
        try:
            report(decode_vitals(payload))
        except VitalsError:
            pass
