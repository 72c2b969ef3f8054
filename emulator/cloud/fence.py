"""The fence between the device service and the cloud: what fails in the cloud does not reach the connection of a device."""

from __future__ import annotations

from emulator.cloud.core import Core
from emulator.cloud.sessions import DeviceListener, DeviceSession
from particle_protocol.describe import ApplicationDescribe, SystemDescribe
from particle_protocol.key_kinds import KeyKind
from particle_protocol.vitals import Vitals


class FencedListener:
    """A `DeviceListener` around another one. A device that the cloud fails to take in is turned away: it will try again."""

    def __init__(self, core: Core, listener: DeviceListener) -> None:
        self._core = core
        self._inner = listener

    def public_key(self, device_id: str, kind: KeyKind) -> bytes | None:
        """See `DeviceListener`."""
        found: list[bytes | None] = [None]
        self._core.fenced("looking a device's key up", lambda: found.insert(0, self._inner.public_key(device_id, kind)))
        return found[0]

    def admits_key(self, key: bytes) -> bool:
        """See `DeviceListener`."""
        admitted = [False]
        self._core.fenced("looking for the device of a key", lambda: admitted.insert(0, self._inner.admits_key(key)))
        return admitted[0]

    def learn_key(self, device_id: str, key: bytes) -> bool:
        """See `DeviceListener`."""
        taken = [False]
        self._core.fenced("taking a device's key in", lambda: taken.insert(0, self._inner.learn_key(device_id, key)))
        return taken[0]

    def session_opened(self, session: DeviceSession) -> None:
        """See `DeviceListener`."""
        taken: list[bool] = []

        def take() -> None:
            self._inner.session_opened(session)
            taken.append(True)

        self._core.fenced("taking a device in", take)
        if not taken and not session.closed:
            session.close("the cloud failed to take it in")

    def heard(self, session: DeviceSession) -> None:
        """See `DeviceListener`."""
        self._core.fenced("noting when a device was heard", self._inner.heard, session)

    def session_closed(self, session: DeviceSession, reason: str) -> None:
        """See `DeviceListener`."""
        self._core.fenced("the end of a device's connection", self._inner.session_closed, session, reason)

    def described(self, session: DeviceSession, system: SystemDescribe | None, application: ApplicationDescribe | None) -> None:
        """See `DeviceListener`."""
        self._core.fenced("taking a description in", self._inner.described, session, system, application)

    def vitals_received(self, session: DeviceSession, vitals: Vitals) -> None:
        """See `DeviceListener`."""
        self._core.fenced("taking vitals in", self._inner.vitals_received, session, vitals)

    def event_received(self, session: DeviceSession, name: str, data: str | None, *, public: bool, ttl: int) -> None:
        """See `DeviceListener`."""
        self._core.fenced("taking an event in", lambda: self._inner.event_received(session, name, data, public=public, ttl=ttl))

    def failed(self, error: Exception) -> None:
        """See `DeviceListener`."""
        self._inner.failed(error)
