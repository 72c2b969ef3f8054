"""Messages of updates, version 3: golden bytes of Device OS 6.2.0, and what is no such message."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from particle_protocol.coap import Code, Message, Type
from particle_protocol.control_requests.codes import Result
from particle_protocol.messages import MessageError
from particle_protocol.ota import UpdateAck, UpdateChunk, UpdateFault, UpdateFinish, UpdateStart, UpdateStarted
from particle_protocol.ota.answers import coap_code, diagnostic, read_refusal

TOKEN = b"\x21"
REQUESTS = [
    ("4102100121b153e206f105dc820200", UpdateStart(1500, 512)),
    ("4102100522b146", UpdateFinish()),
]
NOTICES = [
    ("50021002b143e106e901ff00001000d8051000", UpdateChunk(1, bytes.fromhex("00001000d8051000"))),
    ("5002000fb141e106e902", UpdateAck(2)),
    ("50020010b141e106e903", UpdateAck(3)),
    ("5002000fb141e106e901ff02000000", UpdateAck(1, 0b10)),
]


@pytest.mark.parametrize(("wire", "expected"), REQUESTS)
def test_recorded_requests_are_read_and_written_alike(wire, expected):
    message = Message.decode(bytes.fromhex(wire))
    assert type(expected).decode(message) == expected
    assert expected.encode(message.id, message.token).encode().hex() == wire
    assert str(expected)


@pytest.mark.parametrize(("wire", "expected"), NOTICES)
def test_recorded_chunks_and_acknowledgements_are_read_and_written_alike(wire, expected):
    message = Message.decode(bytes.fromhex(wire))
    assert type(expected).decode(message) == expected
    assert expected.encode(message.id).encode().hex() == wire
    assert str(expected)


def test_a_recorded_readiness_is_read_and_written_alike():
    message = Message.decode(bytes.fromhex("4141000e21e206f8010040"))
    assert UpdateStarted.decode(message) == UpdateStarted(256, 0)
    assert UpdateStarted(256, 0).options() == message.options
    assert str(UpdateStarted(256, 7))


sizes = st.integers(0, 0xFFFFFFFF)
starts = st.builds(
    UpdateStart, sizes, sizes, st.none() | st.binary(min_size=32, max_size=32), st.booleans(), st.none() | st.integers(0, 255)
)


@given(starts | st.builds(UpdateFinish, st.booleans(), st.booleans()))
def test_requests_are_read_as_they_were_written(request_):
    message = Message.decode(request_.encode(7, TOKEN).encode())
    assert type(request_).decode(message) == request_
    assert (message.type, message.token) == (Type.CON, TOKEN)


@given(st.builds(UpdateChunk, sizes, st.binary(max_size=40)) | st.builds(UpdateAck, sizes, st.integers(0, 1 << 256)))
def test_notices_are_read_as_they_were_written(notice):
    message = Message.decode(notice.encode(7).encode())
    assert type(notice).decode(message) == notice
    assert (message.type, message.token) == (Type.NON, b"")


@given(st.integers(0, 300), st.sets(st.integers(1, 300)))
def test_an_acknowledgement_knows_which_chunks_have_come(index, beyond):
    behind = {chunk for chunk in beyond if chunk > index + 1}
    ack = UpdateAck(index, sum(1 << (chunk - index - 1) for chunk in behind))
    assert {chunk for chunk in range(1, 301) if ack.has(chunk)} == set(range(1, index + 1)) | behind


def message(path, *options, code=Code.POST, payload=b""):
    return Message(Type.NON, code, 1, b"", ((11, path), *options), payload)


@pytest.mark.parametrize(
    ("decoder", "malformed"),
    [
        (UpdateStart, message(b"F")),
        (UpdateStart, message(b"S")),
        (UpdateStart, message(b"S", (2057, b"\1"))),
        (UpdateStart, message(b"S", (2057, bytes(5)), (2065, b"\2\0"))),
        (UpdateStart, message(b"S", (2057, b"\1"), (2061, bytes(31)), (2065, b"\2\0"))),
        (UpdateStarted, message(b"", (2053, b"\1"), code=Code.CHANGED)),
        (UpdateStarted, message(b"", code=Code.CREATED)),
        (UpdateStarted, message(b"", (2053, b""), code=Code.CREATED)),
        (UpdateChunk, message(b"C", payload=b"data")),
        (UpdateChunk, message(b"C", (2049, b"\1"), code=Code.PUT)),
        (UpdateAck, message(b"A")),
        (UpdateAck, message(b"A", (2049, b"\1"), payload=b"\1\2\3")),
        (UpdateFinish, message(b"S")),
    ],
)
def test_what_is_malformed_is_refused(decoder, malformed):
    with pytest.raises(MessageError):
        decoder.decode(malformed)


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (Result.INVALID_ARGUMENT, 0x80),
        (Result.TOO_LARGE, 0x80),
        (Result.NOT_ALLOWED, 0x83),
        (Result.NOT_FOUND, 0x84),
        (Result.INTERNAL, 0xA0),
        (Result.NOT_SUPPORTED, 0xA1),
        (Result.BUSY, 0xA3),
        (Result.OTA_VALIDATION_FAILED, 0xA3),
        (Result.OTA_UPDATES_DISABLED, 0xA3),
        (-9999, 0xA3),
        (Result.TIMEOUT, 0xA4),
    ],
)
def test_every_system_error_has_its_coap_code(result, code):
    assert coap_code(result) == code


@given(st.sampled_from(list(Result)[1:]) | st.integers(-9999, -1), st.text(max_size=300), st.integers(60, 400))
def test_a_refusal_fits_and_is_understood(result, text, room):
    payload = diagnostic(UpdateFault(result, text), room)
    assert len(payload) <= room
    refusal = read_refusal(Message(Type.CON, coap_code(result), 1, TOKEN, (), payload))
    assert (refusal.code, refusal.result) == (coap_code(result), result)
    assert (text or UpdateFault(result).text).startswith(refusal.text)


@pytest.mark.parametrize("payload", [b"", b"no JSON", b"[1]", b'{"code":"1"}', b"[" * 9000, b"\xff\xfe"])
def test_a_refusal_without_a_reason_is_one_all_the_same(payload):
    refusal = read_refusal(Message(Type.CON, 0xA3, 1, TOKEN, (), payload))
    assert refusal.result is None and str(refusal).startswith("5.03")


def test_a_diagnostic_is_what_the_device_writes():
    told = diagnostic(UpdateFault(Result.OTA_VALIDATION_FAILED), 200)
    assert json.loads(told) == {"code": -1320, "message": "the module is not valid (-1320)"}
