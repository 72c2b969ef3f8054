"""What clients rely on without saying so: a JSON body on every answer, fields in any encoding, ids in any case, streams that stay alive."""

from __future__ import annotations

import json
import re
import threading

import httpx
import pytest

from emulator.cloud.api import streams
from emulator.cloud.api.faults import Shape
from emulator.cloud.api.routes import ROUTES

GIVES_UP = 13.0
"""Seconds of silence after which particle-api-js takes a stream for dead."""
FIELDS = {
    Shape.OAUTH: {"error", "error_description"},
    Shape.INFO: {"error", "info"},
    Shape.ERROR: {"ok", "error"},
    Shape.ERRORS: {"ok", "errors"},
    Shape.CODED: {"ok", "code", "errors"},
    Shape.MESSAGES: {"errors"},
}


def shapes_of(body):
    return {shape for shape, fields in FIELDS.items() if isinstance(body, dict) and fields <= body.keys()}


@pytest.fixture
def owner(world):
    return world.user("u1")


@pytest.fixture
def product(world, owner):
    return world.product(owner)


@pytest.mark.parametrize("who", ["nobody", "u1"])
def test_an_answer_has_json_unless_it_is_204_and_an_error_has_one_of_the_six_bodies(rest, who):
    for route in ROUTES:
        if route.method == "HEAD":
            continue
        client = rest.anonymous if who == "nobody" else rest.client(who)
        path = re.sub(r"\{\w+\}", "nothing", route.path)
        with client.stream(route.method, path, json={} if route.method != "GET" else None) as answer:
            if answer.headers.get("content-type") == "text/event-stream":
                continue
            answer.read()
        if answer.status_code == 204:
            assert answer.content == b"", route
            continue
        body = answer.json()
        if answer.status_code < 400:
            continue
        assert route.shape in shapes_of(body) or shapes_of(body) & {Shape.OAUTH, Shape.INFO}, (route, body)
        assert "access token" not in str(body).lower() or answer.status_code in (400, 401), (route, body)
        assert answer.status_code != 401 or body["error"] == "invalid_token", (route, body)


BODIES = [
    {"json": {"name": "lamp", "firmware_updates_forced": True}},
    {"data": {"name": "lamp", "firmware_updates_forced": "true"}},
    {"data": {"name": "lamp", "firmware_updates_forced": "1"}},
    {"files": {"name": (None, "lamp"), "firmware_updates_forced": (None, "true")}},
    {"content": b'{"name": "lamp", "firmware_updates_forced": true}'},
    {"content": b"name=lamp&firmware_updates_forced=true"},
]


@pytest.mark.parametrize("body", BODIES, ids=["json", "form", "form 1", "multipart", "json untold", "form untold"])
def test_fields_count_alike_in_every_encoding(world, owner, u1, body):
    device, _ = world.claimed(owner)
    answer = u1.put(f"/v1/devices/{device.id.upper()}", **body).json()
    assert (answer["id"], answer["name"], answer["firmware_updates_forced"]) == (device.id, "lamp", True)


@pytest.mark.parametrize("text", ["groups[]=a&groups[]=b", "groups=a&groups=b", "groups[0]=a&groups[1]=b", "groups=a,b"])
def test_lists_may_be_written_as_forms_write_them(world, owner, u1, product, text):
    device = world.member(owner, product)
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = u1.put(f"/v1/products/{product.slug}/devices/{device.id}", content=text, headers=headers)
    assert answer.json()["groups"] == ["a", "b"]


@pytest.mark.parametrize("name", ["arg", "args", "params"])
def test_the_argument_of_a_function_has_three_names(world, owner, u1, name):
    device, _ = world.claimed(owner, functions={"led": len})
    assert u1.post(f"/v1/devices/{device.id}/led", json={name: "abc"}).json()["return_value"] == 3


@pytest.mark.parametrize("name", ["perPage", "per_page"])
def test_the_size_of_a_page_has_two_names(world, owner, u1, product, name):
    for _ in range(3):
        world.member(owner, product)
    body = u1.get(f"/v1/products/{product.id}/devices", params={name: 2, "page": 2}).json()
    assert (len(body["devices"]), body["meta"]["total_pages"]) == (1, 2)


def test_a_delete_may_have_a_body(world, owner, u1, product):
    device = world.device()
    world.connect(device, product_id=product.id).leave()
    path = f"/v1/products/{product.id}/devices/{device.id}"
    answer = u1.request("DELETE", path, json={"deny": True})
    assert (answer.status_code, answer.content) == (204, b"")
    assert u1.get(path).json()["denied"] is True


def test_a_removal_may_say_nothing_in_json(world, owner, u1, product):
    path = f"/v1/products/{product.id}/devices/{world.member(owner, product).id}"
    assert u1.request("DELETE", path, json={}).status_code == 204
    assert "not found" in u1.get(path).text
    assert "Device not found for this product" in u1.delete(path).text


def test_the_token_may_stand_where_old_clients_put_it(world, rest, owner):
    token = {"access_token": owner.token}
    sim = world.cloud.sims.make("8934076500002589174")
    assert rest.anonymous.get("/v1/devices", params=token).status_code == 200
    assert rest.anonymous.head(f"/v1/sims/{sim.iccid}", params=token).status_code == 204
    assert rest.anonymous.post("/v1/devices/events", data={**token, "name": "a"}).json() == {"ok": True}
    refused = rest.anonymous.post("/v1/devices/events", params=token, data={"name": "a"})
    assert (refused.status_code, refused.json()["error_description"]) == (400, "The access token was not found")


@pytest.mark.parametrize("base", ["/v1/events/a", "/v1/devices/events", "/v1/devices/{device}/events", "/v1/products/{product}/events"])
def test_a_stream_is_never_silent_for_long(world, owner, u1, product, base):
    device, _ = world.claimed(owner)
    path = base.format(device=device.id, product=product.id)
    with u1.stream("GET", path, params={"nonce": "1"}, timeout=GIVES_UP) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        pieces, times = answer.iter_raw(), []
        for _ in range(4):
            next(pieces)
            times.append(world.driver.clock.now)
    assert times == [number * streams.KEEP_ALIVE for number in range(4)]
    assert streams.KEEP_ALIVE < GIVES_UP


def test_a_bare_value_has_no_json_around_it(world, owner, u1):
    device, _ = world.claimed(owner, variables={"count": 7, "ready": True, "greeting": "hello"})
    values = [u1.get(f"/v1/devices/{device.id}/{name}", params={"format": "raw"}).text for name in ("count", "ready", "greeting")]
    assert values == ["7", "true", "hello"]


DETAIL = {
    *("cellular", "connected", "current_build_target", "default_build_target", "denied", "development", "firmware_product_id"),
    *("firmware_updates_enabled", "firmware_updates_forced", "groups", "id", "last_handshake_at", "last_heard", "last_ip_address"),
    *("mobile_secret", "name", "online", "owner", "platform_id", "product_id", "quarantined", "serial_number"),
    *("system_firmware_version", "targeted_firmware_release_version", "functions", "variables", "status", "last_app", "notes"),
}
"""What particle-cli's own tests look for in a device of a product."""


def test_a_device_of_a_product_tells_all_that_clients_look_for(world, owner, u1, product):
    device = world.member(owner, product)
    world.connect(device)
    for path in (f"/v1/products/{product.id}/devices/{device.id}", f"/v1/devices/{device.id}"):
        body = u1.get(path).json()
        assert body.keys() >= DETAIL
        assert body["product_id"] == product.id
        assert body["connected"] is body["online"] is True


def test_a_large_upload_may_come_in_chunks_of_unknown_number(served):
    owner = served.driver.call(served.user)
    product = served.driver.call(served.product, owner)
    ids = [served.driver.call(lambda: served.device().id) for _ in range(20)]
    boundary = "xyz"
    head = f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="file"\r\n\r\n'
    text = "\r\n".join([each.upper() for each in ids] + ["", "WAT"])
    parts = [part.encode() for part in (head, *(text[at : at + 7] for at in range(0, len(text), 7)), f"\r\n--{boundary}--\r\n")]
    client = served.rest.client(owner)
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    body = client.post(f"/v1/products/{product.id}/devices", content=iter(parts), headers=headers).json()
    assert (body["updated"], sorted(body["updatedDeviceIds"]), body["invalidDeviceIds"]) == (20, sorted(ids), ["WAT"])


def test_of_many_who_race_for_one_device_exactly_one_wins(served):
    device, _ = served.driver.call(served.online)
    clients = [served.rest.client(served.driver.call(served.user, f"u{number}")) for number in range(8)]
    barrier, answers = threading.Barrier(len(clients)), {}

    def claim(number, client):
        barrier.wait()
        answers[number] = client.post("/v1/devices", json={"id": device.id})

    threads = [threading.Thread(target=claim, args=each) for each in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    winners = [number for number, answer in answers.items() if answer.status_code == 200]
    assert len(winners) == 1
    assert {answer.status_code for number, answer in answers.items() if number not in winners} == {403}
    assert served.driver.call(served.owner, device.id) == f"u{winners[0]}@example.com"


def test_a_page_of_the_same_server_may_ask_first(served):
    origin = served.door.url.replace("127.0.0.1", "localhost")
    answer = httpx.request("OPTIONS", f"{served.door.url}/v1/devices", headers={"origin": origin})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, origin)
    assert {"GET", "POST"} <= set(answer.headers["access-control-allow-methods"].split(", "))
    assert json.loads(httpx.get(f"{served.door.url}/v1/devices").content)["error"] == "invalid_request"
