"""The cloud's domain with its state in a file, and no HTTP around it: how claims, look-ups, imports scale from 100 to 100,000 devices."""

import itertools
import random

import pytest

from emulator.cloud import Cloud, CloudSettings, Storage
from emulator.cloud.records import Plan
from emulator.drivers.inline import InlineDriver

PHOTON = 6
SIZES = [100, 100_000]


class Fleet:
    """A cloud with a paid product of so many members, none of which was ever online."""

    def __init__(self, path, size):
        driver = InlineDriver()
        settings = CloudSettings(device_limit=None)
        self.cloud = Cloud(driver.clock, random.Random(1), driver.reply, Storage(path), settings)
        self.cloud.accounts.create("o@example.com", "secret")
        token = self.cloud.tokens.password_grant("particle", "particle", "o@example.com", "secret")
        self.token = token.token
        self.who = self.cloud.tokens.principal(token.token)
        self.product = self.cloud.products.create(self.who, "fleet", PHOTON, plan=Plan.GROWTH)
        self.ids = self.make(0, size)
        self.cloud.members.add(self.who, self.product.id, self.ids)

    def make(self, start, count):
        """So many fresh devices from the factory."""
        ids = [f"{number:024x}" for number in range(start, start + count)]
        with self.cloud.core.change():
            for device_id in ids:
                self.cloud.factory.manufacture(device_id, PHOTON)
        return ids


@pytest.fixture(scope="module", params=SIZES, ids=lambda size: f"{size}_devices")
def fleet(request, tmp_path_factory):
    made = Fleet(tmp_path_factory.mktemp("state") / "state.db", request.param)
    yield made
    made.cloud.close()


def test_claim_and_unclaim_an_offline_member(benchmark, fleet):
    """Two changes a round."""
    ids = itertools.cycle(fleet.ids[:100])

    def both():
        device_id = next(ids)
        fleet.cloud.claims.claim(fleet.who, device_id)
        fleet.cloud.claims.unclaim(fleet.who, device_id)

    benchmark(both)


def test_get_a_device(benchmark, fleet):
    ids = itertools.cycle(random.Random(2).sample(fleet.ids, 100))

    def get():
        who = fleet.cloud.tokens.principal(fleet.token)
        return fleet.cloud.views.of(fleet.cloud.devices.reach(who, next(ids), "devices:get"))

    assert benchmark(get).device.product_id == fleet.product.id


def test_import_10_000_devices(benchmark, fleet):
    starts = itertools.count(1_000_000, 10_000)

    def fresh():
        return (fleet.make(next(starts), 10_000),), {}

    def add(ids):
        assert len(fleet.cloud.members.add(fleet.who, fleet.product.id, ids).updated) == 10_000

    benchmark.pedantic(add, setup=fresh, rounds=2)


def test_publish_to_100_streams(benchmark, fleet):
    """Divide by 100 for one delivery."""
    heard = []
    ends = [fleet.cloud.events.subscribe(fleet.who, heard.append) for _ in range(100)]
    benchmark(lambda: fleet.cloud.events.publish(fleet.who, "temperature", "21.5"))
    for end in ends:
        end()
    assert len(heard) % 100 == 0
