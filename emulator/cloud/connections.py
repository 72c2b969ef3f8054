"""Who is connected, and what is true only while it is.

Nothing here is stored. A device's own lasting facts are in `emulator.cloud.devices`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emulator.cloud.core import Core
from emulator.cloud.sessions import DeviceSession
from particle_protocol.describe import ApplicationDescribe, SystemDescribe


@dataclass(frozen=True, slots=True)
class Presence:
    """What a moment's look at a device shows."""

    online: bool
    last_heard: float | None
    functions: tuple[str, ...] | None
    """None while offline, or before the device has described its application."""
    variables: Mapping[str, str] | None
    session: DeviceSession | None = None


class Link:
    """One connected device."""

    __slots__ = (
        "application",
        "forced",
        "held_back",
        "published",
        "round_trip",
        "safe_starts",
        "session",
        "since",
        "system",
        "told_pending",
        "told_updates",
    )

    def __init__(self, session: DeviceSession, since: float) -> None:
        self.session = session
        self.since = since
        self.published = 0
        """Events that it has sent."""
        self.round_trip: float | None = None
        """Seconds that its last answer to a ping took; None: it was not asked."""
        self.system: SystemDescribe | None = None
        self.application: ApplicationDescribe | None = None
        self.told_pending = False
        """Whether it was told that an update waits for it to allow updates."""
        self.told_updates = False
        """Whether it has said, since it connected, if updates are enabled."""
        self.safe_starts = 0
        """How often it has said that it is in safe mode: once a boot."""
        self.forced = False
        """Whether it knows that updates are forced."""
        self.held_back = False
        """Whether it would have been updated when it connected, had it been open to updates."""


class Connections:
    """The connected devices, by id."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._links: dict[str, Link] = {}
        self._heard: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._links)

    @property
    def links(self) -> tuple[Link, ...]:
        """All of them."""
        return tuple(self._links.values())

    def link(self, device_id: str) -> Link | None:
        """The connection of a device, or None."""
        return self._links.get(device_id)

    def online(self, device_id: str) -> bool:
        """Whether a device is connected."""
        return device_id in self._links

    def presence(self, device_id: str, last_handshake_at: float | None = None) -> Presence:
        """What is to be seen of a device now."""
        heard = self._heard.get(device_id, last_handshake_at)
        link = self._links.get(device_id)
        if link is None:
            return Presence(online=False, last_heard=heard, functions=None, variables=None)
        application = link.application
        if application is None:
            return Presence(online=True, last_heard=heard, functions=None, variables=None, session=link.session)
        variables = {name: kind.api_name for name, kind in application.variables.items()}
        return Presence(online=True, last_heard=heard, functions=application.functions, variables=variables, session=link.session)

    def add(self, session: DeviceSession) -> None:
        """A device is connected."""
        self._links[session.device_id] = Link(session, self._core.now())
        self.heard(session.device_id)

    def remove(self, session: DeviceSession) -> bool:
        """A session ended; says whether it was the device's current one."""
        link = self._links.get(session.device_id)
        if link is None or link.session is not session:
            return False
        del self._links[session.device_id]
        return True

    def current(self, session: DeviceSession) -> Link | None:
        """The connection that a session is, unless a later one took its place."""
        link = self._links.get(session.device_id)
        return link if link is not None and link.session is session else None

    def published(self, device_id: str) -> None:
        """A device sent an event."""
        link = self._links.get(device_id)
        if link is not None:
            link.published += 1

    def heard(self, device_id: str) -> None:
        """Something came from a device."""
        self._heard[device_id] = self._core.now()

    def clear(self) -> None:
        """Forget all connections without a word to anybody (the lab went back in time)."""
        self._heard.clear()
        self._links.clear()
