"""A cloud in virtual time, people in it, and devices whose sessions are scripted."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emulator.cloud import Cloud, CloudSettings, HelloFacts, Principal, Storage
from emulator.cloud.records import Device
from emulator.drivers import Reply
from emulator.drivers.inline import InlineDriver
from particle_protocol.describe import ApplicationDescribe, DescribedModule, ModuleFunction, SystemDescribe
from particle_protocol.messages.values import VariableType

PHOTON = 6


class ScriptedSession:
    """A connected device that answers what its script says. `subscriptions` are prefixes; `sent` is what reached it."""

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
        self.flashed: list[bytes] = []
        self.signals: list[bool] = []
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

    def flash(self, image: bytes) -> Reply[None]:
        self.flashed.append(image)
        return self._reply(None)

    def publish(self, name: str, data: str | None, *, ttl: int = 60, public: bool = False) -> bool:
        if not any(name.startswith(prefix) for prefix in self.subscriptions):
            return False
        self.sent.append((name, data))
        return True

    def close(self, reason: str) -> None:
        self.close_reason = reason
        self.leave(reason)

    def leave(self, reason: str = "the device went away") -> None:
        if not self.closed:
            self.closed = True
            self.world.cloud.arrivals.session_closed(self, reason)

    def event(self, name: str, data: str | None = None, *, public: bool = False, ttl: int = 60) -> None:
        self.world.cloud.arrivals.event_received(self, name, data, public=public, ttl=ttl)

    def describe(self, *modules: DescribedModule, extra: dict[str, str] | None = None) -> None:
        """Describe application and system: one system part of the version in Hello (2302, if there is none) unless modules are given."""
        kinds = {bool: VariableType.BOOL, int: VariableType.INT, float: VariableType.DOUBLE, str: VariableType.STRING}
        application = ApplicationDescribe(tuple(self.functions), {name: kinds[type(value)] for name, value in self.variables.items()})
        if not modules:
            version = self.hello.system_version or 2302
            modules = (
                DescribedModule(1 << 18, function=ModuleFunction.SYSTEM, index=1, version=version),
                DescribedModule(1 << 17, function=ModuleFunction.USER, index=1, version=6, sha256=bytes(32)),
            )
        system = SystemDescribe(self.hello.platform_id, modules, extra or {})
        self.world.cloud.arrivals.described(self, system, application)


class World:
    """One cloud, and short words for what tests do in it."""

    def __init__(self, settings: CloudSettings | None = None, storage: Storage | None = None) -> None:
        self.driver = InlineDriver()
        self.cloud = Cloud(self.driver.clock, random.Random(7), self.driver.reply, storage, settings)
        self._ids = (f"{number:024x}" for number in itertools.count(0x3F00_2A00_1747_3437_3334_0000))

    def user(self, name: str = "u1") -> Principal:
        """A developer, logged in."""
        username = f"{name}@example.com"
        if self.cloud.accounts.find(username) is None:
            self.cloud.accounts.create(username, "secret")
        token = self.cloud.tokens.password_grant("particle-cli", "particle-cli", username, "secret")
        return self.cloud.tokens.principal(token.token)

    def device(self, platform_id: int = PHOTON, **facts: Any) -> Device:
        """A device fresh from the factory."""
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

    def online(self, platform_id: int = PHOTON, **kwargs: Any) -> tuple[Device, ScriptedSession]:
        """A fresh device that is connected."""
        device = self.device(platform_id)
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

    def wait(self, reply: Reply[Any]) -> Any:
        """What a reply brings, letting virtual time pass."""
        self.driver.wait(lambda: reply.done, [reply.settled], timeout=600, awaited="a reply")
        return reply.result()

    def pass_time(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.driver.sleep(seconds)


@pytest.fixture
def world(tmp_path: Any) -> Iterator[World]:
    """A world whose state is in a file; what the file holds at the end is what the cloud has in memory."""
    path = tmp_path / "state.db"
    world = World(storage=Storage(path))
    yield world
    expected = world.cloud.snapshot().tables
    world.cloud.close()
    reopened = World(storage=Storage(path))
    assert reopened.cloud.snapshot().tables == expected
    reopened.cloud.close()


@pytest.fixture
def make_world() -> Callable[..., World]:
    """For settings of one's own: `make_world(CloudSettings(...))`."""
    return World
