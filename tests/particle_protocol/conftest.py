"""Joining the two ends of a USB conversation in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from particle_protocol.usb import HostSteps, Pause, Setup, Stall


class Wire:
    """Runs host steps against a device's `control`; keeps what was said and how long was paused."""

    def __init__(self, control: Callable[[Setup, bytes], bytes]) -> None:
        self.control = control
        self.pauses: list[float] = []
        self.said: list[tuple[Setup, bytes]] = []
        self.on_pause: Callable[[float], None] = lambda _: None

    def run(self, steps: HostSteps[Any]) -> Any:
        answer: bytes | None = b""
        stall: Stall | None = None
        try:
            step = next(steps)
            while True:
                if isinstance(step, Pause):
                    self.pauses.append(step.seconds)
                    self.on_pause(step.seconds)
                    answer, stall = b"", None
                else:
                    self.said.append((step.setup, step.data))
                    try:
                        answer, stall = self.control(step.setup, step.data), None
                    except Stall as error:
                        stall = error
                step = steps.throw(stall) if stall is not None else steps.send(answer or b"")
        except StopIteration as end:
            return end.value


@pytest.fixture(scope="session")
def wire() -> type[Wire]:
    return Wire
