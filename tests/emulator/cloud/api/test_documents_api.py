"""Environment variables, secrets, configurations, ledgers and logic functions over REST; and what is the same for everybody."""

import pytest


@pytest.fixture
def product(world, owner):
    return world.product(owner)


@pytest.fixture(params=["/v1/env", "/v1/products/{product}/env", "/v1/env/{device}"])
def env(request, world, owner, product):
    return request.param.format(product=product.id, device=world.member(owner, product).id)


def test_environment_variables_are_set_reviewed_and_rolled_out(o, env):
    assert o.get(env).json()["latest"]["own"] == {}
    changed = o.patch(env, json={"ops": [{"op": "Set", "key": "A", "value": "1"}, {"op": "Set", "key": "B", "value": "2"}]})
    assert changed.json()["latest"]["own"] == {"A": {"value": "1"}, "B": {"value": "2"}}
    assert o.get(f"{env}/rollout").json()["from_snapshot"]["changes"][0] == {"op": "Added", "key": "A", "after": "1"}
    assert o.post(f"{env}/rollout", json={"when": "Immediate"}).json() == {"success": True}
    o.put(f"{env}/A", json={"value": "3"})
    o.delete(f"{env}/B")
    o.put(f"{env}/C", json={"value": "4"})
    operations = [change["op"] for change in o.get(f"{env}/rollout").json()["from_snapshot"]["changes"]]
    assert operations == ["Changed", "Removed", "Added"]
    body = o.get(f"{env}/render").json()
    assert body["env"] == {"A": "3", "C": "4"}
    assert body["rollout_by"] == "o@example.com"
    assert o.get(env).json()["last_snapshot"]["own"] == {"A": {"value": "1"}, "B": {"value": "2"}}


def test_a_place_inherits_what_was_rolled_out_above_it_and_its_own_wins(world, owner, o, product):
    member, own, _ = world.member(owner, product), world.claimed(owner)[0], world.claimed(world.user("u2"))

    def put(base, **values):
        for key, value in values.items():
            assert o.put(f"{base}/{key}", json={"value": value}).status_code == 200

    env, of_product, of_device = "/v1/env", f"/v1/products/{product.id}/env", f"/v1/env/{member.id}"
    put(env, A="owner", B="owner", C="owner")
    assert o.get(of_product).json()["latest"]["inherited"] == {}
    o.post(f"{env}/rollout", json={"when": "Immediate"})
    put(of_product, B="product", C="product")
    o.post(f"{of_product}/rollout")
    put(of_device, C="device")
    latest = o.get(of_device).json()["latest"]
    assert latest["own"] == {"C": {"value": "device"}}
    assert latest["inherited"] == {
        "A": {"from": "Owner", "value": "owner"},
        "B": {"from": "Product", "value": "product"},
        "C": {"from": "Product", "value": "product"},
    }
    assert o.get(f"{of_device}/render").json()["env"] == {"A": "owner", "B": "product", "C": "device"}
    assert o.get(f"{of_device}/rollout").json()["from_snapshot"] == {
        "changes": [{"op": "Changed", "key": "C", "before": "product", "after": "device"}],
        "unchanged": {"A": "owner", "B": "product"},
    }
    assert o.get(f"/v1/env/{own.id}/render").json()["env"] == {"A": "owner", "B": "owner", "C": "owner"}
    o.delete(f"{of_device}/C")
    assert o.get(f"{of_device}/render").json()["env"]["C"] == "product"
    put(env, A="changed")
    assert o.get(f"{of_product}/render").json()["env"]["A"] == "owner"
    snapshot = o.get(of_product).json()["last_snapshot"]
    assert (snapshot["own"]["B"], snapshot["inherited"]["A"]) == ({"value": "product"}, {"from": "Owner", "value": "owner"})


def test_a_product_of_an_organization_inherits_from_the_organization(world, owner, o):
    company = world.cloud.products.create_organization(world.cloud.accounts.of(owner), "company")
    inside = world.product(owner, organization=company.slug)
    for base, value in (("/v1/env", "mine"), ("/v1/orgs/company/env", "ours")):
        o.put(f"{base}/A", json={"value": value})
        o.post(f"{base}/rollout")
    assert o.get(f"/v1/products/{inside.id}/env/render").json()["env"] == {"A": "ours"}
    assert o.get(f"/v1/products/{inside.id}/env").json()["last_snapshot"]["rollout_at"] is None


@pytest.mark.parametrize(
    "ops",
    [
        "x",
        {},
        [1],
        [{"op": "Set"}],
        [{"op": "Set", "key": "a"}],
        [{"op": "Set", "key": "A"}],
        [{"op": "Set", "key": "A", "value": {}}],
        [{"op": "Unset", "key": "A"}] * 51,
    ],
)
def test_an_operation_that_makes_no_sense_changes_nothing(o, ops):
    good = {"op": "Set", "key": "A", "value": "1"}
    answer = o.patch("/v1/env", json={"ops": [good, *ops] if isinstance(ops, list) and ops else ops})
    assert answer.status_code == 400
    assert o.get("/v1/env").json()["latest"]["own"] == {}


def test_a_secret_is_kept_and_never_shown(o):
    made = o.put("/v1/secrets/KEY", json={"secret": {"value": "hush"}})
    assert made.json()["secret"]["name"] == "KEY"
    assert "hush" not in made.text + o.get("/v1/secrets").text + o.get("/v1/secrets/KEY").text
    assert o.put("/v1/secrets/lower", json={"secret": {"value": "x"}}).status_code == 400
    assert o.put("/v1/secrets/KEY", json={"secret": {}}).status_code == 400
    assert o.delete("/v1/secrets/KEY").json() == {"ok": True}
    assert o.get("/v1/secrets/KEY").status_code == 404


def test_a_ledger_has_instances(o):
    answer = o.post("/v1/ledgers", json={"ledger": {"name": "lamps", "scope": "Device", "direction": "Upstream"}})
    made = answer.json()["ledger"]
    assert answer.status_code == 201
    assert (made["scope"], made["direction"], made["archived_at"]) == ("Device", "Upstream", None)
    assert o.post("/v1/ledgers", json={"ledger": {"name": "lamps"}}).status_code == 409
    for wrong in (
        {"name": ""},
        {"name": "x" * 200},
        {"name": "x", "scope": "World"},
        {"name": "x", "direction": "Up"},
        {"name": "a|b"},
        {"name": "a/b"},
    ):
        assert o.post("/v1/ledgers", json={"ledger": wrong}).status_code == 400
    assert o.put("/v1/ledgers/lamps", json={"ledger": {"description": "all"}}).json()["ledger"]["description"] == "all"
    instance = "/v1/ledgers/lamps/instances/" + "f" * 24
    assert o.put(instance, json={"instance": {"data": {"a": 1}}}).json()["instance"]["data"] == {"a": 1}
    merged = o.put(instance, params={"set_mode": "Merge"}, json={"instance": {"data": {"b": 2}}}).json()["instance"]
    assert merged["data"] == {"a": 1, "b": 2}
    assert merged["scope"] == {"type": "Device", "value": "f" * 24}
    assert o.get("/v1/ledgers/lamps/instances").json()["instances"] == [merged]
    assert o.get(f"{instance}/versions/other").status_code == 404
    assert o.delete(instance).status_code == 204
    assert o.get(instance).status_code == 404
    assert o.put("/v1/ledgers/none/instances/x", json={"instance": {"data": {}}}).status_code == 404
    assert o.put(instance, json={"instance": {"data": {"a": "x" * 70_000}}}).status_code == 400
    assert o.delete("/v1/ledgers/lamps").status_code == 204
    assert o.get("/v1/ledgers").json()["ledgers"] == []
    assert o.get("/v1/ledgers", params={"archived": True}).json()["ledgers"][0]["name"] == "lamps"


def test_an_instance_keeps_the_versions_it_had(world, o):
    o.post("/v1/ledgers", json={"definition": {"name": "lamps"}})
    path = "/v1/ledgers/lamps/instances/owner"
    for number in range(3):
        o.put(path, json={"data": {"n": number}})
        world.pass_time(60)
    body = o.get(f"{path}/versions").json()
    assert body["meta"] == {"has_more": False}
    assert [(each["data"]["n"], each.get("replaced_at")) for each in body["versions"]] == [
        (2, None),
        (1, "2026-01-05T09:02:00.000Z"),
        (0, "2026-01-05T09:01:00.000Z"),
    ]
    assert o.get(f"{path}/versions/2026-01-05T09:01:00.000Z").json()["version"]["data"] == {"n": 1}
    late = o.get(f"{path}/versions", params={"replaced_after": "2026-01-05T09:01:30Z"}).json()["versions"]
    early = o.get(f"{path}/versions", params={"replaced_before": "2026-01-05T09:01:30Z"}).json()["versions"]
    assert ([each["data"]["n"] for each in late], [each["data"]["n"] for each in early]) == ([1], [0])
    assert o.get(f"{path}/versions", params={"replaced_after": "soon"}).status_code == 400
    for number in range(30):
        o.put(path, json={"data": {"n": number}})
    assert len(o.get(f"{path}/versions").json()["versions"]) == 21
    o.delete(path)
    o.put(path, json={"data": {}})
    assert len(o.get(f"{path}/versions").json()["versions"]) == 1


@pytest.mark.parametrize("base", ["/v1", "/v1/products/{product}", "/v1/orgs/company"])
def test_each_place_has_ledgers_and_logic_of_its_own(world, owner, o, base):
    company = world.cloud.products.create_organization(world.cloud.accounts.of(owner), "company")
    product = world.product(owner, organization=company.slug)
    bases = [each.format(product=product.id) for each in ("/v1", "/v1/products/{product}", "/v1/orgs/company")]
    here = base.format(product=product.id)
    assert o.post(f"{here}/ledgers", json={"name": "lamps"}).status_code == 201
    made = o.post(f"{here}/logic/functions", json={"logic_function": {"name": "f", "source": {"code": ""}}})
    assert made.status_code == 201
    one = f"{here}/logic/functions/{made.json()['logic_function']['id']}"
    assert o.get(f"{one}/stats").json() == {"logic_function_stats": []}
    for each in bases:
        assert len(o.get(f"{each}/ledgers").json()["ledgers"]) == (each == here)
        assert len(o.get(f"{each}/logic/functions").json()["logic_functions"]) == (each == here)


def test_a_logic_function_is_kept_and_not_run(o):
    facts = {"name": "f", "source": {"type": "JavaScript", "code": "export default 1"}, "logic_triggers": [{"type": "Event", "event": "x"}]}
    made = o.post("/v1/logic/functions", json={"logic_function": facts}).json()["logic_function"]
    assert (made["version"], made["enabled"], made["created_by"]) == (1, True, "o@example.com")
    one = f"/v1/logic/functions/{made['id']}"
    assert o.put(one, json={"logic_function": {**facts, "enabled": False}}).json()["logic_function"]["version"] == 2
    assert o.get("/v1/logic/functions", params={"todayStats": True}).json()["logic_functions"][0]["today_stats"]["success"] == 0
    assert o.get(f"{one}/runs").json() == {"logic_runs": []}
    assert o.get(f"{one}/runs/1/logs").status_code == 404
    assert o.post("/v1/logic/execute", json={"source": {}}).json()["result"]["status"] == "Failure"
    for wrong in ({}, {"name": "f"}, {**facts, "logic_triggers": 7}, {**facts, "logic_triggers": [1]}):
        assert o.post("/v1/logic/functions", json={"logic_function": wrong}).status_code == 400
    assert o.delete(one).status_code == 204
    assert o.get(one).status_code == 404
