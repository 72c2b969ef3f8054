"""Events: who hears what.

An event of a device reaches its owner's stream, the stream of the product that the device is a member of, that of the organization which
owns the product, the device's own stream and (when public) the public one. A device that is neither claimed nor a member of a product
may publish, and nobody hears it. Quarantined and denied devices are no members.

What is published to an organization is heard once on its stream and by its webhooks, and goes on to each of its products as if it had been
published there.

Devices hear the events of their owner; unclaimed members of a product hear what is published to the product, and the answers of
webhooks to themselves (since March 2023; before, nothing: `CloudSettings.legacy_subscriptions`). Each event published, and each one
delivered to a device, is one data operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from emulator.cloud.access import Kind, Principal
from emulator.cloud.connections import Connections
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices, owner_of
from emulator.cloud.errors import AccountPaused, DeviceForbidden, DeviceNotInProduct, Invalid, PermissionDenied, ScopeRefused
from emulator.cloud.gate import Gate
from emulator.cloud.metering import Account, Meter
from emulator.cloud.records import Device, Owner, OwnerKind, Plan

Listener = Callable[["Event"], None]
Scope = tuple[str, object]
Hearing = tuple[tuple[Scope, ...], "Callable[[Event], bool] | None"]
"""Where to listen, and which of what is heard there counts (None: all of it)."""
SYSTEM = ("spark/", "particle/")
"""Events about devices, which no device hears unless it is addressed: every device listens to these prefixes for orders of the cloud."""
API = "api"
"""What stands in place of a device id for events published through the API."""
INTERNAL = "particle-internal"
"""The same for events that webhooks make."""


class Event:
    """One event. All listeners share one object."""

    __slots__ = (
        "coreid",
        "data",
        "device_id",
        "name",
        "organization_id",
        "owner",
        "passed_on",
        "product_id",
        "public",
        "published_at",
        "ttl",
        "version",
    )

    def __init__(
        self,
        name: str,
        data: str | None,
        *,
        published_at: float,
        coreid: str,
        ttl: int = 60,
        public: bool = False,
        device_id: str | None = None,
        owner: Owner | None = None,
        product_id: int | None = None,
        version: int | None = None,
        organization_id: str | None = None,
        passed_on: bool = False,
    ) -> None:
        """`organization_id`: it was published to an organization. `passed_on`: the organization has heard it already."""
        self.name = name
        self.data = data
        self.published_at = published_at
        self.coreid = coreid
        self.ttl = ttl
        self.public = public
        self.device_id = device_id
        self.owner = owner
        self.product_id = product_id
        self.version = version
        self.organization_id = organization_id
        self.passed_on = passed_on

    def __str__(self) -> str:
        return f"{self.name}={self.data!r} from {self.coreid}"


class _Subscription:
    __slots__ = ("accepts", "listener", "prefix", "scopes")

    def __init__(self, scopes: tuple[Scope, ...], prefix: str, listener: Listener, accepts: Callable[[Event], bool] | None) -> None:
        self.scopes = scopes
        self.prefix = prefix
        self.listener = listener
        self.accepts = accepts

    def hear(self, event: Event) -> None:
        if self.accepts is None or self.accepts(event):
            self.listener(event)


class Events:
    """Takes events in, and hands them to streams, devices and webhooks."""

    def __init__(self, core: Core, gate: Gate, devices: Devices, connections: Connections, meter: Meter) -> None:
        self._core = core
        self._meter = meter
        self._gate = gate
        self._devices = devices
        self._connections = connections
        self._streams: dict[Scope, dict[_Subscription, None]] = {}
        self.taps: list[Listener] = []
        """Called with every event that somebody may hear (webhooks)."""

    @property
    def hearers(self) -> int:
        """How many subscriptions there are."""
        return len({id(each) for hearers in self._streams.values() for each in hearers})

    def publish(
        self,
        who: Principal,
        name: str,
        data: str | None = None,
        *,
        ttl: int = 60,
        private: bool = True,
        product: str | int | None = None,
        organization: str | None = None,
        as_device_id: str | None = None,
    ) -> Event:
        """Publish through the API: as oneself, to an organization or a product, or in a product as one of its members would.

        Raises:
            Invalid: the name or the data is too long, or the name is missing.
            PermissionDenied, OrganizationUnknown, ScopeRefused: not for this caller.
            DeviceNotInProduct: `as_device_id` is not in the product.
            AccountPaused: the plan's data operations are used up.
        """
        settings = self._core.settings
        if not name or len(name.encode()) > settings.max_event_name:
            raise Invalid("name", name, f"must have 1 to {settings.max_event_name} bytes")
        if data is not None and len(data.encode()) > settings.max_event_data:
            raise Invalid("data", data[:20], f"at most {settings.max_event_data} bytes")
        now = self._core.now()
        if organization is not None:
            home = self._gate.organization(who, organization, "events:send")
            event = Event(name, data, published_at=now, coreid=API, ttl=ttl, public=not private, organization_id=home.id)
            self.emit(event)
            for each in self._gate.products_of(home):
                more = Event(name, data, published_at=now, coreid=API, ttl=ttl, public=not private, product_id=each.id, passed_on=True)
                self.emit(more)
            return event
        if product is None:
            owner = owner_of(who)
            if owner is None:
                raise ScopeRefused("events:send") if who.kind is Kind.API_USER else PermissionDenied("publish in the product instead")
            self._check_paused(owner, None)
            event = Event(name, data, published_at=now, coreid=API, ttl=ttl, public=not private, owner=owner)
            self.emit(event)
            return event
        record = self._gate.product(who, product, "events:send")
        self._check_paused(None, record.id)
        if as_device_id is not None:
            device = self._devices.in_product(record, as_device_id)
            if device.product_id != record.id:
                raise DeviceNotInProduct(as_device_id, record.id)
            return self.from_device(device, name, data, public=not private, ttl=ttl)
        event = Event(name, data, published_at=now, coreid=API, ttl=ttl, public=not private, product_id=record.id)
        self.emit(event)
        return event

    def from_device(
        self, device: Device, name: str, data: str | None, *, public: bool = False, ttl: int = 60, coreid: str | None = None
    ) -> Event:
        """An event that a device published, or that the cloud makes about a device."""
        event = Event(
            name,
            data,
            published_at=self._core.now(),
            coreid=coreid or device.id,
            ttl=ttl,
            public=public,
            device_id=device.id,
            owner=device.owner,
            product_id=device.product_id,
            version=device.firmware_version if device.product_id is not None else None,
        )
        self.emit(event)
        return event

    def emit(self, event: Event) -> None:
        """Hand an event to everybody who may hear it; to nobody, while the account behind it is paused.

        Whatever goes wrong with one of them harms neither the others nor whoever published it.
        """
        homeless = event.owner is None and event.product_id is None and event.organization_id is None
        if homeless or self._paused(event.owner, event.product_id):
            return
        fenced = self._core.fenced
        fenced("counting an event", self._count, event.owner, event.product_id)
        for subscription in tuple(self._hearers(event)):
            if event.name.startswith(subscription.prefix):
                fenced("a listener of events", subscription.hear, event)
        self._to_devices(event)
        for tap in tuple(self.taps):
            fenced("what an event sets off", tap, event)

    def organization_of(self, event: Event) -> str | None:
        """The id of the organization that hears an event: the one it was published to, or that of its product; None: none does."""
        return None if event.passed_on else event.organization_id or self._gate.organization_of(event.product_id)

    def subscribe(
        self,
        who: Principal,
        listener: Listener,
        prefix: str = "",
        *,
        device: str | None = None,
        product: str | int | None = None,
        organization: str | None = None,
        public: bool = False,
    ) -> Callable[[], None]:
        """Hear events from now on, until the function that is returned is called.

        Without `device`, `product`, `organization` and `public`: those of the caller's own devices and publishes. With `organization`
        alone: those of all its products. With `public`: the caller's own, and everybody's public ones.

        Raises:
            Invalid: the public stream without a prefix.
            DeviceForbidden, DeviceNotInProduct, OrganizationUnknown, PermissionDenied, ScopeRefused: not for this caller.
        """
        if product is not None:
            scopes, accepts = self._of_product(who, product, organization, device)
        elif organization is not None:
            scopes, accepts = self._of_organization(who, organization, device)
        else:
            scopes, accepts = self._own(who, prefix, device, public=public)
        subscription = _Subscription(scopes, prefix, listener, accepts)
        for scope in scopes:
            self._streams.setdefault(scope, {})[subscription] = None

        def end() -> None:
            for scope in subscription.scopes:
                hearers = self._streams.get(scope, {})
                hearers.pop(subscription, None)
                if not hearers:
                    self._streams.pop(scope, None)

        return end

    def deliver(self, device: Device, name: str, data: str | None, *, ttl: int = 60, public: bool = False) -> None:
        """Send an event to one device, if it is connected, may hear, and has subscribed."""
        link = self._connections.link(device.id)
        if link is not None and self.may_hear(device) and link.session.publish(name, data, ttl=ttl, public=public):
            self._count(device.owner, device.product_id)

    def may_hear(self, device: Device) -> bool:
        """Whether events reach a device's own subscriptions: it is claimed, or a member of a product."""
        return device.owner is not None or (device.product_id is not None and not self._core.settings.legacy_subscriptions)

    def _of_product(self, who: Principal, product: str | int, organization: str | None, device: str | None) -> Hearing:
        record = self._gate.product(who, product, "events:get", organization)
        if device is None:
            return (("product", record.id),), None
        member = self._devices.in_product(record, device)
        return (("device", member.id),), lambda event: event.product_id == record.id

    def _of_organization(self, who: Principal, organization: str, device: str | None) -> Hearing:
        record = self._gate.organization(who, organization, "events:get")
        if device is None:
            return (("organization", record.id),), None
        member = self._devices.reach(who, device, "events:get", organization=organization)
        return (("device", member.id),), lambda event: self._gate.organization_of(event.product_id) == record.id

    def _own(self, who: Principal, prefix: str, device: str | None, *, public: bool) -> Hearing:
        if device is not None:
            found = self._devices.reach(who, device, "events:get")
            return (("device", found.id),), lambda event: self._still_reaches(who, found.id)
        owner = owner_of(who)
        if owner is None:
            if who.product_id is None or not who.allows("events:get"):
                raise ScopeRefused("events:get")
            return (("product", who.product_id),), None
        if not public:
            return (("owner", owner),), None
        if not prefix:
            raise Invalid("prefix", prefix, "event prefix filter is required")
        return (("public", None), ("owner", owner)), None

    def _still_reaches(self, who: Principal, device_id: str) -> bool:
        try:
            self._devices.reach(who, device_id, "events:get")
        except (DeviceForbidden, ScopeRefused):
            return False
        return True

    def _hearers(self, event: Event) -> Iterator[_Subscription]:
        streams = self._streams
        owned = streams.get(("owner", event.owner), {})
        yield from owned
        if event.product_id is not None:
            yield from streams.get(("product", event.product_id), ())
        organization = self.organization_of(event)
        if organization is not None:
            yield from streams.get(("organization", organization), ())
        if event.device_id is not None:
            yield from streams.get(("device", event.device_id), ())
        if event.public and not event.passed_on:
            yield from (each for each in streams.get(("public", None), ()) if each not in owned)

    def _to_devices(self, event: Event) -> None:
        """Deliver to the subscriptions of devices: those of the same owner; for a publish to a product, its members."""
        if not len(self._connections) or event.name.startswith(SYSTEM):
            return
        table = self._devices.table
        if event.owner is not None:
            keys: tuple[str | int, ...] = self._devices.by_owner.keys(event.owner)
        elif event.device_id is not None:
            keys = (event.device_id,)
        else:
            keys = () if event.product_id is None else self._devices.by_product.keys(event.product_id)
        for key in keys:
            if self._connections.link(str(key)) is not None:
                self._core.fenced("an event for a device", self._pass_on, table[key], event)

    def _pass_on(self, device: Device, event: Event) -> None:
        self.deliver(device, event.name, event.data, ttl=event.ttl, public=event.public)

    def check_paused(self, device: Device) -> None:
        """Refuse to use a device while the account behind it is paused.

        Raises:
            AccountPaused: as said.
        """
        self._check_paused(device.owner, device.product_id)

    def _check_paused(self, owner: Owner | None, product_id: int | None) -> None:
        if self._paused(owner, product_id):
            raise AccountPaused

    def _paused(self, owner: Owner | None, product_id: int | None) -> bool:
        limit = self._core.settings.operations_limit
        if limit is None:
            return False
        account = self._account(owner, product_id)
        return account is not None and self._meter.counted(("account", account)) >= limit

    def _account(self, owner: Owner | None, product_id: int | None) -> str | None:
        """Whose free plan pays for an operation; None: nobody's."""
        if product_id is not None:
            product = self._gate.find_product(product_id)
            return product.owner_id if product is not None and product.plan is Plan.FREE else None
        return owner.id if owner is not None and owner.kind is OwnerKind.USER else None

    def _count(self, owner: Owner | None, product_id: int | None) -> None:
        account = self._account(owner, product_id)
        counted: list[Account] = []
        if account is not None:
            counted.append(("account", account))
        if product_id is not None:
            counted.append(("product", product_id))
        self._meter.count(*counted)
