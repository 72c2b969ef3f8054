"""What Device OS measures of itself, and reports to hosts and to the cloud: the diagnostics of Device OS 2.3.1 on a Photon.

Only what the emulator has is told as a value. What a real board measures and this one has not (memory in use, the quality of the signal) is
told as the error that a Device OS without such a source gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.device_os.wifi import WifiState
from particle_protocol.control_requests.codes import Result
from particle_protocol.vitals import WIFI, NetworkStatus, VitalError, q8_8, q16_16

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs

_NO_SOURCE: Final = VitalError(Result.UNKNOWN)
_STATUS: Final = {
    WifiState.OFF: NetworkStatus.TURNED_OFF,
    WifiState.JOINING: NetworkStatus.CONNECTING,
    WifiState.GETTING_ADDRESS: NetworkStatus.CONNECTING,
    WifiState.UP: NetworkStatus.CONNECTED,
}


def diagnostics(system: DeviceOs, uptime: float) -> dict[int, int | VitalError]:
    """The values of now, in the order of their ids. Over TCP nothing is retransmitted, and CoAP's counters stay at 0 (recorded)."""
    network, cloud = system.wifi.counters, system.cloud.counters
    return {
        6: int(uptime),
        8: _STATUS[system.wifi.state],
        9: network.error,
        10: system.cloud.status,
        12: network.disconnects,
        13: cloud.error,
        14: cloud.disconnects,
        20: system.cloud.rate_limited,
        21: 0,
        22: 0,
        23: 0,
        25: _NO_SOURCE,
        26: _NO_SOURCE,
        27: network.attempts,
        28: network.reason,
        29: cloud.attempts,
        30: cloud.reason,
        31: 0,
        **_signal(system),
    }


def _signal(system: DeviceOs) -> dict[int, int | VitalError]:
    """Strength in percent is -100 dBm for 0 and -50 dBm for 100, as the vitals of real boards show."""
    point = system.wifi.access_point if system.wifi.is_up else None
    if point is None:
        return {33: _NO_SOURCE, 34: _NO_SOURCE, 35: _NO_SOURCE, 36: WIFI, 37: _NO_SOURCE}
    strength = min(100, max(0, 2 * (point.rssi + 100)))
    return {33: q8_8(strength), 34: _NO_SOURCE, 35: _NO_SOURCE, 36: WIFI, 37: q16_16(point.rssi)}
