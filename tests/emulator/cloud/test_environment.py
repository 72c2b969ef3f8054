"""Environment variables: what a device inherits, and from whom."""

from __future__ import annotations

from emulator.cloud.documents import Place


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
