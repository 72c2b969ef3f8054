"""What is true of a device only while it is connected."""

from __future__ import annotations

from emulator.cloud.connections import Presence


def test_a_moments_look_at_a_device(world):
    device = world.device()
    look = world.cloud.connections.presence
    assert look(device.id) == Presence(online=False, last_heard=None, functions=None, variables=None)
    assert look(device.id, 5.0).last_heard == 5.0, "what is known from before the cloud was started"
    session = world.connect(device, functions={"set": int}, variables={"level": 7}, describe=False)
    now = world.cloud.core.now()
    assert look(device.id, 5.0) == Presence(online=True, last_heard=now, functions=None, variables=None, session=session)
    session.describe()
    assert look(device.id) == Presence(online=True, last_heard=now, functions=("set",), variables={"level": "int32"}, session=session)
    session.leave()
    assert look(device.id) == Presence(online=False, last_heard=now, functions=None, variables=None)
