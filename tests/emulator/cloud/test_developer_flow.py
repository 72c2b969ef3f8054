"""A developer's day: log in, claim, name, use, give up."""

from __future__ import annotations

import pytest

from emulator.cloud.claims import Claimed
from emulator.cloud.errors import DeviceForbidden, NameTaken, NotOnline, OwnedByOther


def test_a_developer_claims_uses_and_unclaims_a_board(world):
    u1 = world.user()
    device, session = world.online(functions={"led": len}, variables={"temperature": 21.5})
    heard = world.hear(u1)

    claimed = world.cloud.claims.claim(u1, device.id.upper())
    assert isinstance(claimed, Claimed)
    assert claimed.connected
    assert world.owner(device) == "u1@example.com"

    world.cloud.devices.rename(world.now(device), "lamp")
    assert world.wait(world.cloud.operations.call(u1, "lamp", "led", "abc")).value == 3
    result = world.wait(world.cloud.operations.read(u1, device.id, "temperature"))
    assert (result.value, result.type) == (21.5, "double")
    session.event("hello", "world")
    assert ("hello", "world") in heard

    world.cloud.claims.unclaim(u1, "lamp")
    assert world.owner(device) is None
    assert not session.closed
    with pytest.raises(DeviceForbidden):
        world.cloud.operations.call(u1, device.id, "led", "")


def test_an_offline_developer_device_is_not_claimed(world):
    device = world.device()
    with pytest.raises(NotOnline):
        world.cloud.claims.claim(world.user(), device.id)
    assert world.owner(device) is None


def test_another_users_claim_is_refused_and_a_name_is_taken_once(world):
    u1, u2 = world.user("u1"), world.user("u2")
    first, _ = world.claimed(u1)
    second, _ = world.claimed(u1)
    with pytest.raises(OwnedByOther):
        world.cloud.claims.claim(u2, first.id)
    world.cloud.devices.rename(first, "lamp")
    with pytest.raises(NameTaken):
        world.cloud.devices.rename(world.now(second), "lamp")


def test_a_claim_code_claims_and_is_confirmed_once_the_device_has_subscribed(world):
    u1 = world.user()
    offer = world.cloud.claim_codes.create(u1)
    device, session = world.online()
    session.subscriptions.clear()
    session.event("spark/device/claim/code", offer.code)
    assert world.owner(device) == "u1@example.com"
    assert session.sent == []
    session.subscriptions.append("spark")
    world.pass_time(1)
    assert [name for name, _ in session.sent] == ["spark/device/claim/success"]
