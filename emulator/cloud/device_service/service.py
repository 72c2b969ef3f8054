"""The cloud's device service: what its ports share, and the sessions of all of them."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from emulator.clock import Clock
from emulator.cloud.core import MakeReply
from emulator.cloud.device_log import DeviceLog, Refusal
from emulator.cloud.device_service.service_settings import DeviceServiceSettings
from emulator.cloud.device_service.session import Session
from emulator.cloud.sessions import DeviceListener
from emulator.network import Network
from particle_protocol.cloud_profiles import Transport

if TYPE_CHECKING:
    from emulator.cloud.device_service.line import Line


class Port(Protocol):
    """One way in for boards."""

    transport: Transport

    @property
    def lines(self) -> Collection[Line]:
        """The boards' ways in that are there."""

    @property
    def public_der(self) -> bytes:
        """The server key that boards hold which come in here (SubjectPublicKeyInfo, DER)."""

    def listen(self, network: Network, host: str, number: int) -> None:
        """Be there for the boards of a Lab."""

    def sessions(self) -> Iterator[Session]:
        """The sessions that are open."""

    def close(self, reason: str) -> None:
        """Hang up on every board."""


class DeviceService:
    """Where boards connect. Its ports (`StreamPort`, `DatagramPort`) are made with it, and add themselves to `ports`.

    What is random in a session comes from `rng`: a Lab gives its seeded one, a real server `random.SystemRandom()`. `log` notes the
    connections that came to nothing, and the messages that were dropped.
    """

    def __init__(
        self,
        clock: Clock,
        listener: DeviceListener,
        make_reply: MakeReply,
        rng: random.Random,
        settings: DeviceServiceSettings | None = None,
        log: DeviceLog | None = None,
    ) -> None:
        self.clock = clock
        self.listener = listener
        self.make_reply = make_reply
        self.rng = rng
        self.settings = settings if settings is not None else DeviceServiceSettings()
        self.log = log if log is not None else DeviceLog()
        self.ports: list[Port] = []

    @property
    def refusals(self) -> Sequence[Refusal]:
        """The newest connections that came to nothing."""
        return self.log.refusals

    @property
    def sessions(self) -> list[Session]:
        """The sessions that are open, at any port."""
        return [session for port in self.ports for session in port.sessions()]

    def close(self, reason: str = "the cloud shuts down") -> None:
        """Hang up on every board."""
        for port in self.ports:
            port.close(reason)
