"""The REST client, against a transport that records what is asked."""

import json

import httpx
import pytest

from harness.cloud import Cloud, CloudTarget, error_text
from harness.errors import Blame, ChangesNotAllowed, CloudRefused, CloudUnreachable
from harness.host import WallClock

ID = "0123456789abcdef01234567"
DEVICE = {
    "id": ID,
    "name": "bench-7",
    "owner": "me@example.com",
    "connected": True,
    "platform_id": 6,
    "product_id": 6,
    "functions": ["led"],
}


class FakeCloud:
    """Answers by (method, path); keeps the requests."""

    def __init__(self, **answers):
        self.requests = []
        self.answers = {
            ("POST", "/oauth/token"): (200, {"access_token": "t0k3n", "token_type": "bearer"}),
            ("GET", f"/v1/devices/{ID}"): (200, DEVICE),
            ("GET", "/v1/devices"): (200, [DEVICE]),
        }

    def handle(self, request):
        self.requests.append(request)
        status, body = self.answers.get((request.method, request.url.path), (200, {"ok": True}))
        if isinstance(body, Exception):
            raise body
        return httpx.Response(status, content=body if isinstance(body, bytes) else json.dumps(body).encode())

    def refuse(self, method, path, status, body):
        self.answers[(method, path)] = (status, body)


@pytest.fixture
def fake():
    return FakeCloud()


@pytest.fixture
def cloud(fake):
    made = Cloud(CloudTarget("http://cloud.test", WallClock(), lambda: httpx.MockTransport(fake.handle), ours=True))
    yield made
    made.close()


@pytest.fixture
def account(cloud):
    return cloud.login("me@example.com", "secret")


def body_of(request):
    return json.loads(request.content)


def test_logging_in_sends_the_form_that_api_libraries_send(fake, cloud):
    account = cloud.login("me@example.com", "secret")
    (request,) = fake.requests
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert httpx.QueryParams(request.content.decode()) == httpx.QueryParams(
        grant_type="password", username="me@example.com", password="secret", client_id="particle-api", client_secret="particle-api"
    )
    assert (account.token, account.username) == ("t0k3n", "me@example.com")


def test_every_request_carries_the_token(fake, account):
    account.devices()
    assert fake.requests[-1].headers["authorization"] == "Bearer t0k3n"


@pytest.mark.parametrize(
    ("act", "method", "path", "body"),
    [
        (lambda a: a.claim(ID), "POST", "/v1/devices", {"id": ID, "request_transfer": False}),
        (lambda a: a.unclaim(ID), "DELETE", f"/v1/devices/{ID}", None),
        (lambda a: a.rename(ID, "bench-7"), "PUT", f"/v1/devices/{ID}", {"name": "bench-7"}),
        (lambda a: a.signal(ID, on=True), "PUT", f"/v1/devices/{ID}", {"signal": "1"}),
        (
            lambda a: a.publish("hello", "world"),
            "POST",
            "/v1/devices/events",
            {"name": "hello", "data": "world", "private": True, "ttl": 60},
        ),
    ],
)
def test_requests_are_those_of_the_api(fake, account, act, method, path, body):
    act(account)
    request = fake.requests[-1]
    assert (request.method, request.url.path) == (method, path)
    assert (body_of(request) if request.content else None) == body


def test_calls_and_reads_give_their_values(fake, account):
    fake.answers[("POST", f"/v1/devices/{ID}/led")] = (200, {"return_value": 7})
    fake.answers[("GET", f"/v1/devices/{ID}/temperature")] = (200, {"result": 21.5})
    assert account.call(ID, "led", "on") == 7
    assert body_of(fake.requests[-1]) == {"arg": "on"}
    assert account.read(ID, "temperature") == 21.5


def test_a_device_is_read(account):
    device = account.device(ID)
    assert (device.id, device.name, device.owner, device.online, device.functions) == (ID, "bench-7", "me@example.com", True, ("led",))
    assert [each.id for each in account.devices()] == [ID]


def test_a_device_that_the_account_may_not_see_is_none(fake, account):
    fake.refuse("GET", f"/v1/devices/{ID}", 403, {"error": "Permission Denied", "info": "I didn't recognize that device name or ID"})
    assert account.find(ID) is None


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"error": "invalid_grant", "error_description": "User credentials are invalid"}, "User credentials are invalid"),
        ({"error": "Permission Denied", "info": "not yours"}, "not yours"),
        ({"ok": False, "error": "Function led not found"}, "Function led not found"),
        ({"ok": False, "errors": ["That belongs to someone else."]}, "That belongs to someone else."),
        ({"ok": False, "errors": [["Core isn't online", 404]]}, "Core isn't online"),
        ({"ok": False, "code": 500, "errors": [{"error": "Timed out."}]}, "Timed out."),
        ({"ok": False, "errors": []}, "{'ok': False, 'errors': []}"),
        ([1], "[1]"),
    ],
)
def test_every_shape_of_error_is_told_in_its_own_words(body, text):
    assert error_text(body) == text


def test_an_error_names_request_status_and_words(fake, account):
    fake.refuse("POST", "/v1/devices", 404, {"ok": False, "errors": [["Core isn't online", 404]]})
    with pytest.raises(CloudRefused, match="POST /v1/devices was answered with HTTP 404: Core isn't online") as caught:
        account.claim(ID)
    assert (caught.value.status, caught.value.blame) == (404, Blame.REQUEST)


@pytest.mark.parametrize(("status", "blame"), [(404, Blame.REQUEST), (408, Blame.BOARD), (429, Blame.CLOUD), (503, Blame.CLOUD)])
def test_what_an_answer_blames_is_known_by_its_status(fake, account, status, blame):
    fake.refuse("POST", f"/v1/devices/{ID}/dim", status, {"ok": False, "error": "no"})
    with pytest.raises(CloudRefused) as caught:
        account.call(ID, "dim")
    assert caught.value.blame is blame


def test_wrong_credentials_are_the_requests_fault(fake, cloud):
    fake.refuse("POST", "/oauth/token", 400, {"error": "invalid_grant", "error_description": "User credentials are invalid"})
    with pytest.raises(CloudRefused) as caught:
        cloud.login("me@example.com", "wrong")
    assert caught.value.blame is Blame.REQUEST


def test_an_answer_that_is_no_json_is_an_error(fake, account):
    fake.refuse("GET", "/v1/devices", 502, b"<html>Bad gateway</html>")
    with pytest.raises(CloudRefused, match="no JSON"):
        account.devices()


@pytest.mark.parametrize(
    ("error", "text"), [(httpx.ReadTimeout("slow"), "no answer in time"), (httpx.ConnectError("refused"), "not reachable")]
)
def test_no_answer_is_told_apart(fake, account, error, text):
    fake.refuse("GET", "/v1/devices", 0, error)
    with pytest.raises(CloudUnreachable, match=f"the cloud at http://cloud.test: {text}"):
        account.devices()


def test_a_real_cloud_is_not_changed_unless_allowed(fake):
    target = CloudTarget("http://cloud.test", WallClock(), lambda: httpx.MockTransport(fake.handle), allow_changes=False)
    cloud = Cloud(target)
    account = cloud.login("me@example.com", "secret")
    for act in (account.claim, account.unclaim, lambda device: account.rename(device, "x")):
        with pytest.raises(ChangesNotAllowed, match="--allow-changes"):
            act(ID)
    assert len(fake.requests) == 1
    cloud.close()


def test_a_token_is_worth_an_account(fake, cloud):
    fake.answers[("GET", "/v1/user")] = (200, {"username": "me@example.com"})
    assert cloud.account("t0k3n").username == "me@example.com"


def test_secrets_are_not_shown():
    target = CloudTarget("http://cloud.test", WallClock(), token="t0k3n", username="me", password="secret")
    assert "t0k3n" not in repr(target)
    assert "secret" not in repr(target)
