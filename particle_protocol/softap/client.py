"""A set-up program's end of SoftAP: what it asks a board, and what it makes of the answers. Without I/O.

A `Call` is a command with what it carries and how its answer is read. An `Exchange` takes one over a connection of its own: send
`request`, hand it what comes with `receive`, and ask `result` when the board has closed the connection.
"""

from __future__ import annotations

import http.client
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from particle_protocol.json_text import JsonError, parse_json
from particle_protocol.lightssl import DevicePublicKey, KeyFault
from particle_protocol.listening.wifi import WifiCredentials
from particle_protocol.softap.commands import CLAIM_CODE_KEY, HeardNetwork
from particle_protocol.softap.credentials import configuration
from particle_protocol.softap.line import line_request
from particle_protocol.softap.names import ADDRESS, HTTP_PORT, TCP_PORT

T = TypeVar("T")

CONFIGURE_RESULTS: Final = {
    1: "it does not take these credentials for an enterprise network",
    -1: "it does not know this security",
    -2: "its scan did not find the network, so that it does not know its cipher",
    -3: "the network's name has no characters, or more than 32",
    -4: "the password is too short or too long",
}
"""What the numbers that `configure-ap` answers mean (Device OS 2.3.1, hal/inc/wlan_hal.h:262-267)."""
DECRYPTION_FAILED: Final = -0x4000
"""Numbers below are those of mbedTLS: what was encrypted, was not for this board's key."""
_KEY_SIZE: Final = 162
_MOST: Final = 1 << 20


class SoftApError(Exception):
    """A board did not answer as it should, or refused; `result` is the number that it answered, if it did."""

    def __init__(self, command: str, why: str, result: int | None = None) -> None:
        self.command = command
        self.result = result
        super().__init__(f"SoftAP command {command}: {why}")


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What `device-id` answers."""

    device_id: str
    """24 hexadecimal digits, in lower case."""
    claimed: bool
    """The claim bit: whether the board was ever claimed. Only the cloud knows whether it is."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A command: its name, what it carries, and how its answer is read."""

    name: str
    read: Callable[[dict[str, Any]], T]
    body: dict[str, Any] | None = None


def version() -> Call[int]:
    """The version of the protocol."""
    return Call("version", lambda answer: int(answer["v"]))


def device_info() -> Call[DeviceInfo]:
    """Who the board is, and its claim bit."""
    return Call("device-id", lambda answer: DeviceInfo(str(answer["id"]).lower(), answer["c"] == "1"))


def public_key() -> Call[DevicePublicKey]:
    """The key that secrets for the board are encrypted with."""

    def read(answer: dict[str, Any]) -> DevicePublicKey:
        _succeeded("public-key", answer)
        return DevicePublicKey.from_der(bytes.fromhex(answer["b"])[:_KEY_SIZE])

    return Call("public-key", read)


def scan() -> Call[list[HeardNetwork]]:
    """The networks that the board hears."""

    def one(entry: dict[str, Any]) -> HeardNetwork:
        numbers = (int(entry[key]) for key in ("rssi", "sec", "ch", "mdr"))
        return HeardNetwork(str(entry["ssid"]).encode("utf-8", "surrogateescape"), *numbers)

    return Call("scan-ap", lambda answer: [one(entry) for entry in answer["scans"]])


def set_claim_code(code: str) -> Call[None]:
    """Store a claim code, for the board to bring along when it connects."""
    return Call("set", lambda answer: _succeeded("set", answer), {"k": CLAIM_CODE_KEY, "v": code})


def configure(credentials: WifiCredentials, key: DevicePublicKey) -> Call[None]:
    """Store the credentials of a network.

    Raises:
        ValueError: no board could take them.
    """
    return Call("configure-ap", lambda answer: _succeeded("configure-ap", answer), configuration(credentials, key))


def connect() -> Call[None]:
    """End set-up: the board leaves its own network, and joins the one that it was given."""
    return Call("connect-ap", lambda answer: _succeeded("connect-ap", answer), {"idx": 0})


@dataclass(slots=True)
class Exchange(Generic[T]):
    """One call over one connection: over TCP by the line protocol, or by HTTP."""

    call: Call[T]
    over_http: bool = False
    _received: bytearray = field(default_factory=bytearray)

    @property
    def port(self) -> int:
        """Of the board's server."""
        return HTTP_PORT if self.over_http else TCP_PORT

    @property
    def request(self) -> bytes:
        """What to send when the connection stands."""
        if not self.over_http:
            return line_request(self.call.name, self.call.body)
        if self.call.body is None:
            return f"GET /{self.call.name} HTTP/1.1\r\nHost: {ADDRESS}\r\nConnection: close\r\n\r\n".encode()
        body = json.dumps(self.call.body, ensure_ascii=False).encode("utf-8", "surrogateescape")
        head = f"POST /{self.call.name} HTTP/1.1\r\nHost: {ADDRESS}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
        # The board's pages fit no request that says it is JSON.
        return head.encode() + b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + body

    def receive(self, data: bytes) -> None:
        """Bytes have come. What is more than any board answers is not kept."""
        self._received += data[: _MOST + 1 - len(self._received)]

    def result(self) -> T:
        """What the board answered, now that the connection has ended.

        Raises:
            SoftApError: nothing, or not what was awaited, or an error.
        """
        name = self.call.name
        if len(self._received) > _MOST:
            raise SoftApError(name, f"the answer has more than {_MOST} bytes")
        text = self._content()
        if not text.strip():
            raise SoftApError(name, "the board closed the connection without an answer: it does not know or could not read the request")
        try:
            answer = parse_json(text)
            if not isinstance(answer, dict):
                raise TypeError("no object")
            return self.call.read(answer)
        except (JsonError, KeyError, TypeError, ValueError, KeyFault, UnicodeDecodeError) as error:
            raise SoftApError(name, f"the answer {bytes(text[:200])!r} cannot be read: {error}") from error

    def _content(self) -> bytes:
        """The JSON of the answer."""
        if not self.over_http:
            return bytes(self._received)
        response = http.client.HTTPResponse(_Received(bytes(self._received)))  # type: ignore[arg-type]  # only makefile is used
        try:
            response.begin()
            body = response.read()
        except (http.client.HTTPException, ValueError) as error:
            raise SoftApError(self.call.name, f"no HTTP answer: {str(error) or type(error).__name__}") from error
        if response.status != http.client.OK:
            raise SoftApError(self.call.name, f"HTTP status {response.status} {response.reason}".rstrip())
        return body


class _Received:
    """What came, in the form in which the standard library's HTTP client reads it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def _succeeded(name: str, answer: dict[str, Any]) -> None:
    result = int(answer["r"])
    if result == 0:
        return
    why = CONFIGURE_RESULTS.get(result, "") if name == "configure-ap" else ""
    if result < DECRYPTION_FAILED:
        why = "it could not decrypt the password: that was encrypted for another key"
    raise SoftApError(name, f"the board answered {result}" + (f": {why}" if why else ""), result)
