"""Where devices were: what is a position, and which ones a query finds."""

from __future__ import annotations

import json

import pytest

from emulator.cloud.locations import LocationPoint, LocationQuery, LocationUnknown


@pytest.fixture
def tracked(world):
    """`world` with a product `p` of `o` that wants positions, and a connected member `d`."""
    world.o = world.user("o")
    world.p = world.cloud.products.update(world.o, world.product(world.o).id, location_opt_in=True)
    world.d = world.member(world.o, world.p)
    world.s = world.connect(world.d)
    return world


def kept(world):
    return list(world.cloud.snapshot().tables["locations"].values())


def at(world, latitude, longitude):
    world.s.event("loc", json.dumps({"cmd": "loc", "loc": {"lat": latitude, "lon": longitude}}))


def found(world, **query):
    tracks = world.cloud.locations.search(world.o, world.p.id, LocationQuery(since=0.0, **query))
    return [(point.latitude, point.longitude) for track in tracks for point in track.points]


@pytest.mark.parametrize("place", [(90, 180), (-90, -180), (0, 0)])
def test_the_poles_and_the_date_line_are_places(tracked, place):
    at(tracked, *place)
    assert found(tracked) == [place]


@pytest.mark.parametrize("place", [(90.5, 0), (-90.5, 0), (0, 180.5), (0, -180.5), (True, 0), ("1", "2"), (None, 0)])
def test_what_is_nowhere_on_earth_is_not_kept(tracked, place):
    at(tracked, *place)
    tracked.s.event("loc", None)
    tracked.s.event("loc", "nonsense")
    assert found(tracked) == []
    with pytest.raises(LocationUnknown) as unknown:
        tracked.cloud.locations.of(tracked.o, tracked.p.id, tracked.d.id, LocationQuery())
    assert tracked.d.id in str(unknown.value)


@pytest.mark.parametrize(
    ("box", "inside"),
    [
        ((10, 20, 30, 40), True),
        ((5, 15, 10, 20), True),
        ((10.5, 20, 30, 40), False),
        ((5, 15, 9.5, 20), False),
        ((10, 20.5, 30, 40), False),
        ((10, 10, 30, 19.5), False),
        ((10, 20, 10, 20), True),
        ((0, 170, 50, 20), True),
        ((0, 20, 50, -170), True),
        ((0, 170, 50, -170), False),
        ((0, 21, 50, 19), False),
        ((0, 30, 50, 30), False),
    ],
)
def test_a_box_has_its_edges_and_may_cross_the_date_line(tracked, box, inside):
    at(tracked, 10, 20)
    assert found(tracked, box=box) == ([(10, 20)] if inside else [])


def test_times_include_both_ends_and_either_may_be_open(tracked):
    locations, now = tracked.cloud.locations, tracked.cloud.core.now
    times = []
    for number in range(3):
        at(tracked, number, 0)
        times.append(now())
        tracked.pass_time(10)

    def of(**query):
        return [point.latitude for point in locations.of(tracked.o, tracked.p.id, tracked.d.id, LocationQuery(**query)).points]

    assert of() == [2]
    assert of(since=times[1]) == [1, 2]
    assert of(until=times[1]) == [0, 1]
    assert of(since=times[1], until=times[1]) == [1]


def test_a_device_without_a_name_has_none_that_begins_so(tracked):
    at(tracked, 1, 2)
    assert found(tracked, name="X") == []
    tracked.cloud.device_settings.update(tracked.o, tracked.d.id, product=tracked.p.id, name="lamp")
    assert found(tracked, name="la") == [(1, 2)]
    assert found(tracked, device_id=tracked.d.id[:5].upper()) == [(1, 2)]


def test_a_position_is_kept_with_all_that_was_said_of_it(tracked):
    place = {"lat": 1, "lon": 2.5, "lck": 1, "time": 5, "alt": 40, "speed": 0.5}
    tracked.s.event("loc", json.dumps({"cmd": "loc", "loc": place}))
    at(tracked, 3, 4)
    now = tracked.cloud.core.now()
    first = LocationPoint(1, tracked.p.id, tracked.d.id, now, 1.0, 2.5, locked=True, properties='{"alt":40,"speed":0.5}')
    assert kept(tracked) == [first, LocationPoint(2, tracked.p.id, tracked.d.id, now, 3.0, 4.0, locked=False)]


def test_positions_are_those_of_members_only(tracked):
    said = json.dumps({"cmd": "loc", "loc": {"lat": 1, "lon": 2}})
    tracked.cloud.events.publish(tracked.o, "loc", said, product=tracked.p.id)
    tracked.s.event("loc2", said)
    _, alone = tracked.claimed(tracked.o)
    alone.event("loc", said)
    assert kept(tracked) == []


def test_a_position_is_kept_for_as_long_as_it_may_and_no_longer(tracked):
    lifetime = tracked.cloud.core.settings.location_lifetime
    at(tracked, 1, 0)
    tracked.pass_time(lifetime)
    at(tracked, 2, 0)
    assert found(tracked) == [(1, 0), (2, 0)]
    tracked.pass_time(1)
    at(tracked, 3, 0)
    assert found(tracked) == [(2, 0), (3, 0)]
