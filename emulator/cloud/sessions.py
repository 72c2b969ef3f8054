"""The seam between the cloud and the device service: what each may ask of the other.

The device service (`emulator.cloud.device_service`) speaks with the boards and gives the cloud one `DeviceSession` per connected device;
the cloud is its `DeviceListener`. A session's replies fail with `TimeoutError` (nothing came), `ConnectionError` (the session ended) or
`Refused` (the device said no).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from emulator.drivers import Reply
from particle_protocol.describe import ApplicationDescribe, SystemDescribe
from particle_protocol.key_kinds import KeyKind
from particle_protocol.vitals import Vitals

Value = bool | int | float | str
"""What a cloud variable can be."""


class Refused(Exception):
    """The device answered that it will not. `reason` is what it said, `code` the CoAP code that it said it with, if it was one."""

    def __init__(self, reason: str, code: int = 0) -> None:
        self.reason = reason
        self.code = code
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class HelloFacts:
    """What a device says of itself in Hello (Device OS 6.2, messages.cpp:126-165).

    `system_version` is the system module's version; the 8-byte form of Device OS 2.3.1 and earlier lacks it. `product_id` equals
    `platform_id` in firmware without a product id of its own; 0xFFFF stands for "not set" in both product fields.
    """

    product_id: int
    product_version: int
    platform_id: int
    system_version: int | None = None
    flags: int = 0


class DeviceSession(Protocol):
    """One connected device."""

    device_id: str
    hello: HelloFacts
    peer: str
    closed: bool

    def call(self, name: str, argument: str) -> Reply[int]:
        """Call a function; gives what it returned."""

    def read(self, name: str) -> Reply[Value]:
        """Read a variable."""

    def signal(self, on: bool) -> Reply[None]:  # the only argument
        """Start or stop shouting rainbows."""

    def ping(self) -> Reply[None]:
        """See whether the device is there."""

    def vitals(self) -> Reply[Vitals]:
        """Ask the device for its vitals."""

    def flash(self, image: bytes) -> Reply[None]:
        """Send a module over the air; settles when the device has it all and accepts it."""

    def publish(self, name: str, data: str | None, *, ttl: int = 60, public: bool = False) -> bool:
        """Send an event, if the device subscribed to it; says whether."""

    def close(self, reason: str) -> None:
        """End the connection, and have the device know it."""

    def gone(self, reason: str) -> None:
        """End the connection of a device that is not there any more, so that nobody can be told. Where it can, it goes on later."""


class DeviceListener(Protocol):
    """What a session tells the cloud."""

    def public_key(self, device_id: str, kind: KeyKind) -> bytes | None:
        """The registered public key of that kind (SubjectPublicKeyInfo, DER), or None."""

    def admits_key(self, key: bytes) -> bool:
        """Whether a device that proved this key, and has not said which one it is, may go on: it is somebody's, or keys are learned."""

    def learn_key(self, device_id: str, key: bytes) -> bool:
        """A device without a registered key shows one; whether the cloud takes it."""

    def session_opened(self, session: DeviceSession) -> None:
        """The handshake is done, Hello was exchanged. The cloud may close the session at once."""

    def heard(self, session: DeviceSession) -> None:
        """Something came from the device, whatever it was."""

    def session_closed(self, session: DeviceSession, reason: str) -> None:
        """The connection ended, whoever ended it."""

    def described(self, session: DeviceSession, system: SystemDescribe | None, application: ApplicationDescribe | None) -> None:
        """The device described its modules, or its functions and variables, or both."""

    def vitals_received(self, session: DeviceSession, vitals: Vitals) -> None:
        """The device sent its vitals unasked."""

    def event_received(self, session: DeviceSession, name: str, data: str | None, *, public: bool, ttl: int) -> None:
        """The device published an event."""

    def failed(self, error: Exception) -> None:
        """Something that nobody foresaw went wrong in reading what a device sent. The message was dropped, and the session goes on."""
