"""Nothing changes a real cloud without --allow-changes: every verb of a raw request, and every method of the kit there is."""

import importlib
import inspect
import json
import pkgutil

import httpx
import pytest

from harness.cloud import Account, Cloud, CloudTarget
from harness.errors import CapabilityMissing, ChangesNotAllowed
from harness.host import WallClock
from harness.kit import Customer, Product, Webhook
from harness.mails import Mailbox
from harness.sims import Sims

ID = "0123456789abcdef01234567"


class Somebody:
    """A real cloud: it keeps what it was asked for, and would do it."""

    def __init__(self):
        self.asked = []
        self.target = CloudTarget("https://cloud.test", WallClock(), lambda: httpx.MockTransport(self.answer), allow_changes=False)

    def answer(self, request):
        self.asked.append((request.method, request.url.path))
        product = {"id": 5, "slug": "lamp", "platform_id": 6}
        body = {"access_token": "t", "product": [product], "devices": [], "customers": [], "return_value": 1, "result": 1, "online": True}
        body |= {"status": "active", "username": "me@example.com", "id": ID, "logs": []}
        body |= {"sims": [], "sim": {"iccid": "8", "status": "active"}}
        listed = request.url.path in ("/v1/devices", "/v1/products/5/firmware")
        return httpx.Response(200, content=json.dumps([] if listed else body).encode())


@pytest.fixture
def real():
    return Somebody()


@pytest.fixture
def cloud(real):
    made = Cloud(real.target)
    yield made
    made.close()


@pytest.fixture
def account(cloud):
    return Account(cloud, "t", "me@example.com")


@pytest.fixture
def owners(cloud, account):
    """One of each class that speaks to a cloud."""
    return {
        Cloud: cloud,
        Account: account,
        Product: Product(account, 5, "lamp", 6),
        Customer: Customer(account, 5, "ann@example.com"),
        Webhook: Webhook(account, "17", "said"),
        Sims: Sims(account, "/v1/sims"),
    }


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "delete", "Post", "MKCOL"])
@pytest.mark.parametrize(
    "path", ["/v1/devices", f"/v1/devices/{ID}", "/v1/access_tokens/current", "/v1/x?y=/oauth/token", "/v1/x/oauth/tokens"]
)
def test_a_raw_request_that_may_change_something_is_not_even_sent(real, cloud, account, method, path):
    for ask in (lambda: cloud.request(method, path, token="t"), lambda: account.request(method, path, json={})):
        with pytest.raises(ChangesNotAllowed) as caught:
            ask()
        assert f"refused to {method} {path} in the cloud at https://cloud.test: that changes a real cloud" in str(caught.value)
        assert "--allow-changes" in str(caught.value)
    assert real.asked == []


@pytest.mark.parametrize("path", ["/v1/products/5/firmware", "/v1/binaries"])
def test_an_upload_is_a_change(real, account, path):
    with pytest.raises(ChangesNotAllowed):
        account.request("POST", path, files={"file": ("x.bin", b"x")}, form={"version": "1"})
    assert real.asked == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "get"])
def test_who_only_looks_needs_no_permission(real, account, method):
    account.request(method, f"/v1/devices/{ID}")
    assert real.asked == [(method.upper(), f"/v1/devices/{ID}")]


TALKS = {"call", "signal", "publish", "ping", "login"}
"""What reaches a device or listeners and changes nothing for good, and the log-in."""
APART = {"request", "send", "talk", "change", "must_allow", "open_events", "events", "close", "firmware", "wait_for", "wait_for_version"}
"""The ways that all of them go, what opens a stream, and what asks no cloud or only waits."""
VALUES = {
    "device": ID,
    "device_id": ID,
    "application": b"",
    "image": b"not a module",
    "platform_id": 6,
    "version": 1,
    "public_key": b"k",
    "platform": "photon",
    "on": True,
    "username": "a@example.com",
    "password": "a long enough secret",
    "email": "a@example.com",
    "client": ("a", "b"),
    "product_id": 5,
    "product": 5,
    "url": "https://hooks.example/",
    "iccid": "89340765000025898700",
    "number": "89340765000025898700",
}


def methods():
    for kind in (Cloud, Account, Product, Customer, Webhook, Sims):
        for name, _ in inspect.getmembers(kind, lambda each: inspect.isfunction(each) or inspect.ismethod(each)):
            if not name.startswith("_") and name not in APART:
                yield pytest.param(kind, name, id=f"{kind.__name__}.{name}")


@pytest.mark.parametrize(("kind", "name"), list(methods()))
def test_every_method_of_the_kit_asks_for_permission_or_changes_nothing(real, owners, kind, name):
    """A method that comes later is tried as well, and has to be one or the other."""
    method = getattr(owners[kind], name)
    values = VALUES | {"account": owners[Account], "cloud": owners[Cloud]}
    given = {
        each.name: values.get(each.name, "x")
        for each in inspect.signature(method).parameters.values()
        if each.default is inspect.Parameter.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    }
    try:
        method(**given)
    except ChangesNotAllowed:
        assert name not in TALKS
    except Exception:  # it looked something up before, and cannot read what this cloud answers: that is no change either
        assert real.asked
    assert name in TALKS or {verb for verb, _ in real.asked} <= {"GET", "HEAD"}, "nothing is sent before it is allowed"


def test_what_is_known_to_change_something_is_refused(real, owners):
    """Of the same methods: a test that finds nothing to refuse is none."""
    product, account = owners[Product], owners[Account]
    acts = (
        lambda: product.add_devices(ID),
        lambda: product.release(2),
        lambda: product.lock(ID, 2),
        lambda: product.upload(b"x", 2),
        lambda: product.sign_up("a@example.com", "a long enough secret"),
        lambda: account.claim(ID),
        lambda: account.flash(ID, b"x"),
        lambda: account.claim_code(),
        lambda: owners[Cloud].sign_up("a@example.com", "a long enough secret"),
        lambda: owners[Customer].claim_code(),
        lambda: owners[Webhook].delete(),
        lambda: owners[Sims].activate("89340765000025898700"),
    )
    for act in acts:
        with pytest.raises(ChangesNotAllowed):
            act()
    assert real.asked == []


def test_everything_that_speaks_to_a_cloud_is_among_them(owners):
    """What is handed an account or a cloud when it is made, in the rooms of the client and the kit."""
    from harness import cloud, kit, mails, sims

    found = set()
    for room in (cloud, mails, sims, *(importlib.import_module(f"harness.kit.{each.name}") for each in pkgutil.iter_modules(kit.__path__))):
        for _, kind in inspect.getmembers(room, inspect.isclass):
            taken = inspect.signature(kind).parameters.values() if kind.__module__ == room.__name__ else ()
            if any(str(each.annotation) in ("Account", "Cloud") for each in taken):
                found.add(kind)
    assert found - owners.keys() == {Mailbox}, "whose own test is below"


def test_mails_of_a_real_cloud_arrive_elsewhere(account):
    with pytest.raises(CapabilityMissing, match="mails that a program can read"):
        account.mails.all()
    with pytest.raises(CapabilityMissing):
        account.mails.wait_for("anything")
