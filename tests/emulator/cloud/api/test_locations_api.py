"""Where devices are: what they publish, and what can be asked of it."""

from __future__ import annotations

import json

import pytest

from emulator.cloud import CloudSettings

VIENNA = {"lat": 48.208, "lon": 16.373}
GRAZ = {"lat": 47.071, "lon": 15.438}


@pytest.fixture
def product(world, owner):
    made = world.product(owner, 26)
    world.cloud.products.update(owner, made.id, location_opt_in=True)
    return made


@pytest.fixture
def base(product):
    return f"/v1/products/{product.id}/locations"


def tell(session, place, **more):
    session.event("loc", json.dumps({"cmd": "loc", "time": 1, "loc": {"lck": 1, "time": 1, **place, **more}, "trig": ["time"]}))


@pytest.fixture
def trucks(world, owner, product):
    """Two connected members: one came from Graz to Vienna within an hour, the other stays in Graz."""
    sessions = [world.connect(world.member(owner, product)) for _ in range(2)]
    world.cloud.device_settings.update(owner, sessions[0].device_id, name="truck-1")
    world.cloud.device_settings.update_member(owner, product.id, sessions[0].device_id, groups=["east"])
    tell(sessions[0], GRAZ, hd=12.5)
    tell(sessions[1], GRAZ)
    world.pass_time(3600)
    tell(sessions[0], VIENNA, hd=30, temp=21.5)
    return sessions


def test_the_last_known_place_of_each_device(o, base, product, trucks):
    body = o.get(base).json()
    assert body["meta"] == {"page": 1, "per_page": 20, "total_pages": 1, "total": 2, "devices_found": 2}
    assert body["locations"][0] == {
        "device_id": trucks[0].device_id,
        "device_name": "truck-1",
        "product_id": product.id,
        "groups": ["east"],
        "gps_lock": True,
        "last_heard": "2026-01-05T10:00:00.000Z",
        "online": True,
        "timestamps": ["2026-01-05T10:00:00.000Z"],
        "geometry": {"type": "Point", "coordinates": [16.373, 48.208]},
    }
    assert body["locations"][1]["timestamps"] == ["2026-01-05T09:00:00.000Z"]


def test_where_a_device_was_in_a_time(o, base, trucks):
    path = f"{base}/{trucks[0].device_id.upper()}"
    day = {"date_range": "2026-01-05T00:00:00Z,2026-01-06T00:00:00Z"}
    track = o.get(path, params=day).json()["location"]
    assert track["geometry"] == {"type": "LineString", "coordinates": [[15.438, 47.071], [16.373, 48.208]]}
    assert track["properties"] == [{"hd": 12.5}, {"hd": 30, "temp": 21.5}]
    assert o.get(path).json()["location"]["properties"] == [{"hd": 30, "temp": 21.5}]
    early = {"date_range": "2026-01-05T08:00:00,2026-01-05T09:30:00"}
    assert o.get(path, params=early).json()["location"]["geometry"]["type"] == "Point"
    never = o.get(path, params={"date_range": "2025-01-01,2025-02-01"})
    assert (never.status_code, never.json()["error"]) == (404, "Location not found")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"rect_bl": "48,16", "rect_tr": "49,17"}, [0]),
        ({"rect_bl": "47,15", "rect_tr": "49,17"}, [0, 1]),
        ({"rect_bl": "47,16.5", "rect_tr": "49,16"}, [1]),
        ({"device_name": "truck"}, [0]),
        ({"device_name": "ruck"}, []),
        ({"groups": "east,west"}, [0]),
        ({"groups[]": "west"}, []),
        ({"device_id": "{1}"}, [1]),
        ({"per_page": 1, "page": 2}, [1]),
    ],
)
def test_a_search_can_be_narrowed(o, base, trucks, query, expected):
    ids = [session.device_id for session in trucks]
    query = {name: value.format(*ids) if isinstance(value, str) else value for name, value in query.items()}
    found = [each["device_id"] for each in o.get(base, params=query).json()["locations"]]
    assert found == [ids[number] for number in expected]


@pytest.mark.parametrize(
    "query",
    [
        {"date_range": "yesterday"},
        {"date_range": "2026-01-05"},
        {"date_range": "2026-01-06,2026-01-05"},
        {"rect_bl": "1,2"},
        {"rect_bl": "a,b", "rect_tr": "1,2"},
        {"rect_bl": "91,0", "rect_tr": "1,2"},
        {"rect_bl": "nan,0", "rect_tr": "1,2"},
    ],
)
def test_a_search_that_makes_no_sense_is_refused(o, base, trucks, query):
    for path in (base, f"{base}/{trucks[0].device_id}"):
        assert o.get(path, params=query).status_code == 400


@pytest.mark.parametrize(
    "data",
    [
        None,
        "",
        "7",
        "{",
        '{"loc": 7}',
        '{"loc": {"lck": 0}}',
        '{"loc": {"lat": "48", "lon": 16}}',
        '{"loc": {"lat": true, "lon": 16}}',
        '{"loc": {"lat": 91, "lon": 16}}',
        '{"loc": {"lat": 48, "lon": 181}}',
    ],
)
def test_an_event_without_a_position_adds_nothing(world, owner, o, product, base, data):
    world.connect(world.member(owner, product)).event("loc", data)
    assert o.get(base).json()["locations"] == []


def test_only_members_of_a_product_that_opted_in_are_located(world, owner, o, product, base):
    world.cloud.products.update(owner, product.id, location_opt_in=False)
    member = world.connect(world.member(owner, product))
    tell(member, VIENNA)
    world.cloud.products.update(owner, product.id, location_opt_in=True)
    assert o.get(base).json()["locations"] == []
    tell(world.claimed(owner)[1], VIENNA)
    world.connect(world.device(26), product_id=product.id).event("loc", json.dumps({"loc": VIENNA}))
    member.event("locked", json.dumps({"loc": VIENNA}))
    assert o.get(base).json()["locations"] == []
    tell(member, VIENNA, lck=0)
    assert [each["gps_lock"] for each in o.get(base).json()["locations"]] == [False]
    world.cloud.members.remove(owner, product.id, member.device_id)
    assert o.get(base).json()["locations"] == []
    assert o.get(f"{base}/{member.device_id}").status_code == 404


def test_positions_are_kept_for_a_month_and_not_too_many(make_rest):
    rest = make_rest(CloudSettings(max_locations=2))
    world = rest.world
    owner = world.user("o")
    product = world.product(owner, 26)
    world.cloud.products.update(owner, product.id, location_opt_in=True)
    session = world.connect(world.member(owner, product))
    path = f"/v1/products/{product.id}/locations/{session.device_id}"

    def times():
        body = rest.client(owner).get(path, params={"date_range": "2026-01-01,2027-01-01"}).json()
        return [time[:16] for time in body["location"]["timestamps"]]

    for _ in range(3):
        tell(session, VIENNA)
        world.pass_time(60)
    assert times() == ["2026-01-05T09:01", "2026-01-05T09:02"]
    world.pass_time(31 * 86_400)
    tell(session, VIENNA)
    assert times() == ["2026-02-05T09:03"]
