"""What a board says of itself when it is asked who it is."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.hiding import hides
from harness.modes import UsbState
from harness.usb.requests import InstalledModule

__tracebackhide__ = hides


@dataclass(frozen=True, slots=True)
class Identity:
    """A board's answers: in DFU mode only what the USB bus tells, no Device OS version, no modules; on no USB, what the cloud tells."""

    device_id: str
    platform: str
    usb_port: str = ""
    usb: UsbState | None = None
    """None: it is on no USB."""
    serial_port: str | None = None
    os_version: str | None = None
    modules: tuple[InstalledModule, ...] = field(default=())

    def __str__(self) -> str:
        parts = [f"{self.platform} {self.device_id}"]
        parts.append(f"{self.usb} at port {self.usb_port}" if self.usb is not None else "seen in the cloud only")
        if self.serial_port:
            parts.append(f"serial port {self.serial_port}")
        if self.os_version:
            parts.append(f"Device OS {self.os_version}")
        return ", ".join(parts)
