"""Boards on USB without a board behind them."""

from __future__ import annotations

import pytest

from emulator.usb import CdcPort, DfuModeDevice, NormalModeDevice
from particle_protocol.control_requests import ControlRequestChannel, RawRequests, encode_string
from particle_protocol.dfu import DfuDevice
from particle_protocol.platforms import platform_by_name
from particle_protocol.usb import Pause, Setup, Stall

DEVICE_ID = "2d0032000f47343438323536"


class Erased:
    """A memory that keeps nothing."""

    erase_time = program_time = 0.0

    def __init__(self, name: str) -> None:
        self.name = name
        self.operations: list[tuple[str, int]] = []

    def read(self, address: int, length: int) -> bytes:
        return b"\xff" * length

    def erase(self, address: int) -> None:
        self.operations.append(("erase", address))

    def program(self, address: int, data: bytes) -> None:
        self.operations.append(("program", address))


class Plugged:
    """A device that has been configured, and what a host may do with it."""

    def __init__(self, function) -> None:
        self.function = function
        self.set(0x00, 9, 1)

    def get(self, request_type: int, request: int, value: int = 0, index: int = 0, length: int = 255) -> bytes:
        return self.function.control(Setup(request_type, request, value, index, length), b"")

    def set(self, request_type: int, request: int, value: int = 0, index: int = 0, data: bytes = b"") -> None:
        assert self.function.control(Setup(request_type, request, value, index, len(data)), data) == b""

    def string(self, index: int) -> str:
        return self.get(0x80, 6, 0x0300 | index, 0x0409)[2:].decode("utf-16-le")

    def run(self, steps):
        answer: bytes | None = b""
        stall: Stall | None = None
        try:
            step = next(steps)
            while True:
                answer, stall = b"", None
                if not isinstance(step, Pause):
                    try:
                        answer = self.function.control(step.setup, step.data)
                    except Stall as error:
                        stall = error
                step = steps.throw(stall) if stall else steps.send(answer)
        except StopIteration as end:
            return end.value


@pytest.fixture
def normal():
    def normal(platform: str = "photon", **options) -> Plugged:
        channel = ControlRequestChannel(lambda request: request.reply(0, encode_string(DEVICE_ID)))
        raw = RawRequests(device_id=DEVICE_ID, version="2.3.1", reset=lambda: None, cloud_disconnect=lambda: None)
        return Plugged(NormalModeDevice(platform_by_name(platform), DEVICE_ID, channel, raw, CdcPort(), **options))

    return normal


@pytest.fixture
def dfu():
    def dfu(platform: str = "photon", **options) -> Plugged:
        found = platform_by_name(platform)
        device = DfuDevice([Erased(name) for name in found.dfu_alternates], found.mcu, on_leave=lambda leave: None)
        return Plugged(DfuModeDevice(found, DEVICE_ID, device, lambda: 0.0, **options))

    return dfu
