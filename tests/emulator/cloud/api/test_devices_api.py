"""Devices over REST: claim, look, change, ask."""

from base64 import b64decode, b64encode
from hashlib import sha256

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from emulator.cloud import CloudSettings
from emulator.cloud.protection import signed_text
from firmware_images.build import build_module
from firmware_images.bundle import make_bundle
from firmware_images.fields import ModuleFunction


@pytest.fixture
def board(world):
    """A connected Photon with two functions and variables of all types, claimed by nobody."""
    variables = {"count": 7, "temperature": 21.5, "ready": True, "greeting": "hello"}
    return world.online(functions={"led": lambda argument: len(argument), "fail": lambda argument: -1}, variables=variables)


@pytest.fixture
def mine(board, u1):
    """The same, claimed by the first developer."""
    device, session = board
    assert u1.post("/v1/devices", data={"id": device.id}).status_code == 200
    return device, session


def forbidden(answer):
    body = answer.json()
    assert answer.status_code == 403
    assert body["error"] == "Permission Denied"
    assert "I didn't recognize that device name or ID" in body["info"]


def test_a_connected_device_is_claimed_and_claiming_again_changes_nothing(board, u1):
    device, _ = board
    for _ in range(2):
        answer = u1.post("/v1/devices", json={"id": device.id.upper(), "request_transfer": False})
        assert answer.status_code == 200
        assert answer.json() == {"user_id": answer.json()["user_id"], "id": device.id, "connected": True, "ok": True}
    assert [each["id"] for each in u1.get("/v1/devices").json()] == [device.id]


@pytest.mark.rule("R18")
def test_an_offline_device_is_not_claimed(world, u1):
    answer = u1.post("/v1/devices", data={"id": world.device().id})
    assert (answer.status_code, answer.json()) == (404, {"ok": False, "errors": [["Core isn't online", 404]]})


@pytest.mark.parametrize("given", ["1234567890", "0" * 24, "../../etc/passwd", "x' OR '1'='1", "é" * 24, "\x00"])
def test_a_claim_of_what_is_no_device_is_told_so(u1, given):
    answer = u1.post("/v1/devices", json={"id": given})
    assert (answer.status_code, answer.json()) == (404, {"ok": False, "errors": ["device not found"]})


@pytest.mark.parametrize("body", [{}, {"id": ""}])
def test_a_claim_without_an_id_is_told_so(u1, body):
    answer = u1.post("/v1/devices", json=body)
    assert (answer.status_code, answer.json()) == (400, {"ok": False, "errors": ["arg.deviceID is empty"]})


def test_a_device_of_somebody_else_may_be_asked_for(mine, u1, u2, world):
    device, session = mine
    session.leave()
    refused = u2.post("/v1/devices", json={"id": device.id})
    assert refused.status_code == 403
    assert "belongs to someone else" in refused.json()["errors"][0]
    by_body = u2.post("/v1/devices", json={"id": device.id, "request_transfer": True})
    by_query = u2.post("/v1/devices", params={"request_transfer": "true"}, json={"id": device.id})
    assert by_body.status_code == by_query.status_code == 200
    assert by_body.json()["transfer_id"]
    assert world.cloud.mail.to("u1@example.com")
    assert u1.get(f"/v1/devices/{device.id}").json()["owner"] == "u1@example.com"


def test_a_device_is_shown_with_everything_that_is_known(mine, u1):
    device, _ = mine
    body = u1.get(f"/v1/devices/{device.id}").json()
    expected = {
        "id": device.id,
        "name": None,
        "owner": "u1@example.com",
        "last_ip_address": "10.0.0.7",
        "last_heard": "2026-01-05T09:00:00.000Z",
        "last_handshake_at": "2026-01-05T09:00:00.000Z",
        "product_id": 6,
        "platform_id": 6,
        "online": True,
        "connected": True,
        "cellular": False,
        "status": "normal",
        "functions": ["led", "fail"],
        "variables": {"count": "int32", "temperature": "double", "ready": "bool", "greeting": "string"},
        "system_firmware_version": "2.3.1",
    }
    assert body == body | expected


def test_a_list_leaves_out_what_only_the_device_can_tell(mine, u1):
    [entry] = u1.get("/v1/devices").json()
    assert entry["functions"] is None
    assert entry["online"] is True


def test_an_offline_device_has_no_functions_and_is_still_shown(mine, u1):
    device, session = mine
    session.leave()
    body = u1.get(f"/v1/devices/{device.id}").json()
    assert (body["online"], body["functions"], body["variables"]) == (False, None, None)


def test_a_device_is_found_by_id_in_any_case_and_by_name(mine, u1):
    device, _ = mine
    u1.put(f"/v1/devices/{device.id}", data={"name": "living room/lamp"})
    for given in (device.id.upper(), "living%20room%2Flamp"):
        assert u1.get(f"/v1/devices/{given}").json()["id"] == device.id


def test_unknown_and_foreign_devices_look_the_same_on_every_verb(mine, u2):
    device, _ = mine
    for given in (device.id, "f" * 24, "nobodys"):
        forbidden(u2.get(f"/v1/devices/{given}"))
        forbidden(u2.put(f"/v1/devices/{given}", json={"name": "x"}))
        forbidden(u2.delete(f"/v1/devices/{given}"))
        forbidden(u2.put(f"/v1/devices/{given}/ping"))
        forbidden(u2.get(f"/v1/devices/{given}/count"))
        forbidden(u2.get(f"/v1/devices/{given}/events"))
    forbidden(u2.post(f"/v1/devices/{device.id}/led"))
    assert u2.post("/v1/devices/nobodys/led").status_code == 404


def test_a_device_is_renamed_and_a_name_is_unique_for_its_owner(world, mine, u1):
    device, _ = mine
    other, _ = world.claimed(world.user("u1"))
    answer = u1.put(f"/v1/devices/{device.id}", json={"name": "lamp"})
    assert answer.json() == {"id": device.id, "name": "lamp", "updated_at": "2026-01-05T09:00:00.000Z"}
    taken = u1.put(f"/v1/devices/{other.id}", json={"name": "lamp"})
    assert (taken.status_code, taken.json()) == (403, {"ok": False, "errors": ["Name already in use"]})
    assert u1.put("/v1/devices/lamp", json={"notes": "on the shelf"}).json()["notes"] == "on the shelf"
    assert u1.put("/v1/devices/lamp", json={"firmware_updates_forced": "true"}).json()["firmware_updates_forced"] is True
    assert u1.put("/v1/devices/lamp", json={"id": "f" * 24}).status_code == 400


def test_a_device_is_unclaimed_by_its_owner_even_offline(mine, u1):
    device, session = mine
    session.leave()
    answer = u1.delete(f"/v1/devices/{device.id}")
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    assert u1.get("/v1/devices").json() == []
    forbidden(u1.get(f"/v1/devices/{device.id}"))


@pytest.mark.parametrize("name", ["arg", "args", "params"])
def test_a_function_is_called_with_its_argument_by_any_of_its_names(mine, u1, name):
    device, _ = mine
    answer = u1.post(f"/v1/devices/{device.id}/led", data={name: "12345"})
    assert (answer.status_code, answer.json()) == (200, {"id": device.id, "name": None, "connected": True, "return_value": 5})
    assert u1.post(f"/v1/devices/{device.id}/led", json={name: 12}).json()["return_value"] == 2


def test_a_function_may_return_less_than_0(mine, u1):
    device, _ = mine
    assert u1.post(f"/v1/devices/{device.id}/fail").json()["return_value"] == -1


def test_a_function_nobody_exposes_is_404(mine, u1):
    device, _ = mine
    answer = u1.post(f"/v1/devices/{device.id}/fly")
    assert (answer.status_code, answer.json()) == (404, {"ok": False, "error": "Function fly not found"})


def test_a_silent_device_is_a_408_after_a_while_of_virtual_time(mine, u1, world):
    device, session = mine
    session.silent = True
    before = world.driver.clock.now
    answer = u1.post(f"/v1/devices/{device.id}/led")
    assert (answer.status_code, answer.json()) == (408, {"ok": False, "error": "Timed out."})
    assert world.driver.clock.now - before == pytest.approx(world.cloud.settings.answer_timeout)
    late = u1.get(f"/v1/devices/{device.id}/count")
    assert (late.status_code, late.json()) == (408, {"ok": False, "error": "timed out"})


def test_a_client_less_patient_than_the_cloud_gives_up_in_virtual_time(mine, u1):
    device, session = mine
    session.silent = True
    with pytest.raises(httpx.ReadTimeout, match="a reply inside the Lab"):
        u1.post(f"/v1/devices/{device.id}/led", timeout=5)


def test_an_offline_device_is_a_408(mine, u1):
    device, session = mine
    session.leave()
    called, read = u1.post(f"/v1/devices/{device.id}/led"), u1.get(f"/v1/devices/{device.id}/count")
    assert (called.status_code, called.json()) == (408, {"ok": False, "error": "Timed out."})
    assert (read.status_code, read.json()) == (408, {"ok": False, "error": "timed out"})
    assert u1.put(f"/v1/devices/{device.id}/ping").json() == {"online": False, "ok": True}
    signaled = u1.put(f"/v1/devices/{device.id}", data={"signal": "1"})
    assert signaled.status_code == 408
    assert signaled.json()["errors"][0]["error"].startswith("Timed out")


@pytest.mark.parametrize(("name", "value"), [("count", 7), ("temperature", 21.5), ("ready", True), ("greeting", "hello")])
def test_a_variable_of_any_type_is_read(mine, u1, name, value):
    device, _ = mine
    body = u1.get(f"/v1/devices/{device.id}/{name}").json()
    assert (body["cmd"], body["name"], body["result"]) == ("VarReturn", name, value)
    assert type(body["result"]) is type(value)
    assert body["coreInfo"] | {"deviceID": device.id, "connected": True, "name": None} == body["coreInfo"]


def test_a_variable_is_read_raw(mine, u1):
    device, _ = mine
    raw = {"format": "raw"}
    assert u1.get(f"/v1/devices/{device.id}/greeting", params=raw).text == "hello"
    assert u1.get(f"/v1/devices/{device.id}/ready", params=raw).text == "true"


def test_a_variable_nobody_exposes_is_404(mine, u1):
    device, _ = mine
    answer = u1.get(f"/v1/devices/{device.id}/secret")
    assert (answer.status_code, answer.json()) == (404, {"ok": False, "error": "Unknown Variable: secret"})


def test_a_device_is_pinged_and_shouts_rainbows(mine, u1):
    device, session = mine
    assert u1.put(f"/v1/devices/{device.id}/ping").json() == {"online": True, "ok": True}
    for on in (1, 0):
        answer = u1.put(f"/v1/devices/{device.id}", data={"signal": str(on)})
        assert answer.json() == {"id": device.id, "connected": True, "signaling": bool(on)}
    assert session.signals == [True, False]


def test_a_claim_code_claims_the_device_that_sends_it(board, u1):
    device, session = board
    body = u1.post("/v1/device_claims").json()
    assert len(body["claim_code"]) == 63
    assert body["device_ids"] == []
    session.event("spark/device/claim/code", body["claim_code"])
    assert u1.post("/v1/device_claims", data={}).json()["device_ids"] == [device.id]


def test_a_sim_or_modem_may_stand_for_the_claim_code(u1):
    assert u1.post("/v1/device_claims", json={"iccid": "8934076500002589174"}).json()["claim_code"] == "8934076500002589174"
    assert u1.post("/v1/device_claims", json={"imei": "not digits"}).status_code == 400


def test_a_device_is_unprotected_in_two_steps(world, u1):
    key = ec.derive_private_key(11, ec.SECP256R1())
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    device, _ = world.claimed(world.user("u1"))
    world.cloud.factory.register_key(device.id, der)
    path = f"/v1/devices/{device.id}/unprotect"
    nonce = u1.put(path, json={"action": "prepare"}).json()["server_nonce"]
    signature = key.sign(signed_text("device", device.id, bytes(32), b64decode(nonce)), ec.ECDSA(SHA256()))
    body = {
        "action": "confirm",
        "server_nonce": nonce,
        "device_nonce": b64encode(bytes(32)).decode(),
        "device_signature": b64encode(signature).decode(),
        "device_public_key_fingerprint": b64encode(sha256(der).digest()).decode(),
    }
    done = u1.put(path, json=body).json()
    text = signed_text("server", device.id, b64decode(nonce), bytes(32), sha256(der).digest())
    world.cloud.protection.key.public_key().verify(b64decode(done["server_signature"]), text, ec.ECDSA(SHA256()))
    again = u1.put(path, json=body)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_request")
    for wrong in ({"action": "explode"}, {}, {**body, "device_nonce": "?"}):
        assert u1.put(path, json=wrong).status_code == 400


def test_a_virtual_device_is_made_in_a_product_and_is_the_callers(world, rest, u1):
    owner = world.user("u1")
    product = world.product(owner, 13)
    made = u1.post("/v1/devices", json={"product_id": product.id}).json()
    shown = u1.get(f"/v1/products/{product.slug}/devices/{made['device_id']}").json()
    assert (shown["platform_id"], shown["owner"], shown["online"]) == (13, "u1@example.com", False)
    for who in (rest.client("u2"), rest.client(world.teammate(owner, product, "v", "View-only"))):
        assert who.post("/v1/devices", json={"product_id": product.id}).status_code == 403
    assert len(world.listed(owner, product)) == 1


def test_a_virtual_device_counts_in_the_plan(make_rest):
    rest = make_rest(CloudSettings(device_limit=1))
    u1 = rest.client("u1")
    product = rest.world.product(rest.world.user("u1"))
    statuses = [u1.post("/v1/devices", json={"product_id": str(product.id)}).status_code for _ in range(2)]
    assert statuses == [200, 403]


def test_a_known_application_is_flashed_by_its_name(world, u1):
    device, session = world.claimed(world.user("u1"))
    image = build_module(6, ModuleFunction.USER_PART, version=6)
    unknown = u1.put(f"/v1/devices/{device.id}", json={"app": "tinker"})
    assert (unknown.status_code, unknown.json()) == (404, {"ok": False, "errors": ["Application not found"]})
    world.cloud.applications.add("tinker", image)
    for body in ({"app": "tinker"}, {"app_id": "Tinker"}):
        assert u1.put(f"/v1/devices/{device.id}", data=body).json() == {"id": device.id, "status": "Update started"}
    assert session.flashed == [image, image]


def test_source_code_is_answered_as_a_build_that_failed(world, u1):
    device, session = world.claimed(world.user("u1"))
    answer = u1.put(f"/v1/devices/{device.id}", files={"file": ("a.ino", b"void setup() {}"), "file2": ("b.cpp", b"")})
    assert answer.status_code == 200
    assert answer.json()["ok"] is False
    assert answer.json()["errors"]
    assert session.flashed == []


def test_the_application_of_a_bundle_is_flashed(world, u1):
    device, session = world.claimed(world.user("u1"))
    image = build_module(6, ModuleFunction.USER_PART, version=6)
    bundle = make_bundle(image, {})
    answer = u1.put(f"/v1/devices/{device.id}", files={"file": ("app.zip", bundle)})
    assert answer.json()["status"] == "Update started"
    assert session.flashed == [image]
    damaged = u1.put(f"/v1/devices/{device.id}", files={"file": ("app.zip", bundle[:40])})
    assert damaged.status_code == 400
    assert "bundle" in damaged.json()["errors"][0]
