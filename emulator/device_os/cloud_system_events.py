"""Events from the cloud that the system itself acts on (Device OS 2.3.1, system/src/system_cloud_internal.cpp:98-171)."""

from __future__ import annotations

from emulator.device_os.cloud_facts import ClaimReceived, CloudEvent, KeyRestoreRequested, ResetRequested, UpdatesForced, UpdatesPending
from particle_protocol.messages import Event

_RESETS = ("safe mode", "dfu", "reboot", "network")


def system_event(event: Event) -> CloudEvent | None:
    """What the firmware has to do for an event; None when the system does not care for it."""
    name = event.name
    if name.startswith("spark/device/claim/"):
        return ClaimReceived()
    if name.startswith("spark/device/reset"):
        return ResetRequested(event.text) if event.text in _RESETS else None
    if name.startswith("spark/device/key/restore"):
        return KeyRestoreRequested()
    flag = _flag(event.text)
    if name == "particle/device/updates/forced" and flag is not None:
        return UpdatesForced(flag)
    if name == "particle/device/updates/pending" and flag is not None:
        return UpdatesPending(flag)
    return None


def _flag(text: str) -> bool | None:
    """A flag as the firmware reads it: it compares no more characters than it was given, so nothing at all counts as true."""
    if "true".startswith(text):
        return True
    return False if "false".startswith(text) else None
