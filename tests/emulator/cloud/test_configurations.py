"""Configurations: how they reach devices section by section, what goes wrong on the way, and whose they are."""

from __future__ import annotations

import json

import pytest

from emulator.cloud.configurations import MAX_SECTIONS, NO_FUNCTION
from emulator.cloud.documents import DocumentKind, Place
from emulator.cloud.errors import ConfigurationRefused, DeviceNotInProduct, Invalid, NoAnswer

A, B = {"a": {"x": 1}}, {"b": {"y": [True, None]}}


@pytest.fixture
def fleet(fleet):
    """`fleet`, and in it `d`, a member that was never online."""
    fleet.d = fleet.member(fleet.o, fleet.p)
    return fleet


def connect(world, answer=lambda text: 0):
    """The device connects, with the function that takes configurations; the session lists what it was called with."""
    heard = []

    def cmd(text):
        heard.append(text)
        return answer(text)

    session = world.connect(world.d, functions={"cmd": cmd})
    session.heard = heard
    return session


def give(world, values):
    return world.cloud.configurations.set_device(world.o, world.p.id, world.d.id, values)


def known(world):
    found = world.cloud.configurations.of_device(world.o, world.p.id, world.d.id)
    return found.current, found.pending


def test_a_device_gets_each_section_in_a_call_of_its_own(fleet):
    session = connect(fleet)
    assert fleet.wait(give(fleet, {**A, **B})) is True
    assert session.heard == ['{"cmd":"set_cfg","cfg":{"a":{"x":1}}}', '{"cmd":"set_cfg","cfg":{"b":{"y":[true,null]}}}']
    assert known(fleet) == ({**A, **B}, None)


def test_what_a_device_has_taken_before_stays_its_current_configuration(fleet):
    connect(fleet)
    fleet.wait(give(fleet, A))
    fleet.wait(give(fleet, B))
    assert known(fleet) == ({**A, **B}, None)


def test_a_refused_section_is_named_with_its_answer_and_the_others_are_taken(fleet):
    connect(fleet, lambda text: -22 if '"a"' in text else 0)
    reply = give(fleet, {**A, **B})
    with pytest.raises(ConfigurationRefused) as refused:
        fleet.wait(reply)
    assert str(refused.value) == f"device {fleet.d.id}: refuses a of its configuration"
    assert (refused.value.device_id, refused.value.refused, refused.value.taken) == (fleet.d.id, {"a": -22}, ["b"])
    assert known(fleet) == (B, None)


def test_a_device_without_the_function_refuses_all(fleet):
    fleet.connect(fleet.d)
    with pytest.raises(ConfigurationRefused) as refused:
        fleet.wait(give(fleet, {**A, **B}))
    assert refused.value.refused == {"a": NO_FUNCTION, "b": NO_FUNCTION}
    assert known(fleet) == (None, None)


def test_a_device_that_does_not_answer_is_named_and_its_configuration_stays_pending(fleet):
    connect(fleet).silent = True
    with pytest.raises(NoAnswer) as silence:
        fleet.wait(give(fleet, A))
    assert str(silence.value) == f"device {fleet.d.id}: did not answer its configuration"
    assert known(fleet) == (None, A)


def test_a_connection_that_ends_during_a_call_leaves_it_pending_for_the_next(fleet):
    connect(fleet).refuses = ConnectionResetError()
    assert fleet.wait(give(fleet, A)) is False
    assert known(fleet) == (None, A)
    connect(fleet)
    assert known(fleet) == (A, None)


def test_a_connection_that_ends_between_two_sections_leaves_all_pending(fleet):
    session = connect(fleet, lambda text: session.leave() or 0)
    assert fleet.wait(give(fleet, {**A, **B})) is False
    assert len(session.heard) == 1
    assert known(fleet) == (None, {**A, **B})


def test_a_configuration_that_comes_while_an_older_one_is_on_its_way_is_not_taken_for_it(fleet):
    calls = []

    def call(name, argument):
        calls.append(fleet.driver.reply())
        return calls[-1]

    session = connect(fleet)
    session.call = call
    older, newer = give(fleet, {"a": 1}), give(fleet, {"a": 2})
    calls[0].resolve(0)
    assert fleet.wait(older) is True
    assert known(fleet) == ({"a": 1}, {"a": 2})
    calls[1].resolve(-22)
    with pytest.raises(ConfigurationRefused):
        fleet.wait(newer)
    assert known(fleet) == ({"a": 1}, None)


def test_a_device_that_gave_up_its_own_configuration_follows_the_products_again(fleet):
    configurations = fleet.cloud.configurations
    give(fleet, A)
    configurations.set_product(fleet.o, fleet.p.id, B)
    assert known(fleet) == (None, A)
    give(fleet, {})
    assert known(fleet) == (None, B)
    configurations.set_product(fleet.o, fleet.p.id, {"c": 1})
    assert known(fleet) == (None, {"c": 1})


def test_nothing_is_pending_when_the_product_has_no_configuration_to_go_back_to(fleet):
    give(fleet, A)
    give(fleet, {})
    assert known(fleet) == (None, None)


def test_a_device_that_becomes_a_member_gets_the_products_configuration(fleet):
    fleet.cloud.configurations.set_product(fleet.o, fleet.p.id, A)
    fleet.d = fleet.member(fleet.o, fleet.p)
    assert known(fleet) == (None, A)
    (pending,) = fleet.cloud.documents.list(DocumentKind.CONFIGURATION, Place.of_device(fleet.d.id))
    assert (pending.name, pending.updated_by) == ("pending", "o@example.com")
    assert connect(fleet).heard == ['{"cmd":"set_cfg","cfg":{"a":{"x":1}}}']
    assert known(fleet) == (A, None)


def test_a_connected_device_that_becomes_a_member_gets_it_at_once(fleet):
    fleet.cloud.configurations.set_product(fleet.o, fleet.p.id, A)
    fleet.d = fleet.device()
    session = connect(fleet)
    fleet.cloud.members.add(fleet.o, fleet.p.id, [fleet.d.id])
    assert session.heard == ['{"cmd":"set_cfg","cfg":{"a":{"x":1}}}']


def test_a_virtual_device_is_a_new_member_as_others_are(fleet):
    fleet.cloud.configurations.set_product(fleet.o, fleet.p.id, A)
    fleet.d = fleet.cloud.factory.virtual(fleet.o, fleet.p.id)
    assert known(fleet) == (None, A)
    assert connect(fleet).heard == ['{"cmd":"set_cfg","cfg":{"a":{"x":1}}}']


def test_nothing_of_a_product_before_is_brought_to_a_device_of_another(fleet):
    give(fleet, A)
    fleet.cloud.members.remove(fleet.o, fleet.p.id, fleet.d.id)
    fleet.p = fleet.product(fleet.o)
    fleet.cloud.members.add(fleet.o, fleet.p.id, [fleet.d.id])
    assert known(fleet) == (None, None)
    fleet.cloud.configurations.set_product(fleet.o, fleet.p.id, B)
    assert known(fleet) == (None, B), "it has none of its own any more"


def test_a_device_on_the_products_list_that_is_no_member_is_named_and_nothing_is_changed(fleet):
    stranger = fleet.device()
    fleet.runs(stranger, fleet.p, 1)
    assert fleet.standing(stranger, fleet.p) == "quarantined"
    configurations = fleet.cloud.configurations
    for attempt in (
        lambda: configurations.of_device(fleet.o, fleet.p.id, stranger.id),
        lambda: configurations.set_device(fleet.o, fleet.p.id, stranger.id, A),
        lambda: configurations.set_product(fleet.o, fleet.p.id, A, [fleet.d.id, stranger.id]),
    ):
        with pytest.raises(DeviceNotInProduct) as refused:
            attempt()
        assert str(refused.value) == f"no device of this product '{stranger.id}'"
        assert (refused.value.given, refused.value.product_id) == (stranger.id, fleet.p.id)
    assert known(fleet) == (None, None)


def test_a_configuration_may_have_as_many_sections_as_it_may(fleet):
    most = {f"s{number}": number for number in range(MAX_SECTIONS)}
    give(fleet, most)
    assert known(fleet) == (None, most)
    with pytest.raises(Invalid) as refused:
        give(fleet, {**most, "more": 1})
    assert str(refused.value) == "configuration=None: may have at most 100 sections"
    assert known(fleet) == (None, most)


def test_the_answer_says_whether_a_device_has_its_configuration(fleet):
    assert fleet.wait(give(fleet, {})) is False, "offline"
    assert fleet.wait(give(fleet, A)) is False, "offline, and there is something for it"
    session = fleet.connect(fleet.d, describe=False)
    assert fleet.wait(give(fleet, A)) is False, "connected, and not described yet"
    session.leave()
    connect(fleet)
    assert fleet.wait(give(fleet, {})) is True


def test_only_a_member_tells_its_configuration_and_only_by_its_event(fleet):
    told = json.dumps({"cmd": "cfg", "cfg": A})
    session = connect(fleet)
    for name, data in (("cfg2", told), ("cfg", None), ("cfg", "nonsense"), ("cfg", json.dumps([A])), ("cfg", json.dumps({"cfg": 1}))):
        session.event(name, data)
    fleet.cloud.events.publish(fleet.o, "cfg", told, product=fleet.p.id)
    own, alone = fleet.claimed(fleet.o)
    alone.event("cfg", told)
    documents = fleet.cloud.documents
    assert [documents.list(DocumentKind.CONFIGURATION, Place.of_device(device.id)) for device in (fleet.d, own)] == [[], []]
    session.event("cfg", told)
    assert known(fleet) == (A, None)


def test_who_wrote_a_configuration_is_noted(fleet):
    documents, place = fleet.cloud.documents, Place.of_device(fleet.d.id)
    give(fleet, A)
    wanted = documents.get(DocumentKind.CONFIGURATION, place, "pending")
    assert (wanted.created_by, wanted.updated_by) == ("o@example.com", "o@example.com")
    connect(fleet)
    taken = documents.get(DocumentKind.CONFIGURATION, place, "current")
    assert (taken.created_by, taken.updated_by) == (fleet.d.id, fleet.d.id)
