"""What `restore` brings back: everything but what is named here. A walk over all that a Lab, its cloud and its host hold finds the rest."""

import re
from collections import deque
from enum import Enum
from random import Random
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

import pytest

from emulator.clock import Clock, Signal
from emulator.cloud.device_log import Refusal
from emulator.cloud.hook_requests import HookResponse
from emulator.factory import user_part
from harness.cloud import Cloud
from harness.errors import CloudRefused, HarnessError, NotReached
from harness.modes import Mode

GOES_ON = re.compile(
    r"\.(boots|operations|_seq|since|_started|_serial|_era|_month|_month_ends|_name|rng|time|seed)\b"
    r"|_timeline\[|_listed|_read|_rested|_changes|_host\.log\["
)
"""Counters that go on, and times: these are others afterwards, and say nothing of what was before."""


def held(root):
    """Every number, text and size that is reachable, by how it is reached."""
    found, seen = {}, {}

    def visit(thing, path):
        if isinstance(thing, (int, float, str, bytes, type(None), Enum)):
            found[path] = thing
            return
        if id(thing) in seen or isinstance(thing, (Random, Clock, FunctionType, MethodType, BuiltinFunctionType, type, ModuleType)):
            return
        seen[id(thing)] = thing
        if isinstance(thing, dict):
            found[f"{path} has"] = len(thing)
            for key, value in list(thing.items()):
                visit(value, f"{path}[{key!r:.60}]")
        elif isinstance(thing, (list, tuple, deque, set, frozenset, bytearray)):
            found[f"{path} has"] = len(thing)
            for place, value in enumerate(thing if isinstance(thing, (list, tuple, deque)) else ()):
                visit(value, f"{path}[{place}]")
        elif type(thing).__module__.startswith(("emulator", "harness")) and not isinstance(thing, Signal):
            for name in [*getattr(thing, "__dict__", {}), *(each for base in type(thing).__mro__ for each in _slots(base))]:
                if not name.startswith("__") and hasattr(thing, name):
                    visit(getattr(thing, name), f"{path}.{name}")

    visit(root, type(root).__name__)
    return found


def _slots(base):
    slots = base.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else slots


def everything(rig):
    host = rig.boards[0].host
    return {path: value for root in (host.lab, host) for path, value in held(root).items() if not GOES_ON.search(path)}


@pytest.fixture
def rig(open_rig):
    rig = open_rig("emu:photon", "emu:photon")
    rig.restore(rig.snapshot())
    return rig


HOOK = {"event": "tick", "url": "https://example.com/x", "requestType": "POST"}


def test_nothing_stays_that_is_not_named(rig):
    state = rig.snapshot()
    before = everything(rig)
    left = disturb(rig)
    rig.restore(state)
    left.close()
    after = everything(rig)
    assert {path: (before.get(path), after.get(path)) for path in before.keys() | after.keys() if before.get(path) != after.get(path)} == {}


def test_the_walk_sees_what_a_test_leaves(rig):
    before = everything(rig)
    disturb(rig)
    after = everything(rig)
    changed = "\n".join(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    for trace in ("refusals has", "visits has", "names has", "_heard has", "latency", ".internet", "requests has", "mail._last", "library"):
        assert trace in changed, trace


def disturb(rig):
    """Leave traces wherever a test can, and a serial port open."""
    first, second = rig.boards
    lab, cloud = first.host.lab, Cloud(rig.cloud)
    account = cloud.own_account()
    cloud.sign_up("somebody@example.com", "a long enough secret")
    for board in rig.boards:
        board.set_wifi(rig.wifi.ssid, rig.wifi.password)
        board.wait_for(Mode.ONLINE)
        account.claim(board.device_id)
    cloud.request("POST", "/v1/webhooks", token=account.token, json=HOOK)
    lab.hooks.answer, lab.hooks.delay = lambda request: HookResponse(500), 5.0
    account.publish("tick", "1")
    first.account = account
    first.update_over_the_air(user_part(first.platform, "2.3.1"))
    with pytest.raises(CloudRefused):
        cloud.login(account.username, "wrong")
    cloud.request("POST", "/v1/user/password-reset", form={"username": account.username})
    lab.cloud.device_log.refused(Refusal("203.0.113.1:1", None, lab.clock.now, None, "for once"))
    lab.cloud.library.add(user_part(first.platform, "2.2.0"))
    lab.cloud.applications.add("mine", user_part(first.platform, "2.2.0"))
    lab.applications["mine"] = object
    lab.network.access_point("another")
    lab.network.access_points[0].internet = False
    lab.network.access_points[0].link.latency = 3.0
    lab.network.access_points[0].switch_off()
    lab.network.names["elsewhere"] = "192.0.2.77"
    lab.network.routes["192.0.2.1", 5683] = ("192.0.2.2", 1)
    lab.network.cells[0].link.loss = 0.5
    port = second.host.open_serial(second.usb.serial_entry())
    first.host.plug_in("1-7", lab.add_board())
    second.host.usb_host.unplug("1-2")
    first.buttons.press_mode()
    first.power.off()
    first.account = None
    with pytest.raises(NotReached):
        first.wait_for(Mode.ONLINE, timeout=5)
    with pytest.raises(HarnessError):
        first.identify()
    cloud.close()
    return port


def test_a_port_that_was_left_open_takes_no_name_from_the_next_test(rig):
    names = [board.usb.serial_entry().name for board in rig.boards]
    state = rig.snapshot()
    left = rig.boards[0].host.open_serial(rig.boards[0].usb.serial_entry())
    left.write(b"s")
    rig.restore(state)
    assert [board.usb.serial_entry().name for board in rig.boards] == names
    left.close()
    assert [board.usb.serial_entry().name for board in rig.boards] == names, "nor when it is closed at last"
    rig.boards[0].mac()


def test_what_a_webhook_of_the_test_before_comes_to_is_heard_by_nobody(rig):
    state = rig.snapshot()
    lab, cloud = rig.boards[0].host.lab, Cloud(rig.cloud)
    account = cloud.own_account()
    cloud.request("POST", "/v1/webhooks", token=account.token, json=HOOK)
    lab.hooks.delay = 30.0
    account.publish("tick", "1")
    assert len(lab.hooks.requests) == 1
    rig.restore(state)
    heard = []
    lab.cloud.events.taps.append(heard.append)
    rig.boards[0].host.clock.sleep(60)
    assert heard == []
    cloud.close()
