"""One cloud: its rooms, wired together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from emulator.clock import Clock
from emulator.cloud.accounts import Accounts
from emulator.cloud.agreements import Agreements
from emulator.cloud.applications import Applications
from emulator.cloud.arrivals import Arrivals
from emulator.cloud.assets import AssetDelivery, AssetShelf
from emulator.cloud.bench import Bench, EmptyBench
from emulator.cloud.claim_codes import ClaimCodes
from emulator.cloud.claims import Claims
from emulator.cloud.clients import Clients
from emulator.cloud.compiler import Compiler
from emulator.cloud.configurations import Configurations
from emulator.cloud.connections import Connections
from emulator.cloud.core import Core, MakeReply
from emulator.cloud.customers import Customers
from emulator.cloud.device_log import DeviceLog
from emulator.cloud.device_settings import DeviceSettings
from emulator.cloud.devices import Devices
from emulator.cloud.diagnostics import Diagnostics
from emulator.cloud.documents import Documents, Place
from emulator.cloud.environment import Environment
from emulator.cloud.events import Events
from emulator.cloud.factory import Factory
from emulator.cloud.fence import FencedListener
from emulator.cloud.fleet import Fleet
from emulator.cloud.gate import Gate
from emulator.cloud.groups import Groups
from emulator.cloud.healing import Healing, Library, LibraryContents
from emulator.cloud.keys import Keys
from emulator.cloud.ledgers import Ledgers
from emulator.cloud.libraries import Libraries
from emulator.cloud.locations import Locations
from emulator.cloud.mail import Outbox
from emulator.cloud.members import Members
from emulator.cloud.metering import Meter
from emulator.cloud.operations import Operations
from emulator.cloud.products import Products
from emulator.cloud.protection import Protection
from emulator.cloud.quarantine import Quarantine
from emulator.cloud.rates import Rates
from emulator.cloud.records import Device, Owner, OwnerKind, Product, User
from emulator.cloud.registry import Registry
from emulator.cloud.releases import Releases
from emulator.cloud.rollout import Rollout
from emulator.cloud.settings import CloudSettings
from emulator.cloud.sims import Sims
from emulator.cloud.state import Sink
from emulator.cloud.teams import Teams
from emulator.cloud.tokens import Tokens
from emulator.cloud.transfers import Transfers
from emulator.cloud.trouble import Trouble
from emulator.cloud.updates import Updates
from emulator.cloud.usage import Limits
from emulator.cloud.vault import Vault
from emulator.cloud.views import Views
from emulator.cloud.webhooks import Webhooks


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
        rng: Random,
        reply: MakeReply,
        storage: Sink | None = None,
        settings: CloudSettings | None = None,
    ) -> None:
        self.settings = settings if settings is not None else CloudSettings()
        core = Core(clock, rng, reply, storage, self.settings)
        self.core = core
        self.clock = clock
        self.trouble = Trouble(core)
        self.rates = Rates(clock, self.settings.rate_limits)
        self.keys = Keys(core)
        self.mail = Outbox(core)
        self.accounts = Accounts(core, self.mail)
        self.registry = Registry(core)
        self.access = Gate(self.accounts, self.registry)
        self.clients = Clients(core, self.access)
        self.tokens = Tokens(core, self.accounts, self.clients)
        self.products = Products(core, self.accounts, self.registry, self.access)
        self.teams = Teams(core, self.accounts, self.registry, self.access, self.tokens, self.mail)
        self.accounts.on_rename.append(self.registry.rename)
        self._devices(core)
        self._claiming(core)
        self._fleets(core)
        self._arrivals(core)
        self.accounts.clear_away = self._clear_away

    def _devices(self, core: Core) -> None:
        self.devices = Devices(core, self.access)
        self.connections = Connections(core)
        self.device_log = DeviceLog(core.mishaps)
        self.limits = Limits(core, self.accounts, self.registry, self.devices)
        self.sims = Sims(core, self.access, self.devices, self.connections)
        self.factory = Factory(core, self.access, self.limits, self.devices, self.sims)
        self.meter = Meter(core)
        self.events = Events(core, self.access, self.devices, self.connections, self.meter)
        self.webhooks = Webhooks(core, self.access, self.devices, self.events)
        self.documents = Documents(core, self.access, self.devices)
        self.vault = Vault(self.documents, self.webhooks.all)
        self.webhooks.secrets = self.vault.open_for
        self.libraries = Libraries(core, self.access)
        self.environment = Environment(self.devices, self.documents)
        self.ledgers = Ledgers(core, self.documents)
        self.configurations = Configurations(core, self.access, self.devices, self.connections, self.documents, self.events)
        self.locations = Locations(core, self.access, self.devices, self.events)
        self.protection = Protection(core, self.devices, self.keys)
        self.diagnostics = Diagnostics(core, self.devices, self.connections, self.events)
        self.updates = Updates(core, self.devices, self.connections, self.events)
        self.asset_shelf = AssetShelf(core)
        self.operations = Operations(core, self.devices, self.connections, self.updates, self.asset_shelf)
        self.operations.check_paused = self.events.check_paused
        self.agreements = Agreements(core, self.access, self.accounts, self.registry, self.devices, self.limits, self.sims, self.meter)

    def _claiming(self, core: Core) -> None:
        self.transfers = Transfers(core, self.devices, self.mail, self.owner_name)
        self.claims = Claims(core, self.access, self.devices, self.connections, self.limits, self.transfers)
        self.transfers.give = self.claims.give
        self.claim_codes = ClaimCodes(core, self.access, self.devices, self.claims)
        self.customers = Customers(core, self.access, self.accounts, self.tokens, self.claims, self.claim_codes)

    def _fleets(self, core: Core) -> None:
        self.quarantine = Quarantine(core, self.access, self.devices)
        self.members = Members(core, self.access, self.accounts, self.devices, self.claims, self.limits, self.quarantine)
        self.members.bring_sim = self.sims.bring
        self.members.joined = self.factory.joined = self._joined
        self.sims.import_device = self.members.take_along
        self.claim_codes.join_product = self.members.join_by_code
        self.groups = Groups(core, self.access, self.devices)
        self.releases = Releases(core, self.access, self.devices, self.groups, self.asset_shelf)
        self.library = Library()
        self.applications = Applications()
        self.compiler = Compiler(core, self.access)
        self.bench: Bench = EmptyBench()
        """The boards that callers may lay hands on."""
        self.healing = Healing(self.core, self.connections, self.events, self.updates, self.library)
        self.asset_delivery = AssetDelivery(self.connections, self.events, self.updates, self.asset_shelf)
        self.rollout = Rollout(
            self.devices, self.connections, self.quarantine, self.releases, self.updates, self.healing, self.asset_delivery
        )
        self.members.refresh = self.claim_codes.refresh = self.sims.refresh_device = self._refresh
        self.members.regrouped = self.rollout.resume
        self.device_settings = DeviceSettings(core, self.access, self.devices, self.members, self.groups, self.releases, self.rollout)
        self.fleet = Fleet(self.access, self.devices)
        self.views = Views(self.connections, self.quarantine, self.releases, self.owner_name)

    def _joined(self, device: Device, product: Product) -> None:
        """A device became a member, with the firmware that it has."""
        self.configurations.joined(device, product)
        self.rollout.note(device)

    def _refresh(self, device: Device) -> None:
        """A device became a member: if it is connected, it gets what its product has for it; else when it connects."""
        if self.connections.online(device.id):
            self.rollout.refresh(device)
            self.configurations.bring(device)

    def _arrivals(self, core: Core) -> None:
        self.arrivals = Arrivals(
            core, self.devices, self.connections, self.events, self.claim_codes, self.updates, self.factory, self.device_log
        )
        self.arrivals.admit = self.sims.obstacle
        self.arrivals.place = self.quarantine.place
        self.arrivals.greet = self.rollout.note
        self.arrivals.settle = self.rollout.settle
        self.arrivals.resume = self.rollout.resume
        self.arrivals.ready = self.configurations.bring
        self.arrivals.vitals = self.diagnostics.received
        self.device_settings.force = self.arrivals.force
        self.rollout.offer = self.arrivals.offer
        self.listener = FencedListener(core, self.arrivals)
        """What the device service tells of devices."""

    def _clear_away(self, user: User) -> None:
        """What an account leaves behind. Its products and organizations stay with their teams, as do the libraries it published."""
        owner = Owner(OwnerKind.USER, user.id)
        self.claims.release_all(owner)
        self.claim_codes.forget(owner)
        self.sims.release_all(user.id)
        self.webhooks.end_all(user.id)
        self.ledgers.clear(Place.of_user(user.id))
        self.documents.clear(Place.of_user(user.id))
        self.libraries.remove_private(user.id)
        self.registry.leave_teams(user.username)
        self.clients.end_all(user.id)
        self.tokens.revoke_account(user.id)

    def owner_name(self, owner: Owner) -> str:
        """The username of whoever owns a device."""
        holder = self.accounts.by_id(owner.id) if owner.kind is OwnerKind.USER else self.customers.by_id(owner.id)
        return "" if holder is None else holder.username

    def snapshot(self) -> CloudSnapshot:
        """The state as it is now, to come back to. Connections are not part of it."""
        self.meter.write()
        return CloudSnapshot(self.core.state.snapshot(), self.library.contents(), self.applications.contents())

    def restore(self, snapshot: CloudSnapshot) -> None:
        """Go back. Every device is offline afterwards, without an event."""
        self.trouble.clear()
        self.connections.clear()
        self.updates.clear()
        self.healing.clear()
        self.asset_delivery.forget()
        self.core.state.restore(snapshot.tables)
        self.library.fill(snapshot.library)
        self.applications.fill(snapshot.applications)
        self.mail.resume()
        self.webhooks.forget()
        self.arrivals.forget()
        self.protection.forget()
        self.rates.forget()
        self.device_log.forget()
        self.sims.resume()

    def close(self) -> None:
        """Write what is written behind, and close the state file. Closing twice does nothing."""
        try:
            self.meter.write()
        finally:
            self.core.state.close()


@dataclass(frozen=True, slots=True)
class CloudSnapshot:
    """A state of the cloud that `Cloud.restore` can bring back."""

    tables: dict[str, dict[str | int, Any]]
    library: LibraryContents
    applications: Mapping[tuple[str, int], bytes]
