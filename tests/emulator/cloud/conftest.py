"""A cloud in virtual time, people in it, and devices whose sessions are scripted."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emulator.cloud import Cloud, CloudSettings, HelloFacts, Principal, Storage
from emulator.cloud.errors import CloudError
from emulator.cloud.fleet import FleetQuery
from emulator.cloud.records import Device, Plan, Product
from emulator.drivers import Reply
from emulator.drivers.inline import InlineDriver
from firmware_images.build import build_module
from firmware_images.fields import Dependency
from firmware_images.fields import ModuleFunction as ImageFunction
from particle_protocol.describe import ApplicationDescribe, DescribedModule, ModuleFunction, SystemDescribe
from particle_protocol.messages.values import VariableType
from particle_protocol.vitals import VITALS, VitalError, Vitals

PHOTON = 6
BY_NAME = {vital.name.replace(":", "_"): vital for vital in VITALS.values()}


class ScriptedSession:
    """A connected device that answers what its script says. `subscriptions` are prefixes; `sent` is what reached it.

    `sent_with` has the lifetime of each of these, and whether it was public.
    """

    def __init__(self, world: World, device_id: str, hello: HelloFacts) -> None:
        self.world = world
        self.device_id = device_id
        self.hello = hello
        self.peer = "10.0.0.7:40000"
        self.closed = False
        self.close_reason: str | None = None
        self.functions: dict[str, Callable[[str], int]] = {}
        self.variables: dict[str, Any] = {}
        self.subscriptions: list[str] = ["spark", "particle"]
        self.sent: list[tuple[str, str | None]] = []
        self.sent_with: list[tuple[int, bool]] = []
        self.flashed: list[bytes] = []
        self.signals: list[bool] = []
        self.measures: dict[int, int | VitalError] = {}
        self.asked_for_vitals = 0
        self.silent = False
        self.refuses: Exception | None = None

    def _reply(self, value: Any) -> Reply[Any]:
        reply: Reply[Any] = self.world.driver.reply()
        if self.refuses is not None:
            reply.fail(self.refuses)
        elif not self.silent:
            reply.resolve(value)
        return reply

    def call(self, name: str, argument: str) -> Reply[int]:
        return self._reply(self.functions[name](argument))

    def read(self, name: str) -> Reply[Any]:
        return self._reply(self.variables[name])

    def signal(self, on: bool) -> Reply[None]:
        self.signals.append(on)
        return self._reply(None)

    def ping(self) -> Reply[None]:
        return self._reply(None)

    def vitals(self) -> Reply[Vitals]:
        self.asked_for_vitals += 1
        return self._reply(dict(self.measures))

    def report(self, **vitals: int) -> None:
        """Send vitals unasked, by name with `_` for `:`."""
        self.world.cloud.arrivals.heard(self)
        self.world.cloud.arrivals.vitals_received(self, {vital.id: vitals[name] for name, vital in BY_NAME.items() if name in vitals})

    def flash(self, image: bytes) -> Reply[None]:
        self.flashed.append(image)
        return self._reply(None)

    def publish(self, name: str, data: str | None, *, ttl: int = 60, public: bool = False) -> bool:
        if not any(name.startswith(prefix) for prefix in self.subscriptions):
            return False
        self.sent.append((name, data))
        self.sent_with.append((ttl, public))
        return True

    def close(self, reason: str) -> None:
        self.close_reason = reason
        self.leave(reason)

    def gone(self, reason: str) -> None:
        self.close(reason)

    def leave(self, reason: str = "the device went away") -> None:
        if not self.closed:
            self.closed = True
            self.world.cloud.arrivals.session_closed(self, reason)

    def event(self, name: str, data: str | None = None, *, public: bool = False, ttl: int = 60) -> None:
        self.world.cloud.arrivals.heard(self)
        self.world.cloud.arrivals.event_received(self, name, data, public=public, ttl=ttl)

    def describe(self, *modules: DescribedModule, extra: dict[str, str] | None = None) -> None:
        """Describe application and system: one system part of the version in Hello (2302, if there is none) unless modules are given."""
        self.world.cloud.arrivals.heard(self)
        kinds = {bool: VariableType.BOOL, int: VariableType.INT, float: VariableType.DOUBLE, str: VariableType.STRING}
        application = ApplicationDescribe(tuple(self.functions), {name: kinds[type(value)] for name, value in self.variables.items()})
        if not modules:
            version = self.hello.system_version or 2302
            modules = (
                DescribedModule(1 << 18, function=ModuleFunction.SYSTEM_PART, index=1, version=version),
                DescribedModule(1 << 17, function=ModuleFunction.USER_PART, index=1, version=6, sha256=bytes(32)),
            )
        system = SystemDescribe(self.hello.platform_id, modules, extra or {})
        self.world.cloud.arrivals.described(self, system, application)


class World:
    """One cloud, and short words for what tests do in it."""

    def __init__(self, settings: CloudSettings | None = None, storage: Storage | None = None) -> None:
        self.driver = InlineDriver()
        settings = settings or CloudSettings(healing_delay=0)
        self.cloud = Cloud(self.driver.clock, random.Random(7), self.driver.reply, storage, settings)
        self._numbers = itertools.count(1)
        self._ids = (f"{number:024x}" for number in itertools.count(0x3F00_2A00_1747_3437_3334_0000))

    def user(self, name: str = "u1") -> Principal:
        """A developer, logged in."""
        username = f"{name}@example.com"
        if self.cloud.accounts.find(username) is None:
            self.cloud.accounts.create(username, "secret")
        token = self.cloud.tokens.password_grant("particle-cli", "particle-cli", username, "secret")
        return self.cloud.tokens.principal(token.token)

    def product(self, who: Principal, platform_id: int = PHOTON, **facts: Any) -> Product:
        """A product of `who`."""
        name = facts.pop("name", f"product {next(self._numbers)}")
        return self.cloud.products.create(who, name, platform_id, **facts)

    def paid_product(self, who: Principal, platform_id: int = PHOTON, plan: Plan = Plan.GROWTH) -> Product:
        """A product of an organization that `who` owns."""
        owner = self.cloud.accounts.of(who)
        organization = self.cloud.products.create_organization(owner, f"company {next(self._numbers)}", plan)
        return self.product(who, platform_id, organization=organization.slug)

    def teammate(self, owner: Principal, product: Product, name: str = "t", role: str = "Developer") -> Principal:
        """Somebody else in the product's team."""
        self.cloud.teams.invite(owner, f"{name}@example.com", role, product=product.id)
        return self.user(name)

    def customer(self, owner: Principal, product: Product, name: str = "c") -> Principal:
        """A customer of the product, logged in."""
        client = self.cloud.clients.create(owner, f"app of {name}", product=product.id)
        token = self.cloud.customers.create(client.id, client.secret, product.id, f"{name}@customers.example", "secret")
        return self.cloud.tokens.principal(token.token)

    def api_user(self, owner: Principal, product: Product, *scopes: str) -> Principal:
        """A program in the product's team."""
        made = self.cloud.teams.create_api_user(owner, "line", scopes, product=product.id)
        return self.cloud.tokens.principal(made.token.token)

    def member(self, owner: Principal, product: Product, **facts: Any) -> Device:
        """A fresh device that was added to the product, and never online."""
        device = self.device(product.platform_id, **facts)
        assert self.cloud.members.add(owner, product.id, [device.id]).updated == [device.id]
        return self.now(device)

    def image(self, product: Product, version: int, *, product_id: int | None = None, needs: int = 2302) -> bytes:
        """An application of that product version, for a system part of version `needs` or later."""
        needed = Dependency(ImageFunction.SYSTEM_PART, 1, needs)
        number = product.id if product_id is None else product_id
        return build_module(
            product.platform_id, ImageFunction.USER_PART, version=6, dependencies=[needed], product_id=number, product_version=version
        )

    def upload(self, who: Principal, product: Product, version: int, *, has_run: bool = True, **facts: Any) -> bytes:
        """Upload a version, which a development device has run."""
        image = self.image(product, version, **facts)
        self.cloud.releases.upload(who, product.id, version, image)
        if has_run:
            self.cloud.releases.seen_running(product.id, version)
        return image

    def release(self, who: Principal, product: Product, version: int, *groups: str, intelligent: bool = False) -> None:
        """Release a version to groups, or as product default."""
        self.cloud.releases.release(who, product.id, version, product_default=not groups, groups=groups, intelligent=intelligent)

    def runs(self, device: Device, product: Product, version: int, **kwargs: Any) -> ScriptedSession:
        """The device connects with a version of the product's firmware."""
        return self.connect(device, product_id=product.id, product_version=version, **kwargs)

    def listed(self, who: Principal, product: Product, **query: Any) -> list[str]:
        """The ids on the product's list."""
        return [device.id for device in self.cloud.fleet.list(who, product.id, FleetQuery(per_page=100, **query)).devices]

    def standing(self, device: Device, product: Product) -> str:
        """What the device is to the product: member, quarantined, denied, or nothing."""
        view = self.cloud.views.of(self.now(device), product.id)
        if view.quarantined or view.denied:
            return "denied" if view.denied else "quarantined"
        return "member" if view.device.product_id == product.id else "nothing"

    def fill(self, who: Principal, count: int) -> list[Device]:
        """So many devices, claimed by `who`, offline by now."""
        devices = []
        for _ in range(count):
            device, session = self.claimed(who)
            session.leave()
            devices.append(device)
        return devices

    def device(self, platform_id: int | None = None, **facts: Any) -> Device:
        """A device fresh from the factory: a Photon, unless a platform or a SKU is given."""
        if platform_id is None and "sku" not in facts:
            platform_id = PHOTON
        return self.cloud.factory.manufacture(next(self._ids), platform_id, **facts)

    def connect(
        self,
        device: Device | str,
        *,
        product_id: int | None = None,
        product_version: int = 0xFFFF,
        system_version: int | None = None,
        describe: bool = True,
        functions: dict[str, Callable[[str], int]] | None = None,
        variables: dict[str, Any] | None = None,
        subscriptions: tuple[str, ...] = (),
    ) -> ScriptedSession:
        """The device connects: with generic firmware (product id = platform id) of Device OS 2.3.1, unless told."""
        known = self.now(device)
        hello = HelloFacts(product_id or known.platform_id, product_version, known.platform_id, system_version)
        session = ScriptedSession(self, known.id, hello)
        session.functions = functions or {}
        session.variables = variables or {}
        session.subscriptions += subscriptions
        self.cloud.arrivals.session_opened(session)
        if describe and not session.closed:
            session.describe()
        return session

    def online(self, platform_id: int = PHOTON, iccid: str | None = None, **kwargs: Any) -> tuple[Device, ScriptedSession]:
        """A fresh device that is connected."""
        device = self.device(platform_id, iccid=iccid)
        session = self.connect(device, **kwargs)
        return self.now(device), session

    def claimed(self, who: Principal, platform_id: int = PHOTON, **kwargs: Any) -> tuple[Device, ScriptedSession]:
        """A connected device that `who` has claimed by its id."""
        device, session = self.online(platform_id, **kwargs)
        self.cloud.claims.claim(who, device.id)
        return self.now(device), session

    def now(self, device: Device | str) -> Device:
        """What the cloud knows of a device now."""
        found = self.cloud.devices.by_id(device if isinstance(device, str) else device.id)
        assert found is not None
        return found

    def owner(self, device: Device | str) -> str | None:
        """The username of the owner."""
        owner = self.now(device).owner
        return None if owner is None else self.cloud.owner_name(owner)

    def hear(self, who: Principal, prefix: str = "", **where: Any) -> list[tuple[str, str | None]]:
        """A list that fills with (name, data) of what a stream of `who` says from now on."""
        heard: list[tuple[str, str | None]] = []
        self.cloud.events.subscribe(who, lambda event: heard.append((event.name, event.data)), prefix, **where)
        return heard

    def refusal(self, attempt: Callable[[], object]) -> str:
        """What is said to an attempt, which is refused and changes nothing."""
        before = self.cloud.snapshot().tables
        with pytest.raises(CloudError) as refused:
            attempt()
        assert self.cloud.snapshot().tables == before, "a refusal changes nothing"
        return f"{type(refused.value).__name__}: {refused.value}"

    def wait(self, reply: Reply[Any]) -> Any:
        """What a reply brings, letting virtual time pass."""
        self.driver.wait(lambda: reply.done, [reply.settled], timeout=600, awaited="a reply")
        return reply.result()

    def pass_time(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.driver.sleep(seconds)


@pytest.fixture
def world() -> Iterator[World]:
    """A world whose state is in SQLite; what that holds at the end is what the cloud has in memory."""
    storage = Storage()
    world = World(storage=storage)
    yield world
    expected = world.cloud.snapshot().tables
    assert World(storage=storage).cloud.snapshot().tables == expected
    world.cloud.close()


@pytest.fixture
def fleet(world: Any) -> World:
    """`world` with `o`, and a product `p` of theirs."""
    world.o = world.user("o")
    world.p = world.product(world.o)
    return world


@pytest.fixture(scope="session")
def make_world() -> Callable[..., World]:
    """For settings of one's own: `make_world(CloudSettings(...))`."""
    return World
