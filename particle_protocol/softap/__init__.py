"""SoftAP, both ends: how a Photon or a P1 is set up over the Wi-Fi network that it opens in listening mode.

A board's end is two `SoftApServer`s, one for each port of `SERVERS`, around a `SoftApFirmware`. A client's end is a `Call` over an
`Exchange`. Neither opens a socket, joins a network or reads a clock.

Source of every fact: Device OS 2.3.1, hal/src/photon/softap.cpp and wlan_hal.cpp; docs/softap.md says what was chosen.
"""

from particle_protocol.softap import client, names
from particle_protocol.softap.client import Call, DeviceInfo, Exchange, SoftApError
from particle_protocol.softap.commands import Heard, HeardNetwork, SoftApFirmware
from particle_protocol.softap.credentials import Configuration, decrypted
from particle_protocol.softap.requests import SetupPage
from particle_protocol.softap.security import cipher_of, security_mask, security_of
from particle_protocol.softap.server import SERVERS, Action, Close, ScanWanted, Send, SoftApServer

__all__ = [
    "SERVERS",
    "Action",
    "Call",
    "Close",
    "Configuration",
    "DeviceInfo",
    "Exchange",
    "Heard",
    "HeardNetwork",
    "ScanWanted",
    "Send",
    "SetupPage",
    "SoftApError",
    "SoftApFirmware",
    "SoftApServer",
    "cipher_of",
    "client",
    "decrypted",
    "names",
    "security_mask",
    "security_of",
]
