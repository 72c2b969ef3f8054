"""A REST call in process, through httpx and the inline transport."""

import random

import httpx

from emulator.cloud import Cloud
from emulator.cloud.api import Api, InlineTransport
from emulator.cloud.devices import owner_of
from emulator.drivers.inline import InlineDriver


def test_a_get_of_a_device(benchmark):
    driver = InlineDriver()
    cloud = Cloud(driver.clock, random.Random(1), driver.reply)
    cloud.accounts.create("u@example.com", "x")
    token = cloud.tokens.password_grant("particle", "particle", "u@example.com", "x").token
    device = cloud.factory.manufacture("0" * 24, 6)
    cloud.devices.alter(device, owner=owner_of(cloud.tokens.principal(token)))
    with httpx.Client(
        base_url="http://cloud.lab", transport=InlineTransport(Api(cloud), driver), headers={"authorization": f"Bearer {token}"}
    ) as client:
        path = f"/v1/devices/{device.id}"
        assert client.get(path).status_code == 200
        benchmark(client.get, path)
