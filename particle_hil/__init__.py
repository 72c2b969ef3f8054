"""The face of the project: its public names, the pytest entry point and the command. No logic.

Names are imported when they are first used, so that `import particle_hil` (which pytest does in every run) costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.board import Board, By
    from harness.boards import open_boards
    from harness.cloud import Account, Cloud, CloudDevice, CloudTarget, WifiNetwork
    from harness.device_server import DeviceServer
    from harness.errors import (
        Blame,
        BoardNotAvailable,
        CapabilityMissing,
        ChangesNotAllowed,
        CloudRefused,
        CloudUnreachable,
        ConversationFailed,
        HarnessError,
        ImageRefused,
        LinkBroken,
        NotInstalled,
        NotReached,
        NotServed,
        RequestRefused,
    )
    from harness.flashing import Way
    from harness.identity import Identity
    from harness.kit import Customer, FaultPlan, Faults, Firmware, Lab, Network, Product, Standing, Webhook, product_firmware
    from harness.lab.applications import Application, SetupPage, SleepMode, SleepNetwork, WakeUp, every, function, subscribe, variable
    from harness.modes import Capability, Mode
    from harness.provisioning import DeveloperClaim, SimActivation, SimWay, Unclaim, Verdict
    from harness.sims import Sim

_HOMES = {
    "Account": "harness.cloud",
    "Application": "harness.lab.applications",
    "Blame": "harness.errors",
    "Board": "harness.board",
    "BoardNotAvailable": "harness.errors",
    "By": "harness.board",
    "Capability": "harness.modes",
    "CapabilityMissing": "harness.errors",
    "ChangesNotAllowed": "harness.errors",
    "Cloud": "harness.cloud",
    "CloudDevice": "harness.cloud",
    "CloudRefused": "harness.errors",
    "CloudTarget": "harness.cloud",
    "CloudUnreachable": "harness.errors",
    "ConversationFailed": "harness.errors",
    "Customer": "harness.kit",
    "DeveloperClaim": "harness.provisioning",
    "DeviceServer": "harness.device_server",
    "FaultPlan": "harness.kit",
    "Faults": "harness.kit",
    "Firmware": "harness.kit",
    "HarnessError": "harness.errors",
    "Identity": "harness.identity",
    "ImageRefused": "harness.errors",
    "Lab": "harness.kit",
    "LinkBroken": "harness.errors",
    "Mode": "harness.modes",
    "Network": "harness.kit",
    "NotInstalled": "harness.errors",
    "NotReached": "harness.errors",
    "NotServed": "harness.errors",
    "Product": "harness.kit",
    "RequestRefused": "harness.errors",
    "SetupPage": "harness.lab.applications",
    "Sim": "harness.sims",
    "SimActivation": "harness.provisioning",
    "SimWay": "harness.provisioning",
    "SleepMode": "harness.lab.applications",
    "SleepNetwork": "harness.lab.applications",
    "Standing": "harness.kit",
    "Unclaim": "harness.provisioning",
    "Verdict": "harness.provisioning",
    "WakeUp": "harness.lab.applications",
    "Way": "harness.flashing",
    "Webhook": "harness.kit",
    "WifiNetwork": "harness.cloud",
    "every": "harness.lab.applications",
    "function": "harness.lab.applications",
    "open_boards": "harness.boards",
    "product_firmware": "harness.kit",
    "subscribe": "harness.lab.applications",
    "variable": "harness.lab.applications",
}

__all__ = [
    "Account",
    "Application",
    "Blame",
    "Board",
    "BoardNotAvailable",
    "By",
    "Capability",
    "CapabilityMissing",
    "ChangesNotAllowed",
    "Cloud",
    "CloudDevice",
    "CloudRefused",
    "CloudTarget",
    "CloudUnreachable",
    "ConversationFailed",
    "Customer",
    "DeveloperClaim",
    "DeviceServer",
    "FaultPlan",
    "Faults",
    "Firmware",
    "HarnessError",
    "Identity",
    "ImageRefused",
    "Lab",
    "LinkBroken",
    "Mode",
    "Network",
    "NotInstalled",
    "NotReached",
    "NotServed",
    "Product",
    "RequestRefused",
    "SetupPage",
    "Sim",
    "SimActivation",
    "SimWay",
    "SleepMode",
    "SleepNetwork",
    "Standing",
    "Unclaim",
    "Verdict",
    "WakeUp",
    "Way",
    "Webhook",
    "WifiNetwork",
    "every",
    "function",
    "open_boards",
    "product_firmware",
    "subscribe",
    "variable",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return __all__
