"""The REST API on top of a world: clients in process, and the same cloud served on loopback."""

from __future__ import annotations

import random

import httpx
import pytest

from emulator.cloud import Cloud, Principal
from emulator.cloud.api import Api, InlineTransport
from emulator.cloud.api.asgi import CloudApp
from emulator.doors.http import HttpDoor
from emulator.drivers.served import ServedDriver

BASE = "http://cloud.test"


class Rest:
    """Clients of one world's REST API, by who they are."""

    def __init__(self, world, transport=None, base_url=BASE):
        self.world = world
        self._transport = transport
        self._base_url = base_url
        self._clients = []
        self.anonymous = self.client()

    def client(self, who=None, **options):
        """A client with the token of `who`: a principal, the name of a developer, or a token."""
        if isinstance(who, str) and len(who) != 40:
            who = self.world.user(who)
        token = who.token if isinstance(who, Principal) else who
        headers = {"authorization": f"Bearer {token}"} if token else {}
        made = httpx.Client(base_url=self._base_url, transport=self._transport, headers=headers, timeout=30, **options)
        self._clients.append(made)
        return made

    def close(self):
        for each in self._clients:
            each.close()


@pytest.fixture
def rest(world):
    made = Rest(world, InlineTransport(Api(world.cloud), world.driver))
    yield made
    made.close()


@pytest.fixture
def make_rest(make_world):
    """For settings of one's own: `make_rest(CloudSettings(...))`."""
    made = []

    def make(settings):
        world = make_world(settings)
        made.append(Rest(world, InlineTransport(Api(world.cloud), world.driver)))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def owner(world):
    """A developer, who owns what a test makes."""
    return world.user("o")


@pytest.fixture
def o(rest, owner):
    """That developer's client."""
    return rest.client(owner)


@pytest.fixture
def u1(rest):
    """The first developer's client."""
    return rest.client("u1")


@pytest.fixture
def u2(rest):
    """Another developer's client."""
    return rest.client("u2")


@pytest.fixture
def served(make_world):
    """A world at real time, its API on loopback: `served.rest`, `served.door`."""
    world = make_world()
    world.driver = ServedDriver()
    world.cloud = Cloud(world.driver.clock, random.Random(7), world.driver.reply)
    app = CloudApp(Api(world.cloud).answer, world.driver)
    door = HttpDoor(world.driver, app, before_close=app.end_streams)
    door.open()
    world.door = door
    world.rest = Rest(world, base_url=door.url)
    yield world
    world.rest.close()
    door.close()
    world.driver.close()
