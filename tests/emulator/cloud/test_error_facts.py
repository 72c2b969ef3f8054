"""A refusal carries the facts of its case, as they were given: whoever reads it need not guess."""

from __future__ import annotations

import pytest

from emulator.cloud import errors
from emulator.cloud.errors import CloudError

UNKNOWN = "0123456789abcdef01234567"
ICCID = "8934076500002589174"


@pytest.fixture
def town(world):
    """`world` with two developers, a product of the first, devices inside and outside, a customer and an API user."""
    world.o, world.u = world.user("o"), world.user("u")
    world.p = world.product(world.o)
    world.t = world.teammate(world.o, world.p, "t", "View-only")
    world.c = world.customer(world.o, world.p)
    world.program = world.api_user(world.o, world.p, "devices:list")
    world.inside = world.member(world.o, world.p)
    world.owned, world.session = world.claimed(world.u, functions={"f": int}, variables={"v": 1})
    world.free, _ = world.online()
    world.away = world.device()
    world.upload(world.o, world.p, 3)
    return world


CASES = [
    ("claim", lambda w, c: c.claims.claim(w.o, "1234"), errors.DeviceUnknown, {"given": "1234"}),
    ("claim unknown", lambda w, c: c.claims.claim(w.o, UNKNOWN), errors.DeviceUnknown, {"given": UNKNOWN}),
    ("claim owned", lambda w, c: c.claims.claim(w.o, w.owned.id), errors.OwnedByOther, {"device_id": "owned"}),
    ("claim away", lambda w, c: c.claims.claim(w.o, w.away.id), errors.NotOnline, {"device_id": "away"}),
    ("customer outside", lambda w, c: c.claims.claim(w.c, w.free.id), errors.DeviceForbidden, {"given": "free"}),
    ("unclaim", lambda w, c: c.claims.unclaim(w.o, w.inside.id), errors.DeviceForbidden, {"given": "inside"}),
    ("release", lambda w, c: c.claims.release(w.o, w.p.id, w.free.id), errors.DeviceNotInProduct, {"given": "free", "product_id": "p"}),
    ("remove", lambda w, c: c.members.remove(w.o, w.p.id, UNKNOWN), errors.DeviceNotInProduct, {"given": UNKNOWN, "product_id": "p"}),
    ("deny", lambda w, c: c.members.deny(w.o, w.p.id, w.inside.id), errors.DeviceNotInProduct, {"given": "inside", "product_id": "p"}),
    ("member", lambda w, c: c.members.member(w.p, w.free.id), errors.DeviceNotInProduct, {"given": "free", "product_id": "p"}),
    ("claim user", lambda w, c: c.members.add(w.o, w.p.id, [], claim_user="u@example.com"), errors.Invalid, {"field": "claim_user"}),
    ("transfer", lambda w, c: c.transfers.accept(w.o, "none"), errors.TransferUnknown, {"given": "none"}),
    ("transfer link", lambda w, c: c.transfers.answer("none", accept=True), errors.TransferUnknown, {"given": "none"}),
    ("function", lambda w, c: c.operations.call(w.u, w.owned.id, "g"), errors.FunctionUnknown, {"given": "g"}),
    ("variable", lambda w, c: c.operations.read(w.u, w.owned.id, "g"), errors.VariableUnknown, {"given": "g"}),
    ("call foreign", lambda w, c: c.operations.call(w.o, "lamp", "f"), errors.DeviceForbidden, {"given": "lamp"}),
    ("call away", lambda w, c: c.operations.call(w.o, w.inside.id, "f"), errors.DeviceOffline, {"device_id": "inside"}),
    ("long argument", lambda w, c: c.operations.call(w.u, w.owned.id, "f", "x" * 2000), errors.Invalid, {"field": "arg"}),
    ("stranger", lambda w, c: c.products.get(w.u, w.p.id), errors.PermissionDenied, {"what": "product product-1"}),
    ("no product", lambda w, c: c.products.get(w.u, "nothing"), errors.PermissionDenied, {"what": "product nothing"}),
    ("role", lambda w, c: c.members.add(w.t, w.p.id, []), errors.RoleTooLow, {"role": "View-only", "scope": "devices:import"}),
    ("scope", lambda w, c: c.members.add(w.program, w.p.id, []), errors.ScopeRefused, {"scope": "devices:import"}),
    ("program claims", lambda w, c: c.claims.claim(w.program, w.free.id), errors.ScopeRefused, {"scope": "devices:claim"}),
    ("program's code", lambda w, c: c.claim_codes.create(w.program), errors.ScopeRefused, {"scope": "devices:claim"}),
    ("code of words", lambda w, c: c.claim_codes.create(w.u, iccid="word"), errors.Invalid, {"field": "iccid", "value": "word"}),
    ("modem of words", lambda w, c: c.claim_codes.create(w.u, imei="word"), errors.Invalid, {"field": "imei", "value": "word"}),
    ("group", lambda w, c: c.groups.get(w.o, w.p.id, "g"), errors.GroupUnknown, {"given": "g"}),
    ("group name", lambda w, c: c.groups.create(w.o, w.p.id, "G"), errors.Invalid, {"field": "name", "value": "G"}),
    ("group color", lambda w, c: c.groups.create(w.o, w.p.id, "g", color="x"), errors.Invalid, {"field": "color", "value": "x"}),
    ("group change", lambda w, c: c.groups.update(w.o, w.p.id, "g", color="x"), errors.GroupUnknown, {"given": "g"}),
    ("firmware", lambda w, c: c.releases.get(w.o, w.p.id, 9), errors.FirmwareUnknown, {"given": 9}),
    ("version", lambda w, c: c.releases.upload(w.o, w.p.id, 0, b""), errors.Invalid, {"field": "version", "value": 0}),
    ("version twice", lambda w, c: c.releases.upload(w.o, w.p.id, 3, b""), errors.FirmwareExists, {"what": 3}),
    ("release to none", lambda w, c: c.releases.release(w.o, w.p.id, 3), errors.Invalid, {"field": "groups", "value": []}),
    ("customer", lambda w, c: c.customers.delete(w.o, w.p.id, "x"), errors.CustomerUnknown, {"given": "x"}),
    ("sim", lambda w, c: c.sims.get(w.u, "89"), errors.SimUnknown, {"given": "89"}),
    ("sim by serial", lambda w, c: c.sims.activate(w.u, "P046"), errors.SimUnknown, {"given": "P046"}),
    ("webhook", lambda w, c: c.webhooks.get(w.u, "x"), errors.WebhookUnknown, {"given": "x"}),
    ("client", lambda w, c: c.clients.delete(w.u, "x"), errors.ClientUnknown, {"given": "x"}),
    ("serial", lambda w, c: c.serials.find(w.u, "x"), errors.SerialUnknown, {"given": "x"}),
    ("team", lambda w, c: c.teams.remove(w.o, "x@y", product=w.p.id), errors.MemberUnknown, {"given": "x@y"}),
    ("team role", lambda w, c: c.teams.invite(w.o, "x@y", "King", product=w.p.id), errors.Invalid, {"field": "role", "value": "King"}),
    ("team owner", lambda w, c: c.teams.remove(w.o, "o@example.com", product=w.p.id), errors.OwnerStays, {"what": "o@example.com"}),
    ("organization", lambda w, c: c.products.list(w.o, "x"), errors.OrganizationUnknown, {"given": "x"}),
    ("product name", lambda w, c: c.products.create(w.o, "product 1", 6), errors.ProductNameTaken, {"what": "product 1"}),
    ("platform", lambda w, c: c.products.create(w.o, "x", 999), errors.Invalid, {"field": "platform_id", "value": 999}),
    ("username", lambda w, c: c.accounts.create("x", "y"), errors.Invalid, {"field": "username", "value": "x"}),
    ("username twice", lambda w, c: c.accounts.create("U@example.com", "y"), errors.UsernameTaken, {"what": "u@example.com"}),
    ("no user", lambda w, c: c.accounts.authenticate("x@y", "z"), errors.UserUnknown, {"username": "x@y"}),
    ("password", lambda w, c: c.accounts.authenticate("u@example.com", "z"), errors.PasswordWrong, {"username": "u@example.com"}),
    ("vitals", lambda w, c: c.diagnostics.last(w.u, w.owned.id), errors.NoDiagnostics, {"given": "owned"}),
    ("report", lambda w, c: c.agreements.report(w.u, "x"), errors.ReportUnknown, {"given": "x"}),
    ("event name", lambda w, c: c.events.publish(w.u, ""), errors.Invalid, {"field": "name", "value": ""}),
    ("event data", lambda w, c: c.events.publish(w.u, "x", "y" * 2000), errors.Invalid, {"field": "data"}),
    ("public stream", lambda w, c: c.events.subscribe(w.u, print, public=True), errors.Invalid, {"field": "prefix"}),
    ("device id", lambda w, c: c.factory.manufacture("x", 6), errors.Invalid, {"field": "id", "value": "x"}),
    ("device twice", lambda w, c: c.factory.manufacture(w.free.id, 6), errors.Conflict, {"what": "free"}),
    ("sku", lambda w, c: c.factory.manufacture(UNKNOWN, 6, sku="X"), errors.Invalid, {"field": "sku", "value": "X"}),
    ("key", lambda w, c: c.factory.register_key(UNKNOWN, b""), errors.Invalid, {"field": "deviceID", "value": UNKNOWN}),
]


@pytest.mark.parametrize(("attempt", "kind", "facts"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_refusal_carries_its_facts(town, attempt, kind, facts):
    before = town.cloud.snapshot().tables
    with pytest.raises(kind) as refused:
        attempt(town, town.cloud)
    error = refused.value
    assert isinstance(error, CloudError)
    names = {"owned": town.owned.id, "away": town.away.id, "free": town.free.id, "inside": town.inside.id, "p": town.p.id}
    for name, value in facts.items():
        expected = names.get(value, value) if isinstance(value, str) else value
        assert getattr(error, name) == expected
    assert str(error)
    assert "None" not in str(error)
    assert town.cloud.snapshot().tables == before, "a refusal changes nothing"
