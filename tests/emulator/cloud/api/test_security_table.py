"""Who may do what: every route of the table, with every kind of caller.

The world is one of everything: an owner `o` with a product, whose devices, groups, firmware, customers, SIMs and webhooks the paths name;
a team with each role; programs with and without the scope; customers; and others who have no part in it. Each request is made as it
should be, so that only the caller can be what is wrong with it. A refused caller gets the documented refusal, and has changed nothing.
"""

from __future__ import annotations

import io
import re
import tarfile
from dataclasses import dataclass

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from emulator.cloud.access import Kind, Role, role_has
from emulator.cloud.api import Api, InlineTransport
from emulator.cloud.api.route import Auth
from emulator.cloud.api.routes import ROUTES
from emulator.cloud.basics import iso
from emulator.cloud.documents import DocumentKind, Place
from emulator.cloud.sim_records import ActivationClass, SimForm


def library_archive():
    """The smallest library."""
    out = io.BytesIO()
    properties = b"name=lamp\nversion=1.0.0\n"
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("library.properties")
        info.size = len(properties)
        tar.addfile(info, io.BytesIO(properties))
    return out.getvalue()


ROLES = {"viewer": Role.VIEW_ONLY, "supporter": Role.SUPPORT, "developer": Role.DEVELOPER, "administrator": Role.ADMINISTRATOR}
PEM = ec.derive_private_key(7, ec.SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

BODIES = {
    "put_user": {"account_info": {"first_name": "Ada"}},
    "delete_user": {"password": "secret"},
    "post_user_mfa_enable": {"mfa_token": "x", "otp": "123456"},
    "put_user_mfa_disable": {"current_password": "secret"},
    "patch_libraries_library": {"visibility": "public"},
    "post_devices": {"id": "{device}"},
    "put_devices_device": {"notes": "new"},
    "put_products_product_devices_device": {"notes": "new", "development": True},
    "post_devices_events": {"name": "hello"},
    "post_orgs_org_events": {"name": "hello"},
    "post_products_product_events": {"name": "hello"},
    "post_user_products": {"product": {"name": "another", "platform_id": 6}},
    "post_orgs_org_products": {"product": {"name": "another", "platform_id": 6}},
    "put_products_product": {"product": {"description": "new"}},
    "post_products_product_team": {"username": "new@example.com", "role": "Support"},
    "post_orgs_org_team": {"username": "new@example.com", "role": "Support"},
    "post_clients": {"name": "app"},
    "post_products_product_clients": {"name": "app"},
    "put_clients_client": {"name": "new"},
    "put_products_product_clients_client": {"name": "new"},
    "post_products_product_devices": {"id": "{free}"},
    "put_products_product_devices": {"action": "groups", "devices": ["{device}"], "metadata": {"add": ["blue"]}},
    "post_products_product_groups": {"name": "green"},
    "put_products_product_groups_group": {"description": "new"},
    "post_products_product_firmware": {"version": 3},
    "put_products_product_firmware_release": {"version": 1, "product_default": True},
    "put_products_product_firmware_version": {"title": "new"},
    "post_products_product_customers": {"email": "new@customers.example", "password": "a"},
    "put_products_product_customers_customer": {"password": "b"},
    "put_sims_iccid": {"action": "deactivate"},
    "put_products_product_sims_iccid": {"mb_limit": 5},
    "post_products_product_sims": {"sims": ["{free_sim}"]},
    "post_provisioning_device": {"publicKey": PEM},
    "post_emulator_boards_board_press": {"button": "mode"},
}
ENDINGS = {
    "team_username": {"scopes": ["devices:get"]},
    "unprotect": {"action": "prepare"},
    "env": {"ops": [{"op": "Set", "key": "A", "value": "1"}]},
    "env_device": {"ops": [{"op": "Unset", "key": "A"}]},
    "env_key": {"value": "1"},
    "env_device_key": {"value": "1"},
    "secrets_name": {"secret": {"value": "1"}},
    "config": {"a": 1},
    "config_device": {"a": 1},
    "ledgers": {"ledger": {"name": "new"}},
    "ledgers_ledger": {"ledger": {"description": "new"}},
    "instances_value": {"instance": {"data": {"a": 2}}},
    "logic_functions": {"logic_function": {"name": "new", "source": {"code": ""}}},
    "functions_logic": {"logic_function": {"name": "new", "source": {"code": ""}}},
    "integrations": {"event": "hello", "url": "http://hook.test/"},
    "integrations_hook": {"event": "hello", "url": "http://hook.test/"},
    "webhooks": {"event": "hello", "url": "http://hook.test/"},
    "webhooks_hook": {"event": "hello", "url": "http://hook.test/"},
    "usage_reports": {"report_type": "devices", "date_period_start": "2026-01-01", "date_period_end": "2026-01-31"},
}
"""Bodies of routes that several places have, by how their names end; the longest ending counts."""
LIBRARY = library_archive()
WEBHOOK = {"event": "hello", "url": "http://hook.test/"}
REPORT = {"report_type": "devices", "date_period_start": "2026-01-01", "date_period_end": "2026-01-31"}
CANNOT_BE_DONE = {
    "post_devices": "the device is the owner's, or unknown to a customer of another product",
    "post_user_mfa_enable": "nobody was offered this second factor",
    "get_events": "the public stream needs a prefix",
    "post_binaries": "there is no compiler",
    "post_libraries": "the library is the owner's already",
    "get_binaries_binary": "nothing was compiled",
    "get_emulator_boards_board": "no board is in reach",
    "put_emulator_boards_board": "no board is in reach",
    "post_emulator_boards_board_press": "no board is in reach",
    "put_devices_device_backup_files": "the factory made no backup",
    "put_products_product_devices_device_backup_files": "the factory made no backup",
    "put_orgs_org_devices_device_backup_files": "the factory made no backup",
}
"""Routes that let callers in, and then tell them that what they ask cannot be done here."""
QUERIES = {"get_products_product_impact": {"firmware_version": 1}}


@dataclass
class Case:
    """What is known about one caller."""

    name: str
    token: str | None
    role: Role | None = None
    kind: Kind | None = Kind.USER
    scopes: tuple[str, ...] = ("*:*",)
    belongs: bool = False
    """Whether it has a part in the product."""


class Cast:
    """The world, and everybody in it."""

    def __init__(self, world):
        self.world = world
        cloud = world.cloud
        self.owner = world.user("o")
        world.cloud.accounts.hand_out(self.owner.username, "secret", anyway=True)
        organization = cloud.products.create_organization(cloud.accounts.of(self.owner), "company")
        self.product = world.product(self.owner, 13, organization=organization.slug)
        self.other_product = world.product(world.user("p"), 13)
        sim = cloud.sims.make("8934076500002589174", SimForm.PLASTIC, ActivationClass.FAST)
        own_sim = cloud.sims.make("8934076500002589182")
        self.free_sim = cloud.sims.make("8934076500002589190").iccid
        self.device = world.member(self.owner, self.product, serial_number="P046AF450RLQDD9", iccid=sim.iccid)
        cloud.sims.import_sims(self.owner, self.product.id, [sim.iccid])
        cloud.sims.activate(self.owner, own_sim.iccid)
        world.pass_time(3600)
        self.session = world.connect(self.device, functions={"led": len, "cmd": lambda argument: 0}, variables={"count": 7})
        cloud.claims.claim(self.owner, self.device.id)
        self.free = world.device(13)
        cloud.groups.create(self.owner, self.product.id, "red")
        for version in (1, 2):
            world.upload(self.owner, self.product, version)
        self.session.report(sys_uptime=1)
        cloud.products.update(self.owner, self.product.id, location_opt_in=True)
        self.session.event("loc", '{"cmd": "loc", "loc": {"lck": 1, "lat": 48.2, "lon": 16.4}}')
        hook = cloud.webhooks.create(self.owner, WEBHOOK)
        product_hook = cloud.webhooks.create(self.owner, WEBHOOK, self.product.id)
        org_hook = cloud.webhooks.create(self.owner, WEBHOOK, organization=organization.slug)
        cloud.libraries.contribute(self.owner, LIBRARY)
        own_client = cloud.clients.create(self.owner, "own")
        program = cloud.teams.create_api_user(self.owner, "victim", ["devices:get"], product=self.product.id)
        org_program = cloud.teams.create_api_user(self.owner, "victim", ["devices:get"], organization=organization.slug)
        customer = world.customer(self.owner, self.product, "c")
        agreement = cloud.agreements.of(self.owner)
        paid = cloud.agreements.of(self.owner, organization.slug)
        reports = {
            "user": cloud.agreements.request_report(self.owner, agreement.id, *REPORT.values()).id,
            "org": cloud.agreements.request_report(self.owner, paid.id, *REPORT.values(), organization.slug).id,
        }
        full = cloud.clients.create(self.owner, "server", product=self.product.id)
        signup = cloud.clients.create(self.owner, "phone", product=self.product.id, scope="customers:create")
        foreign = cloud.clients.create(world.user("p"), "foreign", product=self.other_product.id)
        self.callers = [
            Case("anonymous", None, kind=None),
            Case("wrong", "f" * 40, kind=None),
            Case("expired", self.expired(), kind=None),
            Case("owner", self.owner.token, Role.OWNER, belongs=True),
            Case("stranger", world.user("s").token),
            Case("customer", customer.token, kind=Kind.CUSTOMER),
            Case("other customer", world.customer(world.user("p"), self.other_product, "d").token, kind=Kind.CUSTOMER),
            Case("product", self.bearer(full), kind=Kind.PRODUCT, belongs=True),
            Case("sign-up", self.bearer(signup), kind=Kind.PRODUCT, scopes=("customers:create",), belongs=True),
            Case("other product", self.bearer(foreign), kind=Kind.PRODUCT),
            Case(
                "bare program", self.program("service_agreements:get"), kind=Kind.API_USER, scopes=("service_agreements:get",), belongs=True
            ),
        ]
        self.callers += [
            Case(name, world.teammate(self.owner, self.product, name, role.title).token, role, belongs=True) for name, role in ROLES.items()
        ]
        self.paths = {
            "product": str(self.product.id),
            "device": self.device.id,
            "board": "1-1",
            "function": "led",
            "variable": "count",
            "prefix": "hello",
            "org": organization.slug,
            "group": "red",
            "version": "2",
            "customer": customer.username,
            "iccid": sim.iccid,
            "serial": "P046AF450RLQDD9",
            "key": "A",
            "name": "KEY",
            "ledger": "lamps",
            "value": "owner",
            "run": "1",
            "binary": "1",
            "library": "lamp",
        }
        self.special = {
            ("client", "/v1/clients"): own_client.id,
            ("client", "/v1/products"): signup.id,
            ("hook", "/v1/integrations"): hook.id,
            ("hook", "/v1/webhooks"): hook.id,
            ("hook", "/v1/products"): product_hook.id,
            ("hook", "/v1/orgs"): org_hook.id,
            ("username", "/v1/products"): program.member.username,
            ("username", "/v1/orgs"): org_program.member.username,
            ("iccid", "/v1/sims"): own_sim.iccid,
            ("agreement", "/v1/user"): agreement.id,
            ("agreement", "/v1/orgs"): paid.id,
            ("report", "/v1/user"): reports["user"],
            ("report", "/v1/orgs"): reports["org"],
        }
        for where in ({}, {"organization": organization.slug}, {"product": self.product.id}):
            self.documents(cloud.documents, cloud.documents.place(self.owner, "ledger.instances:set", **where))

    def documents(self, documents, place):
        """One of each in a place of the owner's."""
        documents.put("o@example.com", DocumentKind.CONFIGURATION, Place.of_product(self.product.id), "configuration", {"a": 1})
        documents.put("o@example.com", DocumentKind.CONFIGURATION, Place.of_device(self.device.id), "current", {"a": 1})
        facts = {"scope": "Owner", "direction": "Downstream", "description": "", "archived_at": None}
        documents.put("o@example.com", DocumentKind.SECRET, place, "KEY", {"value": "x"})
        documents.put("o@example.com", DocumentKind.LEDGER, place, "lamps", facts)
        documents.put("o@example.com", DocumentKind.INSTANCE, place, "lamps/owner", {"a": 1})
        function = {"name": "f", "owner_id": "x", "version": 1, "source": {"type": "JavaScript", "code": ""}}
        documents.put("o@example.com", DocumentKind.LOGIC, place, "f" * 24, function)
        self.paths["logic"] = "f" * 24
        instance = documents.get(DocumentKind.INSTANCE, place, "lamps/owner")
        self.paths["value_version"] = iso(instance.updated_at)

    def expired(self):
        tokens = self.world.cloud.tokens
        token = tokens.password_grant("particle", "particle", "o@example.com", "secret", expires_in=1).token
        self.world.pass_time(2)
        return token

    def bearer(self, client):
        return self.world.cloud.tokens.client_grant(client.id, client.secret, expires_in=0).token

    def program(self, *scopes):
        return self.world.api_user(self.owner, self.product, *scopes).token

    def path(self, route):
        root = "/".join(route.path.split("/")[:3])
        path = route.path.replace("versions/{version}", "versions/{value_version}")
        return re.sub(r"\{(\w+)\}", lambda match: self.special.get((match[1], root)) or self.paths[match[1]], path)

    def ask(self, route, case):
        """Make the request as it should be; what it changed is undone afterwards."""
        endings = [ending for ending in ENDINGS if route.name.endswith(f"_{ending}")]
        body = BODIES.get(route.name) or (ENDINGS[max(endings, key=len)] if endings else {})
        values = {"device": self.device.id, "free": self.free.id, "free_sim": self.free_sim}
        body = {
            name: re.sub(r"\{(\w+)\}", lambda match: values[match[1]], value)
            if isinstance(value, str) and value != PEM
            else [values.get(item.strip("{}"), item) if isinstance(item, str) else item for item in value]
            if isinstance(value, list)
            else value
            for name, value in body.items()
        }
        if route.name == "post_libraries":
            return self.send(case, route, {"files": {"file": ("archive.tar.gz", LIBRARY)}})
        options = {"json": body} if route.method not in ("GET", "HEAD") else {}
        if route.name == "post_products_product_firmware":
            options = {"data": body, "files": {"file": ("a.bin", self.world.image(self.product, 3))}}
        return self.send(case, route, options)

    def send(self, case, route, options):
        headers = {"authorization": f"Bearer {case.token}"} if case.token else {}
        transport = InlineTransport(Api(self.world.cloud), self.world.driver)
        with (
            httpx.Client(base_url="http://cloud.test", transport=transport, headers=headers) as client,
            client.stream(route.method, self.path(route), params=QUERIES.get(route.name), **options) as answer,
        ):
            if answer.headers.get("content-type") != "text/event-stream":
                answer.read()
        return answer


class Writes:
    """A sink that keeps nothing but the rows of each transaction."""

    openings = 0

    def __init__(self):
        self.made = []

    def load(self, table):
        return ()

    def write(self, changes):
        self.made.append([f"{table.name} {key}" for table, key in changes])

    def close(self):
        pass


@pytest.fixture
def writes():
    return Writes()


@pytest.fixture
def cast(make_world, writes):
    return Cast(make_world(storage=writes))


def refused_for_its_token(answer):
    """Whether the answer is what a missing, unknown or expired token gets. An answer to HEAD has only its status."""
    return answer.status_code in (400, 401) and (not answer.text or answer.json()["error"] in ("invalid_request", "invalid_token"))


def refused(answer):
    """Whether the answer is one of the documented refusals of a caller."""
    return answer.status_code == 403 or (answer.status_code == 400 and (not answer.text or answer.json().get("error") == "unauthorized"))


def owners_only(route):
    """Whether the route is about something that belongs to `o`, outside of any product."""
    named = {"hook", "client", "agreement", "report", "iccid", "ledger", "library", "logic", "name"}
    own = route.name == "put_secrets_name"
    return bool(named & set(route.parameters)) and "product" not in route.parameters and not own


def expected(route, case):
    """What should happen: "token" (refused for the token), "refused", "hidden" (as if it did not exist), or "in"."""
    if case.kind is None:
        return "token"
    if case.kind not in route.callers:
        return "refused"
    if case.kind in (Kind.API_USER, Kind.PRODUCT) and route.scope and not _granted(case.scopes, route.scope):
        return "refused"
    if route.path.startswith("/emulator/boards"):
        return "in" if case.name == "owner" else "refused"  # whom the one who runs the cloud has let in
    if "product" in route.parameters:
        if case.kind is Kind.CUSTOMER:
            return "in" if case.name == "customer" else "refused"
        return "in" if case.belongs and (case.role is None or role_has(case.role, route.scope)) else "refused"
    if "org" in route.parameters:
        return "in" if case.name == "owner" else "hidden" if case.kind is Kind.USER or case.kind is Kind.API_USER else "refused"
    if "device" in route.parameters:
        return _device(route, case)
    if owners_only(route):
        return "in" if case.name == "owner" else "hidden"
    return "in"


def _device(route, case):
    if not route.scope:
        return "in" if case.name == "owner" else "refused"
    if case.name == "owner":
        return "in"
    if case.belongs and (case.role is None or role_has(case.role, route.scope)):
        return "in"
    return "refused"


def _granted(scopes, scope):
    return "*:*" in scopes or scope in scopes


DEVICE_ANSWERS = {"PUT /v1/products/{product}/config", "PUT /v1/products/{product}/config/{device}"}
"""Routes that ask the device as well: what it answers is a change of its own, whenever it comes."""
GUARDED = [route for route in ROUTES if route.auth is Auth.TOKEN]


@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_only_who_may_gets_in(cast, writes, route):
    callers = list(cast.callers)
    if Kind.API_USER in route.callers and route.scope:
        callers.append(Case("program", cast.program(route.scope), kind=Kind.API_USER, scopes=(route.scope,), belongs=True))
    before = cast.world.cloud.snapshot()
    for case in callers:
        outcome = expected(route, case)
        writes.made.clear()
        answer = cast.ask(route, case)
        pieces = 2 if str(route) in DEVICE_ANSWERS else 1
        assert len(writes.made) <= pieces, f"{route} is written in pieces, and a crash between them would leave it half done"
        seen = f"{case.name}: {route} gave {answer.status_code} {answer.text[:200] if answer.is_stream_consumed else ''}"
        if outcome == "token":
            assert refused_for_its_token(answer), seen
        elif outcome == "refused":
            assert refused(answer), seen
        elif outcome == "hidden":
            assert answer.status_code in (400, 403, 404), seen
        else:
            assert answer.status_code < 400 or route.name in CANNOT_BE_DONE or "{run}" in route.path, seen
        if outcome != "in":
            assert cast.world.cloud.snapshot() == before, f"{case.name} was refused, and changed something by {route}"
        else:
            cast.world.cloud.core.state.restore(before.tables)


RICH = [
    ("PUT", "/v1/user", {"account_info": {"first_name": "Ada"}, "username": "ada@example.com", "current_password": "secret"}),
    ("PUT", "/v1/user", {"password": "better", "current_password": "secret", "invalidate_tokens": True}),
    ("DELETE", "/v1/user", {"password": "secret"}),
    ("PUT", "/v1/devices/{device}", {"name": "lamp", "notes": "new", "firmware_updates_forced": True}),
    (
        "PUT",
        "/v1/products/{product}/devices/{device}",
        {"name": "lamp", "notes": "new", "development": True, "desired_firmware_version": 2, "groups": ["blue", "green"]},
    ),
    ("POST", "/v1/products/{product}/devices", {"ids": ["{free}", "{embedded}"], "claim_user": "o@example.com", "import_sims": True}),
    ("POST", "/v1/products/{product}/sims", {"sims": ["{embedded_sim}", "{free_sim}"]}),
    ("DELETE", "/v1/products/{product}/devices/{device}", {}),
    ("DELETE", "/v1/products/{product}/devices/{device}/owner", {}),
    ("DELETE", "/v1/products/{product}/customers/{customer}", {}),
    ("DELETE", "/v1/products/{product}/groups/red", {}),
    ("DELETE", "/v1/devices/{device}", {}),
    ("DELETE", "/v1/access_tokens", {}),
    ("PUT", "/v1/products/{product}/firmware/release", {"version": 1, "groups": ["red"], "intelligent": True}),
    ("PATCH", "/v1/env", {"ops": [{"op": "Set", "key": "A", "value": "1"}, {"op": "Set", "key": "B", "value": "2"}]}),
    ("PUT", "/v1/products/{product}", {"product": {"name": "other", "description": "new", "settings": {"quarantine": False}}}),
    (
        "PUT",
        "/v1/products/{product}/devices",
        {"action": "groups", "devices": ["{device}"], "metadata": {"add": ["a", "b"], "remove": ["red"]}},
    ),
]


@pytest.mark.parametrize(("method", "path", "body"), RICH, ids=[f"{method} {path}" for method, path, _ in RICH])
def test_a_request_that_changes_much_is_written_in_one_piece(cast, writes, method, path, body):
    embedded = cast.world.cloud.sims.make("8934076500002589208")
    device = cast.world.device(13, iccid=embedded.iccid)
    values = cast.paths | {"free": cast.free.id, "free_sim": cast.free_sim, "embedded": device.id, "embedded_sim": embedded.iccid}

    def filled(value):
        if isinstance(value, dict):
            return {name: filled(each) for name, each in value.items()}
        if isinstance(value, list):
            return [filled(each) for each in value]
        return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], value) if isinstance(value, str) else value

    transport = InlineTransport(Api(cast.world.cloud), cast.world.driver)
    headers = {"authorization": f"Bearer {cast.owner.token}"}
    with httpx.Client(base_url="http://cloud.test", transport=transport, headers=headers) as client:
        writes.made.clear()
        answer = client.request(method, filled(path), json=filled(body))
    assert answer.status_code < 300, answer.text
    assert len(writes.made) == 1, writes.made


def test_an_account_is_changed_as_asked_or_not_at_all(cast):
    transport = InlineTransport(Api(cast.world.cloud), cast.world.driver)
    before = cast.world.cloud.snapshot()
    headers = {"authorization": f"Bearer {cast.owner.token}"}
    with httpx.Client(base_url="http://cloud.test", transport=transport, headers=headers) as client:
        body = {"account_info": {"first_name": "Ada"}, "username": "ada@example.com", "current_password": "wrong"}
        assert client.put("/v1/user", json=body).status_code >= 400
    assert cast.world.cloud.snapshot() == before
