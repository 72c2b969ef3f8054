"""A whole device-id request (INIT, CHECK, RECV) between the bare cores: no USB library, no board."""

import pytest

from particle_protocol.control_requests import ControlRequestChannel, calls, encode_string, request
from particle_protocol.usb import Setup

DEVICE_ID = "2d0032000f47343438323536"


def run(steps, control):
    """The least driver there can be: carry out each transfer at once."""
    try:
        step = next(steps)
        while True:
            step = steps.send(control(step.setup, step.data))
    except StopIteration as end:
        return end.value


@pytest.fixture
def channel():
    return ControlRequestChannel(lambda asked: asked.reply(0, encode_string(DEVICE_ID)))


def test_device_id_request_host_and_device(benchmark, channel):
    assert benchmark(lambda: run(calls.get_device_id(), channel.control)) == DEVICE_ID


def test_device_id_request_host_alone(benchmark):
    """The host's share: a device that does nothing but hand out prepared answers."""
    answers = {1: bytes.fromhex("0300000000000100"), 2: bytes.fromhex("0d00000000001a00000000000000"), 4: encode_string(DEVICE_ID)}
    assert benchmark(lambda: run(calls.get_device_id(), lambda setup, data: answers[setup.request])) == DEVICE_ID


def test_device_id_request_device_alone(benchmark, channel):
    """The device's share: prepared transfers."""
    init = Setup(0xC0, 1, 0, 20, 64)

    def ask():
        request_id = int.from_bytes(channel.control(init, b"")[6:8], "little")
        channel.control(Setup(0xC0, 2, 0, request_id, 64), b"")
        return channel.control(Setup(0xC0, 4, 0, request_id, 26), b"")

    assert benchmark(ask) == encode_string(DEVICE_ID)


def test_echo_of_64_kib(benchmark):
    channel = ControlRequestChannel(lambda asked: asked.reply(0, asked.payload))
    payload = bytes(65535)
    assert benchmark(lambda: run(request(1, payload), channel.control)) == payload
