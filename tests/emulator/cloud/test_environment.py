"""Environment variables: what a device inherits, and from whom."""

from __future__ import annotations

from emulator.cloud.documents import Place
from emulator.cloud.environment import MAX_OPERATIONS


def test_a_device_in_no_product_inherits_from_its_owner_and_without_one_from_nobody(world):
    u1 = world.user("u1")
    environment, mine = world.cloud.environment, Place.of_user(u1.account)
    environment.change(u1, mine, [("A", "1")])
    environment.roll_out(u1, mine, "Immediate")
    device, _ = world.claimed(u1)
    inherited = environment.of(Place.of_device(device.id)).inherited
    assert {key: (each.value, each.origin) for key, each in inherited.items()} == {"A": ("1", "Owner")}
    world.cloud.claims.unclaim(u1, device.id)
    assert environment.of(Place.of_device(device.id)).inherited == {}


def test_a_roll_out_keeps_what_it_rolled_out_and_who_wrote_what_is_noted(world):
    u1, u2 = world.user("u1"), world.user("u2")
    environment, mine = world.cloud.environment, Place.of_user(u1.account)
    environment.change(u1, mine, [("A", "1"), ("B", "2")])
    environment.roll_out(u1, mine, "Connect")
    environment.change(u2, mine, [("A", None), ("C", None)])
    found = environment.of(mine)
    assert (found.own, found.rolled_out, found.inherited) == ({"B": "2"}, {"A": "1", "B": "2"}, {})
    assert (found.changed.created_by, found.changed.updated_by) == ("u1@example.com", "u2@example.com")
    assert (found.rollout.values, found.rollout.updated_by) == ({"env": {"A": "1", "B": "2"}, "when": "Connect"}, "u1@example.com")


def test_one_change_has_as_many_variables_as_it_may(world):
    u1 = world.user("u1")
    environment, mine = world.cloud.environment, Place.of_user(u1.account)
    most = [(f"A{number}", "1") for number in range(MAX_OPERATIONS)]
    environment.change(u1, mine, most)
    assert environment.of(mine).own == dict(most)
