"""Event streams and publishing over REST, in process."""

import json

import httpx
import pytest

from emulator.cloud.api import streams


@pytest.fixture
def who(world):
    return world.user()


@pytest.fixture
def board(world, who):
    return world.claimed(who)


def lines_of(answer, count):
    lines = answer.iter_lines()
    return [next(lines) for _ in range(count)]


def test_a_stream_begins_with_ok_and_brings_events_as_they_happen(world, board, u1):
    device, session = board
    with u1.stream("GET", "/v1/devices/events") as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"
        world.driver.clock.call_later(5, session.event, "temperature", "21.5")
        ok, _, name, data, end = lines_of(answer, 5)
    assert (ok, name, end) == (":ok", "event: temperature", "")
    assert json.loads(data.removeprefix("data: ")) == {
        "data": "21.5",
        "ttl": 60,
        "published_at": "2026-01-05T09:00:05.000Z",
        "coreid": device.id,
    }


def test_a_stream_stays_alive_by_empty_lines(u1, world):
    with u1.stream("GET", "/v1/devices/events") as answer:
        lines = answer.iter_lines()
        assert [next(lines) for _ in range(3)] == [":ok", "", ""]
        assert world.driver.clock.now == streams.KEEP_ALIVE


def left_of(answer):
    """What still comes on a stream until it ends."""
    return [line for line in answer.iter_lines() if line]


def revoked(world, t, o, product):
    world.cloud.tokens.revoke(t.token)


def expelled(world, t, o, product):
    world.cloud.teams.remove(o, t.username, product=product.id)


def deleted(world, t, o, product):
    world.cloud.accounts.delete(t, "secret")


@pytest.mark.parametrize("end", [revoked, expelled, deleted])
def test_a_stream_of_a_product_ends_with_the_right_to_hear_it(world, rest, end):
    o = world.user("o")
    product = world.product(o)
    t = world.teammate(o, product)
    session = world.connect(world.member(o, product))
    with rest.client(t).stream("GET", f"/v1/products/{product.id}/events") as answer:
        end(world, t, o, product)
        world.driver.clock.call_later(streams.KEEP_ALIVE + 1, session.event, "later")
        assert left_of(answer) == [":ok"]
        assert world.driver.clock.now == streams.KEEP_ALIVE


def test_a_stream_of_an_organization_ends_with_the_right_to_hear_it(world, rest):
    o = world.user("o")
    company = world.cloud.products.create_organization(world.cloud.accounts.of(o), "company")
    world.cloud.teams.invite(o, "t@example.com", organization=company.slug)
    with rest.client("t").stream("GET", f"/v1/orgs/{company.slug}/events") as answer:
        world.cloud.teams.remove(o, "t@example.com", organization=company.slug)
        assert left_of(answer) == [":ok"]


@pytest.mark.parametrize("path", ["/v1/devices/events", "/v1/events/temp"])
def test_ones_own_stream_ends_with_the_token(world, rest, path):
    u1 = world.user("u1")
    token = world.cloud.tokens.password_grant("particle-cli", "particle-cli", "u1@example.com", "secret", expires_in=20)
    with rest.client(token.token).stream("GET", path) as answer:
        assert left_of(answer) == [":ok"]
        assert world.driver.clock.now == 3 * streams.KEEP_ALIVE, "the first time that it is asked for after the token's end"
    assert world.cloud.tokens.principal(u1.token)


def test_a_read_of_a_stream_is_bounded_in_virtual_time(u1):
    with u1.stream("GET", "/v1/devices/events", timeout=4) as answer, pytest.raises(httpx.ReadTimeout, match="silence"):
        lines_of(answer, 3)


def test_a_stream_that_was_left_hears_nothing_more(world, u1, board):
    _, session = board
    with u1.stream("GET", "/v1/devices/events") as answer:
        lines_of(answer, 1)
    session.event("a")
    assert world.driver.clock.next_due() is None


@pytest.mark.parametrize(
    "path",
    ["/v1/events/temp", "/v1/devices/events/temp", "/v1/devices/{id}/events", "/v1/devices/{id}/events/temperature%2F"],
)
def test_each_stream_of_a_developer_hears_the_events_that_fit(world, u1, board, path):
    device, session = board
    with u1.stream("GET", path.format(id=device.id)) as answer:
        world.driver.clock.call_later(1, session.event, "temperature/inside", "1")
        assert lines_of(answer, 3)[2] == "event: temperature/inside"


def test_a_prefix_keeps_other_events_away(world, u1, board):
    _, session = board
    with u1.stream("GET", "/v1/devices/events/b") as answer:
        for name in ("a", "b", "ab"):
            world.driver.clock.call_later(1, session.event, name)
        assert lines_of(answer, 3)[2] == "event: b"


def test_the_stream_of_everybody_needs_a_prefix(u1):
    answer = u1.get("/v1/events")
    assert (answer.status_code, answer.json()) == (400, {"ok": False, "error": "event prefix filter is required"})


def test_a_line_end_in_a_name_cannot_forge_an_event(world, u1, board):
    _, session = board
    with u1.stream("GET", "/v1/devices/events") as answer:
        world.driver.clock.call_later(1, session.event, "a\ndata: forged\n\nevent: b", "line\nline")
        name, data = lines_of(answer, 4)[2:]
    assert name == "event: a data: forged  event: b"
    assert json.loads(data.removeprefix("data: "))["data"] == "line\nline"


def test_an_event_is_published_and_heard_by_its_publisher_alone(world, rest, u1, u2):
    with u1.stream("GET", "/v1/devices/events") as mine, u2.stream("GET", "/v1/devices/events", timeout=1) as theirs:
        published = rest.client(world.user()).post("/v1/devices/events", data={"name": "hello", "data": "world", "private": "true"})
        assert published.json() == {"ok": True}
        name, data = lines_of(mine, 4)[2:]
        with pytest.raises(httpx.ReadTimeout):
            lines_of(theirs, 3)
    assert name == "event: hello"
    assert json.loads(data.removeprefix("data: ")) | {"coreid": "api", "data": "world"} == json.loads(data.removeprefix("data: "))


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "x" * 65}, {"name": "x", "data": "y" * 1025}, {"name": "x", "ttl": "soon"}])
def test_an_event_that_cannot_be_is_refused(u1, body):
    answer = u1.post("/v1/devices/events", json=body)
    assert answer.status_code == 400
    assert answer.json()["ok"] is False


def test_a_reader_that_is_too_slow_is_dropped_and_others_go_on(world, board, who):
    _, session = board
    heard = world.hear(who)
    feed = streams.EventFeed(
        world.driver.clock, streams.EventEncoder().plain, lambda listener: world.cloud.events.subscribe(who, listener, "", public=False)
    )
    wakes = []
    feed.open(lambda: wakes.append(feed.closed))
    size = 0
    while not feed.closed:
        session.event("big", "x" * 600)
        size += 600
    assert streams.MAX_WAITING * 0.7 < size <= streams.MAX_WAITING
    assert feed.dropped
    assert wakes == [False, True]
    assert feed.take() == b""
    session.event("after")
    assert heard[-1] == ("after", None)


def test_one_event_is_encoded_once_for_all_readers(world, board, who):
    _, session = board
    encoder, taken = streams.EventEncoder(), []
    feeds = [
        streams.EventFeed(world.driver.clock, encoder.plain, lambda listener: world.cloud.events.subscribe(who, listener)) for _ in range(3)
    ]
    for feed in feeds:
        feed.open(lambda: None)
        feed.take()
    session.event("a", "b")
    taken = [feed._waiting[0] for feed in feeds]
    assert taken[0] is taken[1] is taken[2]
    for feed in feeds:
        feed.close()
