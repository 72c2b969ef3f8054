"""The host's end against the device's end, in memory."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from particle_protocol.control_requests import (
    ControlRequestChannel,
    ControlRequestError,
    DeviceBusy,
    DeviceOutOfMemory,
    DeviceProtectedError,
    ProtocolError,
    RawRequests,
    RequestError,
    RequestLost,
    RequestTimeout,
    RequestType,
    Result,
    ServiceReply,
    Status,
    calls,
    encode_string,
    raw_system_version,
    request,
    reset_all,
)
from particle_protocol.control_requests.generated.storage_pb2 import (
    FirmwareUpdateDataRequest,
    StartFirmwareUpdateReply,
    StartFirmwareUpdateRequest,
)
from particle_protocol.control_requests.host import raw_cloud_disconnect, raw_device_id, raw_reset
from particle_protocol.usb import Stall


def echo(request_):
    request_.reply(0, request_.payload)


@given(st.sampled_from([0, 1, 63, 64, 65, 4095, 4096, 4097, 65535]) | st.integers(0, 65535))
def test_echo_returns_what_it_was_sent(wire, size):
    payload = bytes(i & 0xFF for i in range(size))
    assert wire(ControlRequestChannel(echo).control).run(request(RequestType.ECHO, payload)) == payload


def test_an_immediate_answer_costs_three_transfers_and_no_pause(wire):
    line = wire(ControlRequestChannel(lambda r: r.reply(0, encode_string("2d0032000f47343438323536"))).control)
    assert line.run(calls.get_device_id()) == "2d0032000f47343438323536"
    assert [setup.request for setup, _ in line.said] == [1, 2, 4]
    assert not line.pauses


def test_questions_are_asked_at_the_pace_of_particle_usb(wire):
    held = []
    line = wire(ControlRequestChannel(held.append).control)

    def answer_after_ten(_):
        if len(line.pauses) == 10:
            held[0].reply(0)

    line.on_pause = answer_after_ten
    line.run(request(1))
    assert line.pauses == [0.05, 0.05, 0.1, 0.1, 0.25, 0.25, 0.5, 0.5, 1, 1]


def test_a_request_that_takes_too_long_is_taken_back(wire):
    held = []
    line = wire(ControlRequestChannel(held.append).control)
    with pytest.raises(RequestTimeout, match=r"SAFE_MODE \(60\): waited 3 s for the result"):
        line.run(request(60, timeout=3))
    assert sum(line.pauses) == pytest.approx(3)
    assert held[0].result == Result.CANCELLED


def test_large_payloads_and_replies_travel_in_chunks_of_4096(wire):
    line = wire(ControlRequestChannel(echo).control)
    line.run(request(1, bytes(10000)))
    assert [(s.request, s.length) for s, _ in line.said] == [
        (1, 64),
        (2, 64),
        (3, 4096),
        (3, 4096),
        (3, 1808),
        (2, 64),
        (4, 4096),
        (4, 4096),
        (4, 1808),
    ]


def test_a_busy_device_is_asked_again(wire):
    held = []
    channel = ControlRequestChannel(held.append)
    line = wire(channel.control)
    blocked = [request(1) for _ in range(4)]
    for steps in blocked:
        channel.control(next(steps).setup, b"")

    def free_one(_):
        channel._handler = echo
        channel.cancel_all()

    line.on_pause = free_one
    assert line.run(request(1, b"x")) == b"x"
    assert line.pauses == [0.05]


def test_a_device_that_stays_busy_is_reported(wire):
    channel = ControlRequestChannel(lambda r: None)
    for steps in [request(1) for _ in range(4)]:
        channel.control(next(steps).setup, b"")
    with pytest.raises(DeviceBusy, match="2 s"):
        wire(channel.control).run(request(1, timeout=2))


def test_results_become_errors(wire):
    def refuse(request_):
        request_.reply({20: Result.PROTECTED, 21: -9999}.get(request_.type, Result.NOT_SUPPORTED), b"data is passed over")

    line = wire(ControlRequestChannel(refuse).control)
    with pytest.raises(DeviceProtectedError, match="protected"):
        line.run(calls.get_device_id())
    with pytest.raises(RequestError, match=r"GET_INTERFACE_LIST \(400\): not supported \(-120\)") as caught:
        line.run(request(RequestType.GET_INTERFACE_LIST))
    assert caught.value.result is Result.NOT_SUPPORTED
    with pytest.raises(RequestError, match="error -9999"):
        line.run(request(21))


def test_no_memory_and_lost_requests_are_told_apart(wire):
    channel = ControlRequestChannel(lambda r: None, allocate=lambda size: False)
    with pytest.raises(DeviceOutOfMemory):
        wire(channel.control).run(request(1, bytes(100)))
    line = wire(channel.control)
    line.on_pause = lambda _: channel.cancel_all()
    with pytest.raises(RequestLost):
        line.run(request(1))


def test_too_much_payload_is_refused_before_anything_is_sent(wire):
    line = wire(ControlRequestChannel(echo).control)
    with pytest.raises(ValueError, match="65535"):
        line.run(request(1, bytes(65536)))
    assert not line.said


def scripted(*answers):
    """A device that gives these answers, whatever is asked."""
    script = list(answers)

    def control(setup, data):
        answer = script.pop(0)
        if answer is None:
            raise Stall
        return answer.encode() if isinstance(answer, ServiceReply) else answer

    return control


OK = ServiceReply(Status.OK)


@pytest.mark.parametrize(
    ("answers", "payload", "complaint"),
    [
        ([None], b"", "DFU mode"),
        ([b"\1\0"], b"", "cut short"),
        ([b"\2\0\0\0\0\0\1\0"], b"", "no status"),
        ([OK], b"", "no id"),
        ([ServiceReply(Status.OK, id=0)], b"", "no id"),
        ([ServiceReply(Status.ERROR)], b"", "ERROR"),
        ([ServiceReply(9)], b"", "status 9"),
        ([ServiceReply(0, id=1), OK, OK], b"", "no result"),
        ([ServiceReply(0, id=1), None, OK], b"", "stalled CHECK"),
        ([ServiceReply(0, id=1), None, OK], b"x", "refused its payload at byte 0 of 1"),
        ([ServiceReply(0, id=1), ServiceReply(0, size=3, result=0), None, None], b"", "byte 0 of 3"),
        ([ServiceReply(0, id=1), ServiceReply(0, size=3, result=0), b"ab", OK], b"", "asked for 3 bytes of the reply, got 2"),
    ],
)
def test_a_device_that_breaks_the_protocol_is_reported(wire, answers, payload, complaint):
    with pytest.raises(ProtocolError, match=complaint):
        wire(scripted(*answers)).run(request(1, payload))


@given(st.lists(st.none() | st.binary(max_size=20), max_size=8), st.binary(max_size=3))
def test_any_answers_end_the_conversation(wire, answers, payload):
    with contextlib.suppress(ControlRequestError):
        wire(scripted(*answers, *[None] * 100)).run(request(1, payload, timeout=5))


def test_opening_a_device_reads_the_version_and_forgets_old_requests(wire):
    held, events = [], []
    channel = ControlRequestChannel(held.append)
    raw = RawRequests(
        device_id="ab" * 12, version="2.3.1", reset=lambda: events.append("reset"), cloud_disconnect=lambda: events.append("cloud")
    )
    line = wire(lambda setup, data: (raw if setup.request == 0x50 else channel).control(setup, data))
    assert line.run(raw_system_version()) == "2.3.1"
    assert line.run(raw_device_id()) == "ab" * 12
    line.run(reset_all())
    line.run(raw_reset())
    line.run(raw_cloud_disconnect(zero_byte=True))
    assert events == ["reset", "cloud"]
    assert line.said[-1][1] == b"\0"


def test_a_device_in_dfu_mode_has_no_version_and_nothing_to_forget(wire):
    line = wire(scripted(None, None, None))
    assert line.run(raw_system_version()) is None
    line.run(reset_all())
    with pytest.raises(ProtocolError, match="RESET"):
        line.run(raw_reset())


class Updater:
    """A board that takes firmware."""

    def __init__(self, verdict=0):
        self.image, self.size, self.verdict, self.types = b"", 0, verdict, []

    def __call__(self, request_):
        self.types.append(request_.type)
        if request_.type == 250:
            self.size = StartFirmwareUpdateRequest.FromString(request_.payload).size
            request_.reply(0, StartFirmwareUpdateReply(chunk_size=1024).SerializeToString())
        elif request_.type == 253:
            self.image += FirmwareUpdateDataRequest.FromString(request_.payload).data
            request_.reply(0)
        else:
            request_.reply(self.verdict if request_.type == 251 else 0)


def test_firmware_is_handed_over_in_the_boards_chunks(wire):
    board, progress = Updater(), []
    image = bytes(range(256)) * 10
    wire(ControlRequestChannel(board).control).run(calls.update_firmware(image, progress=lambda *step: progress.append(step)))
    assert (board.size, board.image) == (2560, image)
    assert board.types == [250, 253, 253, 253, 251]
    assert progress == [(1024, 2560), (2048, 2560), (2560, 2560)]


def test_a_rejected_image_is_taken_back_and_reported(wire):
    board = Updater(verdict=Result.OTA_INTEGRITY_CHECK_FAILED)
    with pytest.raises(RequestError, match="CRC"):
        wire(ControlRequestChannel(board).control).run(calls.update_firmware(b"x"))
    assert board.types == [250, 253, 251, 252]


def test_calls_speak_for_themselves(wire):
    answers = {72: b"\x08\x01", 201: b"\x08\x01", 21: encode_string("P046AF4"), 30: encode_string("2.3.1")}
    seen = []

    def board(request_):
        seen.append((request_.type, request_.payload))
        request_.reply(Result.INVALID_STATE if request_.type == 70 else 0, answers.get(request_.type, b""))

    line = wire(ControlRequestChannel(board).control)
    assert line.run(calls.is_listening()) is True
    assert line.run(calls.is_claimed()) is True
    assert line.run(calls.get_serial_number()) == "P046AF4"
    assert line.run(calls.get_system_version()) == "2.3.1"
    assert list(line.run(calls.get_module_info()).modules) == []
    for steps in (
        calls.start_listening(),
        calls.stop_listening(),
        calls.reset(),
        calls.factory_reset(),
        calls.enter_dfu_mode(),
        calls.enter_safe_mode(),
        calls.set_setup_done(),
        calls.set_claim_code("c" * 63),
    ):
        line.run(steps)
    assert seen[5:] == [(70, b""), (71, b""), (40, b""), (41, b""), (50, b""), (60, b""), (73, b"\x08\x01"), (200, b"\x0a\x3f" + b"c" * 63)]
