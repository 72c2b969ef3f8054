"""A client for the device cloud's REST API: the emulated cloud in process or over HTTP, or a real one.

    cloud = Cloud(CloudTarget("https://api.particle.io", WallClock()))
    account = cloud.login("me@example.com", "secret")
    account.claim(device_id)

What the API answers is told in docs/writing-tests.md, "The cloud"; every error that it gives becomes `CloudRefused` with its own words.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from firmware_images.image import read_image
from firmware_images.stand_in import is_stand_in
from harness.changes import note
from harness.cloud_events import EventStream, InProcessChunks, ThreadChunks
from harness.errors import Blame, ChangesNotAllowed, CloudRefused, CloudUnreachable, ImageRefused, Refusal, hides
from harness.host import HostClock
from harness.loading import load
from harness.mails import Mailbox
from harness.sims import Sims

__tracebackhide__ = hides

CLIENT = ("particle-api", "particle-api")
"""The public OAuth client that api libraries use (particle-api-js 12.0.2, src/Particle.ts: Defaults)."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HARMLESS = (("POST", "/oauth/token"), ("PUT", "/ping"))
"""Methods and ends of paths that change nothing all the same."""

REQUEST_TIMEOUT = 60.0
"""Seconds; a call of a function is given up by the cloud itself before that."""


@dataclass(frozen=True, slots=True)
class WifiNetwork:
    """A Wi-Fi network that boards can join. `security` is the number of the console's menu: 0 unsecured, 1 WEP, 2 WPA, 3 WPA2."""

    ssid: str
    password: str = field(default="", repr=False)
    security: int = 3


@dataclass(frozen=True, slots=True)
class CloudTarget:
    """Which cloud, and how to reach it."""

    url: str
    clock: HostClock
    transport: Callable[[], httpx.BaseTransport] | None = None
    """Makes the in-process transport to an emulated cloud; None for HTTP."""
    ours: bool = False
    """Whether it is an emulated cloud of this run, which may be changed freely."""
    token: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    allow_changes: bool = True


@dataclass(frozen=True, slots=True)
class CloudDevice:
    """A device as the cloud tells it. `raw` has every field of the answer."""

    id: str
    name: str | None
    owner: str | None
    online: bool
    platform_id: int | None
    product_id: int | None
    status: str | None
    last_handshake_at: str | None
    os_version: str | None
    firmware_version: int | None
    """PRODUCT_VERSION of the application that it runs, as it said itself when it connected."""
    functions: tuple[str, ...]
    variables: Mapping[str, str]
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def in_safe_mode(self) -> bool:
        """Whether it said so in its last session."""
        return self.status == "safe_mode"

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> CloudDevice:
        """Read one device object of the API."""
        return cls(
            id=str(raw.get("id", "")),
            name=raw.get("name"),
            owner=raw.get("owner"),
            online=bool(raw.get("online", raw.get("connected", False))),
            platform_id=raw.get("platform_id"),
            product_id=raw.get("product_id"),
            status=raw.get("status"),
            last_handshake_at=raw.get("last_handshake_at"),
            os_version=raw.get("system_firmware_version"),
            firmware_version=raw.get("firmware_version"),
            functions=tuple(raw.get("functions") or ()),
            variables=dict(raw.get("variables") or {}),
            raw=raw,
        )


class Cloud:
    """The cloud, before anybody logged in."""

    def __init__(self, target: CloudTarget) -> None:
        self.target = target
        self.clock = target.clock
        transport = target.transport() if target.transport is not None else None
        self._client = httpx.Client(base_url=target.url, transport=transport, timeout=REQUEST_TIMEOUT, trust_env=transport is None)

    def own_account(self) -> Account | None:
        """The account that the target names, by its token or by name and password; None when it names none.

        Raises:
            CloudRefused: they are not valid.
        """
        target = self.target
        if target.token:
            return self.account(target.token)
        return self.login(target.username, target.password) if target.username else None

    def login(self, username: str, password: str) -> Account:
        """Log in with name and password, as particle-cli does.

        Raises:
            CloudRefused: wrong credentials.
        """
        fields = {"grant_type": "password", "username": username, "password": password, "client_id": CLIENT[0], "client_secret": CLIENT[1]}
        answer = self.request("POST", "/oauth/token", form=fields)
        return Account(self, str(answer["access_token"]), username)

    def sign_up(self, username: str, password: str) -> Account:
        """Make a new user and log in.

        Raises:
            CloudRefused: the name is in use.
        """
        self.request("POST", "/v1/users", json={"username": username, "password": password})
        return self.login(username, password)

    def account(self, token: str) -> Account:
        """The account that an access token belongs to.

        Raises:
            CloudRefused: the token is not valid.
        """
        answer = self.request("GET", "/v1/user", token=token)
        return Account(self, token, str(answer.get("username", "")))

    def request(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        json: Any = None,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
        what: str = "",
    ) -> Any:
        """Send one request; gives the JSON of its answer ({} for 204). `what` says in words what it changes, should it not be allowed.

        Raises:
            CloudRefused: the answer is an error, or no JSON.
            CloudUnreachable: there is no answer.
            ChangesNotAllowed: it changes something in a real cloud (whatever is neither GET, HEAD nor OPTIONS), and that was not allowed.
        """
        if _changes(method, path):
            self.must_allow(what or f"{method} {path}")
        return self.send(method, path, token=token, json=json, form=form, query=query, files=files)

    def send(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        json: Any = None,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
    ) -> Any:
        """The same for what changes nothing for good, whatever its method: a question to a device.

        Raises:
            CloudRefused: the answer is an error, or no JSON.
            CloudUnreachable: there is no answer.
        """
        headers = {"authorization": f"Bearer {token}"} if token else {}
        name = f"{method} {path}"
        try:
            response = self._client.request(method, path, json=json, data=form, params=query, headers=headers, files=files)
        except httpx.HTTPError as error:
            raise unreachable(self.target.url, name, error) from error
        if response.is_success and _changes(method, path):
            note(name, lasting=True)
        return read_answer(name, response)

    def must_allow(self, change: str) -> None:
        """Refuse to change something in a real cloud unless that was allowed.

        Raises:
            ChangesNotAllowed: it was not.
        """
        if not (self.target.ours or self.target.allow_changes):
            raise ChangesNotAllowed(f"{change} in the cloud at {self.target.url}", of="a real cloud")

    def open_events(self, path: str, token: str) -> EventStream:
        """Open a server-sent event stream; events are kept from this moment on.

        Raises:
            CloudRefused: the answer is an error.
            CloudUnreachable: there is no answer.
        """
        headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
        request = self._client.build_request("GET", path, headers=headers)
        try:
            response = self._client.send(request, stream=True)
            if response.status_code != httpx.codes.OK:
                response.read()
        except httpx.HTTPError as error:
            raise unreachable(self.target.url, f"GET {path}", error) from error
        if response.status_code != httpx.codes.OK:
            read_answer(f"GET {path}", response)
        chunks = InProcessChunks(response) if self.target.transport is not None else ThreadChunks(response)
        return EventStream(chunks, self.clock, path)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class Account:
    """A user of the cloud who is logged in."""

    def __init__(self, cloud: Cloud, token: str, username: str) -> None:
        self.cloud = cloud
        self.token = token
        self.username = username
        self._mails: Mailbox | None = None
        self.sims = Sims(self, "/v1/sims")
        """Its SIMs outside of products."""

    def devices(self) -> list[CloudDevice]:
        """The devices of this account."""
        return [CloudDevice.of(raw) for raw in self._request("GET", "/v1/devices")]

    def device(self, device: str) -> CloudDevice:
        """One device, by id or by its name in this account.

        Raises:
            CloudRefused: with status 403 if there is none that this account may see.
        """
        return CloudDevice.of(self._request("GET", f"/v1/devices/{device}"))

    def find(self, device: str) -> CloudDevice | None:
        """One device, or None if this account may not see it."""
        try:
            return self.device(device)
        except CloudRefused as error:
            if error.status in (403, 404):
                return None
            raise

    def claim(self, device_id: str, *, request_transfer: bool = False) -> None:
        """Claim a device that is online, or one of a product, which may be offline. Claiming one's own again changes nothing.

        `request_transfer`: ask whoever has it to give it up; he gets a mail.

        Raises:
            CloudRefused: status 404 when it is unknown, or offline and in no product; 403 when somebody else has it.
        """
        self._change(f"claim device {device_id}")
        self._request("POST", "/v1/devices", json={"id": device_id, "request_transfer": request_transfer})

    def unclaim(self, device: str) -> None:
        """Give a device up; it may be offline."""
        self._change(f"unclaim device {device}")
        self._request("DELETE", f"/v1/devices/{device}")

    def rename(self, device: str, name: str) -> None:
        """Give a device a name, which is unique within the account."""
        self._change(f"rename device {device}")
        self._request("PUT", f"/v1/devices/{device}", json={"name": name})

    def call(self, device: str, function: str, argument: str = "") -> int:
        """Call a function of the application; gives what it returned.

        Raises:
            CloudRefused: status 404 when there is no such function, 408 when the device did not answer.
        """
        return int(self.talk("POST", f"/v1/devices/{device}/{function}", json={"arg": argument})["return_value"])

    def read(self, device: str, variable: str) -> Any:
        """The value of a variable of the application.

        Raises:
            CloudRefused: status 404 when there is no such variable, 408 when the device did not answer.
        """
        return self._request("GET", f"/v1/devices/{device}/{variable}")["result"]

    def flash(self, device: str, image: bytes | str | Path, name: str = "") -> None:
        """Have the cloud send a module to a device, which must be online; `Board.update_over_the_air` also waits until it is installed.

        Args:
            device: its id, or its name in this account.
            image: the module, or the path of a file with it.
            name: what the cloud is told that the file is called.

        Raises:
            CloudRefused: it is offline, or the module does not fit.
            ImageRefused: it cannot be read, or it only stands for a real module, and this cloud may have real boards.
        """
        self._change(f"flash device {device}")
        found, image = load(image)
        name = name or (found if "." in found else "firmware.bin")
        if not self.cloud.target.ours and any(is_stand_in(module.prefix) for module in read_image(image).modules):
            raise ImageRefused(Refusal.STAND_IN, name)
        answer = self.cloud.request("PUT", f"/v1/devices/{device}", token=self.token, files={"file": (name, image)})
        if answer.get("ok") is False:
            raise CloudRefused(f"PUT /v1/devices/{device}", 200, error_text(answer), body=answer)

    def ping(self, device: str) -> bool:
        """Whether the device answers the cloud now."""
        return bool(self.talk("PUT", f"/v1/devices/{device}/ping", json={})["online"])

    def signal(self, device: str, *, on: bool) -> None:
        """Have the device show a rainbow on its LED, or stop it."""
        self.talk("PUT", f"/v1/devices/{device}", json={"signal": "1" if on else "0"})

    def register_key(self, device_id: str, public_key: bytes, platform_id: int) -> None:
        """Tell the cloud the public key of a device of nobody's, or of one's own (SubjectPublicKeyInfo, DER), as `particle keys send` does.

        Raises:
            CloudRefused: status 403 when the device is somebody else's, 404 when the cloud has no such device.
        """
        self._change(f"register a key of device {device_id}")
        pem = "\n".join(["-----BEGIN PUBLIC KEY-----", *_lines(base64.b64encode(public_key).decode()), "-----END PUBLIC KEY-----", ""])
        fields = {"deviceID": device_id, "publicKey": pem, "filename": "cli", "product_id": platform_id}
        self._request("POST", f"/v1/provisioning/{device_id}", json=fields)

    def publish(self, name: str, data: str = "", *, private: bool = True, ttl: int = 60) -> None:
        """Publish an event."""
        self.talk("POST", "/v1/devices/events", json={"name": name, "data": data, "private": private, "ttl": ttl})

    def claim_code(self) -> str:
        """A new claim code, for a board to bring along when it first connects."""
        self._change("make a claim code")
        return str(self._request("POST", "/v1/device_claims", json={})["claim_code"])

    def events(self, prefix: str = "", *, device: str = "mine") -> EventStream:
        """The events of all own devices ("mine"), or of one device, whose names begin with `prefix`."""
        place = "/v1/devices/events" if device == "mine" else f"/v1/devices/{device}/events"
        return self.cloud.open_events(place + (f"/{quote(prefix, safe='')}" if prefix else ""), self.token)

    @property
    def mails(self) -> Mailbox:
        """What the cloud has written to this account; a real one sends it elsewhere."""
        if self._mails is None:
            self._mails = Mailbox(self)
        return self._mails

    def _request(self, method: str, path: str, *, json: Any = None) -> Any:
        return self.cloud.request(method, path, token=self.token, json=json)

    def talk(self, method: str, path: str, *, json: Any = None) -> Any:
        """Send a request that reaches a device, or listeners, and changes nothing for good: a call, an event. Nobody needs to allow it.

        Raises:
            CloudRefused: the answer is an error.
        """
        return self.cloud.send(method, path, token=self.token, json=json)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
    ) -> Any:
        """Send a request of one's own; gives the JSON of its answer. What is neither GET, HEAD nor OPTIONS counts as a change.

        `files` are the parts of an upload: names of fields with the name and the bytes of a file.

        Raises:
            CloudRefused: the answer is an error.
            ChangesNotAllowed: it changes something in a real cloud, and that was not allowed.
        """
        return self.cloud.request(method, path, token=self.token, json=json, form=form, query=query, files=files)

    def change(
        self,
        method: str,
        path: str,
        *,
        what: str,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
    ) -> Any:
        """Send a request that changes something; `what` says in words what, should it not be allowed.

        Raises:
            CloudRefused: the answer is an error.
            ChangesNotAllowed: the cloud is a real one, and changes were not allowed.
        """
        return self.cloud.request(method, path, token=self.token, json=json, form=form, files=files, what=what)

    def _change(self, what: str) -> None:
        self.cloud.must_allow(what)


def _changes(method: str, path: str) -> bool:
    """Whether a request changes something."""
    method, path = method.upper(), path.partition("?")[0]
    return method not in _SAFE and not any(method == verb and path.endswith(end) for verb, end in _HARMLESS)


def _lines(text: str) -> list[str]:
    return [text[at : at + 64] for at in range(0, len(text), 64)]


def read_answer(name: str, response: httpx.Response) -> Any:
    """The JSON of an answer.

    Raises:
        CloudRefused: it is an error, or no JSON.
    """
    if response.status_code == httpx.codes.NO_CONTENT:
        return {}
    try:
        body = response.json()
    except ValueError:
        raise CloudRefused(name, response.status_code, f"an answer that is no JSON: {response.text[:80]!r}") from None
    if response.is_success:
        return body
    raise CloudRefused(name, response.status_code, error_text(body), body=body, blame=_blame(response.status_code))


def error_text(body: Any) -> str:
    """The words of an error body, whichever of the API's shapes it has (docs/writing-tests.md, "The cloud")."""
    if not isinstance(body, dict):
        return str(body)
    for key in ("error_description", "info"):
        if isinstance(body.get(key), str):
            return str(body[key])
    errors = body.get("errors")
    if isinstance(errors, list) and errors:
        return "; ".join(_one_error(each) for each in errors)
    return str(body.get("error", body))


def _one_error(error: Any) -> str:
    if isinstance(error, dict):
        return str(error.get("error", error))
    if isinstance(error, list) and error:
        return str(error[0])
    return str(error)


def _blame(status: int) -> Blame:
    """Whose fault an answer is: what is not there, or not allowed, was asked for in vain; a device that does not answer is the board's."""
    if status == HTTPStatus.REQUEST_TIMEOUT:
        return Blame.BOARD
    return Blame.CLOUD if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS else Blame.REQUEST


def unreachable(url: str, name: str, error: Exception) -> CloudUnreachable:
    """The error for a request that had no answer."""
    kind = "no answer in time" if isinstance(error, httpx.TimeoutException) else "not reachable"
    return CloudUnreachable(f"the cloud at {url}: {kind} ({name})", seen=str(error) or type(error).__name__)
