"""Products, organizations, teams and OAuth clients over REST."""

import pytest


@pytest.fixture
def product(world, owner):
    return world.product(owner, name="Lamps")


def denied(answer):
    assert answer.status_code == 403
    assert answer.json()["error"] == "Permission denied"


def test_a_product_is_made_in_the_sandbox_and_listed(o):
    made = o.post(
        "/v1/user/products",
        json={"product": {"name": "My Lamps", "platform_id": 6, "description": "d", "settings": {"quarantine": "false"}}},
    )
    assert made.status_code == 200
    body = made.json()["product"]
    expected = {"platform_id": 6, "name": "My Lamps", "description": "d", "user": "o@example.com", "groups": [], "organization_id": None}
    assert body == body | expected
    assert body["settings"] == {"location": {"opt_in": False}, "known_application": {"opt_in": False}, "quarantine": False}
    for path in ("/v1/user/products", "/v1/products"):
        assert [each["id"] for each in o.get(path).json()["products"]] == [body["id"]]
    for given in (body["id"], body["slug"], body["slug"].upper()):
        assert o.get(f"/v1/products/{given}").json() == {"product": body}
    o.post(f"/v1/products/{body['id']}/groups", json={"name": "beta"})
    assert o.get(f"/v1/products/{body['id']}").json()["product"]["groups"] == ["beta"]


def test_a_product_may_be_described_flat_or_in_a_form(o):
    assert o.post("/v1/user/products", data={"name": "a", "platform_id": "13"}).json()["product"]["platform_id"] == 13
    assert o.post("/v1/user/products", data={"product[name]": "b", "product[platform_id]": "6"}).json()["product"]["name"] == "b"


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({"name": "", "platform_id": 6}, 400),
        ({"platform_id": 6}, 400),
        ({"name": "x"}, 400),
        ({"name": "x", "platform_id": 999}, 400),
        ({"name": "x", "platform_id": "six"}, 400),
        ({"name": {"a": 1}, "platform_id": 6}, 400),
        ({"name": "x", "platform_id": 6, "settings": "no"}, 400),
        ({"name": "Lamps", "platform_id": 6}, 409),
    ],
)
def test_a_product_that_cannot_be_is_refused(o, product, facts, status):
    assert product.name == "Lamps"
    answer = o.post("/v1/user/products", json={"product": facts})
    assert answer.status_code == status
    assert answer.json()["ok"] is False


def test_a_product_is_changed_but_for_its_platform(o, product):
    changes = {"description": "new", "platform_id": 13, "settings": {"quarantine": False, "location": {"opt_in": True}}}
    body = o.put(f"/v1/products/{product.id}", json={"product": changes}).json()["product"]
    assert (body["description"], body["platform_id"], body["name"]) == ("new", 6, "Lamps")
    assert body["settings"] == {"location": {"opt_in": True}, "known_application": {"opt_in": False}, "quarantine": False}


@pytest.mark.parametrize("given", ["99999", "nobodys", "9" * 900, "%00", "x' OR '1'='1"])
def test_an_unknown_product_and_a_foreign_one_look_the_same(u1, product, given):
    for name in (given, str(product.id)):
        denied(u1.get(f"/v1/products/{name}"))
        denied(u1.get(f"/v1/products/{name}/devices"))
        denied(u1.post(f"/v1/products/{name}/devices", json={"id": "f" * 24}))
        denied(u1.delete(f"/v1/products/{name}/devices/{'f' * 24}"))


def test_an_organization_has_products_and_a_team(rest, world, owner, o, u1):
    organization = world.cloud.products.create_organization(world.cloud.accounts.of(owner), "Light Company")
    listed = {"id": organization.id, "slug": organization.slug, "name": "Light Company"}
    assert o.get("/v1/orgs").json() == {"organizations": [listed]}
    assert o.get(f"/v1/orgs/{organization.slug}").json() == {"organization": listed}
    assert o.get("/v1/access_tokens/current").json()["orgs"] == [{"id": organization.id, "slug": organization.slug}]
    made = o.post(f"/v1/orgs/{organization.slug}/products", json={"product": {"name": "bulbs", "platform_id": 6}})
    assert made.json()["product"]["organization_id"] == organization.id
    assert [each["name"] for each in o.get(f"/v1/orgs/{organization.id}/products").json()["products"]] == ["bulbs"]
    assert u1.get("/v1/orgs").json() == {"organizations": []}
    assert u1.get(f"/v1/orgs/{organization.slug}").status_code == 404
    assert o.post(f"/v1/orgs/{organization.slug}/team", json={"username": "u1@example.com", "role": "Administrator"}).status_code == 200
    assert [each["slug"] for each in u1.get("/v1/orgs").json()["organizations"]] == [organization.slug]


def test_people_join_a_team_and_leave_it(o, product, u1):
    base = f"/v1/products/{product.id}/team"
    assert o.post(base, json={"username": "U1@example.com", "role": "Support"}).json() == {
        "ok": True,
        "invited": {"username": "u1@example.com"},
    }
    lines = u1.get(base).json()["team"]
    assert [(each["username"], each["role"]["name"]) for each in lines] == [("o@example.com", "Owner"), ("u1@example.com", "Support")]
    assert lines[0]["product_id"] == product.id
    assert o.put(f"{base}/u1@example.com", json={"role": "Developer"}).json()["invited"] == {"username": "u1@example.com"}
    denied(u1.delete(f"{base}/o@example.com"))
    assert o.delete(f"{base}/o@example.com").status_code == 409
    assert o.delete(f"{base}/u1@example.com").json() == {"ok": True}
    assert o.delete(f"{base}/u1@example.com").status_code == 404
    denied(u1.get(base))
    assert o.post(base, json={"username": "x@example.com", "role": "King"}).status_code == 400


def test_an_api_user_may_do_what_its_scopes_say_and_nothing_else(rest, o, product):
    base = f"/v1/products/{product.id}/team"
    body = o.post(base, json={"friendly_name": "Line 1", "scopes": ["devices:list", "devices:import"]}).json()["created"]
    assert body["username"].startswith("line-1+")
    assert body["username"].endswith("@api.particle.io")
    assert body["is_programmatic"] is True
    program = rest.client(body["tokens"][0]["token"])
    assert program.get(f"/v1/products/{product.id}/devices").status_code == 200
    assert program.get("/v1/devices").status_code == 200
    for path in (f"/v1/products/{product.id}/groups", "/v1/user", "/v1/sims"):
        refused = program.get(path)
        assert refused.status_code == 400
        assert refused.json() == {"error": "unauthorized", "error_description": "API users are not allowed to call this endpoint"}
    fresh = o.put(f"{base}/{body['username']}", json={"scopes": ["groups:list"]}).json()["created"]["tokens"][0]["token"]
    assert program.get(f"/v1/products/{product.id}/devices").status_code == 401
    assert rest.client(fresh).get(f"/v1/products/{product.id}/groups").json() == {"groups": []}
    rotated = o.put(f"{base}/{body['username']}/token").json()["created"]["tokens"][0]["token"]
    assert rest.client(fresh).get(f"/v1/products/{product.id}/groups").status_code == 401
    assert o.delete(f"{base}/{body['username']}").json() == {"ok": True}
    assert rest.client(rotated).get(f"/v1/products/{product.id}/groups").status_code == 401
    assert o.post(base, json={"friendly_name": "x", "scopes": ["world:rule"]}).status_code == 400


@pytest.mark.parametrize("base", ["/v1/clients", "/v1/products/{product}/clients"])
def test_oauth_clients_are_made_changed_and_ended(o, product, base):
    base = base.format(product=product.id)
    made = o.post(base, json={"name": "My App", "type": "web", "redirect_uri": "https://app.example/", "scope": "customers:create"})
    assert made.status_code == 200
    client = made.json()["client"]
    assert len(client["secret"]) == 40
    [listed] = o.get(base).json()["clients"]
    assert listed == {name: value for name, value in client.items() if name != "secret"}
    assert o.put(f"{base}/{client['id']}", json={"name": "Other", "scope": "*:*"}).json()["client"]["name"] == "Other"
    assert o.delete(f"{base}/{client['id']}").status_code == 204
    assert o.delete(f"{base}/{client['id']}").status_code == 404
    assert o.post(base, json={"name": "x", "type": "magic"}).status_code == 400
    assert o.post(base, json={}).status_code == 400


def test_a_products_client_gets_a_token_that_acts_as_the_product(rest, o, product):
    client = o.post(f"/v1/products/{product.id}/clients", json={"name": "server"}).json()["client"]
    pair = (client["id"], client["secret"])
    body = rest.anonymous.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=pair).json()
    assert "refresh_token" not in body
    assert rest.client(body["access_token"]).get(f"/v1/products/{product.id}/devices").status_code == 200
    foreign = rest.anonymous.post(
        "/oauth/token", data={"grant_type": "client_credentials", "client_id": "particle", "client_secret": "particle"}
    )
    assert foreign.status_code == 400


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_an_api_user_gets_other_scopes_and_another_name_or_just_another_token(o, product, method):
    base = f"/v1/products/{product.id}/team"
    made = o.post(base, json={"friendly_name": "line", "scopes": ["devices:list"]}).json()["created"]
    one = f"{base}/{made['username']}"
    changed = o.request(method, one, json={"friendly_name": "lane", "scopes": ["devices:get"]}).json()
    assert (changed["updated"]["friendly_name"], changed["updated"]["scopes"]) == ("lane", ["devices:get"])
    rotated = o.request(method, f"{one}/token").json()
    tokens = [body["tokens"][0]["token"] for body in (made, changed["updated"], rotated["updated"])]
    assert len(set(tokens)) == 3
    assert rotated["updated"]["friendly_name"] == "lane"
