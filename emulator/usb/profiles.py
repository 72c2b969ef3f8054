"""What differs between the boards' USB devices, by microcontroller.

The data is `profiles.toml`, next to this file, with its sources.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

from particle_protocol.platforms import Platform


@dataclass(frozen=True, slots=True)
class SerialEndpoints:
    """The endpoints of the serial function. `interval` is bInterval of the notification endpoint; packets are in bytes."""

    data_out: int
    data_in: int
    notification: int
    notification_packet: int
    interval: int
    bulk_interval: int = 0
    in_first: bool = False
    """Whether the IN endpoint is described before the OUT endpoint."""


@dataclass(frozen=True, slots=True)
class UsbProfile:
    """The USB devices of one family of boards."""

    normal_release: int
    """bcdDevice in normal mode."""
    attributes: int
    max_power: int
    """In units of 2 mA."""
    control_first: bool
    """Whether the control interface is interface 0; otherwise it is interface 2, after the serial function."""
    control_string: int
    """iInterface of the control interface; 0: none."""
    serial_string: int
    """iFunction, and iInterface of both serial interfaces; 0: none."""
    call_management: int
    serial: SerialEndpoints
    dfu_release: int
    """bcdDevice in DFU mode."""
    dfu_configuration_string: int

    @property
    def control_interface(self) -> int:
        """Number of the control interface."""
        return 0 if self.control_first else 2

    @property
    def serial_interface(self) -> int:
        """Number of the serial function's first interface."""
        return 1 if self.control_first else 0


class NotEmulated(LookupError):
    """Too little is known of this platform's USB device to show one."""


def usb_profile(platform: Platform) -> UsbProfile:
    """The profile of a platform.

    Raises:
        NotEmulated: nobody has told what its USB device looks like.
    """
    found = [profile for wanted, names, profile in _profiles() if wanted == platform.mcu.value and (not names or platform.name in names)]
    if not found or platform.normal_product is None:
        raise NotEmulated(f"the USB device of {platform} is not known")
    return found[-1]


@functools.cache
def _profiles() -> tuple[tuple[str, frozenset[str], UsbProfile], ...]:
    """Each profile with its microcontroller and the platforms it is for, those for any platform first."""
    rows = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))["profile"]
    made = []
    for row in rows:
        serial = SerialEndpoints(**row.pop("serial"))
        mcu, names = row.pop("mcu"), frozenset(row.pop("platforms", ()))
        made.append((mcu, names, UsbProfile(serial=serial, **row)))
    return tuple(sorted(made, key=lambda each: bool(each[1])))
