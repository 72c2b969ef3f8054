"""What a Lab's cloud noted of one device, be it a board of the Lab or a program outside."""

from __future__ import annotations

from collections.abc import Container, Iterable

from emulator.cloud.device_log import DisbelievedFact, DroppedMessage, Refusal, Visit
from emulator.lab import Lab
from harness.capabilities import LogLine
from harness.errors import hides

__tracebackhide__ = hides


class SeenByCloud:
    """The log of a Lab's cloud, as far as it is about one device.

    A connection that ended before it told whose it was is known by where it came from: by `outgoing`, the addresses of the device's own;
    None: every such connection is its.
    """

    def __init__(self, lab: Lab, device_id: str, outgoing: Container[str] | None) -> None:
        self._lab = lab
        self._device_id = device_id
        self._outgoing = outgoing

    def online(self) -> bool:
        """Whether the cloud has a session with it now."""
        return self._lab.driver.call(lambda: self._lab.cloud.connections.link(self._device_id) is not None)

    def log(self, since: float) -> list[LogLine]:
        """What was noted since a moment of the Lab's time."""
        return self._lab.driver.call(self._lines, since)

    def refusal(self, since: float) -> str:
        """Why the cloud does not heal it, if it connected since a moment, or why it was turned away last since then."""
        return self._lab.driver.call(self._refusal, since)

    def _lines(self, since: float) -> list[LogLine]:
        log = self._lab.cloud.device_log
        entries: Iterable[Visit | Refusal | DroppedMessage | DisbelievedFact]
        entries = (*log.visits, *log.refusals, *log.dropped, *log.disbelieved)
        return [LogLine(each.when, "cloud", str(each)) for each in entries if each.when >= since and self._is_of(each.device_id, each.peer)]

    def _refusal(self, since: float) -> str:
        cloud = self._lab.cloud
        device, link = cloud.devices.by_id(self._device_id), cloud.connections.link(self._device_id)
        connected = None if link is None else link.since - (cloud.core.now() - self._lab.clock.now)
        if device is not None and connected is not None and connected >= since:
            if trouble := cloud.healing.trouble(device):
                return trouble
            if files := cloud.asset_delivery.lacks(device):
                return f"its application misses {', '.join(map(str, files))}, which the cloud has not got; flash or upload the whole bundle"
        refusals = (each for each in reversed(cloud.device_log.refusals) if each.when >= since)
        return next((str(each) for each in refusals if self._is_of(each.device_id, each.peer)), "")

    def _is_of(self, device_id: str | None, peer: str) -> bool:
        return device_id == self._device_id or (device_id is None and (self._outgoing is None or peer in self._outgoing))
