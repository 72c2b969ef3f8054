"""Customers and SIMs over REST."""

import pytest

from emulator.cloud.sim_records import ActivationClass, SimForm


@pytest.fixture
def product(world, owner):
    return world.product(owner, 13)


@pytest.fixture
def base(product):
    return f"/v1/products/{product.id}"


@pytest.fixture
def client(o, base):
    """An OAuth client of the product, as fields."""
    made = o.post(f"{base}/clients", json={"name": "app"}).json()["client"]
    return {"client_id": made["id"], "client_secret": made["secret"]}


@pytest.fixture
def sign_up(rest, base, client):
    def signed_up(email="c@customers.example", **fields):
        data = {"grant_type": "client_credentials", "email": email, "password": "p", **client, **fields}
        return rest.anonymous.post(f"{base}/customers", data=data)

    return signed_up


def test_a_customer_signs_up_and_logs_in(rest, base, client, sign_up):
    made = sign_up()
    assert made.status_code == 201
    assert made.json()["token_type"] == "bearer"
    login = {"grant_type": "password", "username": "c@customers.example", "password": "p", **client}
    body = rest.anonymous.post("/oauth/token", data=login).json()
    refreshed = rest.anonymous.post("/oauth/token", data={"grant_type": "refresh_token", "refresh_token": body["refresh_token"], **client})
    assert rest.client(refreshed.json()["access_token"]).get("/v1/devices").json() == []
    assert rest.client(body["access_token"]).get("/v1/devices").status_code == 401
    assert sign_up().status_code == 409
    assert sign_up("not an address").status_code == 400
    assert sign_up("d@customers.example", password="").status_code == 400
    assert sign_up("d@customers.example", client_secret="wrong").json()["error"] == "invalid_client"


def test_a_products_servers_act_for_customers_without_passwords(rest, base, client, sign_up):
    assert sign_up(no_password="true").status_code == 201
    scoped = {"grant_type": "client_credentials", "scope": "customer=c@customers.example", **client}
    token = rest.anonymous.post("/oauth/token", data=scoped).json()["access_token"]
    assert rest.client(token).get("/v1/devices").status_code == 200
    server = rest.anonymous.post("/oauth/token", data={"grant_type": "client_credentials", **client}).json()["access_token"]
    assert rest.client(server).post(f"{base}/customers", json={"email": "e@customers.example", "no_password": True}).status_code == 201


@pytest.mark.rule("R48", "R142")
def test_a_customer_claims_by_a_code_and_uses_its_device_and_no_more(rest, world, owner, o, product, base, sign_up):
    customer = rest.client(sign_up().json()["access_token"])
    code = customer.post(f"{base}/device_claims").json()
    assert len(code["claim_code"]) == 63
    device = world.member(owner, product)
    session = world.runs(device, product, 1, functions={"led": len})
    session.event("spark/device/claim/code", code["claim_code"])
    assert [each["id"] for each in customer.get("/v1/devices").json()] == [device.id]
    assert customer.post(f"/v1/devices/{device.id}/led", data={"arg": "ab"}).json()["return_value"] == 2
    assert customer.put(f"/v1/devices/{device.id}", files={"file": ("a.bin", world.image(product, 2))}).status_code == 403
    for path in (base, f"{base}/devices", f"{base}/customers"):
        assert customer.get(path).status_code == 403
    page = o.get(f"{base}/customers").json()
    assert page["customers"][0]["username"] == "c@customers.example"
    assert page["customers"][0]["devices"] == [device.id]
    assert page["devices"][0]["customer_id"] == page["customers"][0]["id"]
    assert o.get(f"{base}/devices").json()["customers"] == [{"id": page["customers"][0]["id"], "username": "c@customers.example"}]
    assert o.post(f"/v1/orgs/any/products/{product.id}/device_claims").status_code == 403


def test_a_customers_password_is_reset_and_a_customer_is_ended(rest, o, base, client, sign_up):
    customer = rest.client(sign_up().json()["access_token"])
    assert o.put(f"{base}/customers/C@customers.example", json={"password": "new"}).json() == {"ok": True}
    assert customer.get("/v1/devices").status_code == 401
    login = {"grant_type": "password", "username": "c@customers.example", "password": "new", **client}
    assert rest.anonymous.post("/oauth/token", data=login).status_code == 200
    assert o.delete(f"{base}/customers/c%40customers.example").json() == {"ok": True}
    assert o.delete(f"{base}/customers/c@customers.example").status_code == 404
    assert o.get(f"{base}/customers").json() == {
        "customers": [],
        "devices": [],
        "meta": {"page": 1, "per_page": 25, "total_pages": 1, "total": 0},
    }


ICCID = "8934076500002589174"


@pytest.fixture
def sim(world):
    return world.cloud.sims.make(ICCID, SimForm.PLASTIC, ActivationClass.FAST)


def test_a_sim_is_activated_deactivated_and_released(world, rest, sim, o, u1):
    assert o.head(f"/v1/sims/{sim.iccid}").status_code == 204
    started = o.put(f"/v1/sims/{sim.iccid}", json={"action": "activate", "country": "DE", "mb_limit": 5})
    assert started.status_code == 202
    assert started.json()["sim"]["status"] == "never_before_activated"
    pending = o.get(f"/v1/sims/{sim.iccid}/status")
    assert (pending.status_code, pending.json()["meta"]["state"]) == (202, "pending")
    world.pass_time(60)
    body = o.get(f"/v1/sims/{sim.iccid}").json()
    expected = {"status": "active", "activations_count": 1, "base_country_code": "DE", "mb_limit": 5, "owner": "o@example.com"}
    assert body["sim"] == body["sim"] | expected
    assert body["iccid"] == sim.iccid
    answer = o.get(f"/v1/sims/{sim.iccid}/status").json()
    assert (answer["meta"]["state"], answer["sim_status"]["status_code"], answer["sim_status"]["connected"]) == (
        "complete",
        "active",
        False,
    )
    assert o.head(f"/v1/sims/{sim.iccid}").status_code == 205
    assert u1.head(f"/v1/sims/{sim.iccid}").status_code == 403
    assert u1.get(f"/v1/sims/{sim.iccid}").status_code == 403
    assert o.head("/v1/sims/8900000000000000000").status_code == 404
    assert o.put(f"/v1/sims/{sim.iccid}", json={"action": "activate"}).status_code == 409
    assert o.put(f"/v1/sims/{sim.iccid}", json={"mb_limit": 9}).json()["sim"]["mb_limit"] == 9
    assert o.put(f"/v1/sims/{sim.iccid}", json={"action": "deactivate"}).status_code == 202
    world.pass_time(60)
    assert o.get(f"/v1/sims/{sim.iccid}").json()["status"] == "inactive_user_deactivated"
    assert o.put(f"/v1/sims/{sim.iccid}", json={"action": "reactivate"}).status_code == 202
    world.pass_time(60)
    assert o.delete(f"/v1/sims/{sim.iccid}").status_code == 202
    world.pass_time(60)
    assert o.get("/v1/sims").json()["sims"] == []
    assert u1.put(f"/v1/sims/{sim.iccid}", json={"action": "activate"}).status_code == 202


def test_the_network_is_asked_how_it_sees_a_sim_and_takes_its_time(world, sim, o):
    o.put(f"/v1/sims/{sim.iccid}", json={"action": "activate"})
    world.pass_time(600)

    def ask():
        answer = o.get(f"/v1/sims/{sim.iccid}/status")
        return answer.status_code, answer.json()["meta"]["state"], answer.json()["sim_status"]["status_code"]

    pending, complete = (202, "pending", None), (200, "complete", "active")
    assert ask() == pending
    world.pass_time(1.9)
    assert ask() == pending
    world.pass_time(0.1)
    assert ask() == complete
    world.pass_time(59.9)
    assert ask() == complete
    world.pass_time(0.1)
    assert ask() == pending


@pytest.mark.parametrize("body", [{}, {"action": "explode"}, {"action": "activate", "mb_limit": "much"}, {"mb_limit": -1}])
def test_a_sim_is_not_asked_for_nonsense(sim, o, body):
    assert o.put(f"/v1/sims/{sim.iccid}", json=body).status_code == 400


@pytest.mark.rule("R125", "R126")
def test_sims_are_imported_into_a_product_by_list_or_file(world, o, u1, base):
    iccids = [world.cloud.sims.make(f"89340765000025892{number:02}", SimForm.PLASTIC).iccid for number in range(4)]
    answer = o.post(f"{base}/sims", json={"sims": iccids[:1]})
    assert (answer.status_code, answer.json()) == (202, {"ok": True, "sims": iccids[:1], "inactive_sims": []})
    assert o.post(f"{base}/sims", files={"file": ("sims.txt", "\r\n".join(iccids[1:]).encode())}).json()["sims"] == iccids[1:]
    world.pass_time(60)
    page = o.get(f"{base}/sims", params={"perPage": 3}).json()
    assert [(each["iccid"], each["status"]) for each in page["sims"]] == [(iccid, "active") for iccid in iccids[:3]]
    assert page["meta"]["total_pages"] == 2
    assert [each["iccid"] for each in o.get(f"{base}/sims", params={"iccid": iccids[3][-4:]}).json()["sims"]] == iccids[3:]
    assert o.get(f"{base}/sims/data_usage").json()["total_active_sim_cards"] == 4
    usage = o.get(f"{base}/sims/{iccids[0]}/data_usage").json()
    assert usage["usage_by_day"][-1] == {"date": "2026-01-05", "mbs_used": 0, "mbs_used_cumulative": 0}
    assert o.put(f"{base}/sims/{iccids[0]}", json={"action": "activate"}).status_code == 400
    assert o.put(f"{base}/sims/{iccids[0]}", json={"action": "deactivate"}).status_code == 202
    assert o.delete(f"{base}/sims/{iccids[1]}").status_code == 202
    assert o.post(f"{base}/sims", json={}).status_code == 400
    unknown = o.post(f"{base}/sims", files={"file": ("sims.txt", f"{iccids[0]}\n8900000000000000000\n".encode())})
    assert (unknown.status_code, unknown.json()["error"]) == (404, "SIM not found: 8900000000000000000")
    wrong = o.post(f"{base}/sims", json={"sims": [iccids[0], "12345"]})
    assert (wrong.status_code, wrong.json()["error"]) == (404, "SIM not found: 12345 (no ICCID)")
    assert u1.get(f"/v1/sims/{iccids[0]}").json()["error"] == f"Permission denied: the SIM belongs to another account: {iccids[0]}"
    assert o.get(f"{base}/sims/8900000000000000000").status_code == 404
    assert u1.get(f"{base}/sims").status_code == 403
    world.pass_time(60)
    again = o.post(f"{base}/sims", json={"sims": iccids})
    assert (again.status_code, again.json()) == (202, {"ok": True, "sims": iccids, "inactive_sims": iccids[:1]}), "the team's doing stays"


def test_a_built_in_sim_is_activated_by_the_serial_number_of_its_device(world, o):
    world.cloud.sims.make(ICCID)
    world.device(13, serial_number="P046AF450RLQDD9", iccid=ICCID)
    assert o.get("/v1/serial_numbers/p046af450rlqdd9").json()["iccid"] == ICCID
    assert o.put("/v1/sims/P046AF450RLQDD9", json={"action": "activate"}).json()["sim"]["iccid"] == ICCID
    assert o.get("/v1/sims").json()["sims"][0]["last_device_id"] is not None
