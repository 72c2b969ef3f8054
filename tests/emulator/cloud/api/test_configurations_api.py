"""Configurations of products and devices: what is brought to whom, when, and what comes of it."""

from __future__ import annotations

import json

import pytest

from emulator.cloud.api.handlers.configurations import _violations as violations

SCHEMA = {"accept": "application/schema+json", "content-type": "application/schema+json"}


@pytest.fixture
def product(world, owner):
    return world.product(owner, 26)


@pytest.fixture
def base(product):
    return f"/v1/products/{product.id}/config"


@pytest.fixture
def tracker(world, owner, product):
    """Makes a member, connected unless told; `session.got` are the sections that were brought to it, `session.says` what it answers."""

    def make(connected=True):
        device = world.member(owner, product)
        if not connected:
            return device
        return connect(world, device)

    return make


def connect(world, device):
    got, says = [], {}

    def cmd(argument):
        body = json.loads(argument)
        assert body["cmd"] == "set_cfg"
        [(name, value)] = body["cfg"].items()
        got.append((name, value))
        return says.get(name, 0)

    session = world.connect(device, functions={"cmd": cmd})
    session.got, session.says = got, says
    return session


def test_what_was_never_set_is_not_found(o, base, tracker):
    for path in (base, f"{base}/{tracker(connected=False).id}"):
        answer = o.get(path)
        assert (answer.status_code, answer.json()) == (404, {})


def test_a_device_that_is_online_takes_its_configuration_section_by_section(o, base, tracker):
    session = tracker()
    values = {"location": {"radius": 5.0}, "imu_trig": {"motion": "disable"}}
    answer = o.put(f"{base}/{session.device_id}", json=values)
    assert (answer.status_code, answer.json()) == (200, {})
    assert session.got == list(values.items())
    assert o.get(f"{base}/{session.device_id.upper()}").json() == {"configuration": {"current": values}}


def test_a_device_that_says_no_is_told_of(o, base, tracker):
    session = tracker()
    session.says["location"] = -19
    answer = o.put(f"{base}/{session.device_id}", json={"location": {"radius": -1}, "imu_trig": {"motion": "disable"}})
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "error": "device_rejected_configuration",
            "error_description": "Configuration updates failed for some sections: {location: -19}, "
            "these sections were successful: imu_trig",
        },
    )
    assert o.get(f"{base}/{session.device_id}").json() == {"configuration": {"current": {"imu_trig": {"motion": "disable"}}}}


def test_a_device_that_is_offline_gets_it_when_it_comes_back(world, o, base, tracker):
    device = tracker(connected=False)
    answer = o.put(f"{base}/{device.id}", json={"rgb": {"type": "off"}})
    assert (answer.status_code, answer.json()) == (202, {})
    assert o.get(f"{base}/{device.id}").json() == {"configuration": {"pending": {"rgb": {"type": "off"}}}}
    session = connect(world, device)
    assert session.got == [("rgb", {"type": "off"})]
    assert o.get(f"{base}/{device.id}").json() == {"configuration": {"current": {"rgb": {"type": "off"}}}}
    session.leave()
    assert connect(world, device).got == []


def test_a_device_that_does_not_answer_has_it_pending(world, o, base, tracker):
    session = tracker()
    session.silent = True
    assert o.put(f"{base}/{session.device_id}", json={"rgb": {}}).status_code == 408
    assert o.get(f"{base}/{session.device_id}").json() == {"configuration": {"pending": {"rgb": {}}}}
    session.leave()
    assert connect(world, world.now(session.device_id)).got == [("rgb", {})]


def test_a_device_without_the_function_rejects(world, owner, o, base, product):
    session = world.connect(world.member(owner, product), functions={"led": len})
    answer = o.put(f"{base}/{session.device_id}", json={"rgb": {}})
    assert (answer.status_code, answer.json()["error"]) == (400, "device_rejected_configuration")


def test_a_products_configuration_reaches_the_devices_without_one_of_their_own(world, o, base, tracker):
    plain, own, offline = tracker(), tracker(), tracker(connected=False)
    o.put(f"{base}/{own.device_id}", json={"rgb": {"type": "off"}})
    answer = o.put(base, json={"rgb": {"type": "tracker"}})
    assert (answer.status_code, answer.json()) == (202, {})
    assert o.get(base).json() == {"configuration": {"rgb": {"type": "tracker"}}}
    assert (plain.got, own.got) == ([("rgb", {"type": "tracker"})], [("rgb", {"type": "off"})])
    assert connect(world, offline).got == [("rgb", {"type": "tracker"})]
    assert o.put(f"{base}/{own.device_id}", json={}).status_code == 200
    assert own.got[-1] == ("rgb", {"type": "tracker"})


def test_a_products_configuration_may_be_for_some_devices(o, base, tracker):
    one, other = tracker(), tracker()
    assert o.put(base, json={"deviceIds": [one.device_id], "rgb": {"type": "off"}}).status_code == 202
    assert (one.got, other.got) == ([("rgb", {"type": "off"})], [])
    assert o.get(base).status_code == 404
    o.put(base, json={"rgb": {"type": "tracker"}})
    assert one.got == [("rgb", {"type": "off"})]
    o.put(base, json={"deviceIds": [one.device_id]})
    assert one.got[-1] == ("rgb", {"type": "tracker"})
    assert o.put(base, json={"deviceIds": [one.device_id, "f" * 24], "rgb": {}}).status_code == 404
    assert one.got[-1] == ("rgb", {"type": "tracker"})


def test_what_a_device_publishes_of_its_configuration_is_what_it_has(o, base, tracker):
    session = tracker()
    session.event("cfg", '{"cmd": "cfg", "cfg": {"location": {"radius": 1}}}')
    session.event("cfg", '{"cfg": {"rgb": {}}}')
    for data in (None, "x", "[]", '{"cfg": 7}'):
        session.event("cfg", data)
    assert o.get(f"{base}/{session.device_id}").json() == {"configuration": {"current": {"location": {"radius": 1}, "rgb": {}}}}


def test_a_device_that_left_the_product_gets_nothing_any_more(world, owner, o, base, product, tracker):
    device = tracker(connected=False)
    o.put(f"{base}/{device.id}", json={"rgb": {}})
    world.cloud.members.remove(owner, product.id, device.id)
    assert connect(world, device).got == []
    assert o.put(f"{base}/{device.id}", json={"rgb": {}}).status_code == 404


def test_a_configuration_has_bounds(o, base, tracker):
    session = tracker()
    for path in (base, f"{base}/{session.device_id}"):
        assert o.put(path, json={str(number): {} for number in range(101)}).status_code == 400
        assert o.put(path, json={"a": "x" * 70_000}).status_code == 400
    assert session.got == []


def test_a_schema_is_the_devices_own_or_the_products_or_the_default(o, base, tracker):
    path = f"{base}/{tracker(connected=False).id}"
    assert o.get(path, headers=SCHEMA).json()["type"] == "object"
    ours = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "title": "ours"}
    answer = o.put(base, json=ours, headers=SCHEMA)
    assert (answer.status_code, answer.json()) == (200, ours)
    assert o.get(base, headers=SCHEMA).json() == o.get(path, headers=SCHEMA).json() == ours
    own = {"type": "object", "properties": {"foo": {"type": "integer", "minimum": 0}}, "required": ["foo"]}
    assert o.put(path, json=own, headers=SCHEMA).json() == own
    assert o.get(path, headers=SCHEMA).json() == own
    for each in (path, path, base):
        assert o.request("DELETE", each, headers=SCHEMA, content="{}").status_code == 204
    assert "title" not in o.get(path, headers=SCHEMA).json()
    assert o.get(base).status_code == 404


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"type": "thing"}, ".type"),
        ({"type": []}, ".type"),
        ({"properties": {"a": {"type": "int"}}}, ".properties.a.type"),
        ({"properties": []}, ".properties"),
        ({"properties": {"a": 7}}, ".properties.a"),
        ({"required": "a"}, ".required"),
        ({"required": ["a", "a"]}, ".required"),
        ({"items": {"minimum": "0"}}, ".items.minimum"),
        ({"items": [{"title": 5}]}, ".items[0].title"),
        ({"anyOf": []}, ".anyOf"),
        ({"oneOf": [{"enum": {}}]}, ".oneOf[0].enum"),
        ({"additionalProperties": "no"}, ".additionalProperties"),
        ({"minLength": -1}, ".minLength"),
        ({"minLength": True}, ".minLength"),
        ({"if": {"if": {"$id": {}}}}, ".if.if.$id"),
    ],
)
def test_what_is_no_schema_is_refused_with_what_is_wrong(o, base, schema, place):
    answer = o.put(base, json=schema, headers=SCHEMA)
    assert answer.status_code == 422
    body = answer.json()
    assert (body["message"], body["violations"][0]["dataPath"]) == ("Invalid Schema", place)
    assert body["description"] == f"data{place} {body['violations'][0]['message']}"
    assert body["violations"][0]["schemaPath"].startswith("#/")


def test_a_schema_may_not_nest_without_end(o, base):
    schema = {}
    for _ in range(400):
        schema = {"items": schema}
    assert "nested more than 64 deep" in o.put(base, json=schema, headers=SCHEMA).text
    assert violations(schema)[0]["keyword"] == "depth", "nor where the settings let in what is deeper"
