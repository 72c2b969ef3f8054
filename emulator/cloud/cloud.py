"""One cloud: its rooms, wired together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emulator.clock import Clock
from emulator.cloud.accounts import Accounts
from emulator.cloud.arrivals import Arrivals
from emulator.cloud.basics import Rng
from emulator.cloud.claim_codes import ClaimCodes
from emulator.cloud.claims import Claims
from emulator.cloud.clients import Clients
from emulator.cloud.connections import Connections
from emulator.cloud.core import Core, MakeReply
from emulator.cloud.device_settings import DeviceSettings
from emulator.cloud.devices import Devices
from emulator.cloud.events import Events
from emulator.cloud.factory import Factory
from emulator.cloud.gate import Gate
from emulator.cloud.mail import Outbox
from emulator.cloud.operations import Operations
from emulator.cloud.records import Owner, OwnerKind
from emulator.cloud.registry import Registry
from emulator.cloud.settings import CloudSettings
from emulator.cloud.state import Sink
from emulator.cloud.tokens import Tokens
from emulator.cloud.transfers import Transfers
from emulator.cloud.updates import Updates
from emulator.cloud.usage import Limits


class Cloud:
    """The cloud that boards and programs reach: every room is an attribute.

    Args:
        clock: of the lab.
        rng: `random.Random` of the lab's seed, or `random.SystemRandom()` when serving.
        reply: makes the driver's one-shot results (`driver.reply`).
        storage: where the state is kept; None keeps it in memory.
        settings: how this cloud behaves where it may.
    """

    def __init__(
        self,
        clock: Clock,
        rng: Rng,
        reply: MakeReply,
        storage: Sink | None = None,
        settings: CloudSettings | None = None,
    ) -> None:
        self.settings = settings if settings is not None else CloudSettings()
        core = Core(clock, rng, reply, storage, self.settings)
        self.core = core
        self.clock = clock
        self.mail = Outbox(core)
        self.accounts = Accounts(core, self.mail)
        self.registry = Registry(core)
        self.access = Gate(self.accounts, self.registry)
        self.clients = Clients(core)
        self.tokens = Tokens(core, self.accounts, self.clients)
        self.devices = Devices(core, self.access)
        self.device_settings = DeviceSettings(core, self.devices)
        self.factory = Factory(core, self.devices)
        self.connections = Connections(core)
        self.limits = Limits(core, self.accounts, self.registry, self.devices)
        self.transfers = Transfers(core, self.devices, self.mail, self.owner_name)
        self.claims = Claims(core, self.access, self.accounts, self.devices, self.connections, self.limits, self.transfers)
        self.transfers.give = self.claims.give
        self.claim_codes = ClaimCodes(core, self.access, self.devices, self.claims)
        self.events = Events(core, self.access, self.devices, self.connections)
        self.updates = Updates(core, self.devices, self.connections, self.events)
        self.operations = Operations(core, self.devices, self.connections, self.updates)
        self.arrivals = Arrivals(core, self.devices, self.connections, self.events, self.claim_codes, self.updates, self.factory)

    def owner_name(self, owner: Owner) -> str:
        """The username of whoever owns a device."""
        user = self.accounts.by_id(owner.id) if owner.kind is OwnerKind.USER else None
        return "" if user is None else user.username

    def snapshot(self) -> CloudSnapshot:
        """The state as it is now, to come back to. Connections are not part of it."""
        return CloudSnapshot(self.core.state.snapshot())

    def restore(self, snapshot: CloudSnapshot) -> None:
        """Go back. Every device is offline afterwards, without an event."""
        self.connections.clear()
        self.core.state.restore(snapshot.tables)

    def close(self) -> None:
        """Close the state file."""
        self.core.state.close()


@dataclass(frozen=True, slots=True)
class CloudSnapshot:
    """A state of the cloud that `Cloud.restore` can bring back."""

    tables: dict[str, dict[str | int, Any]]
