"""The cloud: accounts, devices, claims, products, releases, quarantine, SIMs, customers, events, and the state they leave behind.

Start with `Cloud`. Its REST API is `emulator.cloud.api`, the device service `emulator.cloud.device_service`.
Owner, product membership and SIM activation of a device are three separate facts; none is ever derived from another.
"""

from emulator.cloud.access import Kind, Principal, Role
from emulator.cloud.cloud import Cloud, CloudSnapshot
from emulator.cloud.errors import CloudError
from emulator.cloud.sessions import DeviceListener, DeviceSession, HelloFacts, Refused
from emulator.cloud.settings import CloudSettings, RateLimits
from emulator.cloud.storage import Storage

__all__ = [
    "Cloud",
    "CloudError",
    "CloudSettings",
    "CloudSnapshot",
    "DeviceListener",
    "DeviceSession",
    "HelloFacts",
    "Kind",
    "Principal",
    "RateLimits",
    "Refused",
    "Role",
    "Storage",
]
