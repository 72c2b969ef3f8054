"""Which scope each call in a product takes: a program with every other scope is refused by that very name, one with it comes through."""

from __future__ import annotations

import pytest

from emulator.cloud.access import SCOPES
from emulator.cloud.errors import CloudError, PermissionDenied, ScopeRefused
from emulator.cloud.locations import LocationQuery

CALLS = {
    "products.get": ("products:get", lambda c, w, p, d: c.products.get(w, p)),
    "products.list": ("products:list", lambda c, w, p, d: c.products.list(w)),
    "products.update": ("products:update", lambda c, w, p, d: c.products.update(w, p)),
    "fleet.list": ("devices:list", lambda c, w, p, d: c.fleet.list(w, p)),
    "devices.list": ("devices:list", lambda c, w, p, d: c.devices.list(w)),
    "members.add": ("devices:import", lambda c, w, p, d: c.members.add(w, p, [])),
    "members.remove": ("devices:remove", lambda c, w, p, d: c.members.remove(w, p, d)),
    "members.deny": ("devices:remove", lambda c, w, p, d: c.members.deny(w, p, d)),
    "members.edit_groups": ("devices:update", lambda c, w, p, d: c.members.edit_groups(w, p, [])),
    "claims.release": ("devices:release", lambda c, w, p, d: c.claims.release(w, p, d)),
    "settings.update": ("devices:update", lambda c, w, p, d: c.device_settings.update(w, d, product=p)),
    "settings.update_member": ("devices:update", lambda c, w, p, d: c.device_settings.update_member(w, p, d)),
    "operations.call": ("devices.function:call", lambda c, w, p, d: c.operations.call(w, d, "f", product=p)),
    "operations.read": ("devices.variable:get", lambda c, w, p, d: c.operations.read(w, d, "v", product=p)),
    "operations.ping": ("devices:ping", lambda c, w, p, d: c.operations.ping(w, d, product=p)),
    "operations.signal": ("devices:update", lambda c, w, p, d: c.operations.signal(w, d, on=True, product=p)),
    "operations.flash": ("devices:update", lambda c, w, p, d: c.operations.flash(w, d, b"", product=p)),
    "call through the device": ("devices.function:call", lambda c, w, p, d: c.operations.call(w, d, "f")),
    "read through the device": ("devices.variable:get", lambda c, w, p, d: c.operations.read(w, d, "v")),
    "ping through the device": ("devices:ping", lambda c, w, p, d: c.operations.ping(w, d)),
    "signal through the device": ("devices:update", lambda c, w, p, d: c.operations.signal(w, d, on=True)),
    "update through the device": ("devices:update", lambda c, w, p, d: c.device_settings.update(w, d)),
    "groups.list": ("groups:list", lambda c, w, p, d: c.groups.list(w, p)),
    "groups.get": ("groups:get", lambda c, w, p, d: c.groups.get(w, p, "g")),
    "groups.create": ("groups:create", lambda c, w, p, d: c.groups.create(w, p, "new")),
    "groups.update": ("groups:update", lambda c, w, p, d: c.groups.update(w, p, "g", description="x")),
    "groups.delete": ("groups:remove", lambda c, w, p, d: c.groups.delete(w, p, "g")),
    "protection.prepare": ("devices:update", lambda c, w, p, d: c.protection.prepare(w, d, p)),
    "protection.confirm": ("devices:update", lambda c, w, p, d: c.protection.confirm(w, d, b"", b"", b"", b"", p)),
    "locations.search": ("locations:list", lambda c, w, p, d: c.locations.search(w, p, LocationQuery())),
    "locations.of": ("locations:get", lambda c, w, p, d: c.locations.of(w, p, d, LocationQuery())),
    "configurations.of_product": ("configuration:get", lambda c, w, p, d: c.configurations.of_product(w, p)),
    "configurations.of_device": ("configuration:get", lambda c, w, p, d: c.configurations.of_device(w, p, d)),
    "configurations.set_product": ("configuration:update", lambda c, w, p, d: c.configurations.set_product(w, p, {})),
    "configurations.set_device": ("configuration:update", lambda c, w, p, d: c.configurations.set_device(w, p, d, {})),
    "documents of a product": ("env:get", lambda c, w, p, d: c.documents.place(w, "env:get", product=p)),
    "documents of a device": ("env:get", lambda c, w, p, d: c.documents.place(w, "env:get", product=p, device=d)),
    "releases.list": ("firmware:list", lambda c, w, p, d: c.releases.list(w, p)),
    "releases.get": ("firmware:get", lambda c, w, p, d: c.releases.get(w, p, 3)),
    "releases.binary": ("firmware.binary:get", lambda c, w, p, d: c.releases.binary(w, p, 3)),
    "releases.upload": ("firmware:create", lambda c, w, p, d: c.releases.upload(w, p, 4, b"")),
    "releases.update": ("firmware:update", lambda c, w, p, d: c.releases.update(w, p, 3, title="x")),
    "releases.release": ("firmware:release", lambda c, w, p, d: c.releases.release(w, p, 3, product_default=True)),
    "releases.delete": ("firmware:remove", lambda c, w, p, d: c.releases.delete(w, p, 3)),
    "releases.impact": ("groups.impact:get", lambda c, w, p, d: c.releases.impact(w, p, 3)),
    "customers.create": ("customers:create", lambda c, w, p, d: c.customers.create_as(w, p, "c@x.example")),
    "customers.list": ("customers:list", lambda c, w, p, d: c.customers.list(w, p)),
    "customers.update": ("customers:update", lambda c, w, p, d: c.customers.reset_password(w, p, "c", "x")),
    "customers.delete": ("customers:remove", lambda c, w, p, d: c.customers.delete(w, p, "c")),
    "sims.list": ("sims:list", lambda c, w, p, d: c.sims.list(w, p)),
    "sims.get": ("sims:get", lambda c, w, p, d: c.sims.get(w, "89", p)),
    "sims.deactivate": ("sims:update", lambda c, w, p, d: c.sims.deactivate(w, "89", product=p)),
    "sims.reactivate": ("sims:update", lambda c, w, p, d: c.sims.reactivate(w, "89", product=p)),
    "sims.limit": ("sims:update", lambda c, w, p, d: c.sims.limit(w, "89", 5, product=p)),
    "sims.release": ("sims:remove", lambda c, w, p, d: c.sims.release(w, "89", product=p)),
    "sims.import": ("sims:import", lambda c, w, p, d: c.sims.import_sims(w, p, [])),
    "clients.list": ("clients:list", lambda c, w, p, d: c.clients.list(w, p)),
    "clients.create": ("clients:create", lambda c, w, p, d: c.clients.create(w, "x", product=p)),
    "clients.update": ("clients:update", lambda c, w, p, d: c.clients.update(w, "x", product=p)),
    "clients.delete": ("clients:remove", lambda c, w, p, d: c.clients.delete(w, "x", product=p)),
    "webhooks.list": ("integrations:list", lambda c, w, p, d: c.webhooks.list(w, p)),
    "webhooks.get": ("integrations:get", lambda c, w, p, d: c.webhooks.get(w, "x", p)),
    "webhooks.create": ("integrations:create", lambda c, w, p, d: c.webhooks.create(w, {}, p)),
    "webhooks.update": ("integrations:update", lambda c, w, p, d: c.webhooks.update(w, "x", {}, p)),
    "webhooks.delete": ("integrations:remove", lambda c, w, p, d: c.webhooks.delete(w, "x", p)),
    "webhooks.test": ("integrations:update", lambda c, w, p, d: c.webhooks.test(w, "x", product=p)),
    "factory.provision_key": ("devices:update", lambda c, w, p, d: c.factory.provision_key(w, d, b"key")),
    "events.publish": ("events:send", lambda c, w, p, d: c.events.publish(w, "x", product=p)),
    "events.subscribe": ("events:get", lambda c, w, p, d: c.events.subscribe(w, print, product=p)),
    "events of a device": ("events:get", lambda c, w, p, d: c.events.subscribe(w, print, device=d)),
    "own events": ("events:get", lambda c, w, p, d: c.events.subscribe(w, print)),
    "teams.list": ("teams.users:list", lambda c, w, p, d: c.teams.list(w, product=p)),
    "teams.invite": ("teams.users:invite", lambda c, w, p, d: c.teams.invite(w, "x@y", product=p)),
    "teams.remove": ("teams.users:remove", lambda c, w, p, d: c.teams.remove(w, "x@y", product=p)),
    "teams.create_api_user": ("teams.users:invite", lambda c, w, p, d: c.teams.create_api_user(w, "x", ["devices:list"], product=p)),
    "teams.set_scopes": ("teams.users:update", lambda c, w, p, d: c.teams.set_scopes(w, "x@y", ["devices:list"], product=p)),
    "teams.rotate": ("teams.users:update", lambda c, w, p, d: c.teams.rotate(w, "x@y", product=p)),
    "diagnostics.request": ("devices.diagnostics:update", lambda c, w, p, d: c.diagnostics.request(w, d, p)),
    "diagnostics.last": ("devices.diagnostics:get", lambda c, w, p, d: c.diagnostics.last(w, d, p)),
}
ONLY_FOR_DEVELOPERS = {
    "products.create": ("products:create", lambda c, w: c.products.create(w, "x", 6)),
    "clients": ("clients:create", lambda c, w: c.clients.create(w, "x")),
    "webhooks": ("integrations:create", lambda c, w: c.webhooks.create(w, {})),
    "documents": ("env:get", lambda c, w: c.documents.place(w, "env:get")),
    "sims.list": ("sims:list", lambda c, w: c.sims.list(w)),
    "sims.check": ("sims:get", lambda c, w: c.sims.check(w, "89")),
    "sims.activate": ("sims:update", lambda c, w: c.sims.activate(w, "89")),
    "agreements": ("service_agreements:list", lambda c, w: c.agreements.of(w)),
    "events.publish": ("events:send", lambda c, w: c.events.publish(w, "x")),
    "claim": ("devices:claim", lambda c, w: c.claims.claim(w, "x")),
    "factory.virtual": ("devices:import", lambda c, w: c.factory.virtual(w, w.product_id)),
}
OF_ORGANIZATIONS = {
    "agreements": ("service_agreements:list", lambda c, w, d: c.agreements.of(w, "makers")),
    "devices.reach": ("devices:get", lambda c, w, d: c.devices.reach(w, d, "devices:get", organization="makers")),
}


@pytest.fixture
def shop(world):
    world.o = world.user("o")
    world.p = world.product(world.o)
    world.d = world.member(world.o, world.p)
    world.upload(world.o, world.p, 3)
    world.cloud.groups.create(world.o, world.p.id, "g")
    return world


@pytest.mark.parametrize(("scope", "call"), CALLS.values(), ids=CALLS)
def test_a_call_takes_its_scope_and_no_other(shop, scope, call):
    assert scope in SCOPES
    without = shop.api_user(shop.o, shop.p, *(SCOPES - {scope}))
    with pytest.raises(ScopeRefused) as refused:
        call(shop.cloud, without, shop.p.id, shop.d.id)
    assert refused.value.scope == scope
    try:
        call(shop.cloud, shop.api_user(shop.o, shop.p, scope), shop.p.id, shop.d.id)
    except (ScopeRefused, PermissionDenied):
        assert scope == "customers:create", "that takes a token of an OAuth client, too"
    except CloudError:
        pass


@pytest.mark.parametrize(("scope", "call"), CALLS.values(), ids=CALLS)
def test_neither_strangers_nor_customers_nor_other_programs_come_through(shop, scope, call):
    other = shop.product(shop.o)
    for caller in (shop.user("stranger"), shop.customer(shop.o, shop.p), shop.api_user(shop.o, other, "*:*")):
        try:
            found = call(shop.cloud, caller, shop.p.id, shop.d.id)
        except CloudError:
            continue
        assert scope in ("products:list", "devices:list", "events:get"), "these are about the caller's own, and there is nothing"
        assert callable(found) or list(found) in ([], [other])


@pytest.mark.parametrize(("scope", "call"), ONLY_FOR_DEVELOPERS.values(), ids=ONLY_FOR_DEVELOPERS)
def test_what_is_for_developers_is_refused_to_programs(shop, scope, call):
    with pytest.raises(ScopeRefused) as refused:
        call(shop.cloud, shop.api_user(shop.o, shop.p, "*:*"))
    assert refused.value.scope == scope


@pytest.mark.parametrize(("scope", "call"), OF_ORGANIZATIONS.values(), ids=OF_ORGANIZATIONS)
def test_a_call_in_an_organization_takes_its_scope_and_no_other(world, scope, call):
    o = world.user("o")
    world.cloud.products.create_organization(world.cloud.accounts.of(o), "Makers")
    device = world.member(o, world.product(o, organization="makers"))

    def program(*scopes):
        made = world.cloud.teams.create_api_user(o, "line", scopes, organization="makers")
        return world.cloud.tokens.principal(made.token.token)

    with pytest.raises(ScopeRefused) as refused:
        call(world.cloud, program(*(SCOPES - {scope})), device.id)
    assert refused.value.scope == scope
    call(world.cloud, program(scope), device.id)
