"""Webhooks, vitals, plans, serial numbers and keys over REST."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from emulator.cloud.hook_requests import HookResponse


@pytest.fixture
def product(world, owner):
    return world.product(owner)


HOOK = {
    "integration_type": "Webhook",
    "event": "temp",
    "url": "https://hook.example/in",
    "requestType": "POST",
    "json": {"a": "{{{PARTICLE_EVENT_VALUE}}}"},
}


@pytest.mark.parametrize("kind", ["integrations", "webhooks"])
@pytest.mark.parametrize("place", ["/v1", "/v1/products/{product}"])
def test_a_webhook_is_made_replaced_and_ended(o, product, place, kind):
    base = f"{place.format(product=product.id)}/{kind}"
    made = o.post(base, json=HOOK)
    assert made.status_code == 201
    body = made.json()
    assert (body["ok"], body["event"], body["name"], body["integration_type"]) == (True, "temp", "temp for hook.example", "Webhook")
    assert len(body["id"]) > 10
    assert body["hookUrl"].endswith(body["id"])
    assert [each["id"] for each in o.get(base).json()] == [body["id"]]
    replaced = o.put(f"{base}/{body['id']}", json={"event": "humidity", "url": HOOK["url"], "name": "mine"}).json()["integration"]
    assert (replaced["event"], replaced["name"]) == ("humidity", "mine")
    assert "json" not in replaced
    assert o.get(f"{base}/{body['id']}").json()["webhook"]["event"] == "humidity"
    assert o.delete(f"{base}/{body['id']}").status_code == 204
    gone = o.get(f"{base}/{body['id']}")
    assert (gone.status_code, gone.json()) == (404, {"ok": False, "error": "Webhook not found"})


def test_a_webhook_may_come_as_a_form_with_nested_fields(o):
    form = {"event": "temp", "url": "https://hook.example/", "json[a]": "1", "headers[X-A]": "b", "access_token": "ignored"}
    body = o.post("/v1/integrations", data=form).json()
    assert body["json"] == {"a": "1"}
    assert "access_token" not in body


@pytest.mark.parametrize(
    "change",
    [{"event": ""}, {"event": None}, {"url": "ftp://x"}, {"url": None}, {"requestType": "EXPLODE"}, {"integration_type": "AzureIotHub"}],
)
def test_a_webhook_that_cannot_be_is_refused(o, change):
    answer = o.post("/v1/integrations", json={**HOOK, **change})
    assert answer.status_code == 400
    assert answer.json()["ok"] is False


def test_a_webhook_is_tried_and_what_came_back_is_told(world, o):
    hook = o.post("/v1/integrations", json=HOOK).json()["id"]
    assert o.post(f"/v1/integrations/{hook}/test", json={"data": "21"}).json()["pass"] is False
    sent = []

    def gateway(request):
        sent.append(request)
        reply = world.driver.reply()
        world.driver.clock.call_later(1, reply.resolve, HookResponse(200, b"thanks"))
        return reply

    world.cloud.webhooks.gateway = gateway
    assert o.post(f"/v1/integrations/{hook}/test", json={"data": "21"}).json() == {"pass": True, "data": "thanks", "error": None}
    assert json.loads(sent[0].body)["a"] == "21"


def test_vitals_are_asked_for_and_shown(world, owner, o, product):
    device = world.member(owner, product)
    for base in ("/v1/diagnostics", f"/v1/products/{product.id}/diagnostics"):
        assert o.post(f"{base}/{device.id}/update").status_code == 404
        assert o.get(f"{base}/{device.id}/last").status_code == 404
    session = world.connect(device)
    session.measures = {24: 2}
    assert o.post(f"/v1/diagnostics/{device.id}/update").status_code == 202
    assert session.asked_for_vitals == 1
    for base in ("/v1/diagnostics", f"/v1/products/{product.id}/diagnostics"):
        last = o.get(f"{base}/{device.id}/last").json()["diagnostics"]
        service = {"device": {"status": "ok"}, "cloud": {"uptime": 0, "publish": {"sent": 0}}, "coap": {"round_trip": 0}}
        payload = {"device": {"power": {"source": "USB host"}}, "service": service}
        assert last == {"updated_at": "2026-01-05T09:00:00.000Z", "deviceID": device.id, "payload": payload}
        assert o.get(f"{base}/{device.id}").json() == {"diagnostics": [last]}
    table = o.get(f"/v1/diagnostics/{device.id}", headers={"accept": "text/csv"})
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text.splitlines()[0] == "updated_at,deviceID,payload"
    assert o.get(f"/v1/diagnostics/{device.id}", params={"start_date": "2026-01-05T10:00:00Z", "end_date": "2026-01-06"}).json() == {
        "diagnostics": []
    }
    for params in ({"start_date": "soon"}, {"start_date": "2026-02-01", "end_date": "2026-01-01"}):
        wrong = o.get(f"/v1/diagnostics/{device.id}", params=params)
        assert wrong.status_code == 400
        assert wrong.json()["error"] == "bad_request"


def test_the_plan_tells_its_limits_and_their_use(rest, world, owner, o, product):
    world.member(owner, product)
    [agreement] = o.get("/v1/user/service_agreements").json()["data"]
    attributes = agreement["attributes"]
    assert attributes["pricing_terms"]["device"]["max_devices"] == 100
    assert attributes["current_usage_summary"]["device_limit_reached"] is False
    assert attributes["current_usage_summary"]["connectivity"]["wifi"]["owned_devices"] == 1
    assert (attributes["agreement_type"], attributes["current_billing_period_end"]) == ("developer", "2026-01-31")
    period = {"report_type": "devices", "date_period_start": "2026-01-01", "date_period_end": "2026-01-31"}
    base = f"/v1/user/service_agreements/{agreement['id']}/usage_reports"
    ordered = o.post(base, json={**period, "devices": ["x"]})
    report = ordered.json()["data"]
    assert (ordered.status_code, report["type"], report["attributes"]["state"]) == (202, "usage_report", "pending")
    assert report["attributes"]["report_params"] == {"devices": ["x"], "products": [], "recipient_list": []}
    one = f"/v1/user/usage_reports/{report['id']}"
    assert o.get(one).json() == {"data": report}
    world.pass_time(10)
    ready = o.get(one).json()["data"]["attributes"]
    assert (ready["state"], ready["expires_at"]) == ("available", "2026-01-12T09:00:10.000Z")
    file = rest.anonymous.get(ready["download_url"])
    assert (file.headers["content-type"], file.text.splitlines()) == (
        "text/csv; charset=utf-8",
        ["device_id,device_name,product_id,platform_id,billable,first_online_at,last_handshake_at"],
    )
    assert rest.anonymous.get("/emulator/usage_reports/none").status_code == 404
    assert o.get("/v1/user/usage_reports/none").status_code == 404
    for wrong in ({"report_type": "x"}, {"date_period_start": "yesterday"}, {"date_period_end": "2025-01-01"}):
        assert o.post(base, json={**period, **wrong}).status_code == 400


def test_a_serial_number_leads_to_its_device(world, u1):
    device = world.device(serial_number="P046AF45X000123")
    body = u1.get("/v1/serial_numbers/p046af45x000123").json()
    assert body == {"ok": True, "deviceID": device.id, "device_id": device.id, "serial_number": "P046AF45X000123", "platform_id": 6}
    missing = u1.get("/v1/serial_numbers/nothing")
    assert (missing.status_code, missing.json()["ok"]) == (404, False)


def test_a_devices_key_is_registered(world, u1, u2):
    key = ec.derive_private_key(7, ec.SECP256R1()).public_key()
    body = {"publicKey": key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(), "algorithm": "ecc"}
    device, _ = world.claimed(world.user("u1"))
    answer = u1.post(f"/v1/provisioning/{device.id}", json={**body, "deviceID": device.id, "order": "x", "filename": "cli"})
    assert (answer.status_code, answer.json()) == (200, "Success!")
    assert world.now(device).public_key == key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert u2.post(f"/v1/provisioning/{device.id}", json=body).status_code == 403
    assert u2.post(f"/v1/provisioning/{world.device().id}", json=body).status_code == 200
    assert u1.post(f"/v1/provisioning/{'f' * 24}", json=body).status_code == 404
    assert u1.post(f"/v1/provisioning/{device.id}", json={"publicKey": "junk"}).status_code == 400
