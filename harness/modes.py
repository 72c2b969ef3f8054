"""The modes of a board, what a kind of board is capable of, and the signs by which witnesses know a mode.

A mode is what a witness saw: the USB bus, a control request, the LED, the cloud. `SIGNS` says for each mode what each witness must
report; a witness that a kind lacks is not asked, one that it has must agree.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from particle_protocol.control_requests.codes import CloudStatus as CloudStatus
from particle_protocol.control_requests.codes import DeviceMode as DeviceMode


def no_such(what: str, value: object, there_are: Iterable[object]) -> ValueError:
    """The error for a value that is none of a registry's: it lists those."""
    return ValueError(f"there is no {what} {value!r}; there are: {', '.join(map(str, there_are))}")


class Mode(enum.Enum):
    """The modes of a board, in the field's words (docs/writing-tests.md, "Modes")."""

    OFF = "off"
    """Nothing is enumerated on USB: no power, in reset, or asleep."""
    DFU = "DFU mode"
    LISTENING = "listening mode"
    SAFE = "safe mode"
    """Device OS runs and connects, the application does not."""
    CONNECTING_NETWORK = "connecting to the network"
    CONNECTING_CLOUD = "connecting to the cloud"
    ONLINE = "connected to the cloud"
    OFFLINE = "running without the cloud"
    """Device OS runs in normal mode and there is no cloud session."""
    RUNNING = "normal mode"
    """Device OS runs and does not listen, whatever it is doing about the network."""

    def __str__(self) -> str:
        return self.value

    @classmethod
    def _missing_(cls, value: object) -> Mode:
        """`Mode("online")`: a mode by its name in any case (`dfu`, `listening`, ...) or by its words ("safe mode").

        Raises:
            ValueError: there is no such mode; the message lists them.
        """
        wanted = value.strip().lower().replace("-", "_") if isinstance(value, str) else ""
        for mode in cls:
            if wanted in (mode.name.lower(), mode.value.lower().replace(" ", "_"), mode.value.lower()):
                return mode
        raise no_such("mode", value, [mode.name.lower() for mode in cls])


class Capability(enum.Enum):
    """What a board may or may not have."""

    USB = "USB connection"
    SERIAL = "serial port"
    NETWORK = "network interface that is known here"
    BUTTONS = "buttons that a program can press"
    LED = "LED that a program can see"
    POWER = "power switch"
    SIM_SLOT = "SIM slot that a program can reach"
    SNAPSHOT = "snapshots"
    CLOUD = "cloud"
    APPLICATION = "firmware that runs Python classes"
    WIFI = "Wi-Fi network for it to join"
    SOFTAP = "Wi-Fi network of its own for its set-up (SoftAP)"
    CHANGES = "permission to be changed for good"
    AIR = "network around it that a program can change"
    POWER_CUTS = "power supply that a program can cut in the middle of a write"
    CLOUD_FAULTS = "cloud that a program can disturb"
    MAILS = "mails that a program can read"


class UsbState(enum.Enum):
    """What the USB bus shows of a board."""

    ABSENT = "nothing on USB"
    NORMAL = "normal-mode USB"
    DFU = "DFU-mode USB"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Signs:
    """What each witness must report in one mode. None: this witness says nothing about it."""

    usb: UsbState
    device_mode: DeviceMode | None = None
    led: frozenset[str] | None = None
    cloud_status: frozenset[CloudStatus] | None = None


_NO_SESSION = frozenset({CloudStatus.DISCONNECTED, CloudStatus.CONNECTING, CloudStatus.DISCONNECTING})

SIGNS: dict[Mode, Signs] = {
    Mode.OFF: Signs(UsbState.ABSENT),
    Mode.DFU: Signs(UsbState.DFU, led=frozenset({"blinking yellow"})),
    Mode.LISTENING: Signs(UsbState.NORMAL, DeviceMode.LISTENING, frozenset({"blinking dark blue"})),
    Mode.SAFE: Signs(UsbState.NORMAL, DeviceMode.NORMAL, frozenset({"breathing magenta"})),
    Mode.CONNECTING_NETWORK: Signs(UsbState.NORMAL, DeviceMode.NORMAL, frozenset({"blinking green"}), _NO_SESSION),
    Mode.CONNECTING_CLOUD: Signs(UsbState.NORMAL, DeviceMode.NORMAL, frozenset({"blinking cyan", "fast blinking cyan"}), _NO_SESSION),
    Mode.ONLINE: Signs(UsbState.NORMAL, DeviceMode.NORMAL, frozenset({"breathing cyan"}), frozenset({CloudStatus.CONNECTED})),
    Mode.OFFLINE: Signs(
        UsbState.NORMAL,
        DeviceMode.NORMAL,
        frozenset({"breathing white", "breathing green", "blinking green", "blinking cyan", "fast blinking cyan"}),
        _NO_SESSION,
    ),
    Mode.RUNNING: Signs(UsbState.NORMAL, DeviceMode.NORMAL),
}
"""What it takes to tell safe mode from normal mode without an LED is in `harness.witness`.

LED patterns: Device OS 2.3.1, system/src/system_led_signal.cpp and docs/writing-tests.md, "Modes".
"""

TIMEOUTS = {Mode.ONLINE: 90.0, Mode.SAFE: 60.0, Mode.OFF: 10.0}
"""Seconds within which a board reaches a mode: first connections take a Wi-Fi scan, an address, a name look-up and a handshake."""

DEFAULT_TIMEOUT = 30.0
"""Seconds for every other mode."""
