"""Every "no" of the cloud in its own words: what it says is part of what the cloud is."""

from __future__ import annotations

import pytest

from emulator.cloud.documents import DocumentKind
from emulator.cloud.fleet import FleetQuery
from emulator.cloud.otp import code_at
from emulator.cloud.records import Device, Product
from firmware_images.build import build_module
from firmware_images.fields import ModuleFunction
from particle_protocol.skus import ActivationClass, SimForm

UNKNOWN = "0123456789abcdef01234567"
ARGON, ELECTRON = 12, 10


@pytest.fixture(scope="module")
def town(make_world):
    """People, products and devices in every state that something can be refused for. One for all, as a refusal changes nothing."""
    world = make_world()
    cloud = world.cloud
    world.o, world.u = world.user("o"), world.user("u")
    log_in = ("particle", "particle", "u@example.com", "secret")
    world.pair, world.short = cloud.tokens.password_grant(*log_in), cloud.tokens.password_grant(*log_in, expires_in=60)
    cloud.products.create_organization(cloud.accounts.of(world.o), "Makers")
    cloud.teams.invite(world.o, "v@example.com", "View-only", organization="makers")
    world.v = world.user("v")
    _products(world)
    _devices(world)
    _sims(world)
    _second_factors(world)
    world.connect(world.updating).silent = True
    cloud.operations.flash(world.o, world.updating.id, world.image(world.p, 6), product=world.p.id)
    return world


def _second_factors(world):
    accounts, m = world.cloud.accounts, world.user("m")
    world.offer = accounts.mfa_begin(world.u)
    second = accounts.mfa_begin(m)
    accounts.mfa_enable(m, second.mfa_token, code_at(second.secret, world.cloud.core.now()))
    world.challenge = accounts.mfa_challenge(accounts.of(m))


def _products(world):
    cloud, o = world.cloud, world.o
    world.p, world.q, world.argon = world.product(o), world.product(o), world.product(o, ARGON)
    world.t = world.teammate(o, world.p, role="View-only")
    world.c, world.program = world.customer(o, world.p), world.api_user(o, world.p, "devices:get", "customers:create")
    world.other = cloud.clients.create(o, "other", product=world.p.id)
    world.narrow = cloud.clients.create(o, "narrow", scope="customers:create", product=world.p.id)
    login = ("c@customers.example", "secret")
    first = next(each for each in cloud.clients.list(o, world.p.id) if each.name == "app of c")
    world.customer_pair = cloud.tokens.password_grant(first.id, first.secret, *login)
    world.late_pair = cloud.tokens.password_grant(world.other.id, world.other.secret, *login)
    world.machine = cloud.tokens.principal(cloud.tokens.client_grant(world.other.id, world.other.secret).token)
    for version in (2, 3):
        world.upload(o, world.p, version)
    world.upload(o, world.p, 6, has_run=False)
    for group in ("beta", "gamma"):
        cloud.groups.create(o, world.p.id, group)
    world.release(o, world.p, 2, "beta")
    world.boot = build_module(6, ModuleFunction.BOOTLOADER, 0, 1006, product_version=4)


def _devices(world):
    cloud = world.cloud
    world.inside, world.here = world.member(world.o, world.p), world.member(world.o, world.p)
    world.connect(world.here)
    world.updating = world.member(world.o, world.p)
    world.owned, _ = world.claimed(world.u)
    lamp, _ = world.claimed(world.u)
    cloud.device_settings.update(world.u, lamp.id, name="lamp")
    world.free = world.device(serial_number="P046000000000001")
    world.waiting, world.away = world.device(), world.device()
    world.connect(world.waiting, product_id=world.p.id, product_version=1)
    world.place = cloud.documents.place(world.u, "secrets:get")


def _sims(world):
    sims = world.cloud.sims
    world.sim, world.slow_sim, plastic = "8934076500002589174", "8934076500002589182", "8934076500002589190"
    sims.make(world.sim)
    sims.make(world.slow_sim, SimForm.EMBEDDED, ActivationClass.SOMETIMES_SLOW)
    sims.make(plastic, SimForm.PLASTIC)
    world.electron = world.device(ELECTRON, iccid=plastic, serial_number="E260000000000001")
    sims.activate(world.u, world.sim)
    sims.activate(world.u, world.slow_sim)
    world.pass_time(14 * 86_400)
    sims.deactivate(world.u, world.slow_sim)
    world.pass_time(86_400)
    sims.activate(world.u, world.slow_sim)


CASES = [
    ("claim", lambda w, c: c.claims.claim(w.o, "1234"), "DeviceUnknown: no device '1234'"),
    ("claim unknown", lambda w, c: c.claims.claim(w.o, UNKNOWN), "DeviceUnknown: no device '0123456789abcdef01234567'"),
    ("claim owned", lambda w, c: c.claims.claim(w.o, w.owned.id), "OwnedByOther: device <owned> belongs to someone else"),
    ("claim away", lambda w, c: c.claims.claim(w.o, w.away.id), "NotOnline: device <away> is not online"),
    ("customer outside", lambda w, c: c.claims.claim(w.c, w.free.id), "DeviceForbidden: device '<free>' is unknown to this caller"),
    ("unclaim", lambda w, c: c.claims.unclaim(w.o, w.inside.id), "DeviceForbidden: device '<inside>' is unknown to this caller"),
    ("release", lambda w, c: c.claims.release(w.o, w.p.id, w.free.id), "DeviceNotInProduct: no device of this product '<free>'"),
    (
        "remove",
        lambda w, c: c.members.remove(w.o, w.p.id, UNKNOWN),
        "DeviceNotInProduct: no device of this product '0123456789abcdef01234567'",
    ),
    ("deny", lambda w, c: c.members.deny(w.o, w.p.id, w.inside.id), "DeviceNotInProduct: no device of this product '<inside>'"),
    ("member", lambda w, c: c.members.member(w.p, w.free.id), "DeviceNotInProduct: no device of this product '<free>'"),
    (
        "claim user",
        lambda w, c: c.members.add(w.o, w.p.id, [], claim_user="u@example.com"),
        "Invalid: claim_user='u@example.com': must be in the product's team",
    ),
    ("transfer", lambda w, c: c.transfers.accept(w.o, "none"), "TransferUnknown: no transfer 'none'"),
    ("transfer link", lambda w, c: c.transfers.answer("none", accept=True), "TransferUnknown: no transfer 'none'"),
    ("function", lambda w, c: c.operations.call(w.u, w.owned.id, "g"), "FunctionUnknown: no function 'g'"),
    ("variable", lambda w, c: c.operations.read(w.u, w.owned.id, "g"), "VariableUnknown: no variable 'g'"),
    ("call foreign", lambda w, c: c.operations.call(w.o, "lamp", "f"), "DeviceForbidden: device 'lamp' is unknown to this caller"),
    ("call away", lambda w, c: c.operations.call(w.o, w.inside.id, "f"), "DeviceOffline: device <inside>: is offline"),
    (
        "long argument",
        lambda w, c: c.operations.call(w.u, w.owned.id, "f", "x" * 2000),
        "Invalid: arg='xxxxxxxxxxxxxxxxxxxx': at most 1024 bytes",
    ),
    ("stranger", lambda w, c: c.products.get(w.u, w.p.id), "PermissionDenied: not permitted: product product-1"),
    ("no product", lambda w, c: c.products.get(w.u, "nothing"), "PermissionDenied: not permitted: product nothing"),
    ("role", lambda w, c: c.members.add(w.t, w.p.id, []), "RoleTooLow: not permitted: role View-only does not include devices:import"),
    ("scope", lambda w, c: c.members.add(w.program, w.p.id, []), "ScopeRefused: scope devices:import was not granted"),
    ("program claims", lambda w, c: c.claims.claim(w.program, w.free.id), "ScopeRefused: scope devices:claim was not granted"),
    ("program's code", lambda w, c: c.claim_codes.create(w.program), "ScopeRefused: scope devices:claim was not granted"),
    (
        "code of words",
        lambda w, c: c.claim_codes.create(w.u, iccid="word"),
        "Invalid: iccid='word': 'word' is no ICCID: expected 19 to 21 digits that begin with 89",
    ),
    ("modem of words", lambda w, c: c.claim_codes.create(w.u, imei="word"), "Invalid: imei='word': 'word' is no IMEI: expected 15 digits"),
    ("group", lambda w, c: c.groups.get(w.o, w.p.id, "g"), "GroupUnknown: no group 'g'"),
    ("group name", lambda w, c: c.groups.create(w.o, w.p.id, "G"), "Invalid: name='G': a group's name has 1 to 64 of a-z, 0-9, _ and -"),
    ("group color", lambda w, c: c.groups.create(w.o, w.p.id, "g", color="x"), "Invalid: color='x': must be a color such as #00AEEF"),
    ("group change", lambda w, c: c.groups.update(w.o, w.p.id, "g", color="x"), "GroupUnknown: no group 'g'"),
    ("firmware", lambda w, c: c.releases.get(w.o, w.p.id, 9), "FirmwareUnknown: no firmware version 9"),
    ("version", lambda w, c: c.releases.upload(w.o, w.p.id, 0, b""), "Invalid: version=0: must be 1 to 65535"),
    ("version twice", lambda w, c: c.releases.upload(w.o, w.p.id, 3, b""), "FirmwareExists: firmware version 3 exists"),
    (
        "release to none",
        lambda w, c: c.releases.release(w.o, w.p.id, 3),
        "Invalid: groups=[]: release either as product default or to groups",
    ),
    ("customer", lambda w, c: c.customers.delete(w.o, w.p.id, "x"), "CustomerUnknown: no customer 'x'"),
    ("sim", lambda w, c: c.sims.get(w.u, "89"), "SimUnknown: no SIM '89'"),
    ("sim by serial", lambda w, c: c.sims.activate(w.u, "P046"), "SimUnknown: no SIM 'P046'"),
    ("webhook", lambda w, c: c.webhooks.get(w.u, "x"), "WebhookUnknown: no webhook 'x'"),
    ("client", lambda w, c: c.clients.delete(w.u, "x"), "ClientUnknown: no OAuth client 'x'"),
    ("serial", lambda w, c: c.devices.by_serial_number("x"), "SerialUnknown: no serial number 'x'"),
    ("team", lambda w, c: c.teams.remove(w.o, "x@y", product=w.p.id), "MemberUnknown: no team member 'x@y'"),
    (
        "team role",
        lambda w, c: c.teams.invite(w.o, "x@y", "King", product=w.p.id),
        "Invalid: role='King': must be View-only, Support, Developer or Administrator",
    ),
    (
        "team owner",
        lambda w, c: c.teams.remove(w.o, "o@example.com", product=w.p.id),
        "OwnerStays: o@example.com owns the product and cannot be removed",
    ),
    ("organization", lambda w, c: c.products.list(w.o, "x"), "OrganizationUnknown: no organization 'x'"),
    ("product name", lambda w, c: c.products.create(w.o, "product 1", 6), "ProductNameTaken: a product named 'product 1' exists"),
    ("username", lambda w, c: c.accounts.create("x", "y"), "Invalid: username='x': must be an e-mail address"),
    ("username twice", lambda w, c: c.accounts.create("U@example.com", "y"), "UsernameTaken: username 'u@example.com' is taken"),
    ("no user", lambda w, c: c.accounts.authenticate("x@y", "z"), "UserUnknown: no user 'x@y'"),
    ("password", lambda w, c: c.accounts.authenticate("u@example.com", "z"), "PasswordWrong: wrong password for 'u@example.com'"),
    ("vitals", lambda w, c: c.diagnostics.last(w.u, w.owned.id), "NoDiagnostics: no diagnostics of device '<owned>'"),
    ("report", lambda w, c: c.agreements.report(w.u, "x"), "ReportUnknown: no usage report 'x'"),
    ("event name", lambda w, c: c.events.publish(w.u, ""), "Invalid: name='': must have 1 to 64 bytes"),
    ("event data", lambda w, c: c.events.publish(w.u, "x", "y" * 2000), "Invalid: data='yyyyyyyyyyyyyyyyyyyy': at most 1024 bytes"),
    ("public stream", lambda w, c: c.events.subscribe(w.u, print, public=True), "Invalid: prefix='': event prefix filter is required"),
    ("device id", lambda w, c: c.factory.manufacture("x", 6), "Invalid: id='x': 'x' is no device id: expected 24 hexadecimal digits"),
    ("device twice", lambda w, c: c.factory.manufacture(w.free.id, 6), "Conflict: device <free> exists"),
    ("sku", lambda w, c: c.factory.manufacture(UNKNOWN, 6, sku="X"), "Invalid: sku='X': no SKU is called 'X'"),
    ("key", lambda w, c: c.factory.register_key(UNKNOWN, b""), "Invalid: deviceID='0123456789abcdef01234567': no such device"),
    (
        "accounts: one-time password",
        lambda w, c: c.accounts.authenticate("m@example.com", "secret", "000000"),
        "OtpWrong: wrong one-time password",
    ),
    ("accounts: not a developer", lambda w, c: c.accounts.of(w.program), "PermissionDenied: not permitted: this is for developer accounts"),
    (
        "accounts: name of another",
        lambda w, c: c.accounts.change_username(w.u, "O@example.com", "secret"),
        "UsernameTaken: username 'o@example.com' is taken",
    ),
    ("accounts: reset token", lambda w, c: c.accounts.reset_password("1234", "new"), "Invalid: token='1234': unknown, used or too old"),
    ("accounts: offer", lambda w, c: c.accounts.mfa_enable(w.u, "1234", "000000"), "Invalid: mfa_token='1234': unknown or too old"),
    ("accounts: first code", lambda w, c: c.accounts.mfa_enable(w.u, w.offer.mfa_token, "000000"), "OtpWrong: wrong one-time password"),
    (
        "accounts: offer to somebody else",
        lambda w, c: c.accounts.mfa_enable(w.o, w.offer.mfa_token, "000000"),
        "Invalid: mfa_token='<offer>': unknown or too old",
    ),
    (
        "accounts: challenge",
        lambda w, c: c.accounts.mfa_answer("1234", "000000"),
        "InvalidGrant: invalid_grant: The login attempt is unknown or too old",
    ),
    (
        "accounts: second step",
        lambda w, c: c.accounts.mfa_answer(w.challenge, "000000"),
        "InvalidGrant: invalid_grant: The one-time password is invalid",
    ),
    ("accounts: confirmation", lambda w, c: c.accounts.delete(w.u, "wrong"), "PasswordWrong: wrong password for 'u@example.com'"),
    (
        "accounts: long password",
        lambda w, c: c.accounts.change_password(w.u, "secret", "x" * 1025),
        "Invalid: password='...': must have 1 to 1024 characters",
    ),
    (
        "accounts: no password",
        lambda w, c: c.accounts.create("n@example.com", ""),
        "Invalid: password='...': must have 1 to 1024 characters",
    ),
    (
        "grant: no password",
        lambda w, c: c.tokens.password_grant("particle", "particle", "u@example.com", ""),
        'InvalidRequest: invalid_request: Missing parameters. "username" and "password" are required',
    ),
    (
        "grant: no username",
        lambda w, c: c.tokens.password_grant("particle", "particle", None, "x"),
        'InvalidRequest: invalid_request: Missing parameters. "username" and "password" are required',
    ),
    (
        "grant: password",
        lambda w, c: c.tokens.password_grant("particle", "particle", "u@example.com", "wrong"),
        "InvalidGrant: invalid_grant: User credentials are invalid",
    ),
    (
        "grant: client",
        lambda w, c: c.tokens.password_grant("particle", "wrong", "u@example.com", "secret"),
        "InvalidClient: invalid_client: Client credentials are invalid",
    ),
    (
        "grant: second factor",
        lambda w, c: c.tokens.otp_grant("particle", "particle", w.challenge, None),
        'InvalidRequest: invalid_request: Missing parameters. "mfa_token" and "otp" are required',
    ),
    (
        "grant: no challenge",
        lambda w, c: c.tokens.otp_grant("particle", "particle", None, "000000"),
        'InvalidRequest: invalid_request: Missing parameters. "mfa_token" and "otp" are required',
    ),
    (
        "grant: nothing to renew",
        lambda w, c: c.tokens.refresh_grant("particle", "particle", None),
        'InvalidRequest: invalid_request: Missing parameter. "refresh_token" is required',
    ),
    (
        "grant: nobody's renewal",
        lambda w, c: c.tokens.refresh_grant("particle", "particle", "1234"),
        "InvalidGrant: invalid_grant: Refresh token is invalid",
    ),
    (
        "grant: a developer's renewal",
        lambda w, c: c.tokens.refresh_grant("particle", "particle", w.pair.refresh_token),
        "InvalidGrant: invalid_grant: Refresh token is invalid",
    ),
    (
        "grant: another client's renewal",
        lambda w, c: c.tokens.refresh_grant(w.other.id, w.other.secret, w.customer_pair.refresh_token),
        "InvalidGrant: invalid_grant: Refresh token is invalid",
    ),
    (
        "grant: not of a product",
        lambda w, c: c.tokens.client_grant("particle", "particle"),
        "UnauthorizedClient: unauthorized_client: The client credentials grant is for clients of a product",
    ),
    (
        "grant: only to sign up",
        lambda w, c: c.tokens.client_grant(w.narrow.id, w.narrow.secret, customer="c@customers.example"),
        "UnauthorizedClient: unauthorized_client: This client may only create customers",
    ),
    (
        "grant: no customer",
        lambda w, c: c.tokens.client_grant(w.other.id, w.other.secret, customer="x@y"),
        "InvalidGrant: invalid_grant: No such customer",
    ),
    (
        "grant: a renewal that came too late",
        lambda w, c: c.tokens.refresh_grant(w.other.id, w.other.secret, w.late_pair.refresh_token),
        "InvalidGrant: invalid_grant: Refresh token has expired",
    ),
    (
        "grant: in the past",
        lambda w, c: c.tokens.password_grant("particle", "particle", "u@example.com", "secret", expires_in=-1),
        'InvalidRequest: invalid_request: "expires_in" must not be negative',
    ),
    ("token: none", lambda w, c: c.tokens.principal(None), "TokenMissing: no token was given"),
    ("token: expired", lambda w, c: c.tokens.principal(w.short.token), "TokenExpired: the token expired at 1767603660"),
    ("token: unknown", lambda w, c: c.tokens.principal("1234"), "TokenInvalid: the token is unknown or was revoked"),
    ("claim: no id", lambda w, c: c.claims.claim(w.u, ""), "ClaimIdMissing: a claim needs a device id"),
    (
        "claim: a product's token",
        lambda w, c: c.claims.claim(w.machine, w.free.id),
        "PermissionDenied: not permitted: a product owns no devices; claim as a user",
    ),
    (
        "release: waits in quarantine",
        lambda w, c: c.claims.release(w.o, w.p.id, w.waiting.id),
        "DeviceNotInProduct: no device of this product '<waiting>'",
    ),
    (
        "code: customer without product",
        lambda w, c: c.claim_codes.create(w.c),
        "PermissionDenied: not permitted: a customer's claim codes come from the product",
    ),
    ("code: another product", lambda w, c: c.claim_codes.create(w.c, product=w.q.id), "PermissionDenied: not permitted: product <q>"),
    ("code: no product", lambda w, c: c.claim_codes.create(w.c, product="x"), "PermissionDenied: not permitted: product x"),
    (
        "code: a product's token",
        lambda w, c: c.claim_codes.create(w.machine),
        "PermissionDenied: not permitted: claim codes are for users and customers",
    ),
    ("client: no name", lambda w, c: c.clients.create(w.u, ""), "Invalid: name='': must not be empty"),
    ("client: type", lambda w, c: c.clients.create(w.u, "x", "toaster"), "Invalid: type='toaster': must be installed or web"),
    ("client: redirect", lambda w, c: c.clients.create(w.u, "x", "web"), "Invalid: redirect_uri=None: a web client needs one"),
    (
        "client: empty redirect",
        lambda w, c: c.clients.create(w.u, "x", "web", redirect_uri=""),
        "Invalid: redirect_uri='': a web client needs one",
    ),
    ("client: scope", lambda w, c: c.clients.create(w.u, "x", scope="all"), "Invalid: scope='all': must be one of *:*, customers:create"),
    (
        "customer: by a program",
        lambda w, c: c.customers.create_as(w.program, w.p.id, "x@y"),
        "PermissionDenied: not permitted: customers are created with an OAuth client of the product",
    ),
    (
        "customer: by a user",
        lambda w, c: c.customers.create_as(w.o, w.p.id, "x@y"),
        "UnauthorizedClient: unauthorized_client: the client does not belong to this product",
    ),
    (
        "customer: another product's client",
        lambda w, c: c.customers.create(w.other.id, w.other.secret, w.q.id, "x@y", "z"),
        "UnauthorizedClient: unauthorized_client: the client does not belong to this product",
    ),
    (
        "customer: twice",
        lambda w, c: c.customers.create(w.other.id, w.other.secret, w.p.id, "C@customers.example", "z"),
        "CustomerExists: customer 'c@customers.example' exists",
    ),
    (
        "customer: no password",
        lambda w, c: c.customers.create(w.other.id, w.other.secret, w.p.id, "x@y", ""),
        "Invalid: password='...': must have 1 to 1024 characters",
    ),
    (
        "member: lock",
        lambda w, c: c.device_settings.update_member(w.o, w.p.id, w.inside.id, desired_firmware_version=9),
        "FirmwareUnknown: no firmware version 9",
    ),
    (
        "member: flash without lock",
        lambda w, c: c.device_settings.update_member(w.o, w.p.id, w.inside.id, flash=True),
        "Invalid: flash=True: needs a version to lock to",
    ),
    (
        "member: flash while away",
        lambda w, c: c.device_settings.update_member(w.o, w.p.id, w.inside.id, desired_firmware_version=3, flash=True),
        "DeviceOffline: device <inside>: is offline",
    ),
    (
        "member: flash for development",
        lambda w, c: c.device_settings.update_member(w.o, w.p.id, w.here.id, desired_firmware_version=3, flash=True, development=True),
        "UpdateRefused: device <here>: refuses the update: it is marked for development",
    ),
    (
        "member: flash while updating",
        lambda w, c: c.device_settings.update_member(w.o, w.p.id, w.updating.id, desired_firmware_version=3, flash=True),
        "UpdateRefused: device <updating>: refuses the update: another update is under way",
    ),
    (
        "member: flash while waiting elsewhere",
        lambda w, c: c.rollout.check_flash(w.now(w.waiting)),
        "UpdateRefused: device <waiting>: refuses the update: it is not an approved member",
    ),
    ("device: not in the product", lambda w, c: c.devices.in_product(w.p, "lamp"), "DeviceNotInProduct: no device of this product 'lamp'"),
    (
        "device: of somebody else",
        lambda w, c: c.devices.reach(w.u, w.inside.id, "devices:get"),
        "DeviceForbidden: device '<inside>' is unknown to this caller",
    ),
    (
        "device: not an organization's",
        lambda w, c: c.devices.reach(w.o, w.inside.id, "devices:get", organization="makers"),
        "DeviceForbidden: device '<inside>' is unknown to this caller",
    ),
    ("device: list of a program", lambda w, c: c.devices.list(w.program), "ScopeRefused: scope devices:list was not granted"),
    (
        "device: name",
        lambda w, c: c.device_settings.update(w.u, w.owned.id, name="f" * 24),
        "Invalid: name='ffffffffffffffffffffffff': must have 1 to 128 characters, and not look like a device id",
    ),
    (
        "device: name taken",
        lambda w, c: c.device_settings.update(w.u, w.owned.id, name="lamp"),
        "NameTaken: another device of this owner is named 'lamp'",
    ),
    (
        "device: notes",
        lambda w, c: c.device_settings.update(w.u, w.owned.id, notes="x" * 10_001),
        "Invalid: notes='xxxxxxxxxxxxxxxxxxxx': at most 10000 characters",
    ),
    (
        "device: scope of a program",
        lambda w, c: c.devices.reach(w.program, w.inside.id, "devices:update"),
        "ScopeRefused: scope devices:update was not granted",
    ),
    ("vitals: away", lambda w, c: c.diagnostics.request(w.o, w.inside.id, w.p.id), "DeviceOffline: device <inside>: is offline"),
    (
        "vitals: backwards",
        lambda w, c: c.diagnostics.history(w.u, w.owned.id, start=2.0, end=1.0),
        "Invalid: start_date=2.0: must not be after end_date",
    ),
    ("document: none", lambda w, c: c.documents.get(DocumentKind.SECRET, w.place, "key"), "DocumentUnknown: no secret 'key'"),
    (
        "document: name",
        lambda w, c: c.documents.put(w.u, DocumentKind.SECRET, w.place, "", {}),
        "Invalid: name='': must have 1 to 128 characters",
    ),
    (
        "document: size",
        lambda w, c: c.documents.put(w.u, DocumentKind.SECRET, w.place, "key", {"value": "x" * 2_000_000}),
        "Invalid: secret='...': must have at most 65536 bytes",
    ),
    ("event: of a program", lambda w, c: c.events.publish(w.program, "x"), "ScopeRefused: scope events:send was not granted"),
    (
        "event: of a product",
        lambda w, c: c.events.publish(w.machine, "x"),
        "PermissionDenied: not permitted: publish in the product instead",
    ),
    (
        "event: as a stranger",
        lambda w, c: c.events.publish(w.o, "x", product=w.p.id, as_device_id=w.waiting.id),
        "DeviceNotInProduct: no device of this product '<waiting>'",
    ),
    ("stream: of a program", lambda w, c: c.events.subscribe(w.program, print), "ScopeRefused: scope events:get was not granted"),
    (
        "factory: serial number",
        lambda w, c: c.factory.manufacture(UNKNOWN, 6, serial_number=w.free.serial_number),
        "Conflict: a device with serial number P046000000000001 exists",
    ),
    (
        "factory: role",
        lambda w, c: c.factory.virtual(w.t, w.p.id),
        "RoleTooLow: not permitted: role View-only does not include devices:import",
    ),
    (
        "factory: no serial number",
        lambda w, c: c.factory.manufacture(UNKNOWN, 6, serial_number="X"),
        (
            "Invalid: serial_number='X': 'X' is no serial number: "
            "expected something like P046AF451234567 or E310KMA12345678, 8 to 16 characters"
        ),
    ),
    (
        "factory: no modem",
        lambda w, c: c.factory.manufacture(UNKNOWN, 13, imei="1"),
        "Invalid: imei='1': '1' is no IMEI: expected 15 digits",
    ),
    (
        "factory: no SIM",
        lambda w, c: c.factory.manufacture(UNKNOWN, 13, iccid="1"),
        "Invalid: iccid='1': '1' is no ICCID: expected 19 to 21 digits that begin with 89",
    ),
    (
        "factory: no address",
        lambda w, c: c.factory.manufacture(UNKNOWN, 6, mac_wifi="1"),
        "Invalid: mac_wifi='1': '1' is no MAC address: expected 12 hexadecimal digits",
    ),
    (
        "factory: no Wi-Fi radio",
        lambda w, c: c.factory.manufacture(UNKNOWN, 13, mac_wifi="e04f43123456"),
        "Invalid: mac_wifi='e04f43123456': is the address of a Wi-Fi radio, and this platform has none",
    ),
    ("factory: modem", lambda w, c: c.factory.ban_imei("356938035643809"), "Invalid: imei='356938035643809': no device has this modem"),
    (
        "factory: key of nobody",
        lambda w, c: c.factory.provision_key(w.u, UNKNOWN, b"k"),
        "DeviceUnknown: no device '0123456789abcdef01234567'",
    ),
    (
        "factory: key of somebody else's",
        lambda w, c: c.factory.provision_key(w.u, w.inside.id, b"k"),
        "DeviceForbidden: device '<inside>' is unknown to this caller",
    ),
    ("fleet: page", lambda w, c: c.fleet.list(w.o, w.p.id, FleetQuery(page=0)), "Invalid: page=0: pages begin at 1"),
    ("fleet: page size", lambda w, c: c.fleet.list(w.o, w.p.id, FleetQuery(per_page=101)), "Invalid: perPage=101: must be 1 to 100"),
    ("product: by number", lambda w, c: c.products.get(w.u, str(w.p.id)), "PermissionDenied: not permitted: product product-1"),
    ("organization: of others", lambda w, c: c.products.list(w.u, "makers"), "OrganizationUnknown: no organization 'makers'"),
    (
        "organization: role",
        lambda w, c: c.products.create(w.v, "x", 6, organization="makers"),
        "RoleTooLow: not permitted: role View-only does not include products:create",
    ),
    ("organization: a program", lambda w, c: c.products.list(w.program, "makers"), "OrganizationUnknown: no organization 'makers'"),
    ("developers only: a program", lambda w, c: c.sims.list(w.program), "ScopeRefused: scope sims:list was not granted"),
    ("developers only: a customer", lambda w, c: c.sims.list(w.c), "PermissionDenied: not permitted: this is for developer accounts"),
    (
        "group: nothing to change",
        lambda w, c: c.groups.update(w.o, w.p.id, "beta"),
        "Invalid: group='beta': give at least one of name, description and color",
    ),
    ("group: twice", lambda w, c: c.groups.create(w.o, w.p.id, "beta"), "GroupExists: group 'beta' exists"),
    ("group: renamed to another", lambda w, c: c.groups.update(w.o, w.p.id, "beta", new_name="gamma"), "GroupExists: group 'gamma' exists"),
    (
        "image: rubbish",
        lambda w, c: c.releases.upload(w.o, w.p.id, 4, b"rubbish"),
        "BadImage: not a module binary: not a module: 7 bytes are too few for a prefix of 24",
    ),
    (
        "image: cut short",
        lambda w, c: c.releases.upload(w.o, w.p.id, 4, w.image(w.p, 4)[:-1]),
        "BadImage: the module is cut short or its CRC is wrong",
    ),
    (
        "image: platform",
        lambda w, c: c.releases.upload(w.o, w.p.id, 4, w.image(w.argon, 4)),
        "WrongPlatform: built for platform 12, needed is platform 6",
    ),
    (
        "image: version",
        lambda w, c: c.releases.upload(w.o, w.p.id, 5, w.image(w.p, 4)),
        "VersionMismatch: uploaded as version 5, but the binary says 4",
    ),
    (
        "image: product",
        lambda w, c: c.releases.upload(w.o, w.p.id, 4, w.image(w.q, 4)),
        "BadImage: built for product <q>, uploaded to product <p>",
    ),
    (
        "image: no application",
        lambda w, c: c.releases.upload(w.o, w.p.id, 4, w.boot),
        "BadImage: product firmware is an application, this is a bootloader",
    ),
    (
        "flash: a customer",
        lambda w, c: c.operations.flash(w.c, w.inside.id, b""),
        "PermissionDenied: not permitted: updates over the air are not for customers",
    ),
    (
        "flash: platform",
        lambda w, c: c.operations.flash(w.u, w.owned.id, w.image(w.argon, 4)),
        "WrongPlatform: built for platform 12, needed is platform 6",
    ),
    (
        "flash: rubbish",
        lambda w, c: c.operations.flash(w.u, w.owned.id, b"rubbish"),
        "BadImage: not a module binary: not a module: 7 bytes are too few for a prefix of 24",
    ),
    (
        "flash: busy",
        lambda w, c: c.operations.flash(w.o, w.updating.id, w.image(w.p, 6), product=w.p.id),
        "UpdateRefused: device <updating>: refuses the update: another update is under way",
    ),
    (
        "organization: twice",
        lambda w, c: c.products.create_organization(c.accounts.of(w.o), "Makers"),
        "Conflict: organization 'Makers' exists",
    ),
    ("product: name", lambda w, c: c.products.create(w.o, "", 6), "Invalid: name='': must have 1 to 100 characters"),
    ("product: number", lambda w, c: c.products.create(w.o, "x", 6, product_id=6), "Invalid: product_id=6: must be 256 to 65534"),
    ("product: number taken", lambda w, c: c.products.create(w.o, "x", 6, product_id=w.p.id), "Conflict: product <p> exists"),
    (
        "release: never run",
        lambda w, c: c.releases.release(w.o, w.p.id, 6, product_default=True),
        "FirmwareNeverRun: no device of the product has run firmware version 6 yet",
    ),
    ("release: group", lambda w, c: c.releases.release(w.o, w.p.id, 3, groups=["delta"]), "GroupUnknown: no group 'delta'"),
    ("release: deleted", lambda w, c: c.releases.delete(w.o, w.p.id, 2), "FirmwareReleased: firmware version 2 was released"),
    (
        "release: both",
        lambda w, c: c.releases.release(w.o, w.p.id, 3, product_default=True, groups=["beta"]),
        "Invalid: groups=['beta']: release either as product default or to groups",
    ),
    (
        "sim: number",
        lambda w, c: c.sims.make("1234"),
        "Invalid: iccid='1234': '1234' is no ICCID: expected 19 to 21 digits that begin with 89",
    ),
    ("sim: twice", lambda w, c: c.sims.make(w.sim), "Invalid: iccid='8934076500002589174': there is one"),
    ("sim: not the product's", lambda w, c: c.sims.get(w.o, w.sim, w.p.id), "SimUnknown: no SIM '8934076500002589174'"),
    ("sim: somebody else's", lambda w, c: c.sims.get(w.o, w.sim), "SimForeign: SIM 8934076500002589174 belongs to somebody else"),
    ("sim: taken", lambda w, c: c.sims.activate(w.o, w.sim), "SimForeign: SIM 8934076500002589174 belongs to somebody else"),
    ("sim: active already", lambda w, c: c.sims.activate(w.u, w.sim), "SimRefused: SIM 8934076500002589174: is active already"),
    ("sim: not inactive", lambda w, c: c.sims.reactivate(w.u, w.sim), "SimRefused: SIM 8934076500002589174: is not inactive"),
    ("sim: not active", lambda w, c: c.sims.deactivate(w.u, w.slow_sim), "SimRefused: SIM 8934076500002589182: is not active"),
    ("sim: busy", lambda w, c: c.sims.activate(w.u, w.slow_sim), "SimRefused: SIM 8934076500002589182: reactivate is in progress"),
    (
        "sim: release while busy",
        lambda w, c: c.sims.release(w.u, w.slow_sim),
        "SimRefused: SIM 8934076500002589182: reactivate is in progress",
    ),
    (
        "sim: import of somebody else's",
        lambda w, c: c.sims.import_sims(w.o, w.p.id, [w.sim]),
        "SimForeign: SIM 8934076500002589174 belongs to somebody else",
    ),
    (
        "sim: plastic by serial number",
        lambda w, c: c.sims.activate(w.u, w.electron.serial_number),
        "SimRefused: SIM 8934076500002589190: is a plastic SIM; activate it by its ICCID",
    ),
    (
        "team: name of a program",
        lambda w, c: c.teams.create_api_user(w.o, "", ["devices:list"], product=w.p.id),
        "Invalid: friendly_name='': must not be empty",
    ),
    (
        "team: scopes of a program",
        lambda w, c: c.teams.create_api_user(w.o, "x", [], product=w.p.id),
        "Invalid: scopes=[]: must not be empty",
    ),
    (
        "team: scope of a program",
        lambda w, c: c.teams.create_api_user(w.o, "x", ["world:rule"], product=w.p.id),
        "Invalid: scopes=['world:rule']: must name scopes that exist",
    ),
    (
        "team: no program",
        lambda w, c: c.teams.rotate(w.o, "t@example.com", product=w.p.id),
        "MemberUnknown: no team member 't@example.com'",
    ),
    (
        "usage report: of others",
        lambda w, c: c.agreements.request_report(w.u, "1234", "devices", "2026-01-01", "2026-01-31"),
        "Invalid: service_agreement_id='1234': is not yours",
    ),
    (
        "usage report: type",
        lambda w, c: c.agreements.request_report(w.u, w.u.account, "money", "2026-01-01", "2026-01-31"),
        "Invalid: report_type='money': must be one of devices, products",
    ),
    (
        "usage report: backwards",
        lambda w, c: c.agreements.request_report(w.u, w.u.account, "devices", "2026-02-01", "2026-01-31"),
        "Invalid: date_period_start='2026-02-01': must not be after the end",
    ),
    (
        "usage report: no date",
        lambda w, c: c.agreements.request_report(w.u, w.u.account, "devices", "soon", "2026-01-31"),
        "Invalid: date_period_start='soon': must be a date such as 2026-01-05",
    ),
    (
        "usage report: no end",
        lambda w, c: c.agreements.request_report(w.u, w.u.account, "devices", "2026-01-31", "later"),
        "Invalid: date_period_end='later': must be a date such as 2026-01-05",
    ),
    ("usage report: file", lambda w, c: c.agreements.file("x"), "ReportUnknown: no usage report 'x'"),
    (
        "webhook: event",
        lambda w, c: c.webhooks.create(w.u, {"event": "", "url": "https://a.example"}),
        "Invalid: event='': must be the beginning of an event's name",
    ),
    (
        "webhook: url",
        lambda w, c: c.webhooks.create(w.u, {"event": "x", "url": "ftp://a.example"}),
        "Invalid: url='ftp://a.example': must be an http or https URL",
    ),
    (
        "webhook: method",
        lambda w, c: c.webhooks.create(w.u, {"event": "x", "url": "https://a.example", "requestType": "YELL"}),
        "Invalid: requestType='YELL': must be one of GET, POST, PUT, DELETE, PATCH",
    ),
    (
        "webhook: config",
        lambda w, c: c.webhooks.create(w.u, {"event": "x", "url": "https://a.example", "json": {1}}),
        "Invalid: config='...': must be plain JSON",
    ),
]


@pytest.mark.parametrize(("attempt", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_a_refusal_says(town, attempt, said):
    text = town.refusal(lambda: attempt(town, town.cloud))
    facts = {each.id: name for name, each in vars(town).items() if isinstance(each, (Device, Product))}
    for fact, name in [*facts.items(), (town.offer.mfa_token, "offer")]:
        text = text.replace(str(fact), f"<{name}>")
    assert text == said
