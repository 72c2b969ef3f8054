"""Functions, variables, ping, signal, updates by hand."""

from __future__ import annotations

import pytest

from emulator.cloud import Refused, Storage
from emulator.cloud.errors import (
    BadImage,
    DeviceForbidden,
    DeviceNotInProduct,
    DeviceOffline,
    DeviceRefused,
    FunctionUnknown,
    Invalid,
    NoAnswer,
    PermissionDenied,
    UpdateRefused,
    VariableUnknown,
    WrongPlatform,
)
from emulator.cloud.views import is_cellular
from particle_protocol.coap import Code


@pytest.fixture
def lamp(world):
    """`world` with a connected device `d` of `u1`, named lamp."""
    world.u1 = world.user("u1")
    variables = {"on": True, "level": 7, "heat": 21.5, "text": "hi"}
    world.d, world.s = world.claimed(world.u1, functions={"set": int}, variables=variables)
    world.cloud.device_settings.update(world.u1, world.d.id, name="lamp")
    return world


@pytest.mark.parametrize(
    ("name", "value", "kind"), [("on", True, "bool"), ("level", 7, "int32"), ("heat", 21.5, "double"), ("text", "hi", "string")]
)
def test_variables_have_types(lamp, name, value, kind):
    result = lamp.wait(lamp.cloud.operations.read(lamp.u1, "lamp", name))
    assert (result.value, result.type, result.name, result.device.id) == (value, kind, name, lamp.d.id)
    presence = lamp.cloud.connections.presence(lamp.d.id)
    assert presence.variables == {"on": "bool", "level": "int32", "heat": "double", "text": "string"}
    assert presence.functions == ("set",)


def test_what_a_device_does_not_expose_is_not_asked_of_it(lamp):
    with pytest.raises(FunctionUnknown):
        lamp.cloud.operations.call(lamp.u1, "lamp", "get")
    with pytest.raises(VariableUnknown):
        lamp.cloud.operations.read(lamp.u1, "lamp", "set")


def test_a_device_that_has_not_described_itself_is_asked(world):
    u1 = world.user()
    device, session = world.online(describe=False, functions={"set": int}, variables={"level": 7})
    world.cloud.claims.claim(u1, device.id)
    assert world.cloud.connections.presence(device.id).functions is None
    assert world.wait(world.cloud.operations.call(u1, device.id, "set", "5")).value == 5
    result = world.wait(world.cloud.operations.read(u1, device.id, "level"))
    assert (result.value, result.type) == (7, "string")
    assert not session.closed


def test_an_argument_has_a_length(lamp):
    assert lamp.wait(lamp.cloud.operations.call(lamp.u1, "lamp", "set", "0" * 1024)).value == 0
    with pytest.raises(Invalid):
        lamp.cloud.operations.call(lamp.u1, "lamp", "set", "0" * 1025)


def test_silence_is_no_answer_after_a_while(lamp):
    lamp.s.silent = True
    before = lamp.driver.clock.now
    with pytest.raises(NoAnswer):
        lamp.wait(lamp.cloud.operations.call(lamp.u1, "lamp", "set", "1"))
    assert lamp.driver.clock.now == before + lamp.cloud.settings.answer_timeout
    with pytest.raises(NoAnswer):
        lamp.wait(lamp.cloud.operations.read(lamp.u1, "lamp", "level"))
    assert lamp.wait(lamp.cloud.operations.ping(lamp.u1, "lamp")) is False


def test_silence_is_told_with_what_was_asked(lamp):
    lamp.s.silent = True
    operations = lamp.cloud.operations
    for ask, what in (
        (lambda: operations.call(lamp.u1, "lamp", "set", "1"), "function set"),
        (lambda: operations.read(lamp.u1, "lamp", "level"), "variable level"),
        (lambda: operations.signal(lamp.u1, "lamp", on=True), "the signal"),
    ):
        with pytest.raises(NoAnswer) as told:
            lamp.wait(ask())
        assert (told.value.device_id, str(told.value)) == (lamp.d.id, f"device {lamp.d.id}: did not answer {what}")


def test_a_device_is_not_reached_through_a_product_that_it_is_not_in(lamp):
    product = lamp.product(lamp.u1)
    operations = lamp.cloud.operations
    for attempt in (
        lambda: operations.call(lamp.u1, lamp.d.id, "set", product=product.id),
        lambda: operations.read(lamp.u1, lamp.d.id, "level", product=product.id),
        lambda: operations.ping(lamp.u1, lamp.d.id, product=product.id),
        lambda: operations.signal(lamp.u1, lamp.d.id, on=True, product=product.id),
        lambda: operations.flash(lamp.u1, lamp.d.id, lamp.image(product, 1), product=product.id),
    ):
        with pytest.raises(DeviceNotInProduct):
            attempt()
    assert (lamp.s.signals, lamp.s.flashed) == ([], [])


@pytest.mark.parametrize(
    ("failure", "expected", "words"),
    [
        (TimeoutError(), NoAnswer, "did not answer the signal"),
        (ConnectionError("gone"), DeviceOffline, "is offline"),
        (Refused("no"), DeviceRefused, "refuses the signal: no"),
    ],
)
def test_what_a_session_fails_with_is_told_in_the_clouds_words(lamp, failure, expected, words):
    lamp.s.refuses = failure
    with pytest.raises(expected) as told:
        lamp.wait(lamp.cloud.operations.signal(lamp.u1, "lamp", on=True))
    assert (told.value.device_id, str(told.value)) == (lamp.d.id, f"device {lamp.d.id}: {words}")
    assert lamp.wait(lamp.cloud.operations.ping(lamp.u1, "lamp")) is False


def test_a_variable_that_the_device_does_not_know_is_unknown(lamp):
    lamp.s.variables["level"] = 7
    lamp.s.refuses = Refused("the device answered 4.04", Code.NOT_FOUND)
    lamp.cloud.connections.link(lamp.d.id).application = None
    with pytest.raises(VariableUnknown, match="level"):
        lamp.wait(lamp.cloud.operations.read(lamp.u1, "lamp", "level"))


def test_ping_and_signal(lamp):
    assert lamp.wait(lamp.cloud.operations.ping(lamp.u1, "lamp")) is True
    assert lamp.wait(lamp.cloud.operations.signal(lamp.u1, "lamp", on=True)) is True
    assert lamp.wait(lamp.cloud.operations.signal(lamp.u1, "lamp", on=False)) is False
    assert lamp.s.signals == [True, False]
    lamp.s.leave()
    assert lamp.wait(lamp.cloud.operations.ping(lamp.u1, "lamp")) is False


def test_an_offline_device_can_do_nothing(lamp):
    lamp.s.leave()
    image = lamp.image(lamp.product(lamp.u1), 1)
    operations = lamp.cloud.operations
    for attempt in (
        lambda: operations.call(lamp.u1, "lamp", "set"),
        lambda: operations.read(lamp.u1, "lamp", "level"),
        lambda: operations.signal(lamp.u1, "lamp", on=True),
        lambda: operations.flash(lamp.u1, "lamp", image),
    ):
        with pytest.raises(DeviceOffline):
            attempt()
    presence = lamp.cloud.connections.presence(lamp.d.id)
    assert (presence.online, presence.functions, presence.variables) == (False, None, None)


def test_an_update_by_hand_is_started_and_its_end_told(lamp):
    heard = lamp.hear(lamp.u1, "spark/flash")
    lamp.wait(lamp.cloud.operations.flash(lamp.u1, "lamp", lamp.image(lamp.product(lamp.u1), 1)))
    assert [data for _, data in heard] == ["started ", "success "]
    lamp.s.refuses = Refused("disabled")
    lamp.wait(lamp.cloud.operations.flash(lamp.u1, "lamp", lamp.image(lamp.product(lamp.u1), 1)))
    assert [data for _, data in heard][2:] == ["started ", "failed "]


def test_one_update_at_a_time_until_it_ends_with_the_connection(lamp):
    heard = lamp.hear(lamp.u1, "spark/flash")
    image = lamp.image(lamp.product(lamp.u1), 1)
    lamp.s.silent = True
    lamp.cloud.operations.flash(lamp.u1, "lamp", image)
    with pytest.raises(UpdateRefused):
        lamp.cloud.operations.flash(lamp.u1, "lamp", image)
    lamp.s.leave()
    assert [data for _, data in heard] == ["started ", "failed "]
    session = lamp.connect(lamp.d)
    lamp.cloud.operations.flash(lamp.u1, "lamp", image)
    assert session.flashed == [image]


def test_an_update_that_takes_too_long_has_failed(lamp):
    heard = lamp.hear(lamp.u1, "spark/flash")
    lamp.s.silent = True
    lamp.cloud.operations.flash(lamp.u1, "lamp", lamp.image(lamp.product(lamp.u1), 1))
    lamp.pass_time(lamp.cloud.settings.update_timeout + 1)
    assert [data for _, data in heard] == ["started ", "failed "]


def test_what_cannot_run_on_the_device_is_not_sent(lamp):
    with pytest.raises(BadImage):
        lamp.cloud.operations.flash(lamp.u1, "lamp", b"nonsense")
    with pytest.raises(WrongPlatform) as refused:
        lamp.cloud.operations.flash(lamp.u1, "lamp", lamp.image(lamp.product(lamp.u1, 8), 1))
    assert (refused.value.image_platform, refused.value.platform_id) == (8, 6)
    assert lamp.s.flashed == []


def test_names_and_ids_of_others_reach_nothing(lamp):
    u2 = lamp.user("u2")
    for given in ("lamp", lamp.d.id, "0" * 24):
        with pytest.raises(DeviceForbidden):
            lamp.cloud.operations.call(u2, given, "set", "1")
    product = lamp.product(u2)
    with pytest.raises(DeviceNotInProduct):
        lamp.cloud.operations.call(u2, lamp.d.id, "set", "1", product=product.id)


def test_roles_reach_as_far_as_they_go(world):
    o = world.user("o")
    product = world.product(o)
    viewer, support = world.teammate(o, product, "v", "View-only"), world.teammate(o, product, "s", "Support")
    device = world.member(o, product)
    world.connect(device, functions={"set": int})
    assert world.cloud.devices.reach(viewer, device.id, "devices:get")
    for where in ({}, {"product": product.id}):
        with pytest.raises((DeviceForbidden, PermissionDenied)):
            world.cloud.operations.call(viewer, device.id, "set", "1", **where)
        assert world.wait(world.cloud.operations.call(support, device.id, "set", "1", **where)).value == 1
        with pytest.raises((DeviceForbidden, PermissionDenied)):
            world.cloud.operations.signal(support, device.id, on=True, **where)


def test_the_view_of_a_device(lamp):
    view = lamp.cloud.views.of(lamp.now(lamp.d))
    assert (view.owner, view.product_id, view.cellular, view.status) == ("u1@example.com", 6, False, "normal")
    assert (view.quarantined, view.denied, view.targeted_firmware_release_version) == (False, False, None)
    assert lamp.cloud.views.of(lamp.device(13)).cellular
    product = lamp.product(lamp.u1)
    lamp.cloud.members.add(lamp.u1, product.id, [lamp.d.id])
    assert lamp.cloud.views.of(lamp.now(lamp.d)).product_id == product.id


def test_a_lab_that_goes_back_in_time_has_everybody_offline(lamp):
    before = lamp.cloud.snapshot()
    lamp.cloud.claims.unclaim(lamp.u1, "lamp")
    lamp.cloud.restore(before)
    assert lamp.owner(lamp.d) == "u1@example.com"
    assert not lamp.cloud.connections.online(lamp.d.id)


def test_what_was_in_progress_goes_on_after_going_back(lamp):
    iccid = "8934076500002589174"
    lamp.cloud.sims.make(iccid)
    lamp.cloud.sims.activate(lamp.u1, iccid)
    lamp.s.silent = True
    image = lamp.image(lamp.product(lamp.u1), 1)
    lamp.cloud.operations.flash(lamp.u1, "lamp", image)
    before = lamp.cloud.snapshot()
    lamp.pass_time(60)
    assert lamp.cloud.sims.by_iccid(iccid).active
    lamp.cloud.restore(before)
    assert not lamp.cloud.sims.by_iccid(iccid).active
    lamp.pass_time(1)
    assert lamp.cloud.sims.by_iccid(iccid).active
    session = lamp.connect(lamp.d)
    lamp.cloud.operations.flash(lamp.u1, "lamp", image)
    assert session.flashed == [image]


def test_a_refusal_of_the_clouds_own_is_passed_on_as_it_is(lamp):
    lamp.s.refuses = Invalid("arg", "x", "too much")
    with pytest.raises(Invalid) as told:
        lamp.wait(lamp.cloud.operations.signal(lamp.u1, "lamp", on=True))
    assert told.value is lamp.s.refuses


def test_an_update_needs_a_connection(lamp):
    lamp.s.leave()
    with pytest.raises(DeviceOffline, match=f"^device {lamp.d.id}: is offline$"):
        lamp.cloud.updates.start(lamp.d, b"")


def test_what_a_device_refused_with_is_kept():
    refused = Refused("disabled")
    assert (refused.reason, str(refused)) == ("disabled", "disabled")


def test_when_a_device_was_heard_last_is_known_after_a_restart(make_world, tmp_path):
    world = make_world(storage=Storage(tmp_path / "s.db"))
    device, _ = world.online()
    now = world.cloud.core.now()
    world.cloud.close()
    again = make_world(storage=Storage(tmp_path / "s.db"))
    again.pass_time(100)
    presence = again.cloud.views.of(again.now(device)).presence
    assert (presence.online, presence.last_heard) == (False, now)
    again.cloud.close()


def test_a_device_is_shown_in_the_product_that_looks_at_it(lamp):
    home, other, third = (lamp.product(lamp.u1) for _ in range(3))
    lamp.cloud.members.add(lamp.u1, home.id, [lamp.d.id])
    lamp.runs(lamp.d, other, 1)
    device = lamp.now(lamp.d)
    shown = {None: home.id, home.id: home.id, other.id: other.id, third.id: home.id}
    assert {product: lamp.cloud.views.of(device, product).product_id for product in shown} == shown


def test_a_platform_that_nobody_knows_has_no_modem():
    assert [is_cellular(platform) for platform in (6, 13, 255)] == [False, True, False]
