"""What the witnesses of a board's mode report, and whether that is the mode one waits for.

Witnesses are asked in the order of what it costs to ask them, and only while they agree. A report is believed only if it belongs to the
present epoch: an action that makes the board reset begins a new one, and until the board has left the bus once, what it shows is still
from before (USB request RESET acts a second after it was answered).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from harness.errors import (
    Blame,
    BoardLabel,
    CapabilityMissing,
    CloudRefused,
    CloudUnreachable,
    ConversationFailed,
    HarnessError,
    RequestRefused,
    hides,
)
from harness.modes import SIGNS, Capability, CloudStatus, DeviceMode, Mode, Signs, UsbState
from harness.usb.entry import UsbEntry

if TYPE_CHECKING:
    from harness.cloud import Account

__tracebackhide__ = hides

T = TypeVar("T")


class Boot(enum.Enum):
    """How the boot began that runs on a board, as far as the harness had a hand in it."""

    UNKNOWN = enum.auto()
    """Somebody else began it: it may have been asked for safe mode, which nothing on USB shows."""
    NORMAL = enum.auto()
    SAFE = enum.auto()
    """Safe mode was asked for."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """The time since the last action that changes the mode.

    `stale` is the enumeration that this action ends: while the bus still shows it, the action has not happened yet.
    """

    number: int
    since: float
    cause: str
    stale: UsbEntry | None = None
    boot: Boot = Boot.UNKNOWN
    stale_session: str | None = None
    """The session with the cloud that this action ends, by the time of its handshake: for boards of which only the cloud knows."""


@dataclass(frozen=True, slots=True)
class CloudView:
    """What the cloud says of a board that the account may see: whether it answers the cloud now, and does so in safe mode."""

    online: bool
    safe_mode: bool = False
    session: str | None = None
    """When the session began that answers, as the API writes it."""

    def __str__(self) -> str:
        return "online in safe mode" if self.safe_mode else "online" if self.online else "offline"


@dataclass(slots=True)
class Sighting:
    """What was seen in one look. None: not asked, or no answer; `notes` tells why there was none."""

    usb: UsbState | None = None
    usb_text: str = ""
    stale: str = ""
    led: str | None = None
    device_mode: DeviceMode | None = None
    cloud_status: CloudStatus | None = None
    cloud: CloudView | None = None
    unmet: str = ""
    """The module whose dependency is not met."""
    boot: Boot = Boot.UNKNOWN
    missing: Capability | None = None
    """What it would take to tell: those who can tell something agree, and it is not enough."""
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.told(led=True)

    def told(self, *, led: bool) -> str:
        """What was seen, with the LED or without it."""
        parts = [self.usb_text or str(self.usb)] if self.usb_text or self.usb is not None else []
        if self.stale:
            parts.append(f"not yet reset ({self.stale})")
        if led and self.led is not None:
            parts.append(f"LED {self.led}")
        if self.device_mode is not None:
            parts.append(f"mode {self.device_mode}")
        if self.cloud_status is not None:
            parts.append(f"board's cloud connection {self.cloud_status}")
        if self.cloud is not None:
            parts.append(f"the cloud says {self.cloud}")
        return ", ".join((*parts, *self.notes)) or "nothing that anybody could tell"


_CHECK_NETWORK = "Check the network's name and password, and that it is within reach"
_TRY = 4
"""How many changes of the LED one try to reach the cloud makes: joined, trying, failed, joined again."""
_OUT_OF_SAFE_MODE = (
    "It is in safe mode: reset it, or flash an application that fits its Device OS, or the Device OS that its application needs"
)


def diagnose(mode: Mode, seen: Sighting, shown: Sequence[str] = ()) -> tuple[Blame, str]:
    """Which part of the bench a board that does not reach `mode` points at, and what to do.

    `shown` is what its LED has shown before: one that finds no way to its cloud says so in orange, and then tries again in cyan.
    """
    led = seen.led or ""
    if led.startswith("SOS"):
        return Blame.BOARD, "Its firmware has crashed: the flashes after SOS are the number of the panic"
    if seen.usb is UsbState.ABSENT:
        return Blame.RACK, "Check its power and its cable"
    if mode is not Mode.ONLINE or seen.stale:
        return Blame.BOARD, ""
    if led.endswith("magenta") or (seen.cloud is not None and seen.cloud.safe_mode) or seen.unmet:
        return Blame.BOARD, _OUT_OF_SAFE_MODE
    if seen.cloud is not None and not seen.cloud.online:
        if seen.usb is None and not led:
            return Blame.BOARD, "Only the cloud can see it: check its power, its network, and the address and key of the cloud in it"
        return Blame.CLOUD, "The board says that it is connected; the cloud does not"
    if led.endswith("orange") or (led.endswith(("cyan", "breathing green")) and any(text.endswith("orange") for text in shown[-_TRY:])):
        return Blame.NETWORK, "It joined the network, but has no way to the cloud from there"
    if led.endswith(("blinking green", "breathing green")):
        return Blame.NETWORK, _CHECK_NETWORK
    if led == "blinking dark blue" or seen.device_mode is DeviceMode.LISTENING:
        return Blame.NETWORK, f"It listens, so it knows no network, or could not join the one it was given. {_CHECK_NETWORK}"
    if led.endswith(("blinking cyan", "red")):
        return Blame.CLOUD, "It reaches no cloud that it trusts: check the cloud, and the server key and address in the board"
    if seen.cloud_status is not None and seen.cloud_status is not CloudStatus.CONNECTED:
        return Blame.NETWORK, "Check the network, and that the cloud can be reached from there"
    return Blame.BOARD, ""


def cannot_tell(missing: Capability, mode: Mode, board: BoardLabel) -> CapabilityMissing:
    """The error of a wait for a mode that nobody can witness."""
    remedy = f"Without it nobody can witness {mode} on this kind of board"
    if missing is Capability.CLOUD:
        remedy += ": use an account that owns the board"
    elif mode in (Mode.SAFE, Mode.ONLINE):
        remedy += ", for on USB safe mode looks the same as normal mode; the cloud can: use an account that owns the board"
        if mode is Mode.ONLINE:
            remedy += ", or reset() it first, so that it is known to be in normal mode"
    return CapabilityMissing(missing, board=board, remedy=remedy)


def cloud_view(account: Account, device_id: str) -> CloudView | None:
    """What the cloud says of a board; None when the account may not see it, so that the cloud is no witness.

    A board says that it is in safe mode right after it has connected. Its answer to a ping comes after that, so only then the cloud
    knows; and only the session of the present boot answers at all.
    """
    found = account.find(device_id)
    if found is None:
        return None
    if not found.online or not account.ping(device_id):
        return CloudView(online=False)
    found = account.find(device_id)
    return None if found is None else CloudView(online=True, safe_mode=found.in_safe_mode, session=found.last_handshake_at)


@dataclass(frozen=True, slots=True)
class Witnesses:
    """How to ask each witness. Those a board lacks are None; any may be.

    Without an LED safe mode is seldom seen: no control request tells it (Device OS 2.3.1 and 6.2.0: request 72 knows listening mode
    only), so a board that was asked for it looks on USB as one that is online. What is left is the cloud, which hears of it in every
    session, and module info, where a dependency that is not met means safe mode.
    """

    usb: Callable[[], UsbEntry | None] | None
    usb_text: Callable[[], str] | None
    """What is seen of it on its host, in words: on the bus, or where it is on none, whatever there is."""
    led: Callable[[], str] | None
    device_mode: Callable[[], DeviceMode] | None
    cloud_status: Callable[[], CloudStatus] | None
    cloud: Callable[[], CloudView | None] | None
    """Asks the cloud; gives None when the account may not see the board, so that the cloud is no witness."""
    unmet_dependency: Callable[[], str] | None
    """Asks for module info; gives the module whose dependency is unmet, or an empty string."""
    serial: Callable[[], object | None] | None = None
    """Looks for the board's serial port, which it has while Device OS runs; where the USB bus says that too, nobody asks for this."""

    def distinguishes(self) -> tuple[Mode, ...]:
        """The modes to look for in turn, as long as none fits; what is left of them is `Mode.RUNNING`."""
        candidates = [Mode.OFF, Mode.DFU, Mode.LISTENING, Mode.SAFE]
        if self.led is not None:
            candidates += [Mode.ONLINE, Mode.CONNECTING_NETWORK, Mode.CONNECTING_CLOUD, Mode.OFFLINE]
        elif self.usb is None:
            candidates += [Mode.ONLINE]
        return tuple(mode for mode in candidates if self.usb is not None or self.can_witness(mode, Boot.UNKNOWN) is None)

    def needs_cloud(self, mode: Mode) -> bool:
        """Whether nobody else can tell of `mode` without an LED."""
        return mode in (Mode.SAFE, Mode.ONLINE) or (mode is Mode.RUNNING and self.usb is None and self.serial is None)

    def can_witness(self, mode: Mode, boot: Boot) -> Capability | None:
        """None if `mode` can be witnessed in such a boot, else the capability that is missing. Asks nobody."""
        if self.usb is None:
            return self._can_witness_without_usb(mode)
        if self.led is not None:
            return None
        if mode in (Mode.CONNECTING_NETWORK, Mode.CONNECTING_CLOUD):
            return Capability.LED
        if mode is Mode.SAFE and self.unmet_dependency is None and self.cloud is None:
            return Capability.LED
        if mode is Mode.ONLINE and self.cloud is None and (self.cloud_status is None or boot is not Boot.NORMAL):
            return Capability.LED
        if mode is Mode.OFFLINE and self.cloud_status is None:
            return Capability.LED
        return None

    def _can_witness_without_usb(self, mode: Mode) -> Capability | None:
        """An LED that shows nothing may have no power, or none of its own; a board that the cloud does not see may be in any mode."""
        if mode is Mode.OFF:
            return Capability.USB
        if self.led is not None:
            return None
        if mode in (Mode.ONLINE, Mode.SAFE):
            return Capability.CLOUD if self.cloud is None else None
        if mode is Mode.RUNNING:
            return Capability.CLOUD if self.cloud is None and self.serial is None else None
        return Capability.LED if mode in (Mode.CONNECTING_NETWORK, Mode.CONNECTING_CLOUD) else Capability.USB

    def look(self, mode: Mode, epoch: Epoch) -> tuple[bool, Sighting]:
        """Ask the witnesses about `mode` until one disagrees. Gives whether all agreed, and what was seen."""
        seen = Sighting(boot=epoch.boot)
        return self._judge(mode, SIGNS[mode], epoch, seen), seen

    def _judge(self, mode: Mode, signs: Signs, epoch: Epoch, seen: Sighting) -> bool:
        if not self._host_agrees(mode, signs, epoch, seen) or not self._led_agrees(mode, signs, seen):
            return False
        if not self._mode_agrees(mode, signs, seen):
            return False
        if mode is Mode.SAFE and self.led is None:
            return self._in_safe_mode(seen, epoch)
        if mode is Mode.ONLINE and self.led is None and not self._modules_fit(seen):
            return False
        return self._connection_agrees(mode, signs, seen) and self._cloud_agrees(mode, seen, epoch)

    def _mode_agrees(self, mode: Mode, signs: Signs, seen: Sighting) -> bool:
        """What the board says of its mode."""
        if signs.device_mode is None or self.device_mode is None:
            return True
        try:
            seen.device_mode = _ask(self.device_mode, "control request 72", seen)
        except RequestRefused:
            # Device OS before 1.1.0 on Gen 2 answers "not supported": it is no witness, and for listening mode there has to be another one.
            if self.led is None and mode is Mode.LISTENING:
                seen.missing = Capability.LED
            return self.led is not None or mode is not Mode.LISTENING
        return seen.device_mode is signs.device_mode

    def _host_agrees(self, mode: Mode, signs: Signs, epoch: Epoch, seen: Sighting) -> bool:
        """What the board's host shows of it: the USB bus, else its serial ports."""
        if self.usb is not None:
            entry = self.usb()
            seen.usb = entry.state if entry is not None else UsbState.ABSENT
            text = self.usb_text() if self.usb_text is not None else str(seen.usb)
            seen.usb_text = f"{seen.usb} ({entry})" if entry is not None else text
            if entry is not None and entry == epoch.stale:
                seen.stale = epoch.cause
                return False
            if self.led is not None:
                seen.led = self.led()
            return seen.usb is signs.usb
        if self.led is not None:
            seen.led = self.led()
        if self.serial is None:
            seen.usb_text = "" if self.usb_text is None else self.usb_text()
            return True
        port = self.serial()
        seen.usb_text = f"serial port {port}" if port is not None else "no serial port"
        return (port is not None) is (signs.usb is UsbState.NORMAL)

    def _led_agrees(self, mode: Mode, signs: Signs, seen: Sighting) -> bool:
        if self.led is None:
            return True
        if mode is Mode.RUNNING and self.usb is None:
            return seen.led in _RUNNING
        return signs.led is None or seen.led in signs.led

    def _in_safe_mode(self, seen: Sighting, epoch: Epoch) -> bool:
        """Whether a board without an LED is known to be in safe mode."""
        fits = self._modules_fit(seen)
        if seen.unmet:
            return True
        if self.cloud is not None and not self._may_be_connected(seen):
            return False
        if self._asked_cloud(seen, epoch):
            if seen.cloud is not None:
                return seen.cloud.safe_mode
            if fits:
                seen.missing = self._lacks()
        return False

    def _lacks(self) -> Capability:
        """What it would take to tell what those who are there cannot."""
        return Capability.LED if self.usb is not None else Capability.CLOUD

    def _may_be_connected(self, seen: Sighting) -> bool:
        """What the board says of its cloud connection; one that does not tell may have one."""
        try:
            seen.cloud_status = _ask(self.cloud_status, "control request 300", seen) if self.cloud_status is not None else None
        except RequestRefused:
            return True
        return self.cloud_status is None or seen.cloud_status is CloudStatus.CONNECTED

    def _modules_fit(self, seen: Sighting) -> bool:
        """Whether module info was given and misses nothing. One that does not tell is no witness."""
        if self.unmet_dependency is None:
            return True
        try:
            unmet = _ask(self.unmet_dependency, "module info", seen)
        except RequestRefused:
            return True
        if unmet:
            seen.unmet = unmet
            seen.notes += (f"unmet dependency of {unmet}",)
        return unmet == ""

    def _connection_agrees(self, mode: Mode, signs: Signs, seen: Sighting) -> bool:
        if signs.cloud_status is None or self.cloud_status is None:
            return True
        try:
            seen.cloud_status = _ask(self.cloud_status, "control request 300", seen)
        except RequestRefused:
            # Device OS versions without this request answer "not supported": then it is no witness, and there has to be another one.
            if self.led is None and mode is not Mode.ONLINE:
                seen.missing = Capability.LED
                return False
            return True
        return seen.cloud_status in signs.cloud_status

    def _cloud_agrees(self, mode: Mode, seen: Sighting, epoch: Epoch) -> bool:
        only_cloud = self.usb is None and self.serial is None and self.led is None
        if mode is not Mode.ONLINE and not (mode is Mode.RUNNING and only_cloud):
            return True
        if not self._asked_cloud(seen, epoch):
            return False
        if seen.cloud is not None:
            return seen.cloud.online and (mode is Mode.RUNNING or not seen.cloud.safe_mode)
        if self.led is not None:
            return True
        if seen.boot is Boot.NORMAL and seen.cloud_status is not None:
            return True
        seen.missing = self._lacks()
        return False

    def _asked_cloud(self, seen: Sighting, epoch: Epoch) -> bool:
        """Ask the cloud. False: it gave no answer this time, or one from before."""
        try:
            seen.cloud = self.cloud() if self.cloud is not None else None
        except (CloudRefused, CloudUnreachable) as error:
            seen.notes += (str(error),)
            return False
        if seen.cloud is not None and seen.cloud.online and seen.cloud.session is not None and seen.cloud.session == epoch.stale_session:
            seen.stale = epoch.cause
            return False
        return True


_RUNNING = frozenset().union(*(SIGNS[mode].led or () for mode in (Mode.SAFE, Mode.CONNECTING_NETWORK, Mode.CONNECTING_CLOUD)))
_RUNNING |= frozenset().union(*(SIGNS[mode].led or () for mode in (Mode.ONLINE, Mode.OFFLINE)))
"""What an LED shows while Device OS runs and does not listen."""


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
