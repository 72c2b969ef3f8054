"""Unmodified particle-cli believes the emulated cloud."""

import json

import httpx
import pytest

from emulator.board.settings import StoredNetwork

pytestmark = pytest.mark.tool("particle-cli")
USER, PASSWORD = "me@example.com", "passw0rd"


@pytest.fixture
def board(lab, service):
    made = lab.add_board(os="2.3.1", networks=[StoredNetwork("lab", 3, "secret123")])
    lab.driver.wait(lambda: made.led.describe() == "breathing cyan", [made.changed], timeout=20, awaited="breathing cyan")
    lab.driver.sleep(0.5)
    return made


@pytest.fixture
def rest(service, token):
    with httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {token}"}) as client:
        yield client


def test_it_logs_in_and_out(cli, service, rest):
    cli.configure(apiUrl=service.url)
    cli("login", "--username", USER, "--password", PASSWORD)
    assert USER in cli("whoami")
    cli("logout")
    assert USER not in cli("whoami", status=1)
    assert rest.get("/v1/access_tokens/current").status_code == 200


def test_a_device_is_added_renamed_listed_used_and_removed(cli, board, rest):
    assert board.device_id in cli("device", "add", board.device_id)
    cli("device", "rename", board.device_id, "lamp")
    listed = cli("list")
    assert f"lamp [{board.device_id}] (Photon) is online" in listed
    assert "digitalwrite" in listed
    assert cli("call", "lamp", "digitalwrite", "D7,HIGH").strip().endswith("1")
    assert rest.get(f"/v1/devices/{board.device_id}").json()["name"] == "lamp"
    cli("device", "remove", board.device_id, "--yes")
    assert rest.get("/v1/devices").json() == []


def test_a_device_of_somebody_else_is_not_taken(cli, board, lab, service):
    lab.driver.call(lab.cloud.accounts.create, "other@example.com", PASSWORD)
    form = {
        "username": "other@example.com",
        "password": PASSWORD,
        "grant_type": "password",
        "client_id": "particle",
        "client_secret": "particle",
    }
    other = httpx.post(f"{service.url}/oauth/token", data=form).json()["access_token"]
    claimed = httpx.post(f"{service.url}/v1/devices", data={"id": board.device_id}, headers={"Authorization": f"Bearer {other}"})
    assert claimed.status_code == 200
    with cli.start("device", "add", board.device_id) as process:
        said, _ = process.communicate(timeout=60)
    assert "request a transfer" in said.lower()


def test_a_variable_is_read(cli, lab, service, rest):
    from emulator.device_os.application import Application, variable

    class Thermometer(Application):
        @variable
        def temperature(self) -> float:
            return 21.5

    lab.applications["thermometer"] = Thermometer
    made = lab.add_board(application="thermometer", networks=[StoredNetwork("lab", 3, "secret123")])
    lab.driver.wait(lambda: made.led.describe() == "breathing cyan", [made.changed], timeout=20, awaited="breathing cyan")
    lab.driver.sleep(0.5)
    rest.post("/v1/devices", data={"id": made.device_id})
    assert cli("get", made.device_id, "temperature").strip().endswith("21.5")


def test_events_are_published_and_heard(cli, rest):
    with cli.start("subscribe", "weather") as process:
        try:
            for line in process.stdout:
                if "Subscribing" in line:
                    break
            cli("publish", "weather/rain", "a lot")
            heard = next(line for line in process.stdout if line.startswith("{"))
        finally:
            process.kill()
    event = json.loads(heard)
    assert (event["name"], event["data"]) == ("weather/rain", "a lot")


def test_product_devices_are_added_listed_and_removed(cli, lab, rest):
    product = rest.post("/v1/user/products", json={"product": {"name": "Lamp", "platform_id": 6}}).json()["product"]["id"]
    board = lab.add_board(mode="off")
    cli("product", "device", "add", str(product), board.device_id)
    assert board.device_id in cli("product", "device", "list", str(product))
    cli("product", "device", "remove", str(product), board.device_id)
    assert board.device_id not in cli("product", "device", "list", str(product))


def test_tokens_are_listed_and_revoked(cli, rest):
    made = rest.post(
        "/oauth/token",
        data={"username": USER, "password": PASSWORD, "grant_type": "password", "client_id": "particle", "client_secret": "particle"},
    )
    spare = made.json()["access_token"]
    cli("token", "revoke", spare)
    assert rest.get("/v1/devices", headers={"Authorization": f"Bearer {spare}"}).status_code == 401


def test_webhooks_are_made_listed_and_deleted(cli, rest):
    cli("webhook", "create", "temperature", "http://127.0.0.1:9/hook")
    assert "temperature" in cli("webhook", "list")
    (hook,) = rest.get("/v1/integrations").json()
    cli("webhook", "delete", hook["id"])
    assert rest.get("/v1/integrations").json() == []
