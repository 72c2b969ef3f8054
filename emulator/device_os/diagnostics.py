"""What Device OS measures of itself, and reports to hosts and to the cloud: the diagnostics of Device OS 2.3.1.

Only what the emulator has is told as a value. What a real board measures and this one has not (memory in use, the quality of the signal) is
told as the error that a Device OS without such a source gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.device_os.network_interface import NO_SOURCE
from particle_protocol.vitals import VitalError

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs


def diagnostics(system: DeviceOs, uptime: float) -> dict[int, int | VitalError]:
    """The values of now, in the order of their ids. Over TCP nothing is retransmitted, and CoAP's counters stay at 0 (recorded)."""
    network, cloud = system.interfaces.reported, system.cloud.counters
    return {
        6: int(uptime),
        8: network.status,
        9: network.counters.error,
        10: system.cloud.status,
        12: network.counters.disconnects,
        13: cloud.error,
        14: cloud.disconnects,
        20: system.cloud.rate_limited,
        21: 0,
        22: 0,
        23: 0,
        25: NO_SOURCE,
        26: NO_SOURCE,
        27: network.counters.attempts,
        28: network.counters.reason,
        29: cloud.attempts,
        30: cloud.reason,
        31: 0,
        **network.signal(),
    }
