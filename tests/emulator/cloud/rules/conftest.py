"""People who use the REST API of a world in which devices are scripted: kinds of boards that are not emulated yet."""

from __future__ import annotations

import httpx
import pytest

from emulator.cloud.api import Api, InlineTransport


@pytest.fixture
def sign_in():
    """Clients of a world's REST API: `sign_in(world, who)`, a principal or the name of a developer."""
    made = []

    def client(world, who):
        principal = world.user(who) if isinstance(who, str) else who
        transport = InlineTransport(Api(world.cloud), world.driver)
        headers = {"Authorization": f"Bearer {principal.token}"}
        made.append(httpx.Client(base_url="http://cloud.example", transport=transport, headers=headers, timeout=60))
        return made[-1]

    yield client
    for each in made:
        each.close()
