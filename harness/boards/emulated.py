"""An emulated board as its moniker describes it, before it is made."""

from __future__ import annotations

from dataclasses import dataclass

from harness.device_server import DeviceServer
from harness.hiding import hides

__tracebackhide__ = hides

NO_FIRMWARE = "none"
"""The value of the option `firmware` for a board without Device OS."""
NO_SIM = "none"
"""The value of the option `sim` for a board without one."""


@dataclass(frozen=True, slots=True)
class EmulatedBoard:
    """What a moniker's options say of the board itself."""

    platform: str = ""
    """Its name; a Photon when empty."""
    device_id: str | None = None
    firmware: str = "built"
    """`built`, `real`, or `none`: no Device OS at all."""
    server: DeviceServer | None = None
    """A cloud that is not the Lab's."""
    sim: str | None = None
    """`none`, or the SIM's form; None: as such boards come."""
    iccid: str | None = None
    sim_state: str | None = None
    """A state of a lab file's SIMs; None: nobody has activated it yet."""
    sku: str | None = None
    """What it was sold as."""
    bootloader: str | None = None
    """The version of that module, where it is another than its release's; likewise the next two."""
    softdevice: str | None = None
    ncp: str | None = None
    ethernet: str | None = None
    """`1`: with an Ethernet FeatherWing, or `0`."""
    protocol: str | None = None
    """`tcp` or `udp`: how it talks to its cloud; None: as such boards do."""
    application: str | None = None
    """The application that it runs, as `module:Class`; None: the run's first one, or Tinker."""
    port: str | None = None
    """The USB port it is plugged into; None: the next free one."""
