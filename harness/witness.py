"""What the witnesses of a board's mode report, and whether that is the mode one waits for.

Witnesses are asked in the order of what it costs to ask them, and only while they agree. A report is believed only if it belongs to the
present epoch: an action that makes the board reset begins a new one, and until the board has left the bus once, what it shows is still
from before (USB request RESET acts a second after it was answered).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from harness.errors import Blame, CloudRefused, CloudUnreachable, ConversationFailed, HarnessError, RequestRefused
from harness.modes import SIGNS, Capability, CloudStatus, DeviceMode, Mode, Signs, UsbState
from harness.usb.entry import UsbEntry

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Epoch:
    """The time since the last action that changes the mode.

    `stale` is the enumeration that this action ends: while the bus still shows it, the action has not happened yet.
    """

    number: int
    since: float
    cause: str
    stale: UsbEntry | None = None


@dataclass(slots=True)
class Sighting:
    """What was seen in one look. None: not asked, or no answer; `notes` tells why there was none."""

    usb: UsbState | None = None
    usb_text: str = ""
    stale: str = ""
    led: str | None = None
    device_mode: DeviceMode | None = None
    cloud_status: CloudStatus | None = None
    cloud_online: bool | None = None
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.told(led=True)

    def told(self, *, led: bool) -> str:
        """What was seen, with the LED or without it."""
        parts = [self.usb_text or str(self.usb)]
        if self.stale:
            parts.append(f"not yet reset ({self.stale})")
        if led and self.led is not None:
            parts.append(f"LED {self.led}")
        if self.device_mode is not None:
            parts.append(f"mode {self.device_mode}")
        if self.cloud_status is not None:
            parts.append(f"board's cloud connection {self.cloud_status}")
        if self.cloud_online is not None:
            parts.append(f"the cloud says {'online' if self.cloud_online else 'offline'}")
        return ", ".join((*parts, *self.notes))


def diagnose(mode: Mode, seen: Sighting) -> tuple[Blame, str]:
    """Which part of the bench a board that does not reach `mode` points at, and what to do."""
    if seen.usb is UsbState.ABSENT:
        return Blame.RACK, "Check its power and its cable"
    if mode is not Mode.ONLINE or seen.stale:
        return Blame.BOARD, ""
    if seen.cloud_online is False:
        return Blame.CLOUD, "The board says that it is connected; the cloud does not"
    led = seen.led or ""
    if led.endswith(("blinking green", "breathing green")):
        return Blame.NETWORK, "Check the network's name and password, and that it is within reach"
    if led.endswith("magenta"):
        return Blame.BOARD, "It is in safe mode: flash an application that fits its Device OS, or the Device OS that its application needs"
    if led.endswith("orange"):
        return Blame.NETWORK, "It joined the network, but has no way to the cloud from there"
    if led.endswith(("blinking cyan", "red")):
        return Blame.CLOUD, "It reaches no cloud that it trusts: check the cloud, and the server key and address in the board"
    if seen.cloud_status is not None and seen.cloud_status is not CloudStatus.CONNECTED:
        return Blame.NETWORK, "Check the network, and that the cloud can be reached from there"
    return Blame.BOARD, ""


@dataclass(frozen=True, slots=True)
class Witnesses:
    """How to ask each witness. Those a board's kind lacks are None."""

    usb: Callable[[], UsbEntry | None]
    usb_text: Callable[[], str]
    led: Callable[[], str] | None
    device_mode: Callable[[], DeviceMode] | None
    cloud_status: Callable[[], CloudStatus] | None
    cloud_online: Callable[[], bool | None] | None
    unmet_dependency: Callable[[], str] | None
    """Asks for module info; gives the module whose dependency is unmet, or an empty string."""

    def can_witness(self, mode: Mode) -> Capability | None:
        """None if `mode` can be witnessed, else the capability that is missing."""
        signs = SIGNS[mode]
        if mode in (Mode.CONNECTING_NETWORK, Mode.CONNECTING_CLOUD) and self.led is None:
            return Capability.LED
        if mode is Mode.SAFE and self.led is None and self.unmet_dependency is None:
            return Capability.LED
        if signs.cloud_status is not None and self.led is None and self.cloud_status is None:
            return Capability.LED
        return None

    def look(self, mode: Mode, epoch: Epoch) -> tuple[bool, Sighting]:
        """Ask the witnesses about `mode` until one disagrees. Gives whether all agreed, and what was seen."""
        signs = SIGNS[mode]
        seen = Sighting()
        return self._judge(mode, signs, epoch, seen), seen

    def _judge(self, mode: Mode, signs: Signs, epoch: Epoch, seen: Sighting) -> bool:
        entry = self.usb()
        seen.usb = entry.state if entry is not None else UsbState.ABSENT
        seen.usb_text = f"{seen.usb} ({entry})" if entry is not None else self.usb_text()
        if epoch.stale is not None and entry == epoch.stale:
            seen.stale = epoch.cause
            return False
        if self.led is not None:
            seen.led = self.led()
        if seen.usb is not signs.usb or (self.led is not None and signs.led is not None and seen.led not in signs.led):
            return False
        return self._requests_agree(mode, signs, seen) and self._cloud_agrees(signs, seen)

    def _requests_agree(self, mode: Mode, signs: Signs, seen: Sighting) -> bool:
        if signs.device_mode is not None and self.device_mode is not None:
            seen.device_mode = _ask(self.device_mode, "control request 72", seen)
            if seen.device_mode is not signs.device_mode:
                return False
        if mode is Mode.SAFE and self.led is None and self.unmet_dependency is not None:
            unmet = _ask(self.unmet_dependency, "module info", seen)
            if not unmet:
                return False
            seen.notes += (f"unmet dependency of {unmet}",)
        if signs.cloud_status is not None and self.cloud_status is not None:
            try:
                seen.cloud_status = _ask(self.cloud_status, "control request 300", seen)
            except RequestRefused:
                # Device OS versions without this request answer "not supported": then it is no witness.
                return True
            return seen.cloud_status in signs.cloud_status
        return True

    def _cloud_agrees(self, signs: Signs, seen: Sighting) -> bool:
        if signs.cloud_online is None or self.cloud_online is None:
            return True
        try:
            seen.cloud_online = self.cloud_online()
        except (CloudRefused, CloudUnreachable) as error:
            seen.notes += (str(error),)
            return False
        return seen.cloud_online is None or seen.cloud_online is signs.cloud_online


def _ask(question: Callable[[], T], name: str, seen: Sighting) -> T | None:
    """The answer, or None with a note when the board did not give one this time (it may be on its way to another mode)."""
    try:
        return question()
    except RequestRefused:
        raise
    except HarnessError as error:
        what = "no answer" if isinstance(error, ConversationFailed) else error.what
        seen.notes += (f"{name}: {what}",)
        return None
