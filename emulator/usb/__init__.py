"""The board as a USB device: what it shows on its connector, and the connector itself.

`NormalModeDevice` and `DfuModeDevice` are `UsbFunction`s; a board attaches one to its `UsbPlug`, and the doors serve whatever is there.
"""

from emulator.usb.cdc_port import CdcPort
from emulator.usb.dfu_mode import DfuModeDevice
from emulator.usb.normal_mode import NormalModeDevice
from emulator.usb.plug import PlugEvent, UsbFunction, UsbPlug
from emulator.usb.profiles import NotEmulated, UsbProfile, usb_profile

__all__ = [
    "CdcPort",
    "DfuModeDevice",
    "NormalModeDevice",
    "NotEmulated",
    "PlugEvent",
    "UsbFunction",
    "UsbPlug",
    "UsbProfile",
    "usb_profile",
]
