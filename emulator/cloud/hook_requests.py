"""What a webhook sends, made from its configuration and the event."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from emulator.cloud.basics import iso, json_object
from emulator.cloud.events import Event
from emulator.cloud.templates import render


@dataclass(frozen=True, slots=True)
class HookRequest:
    """One HTTP request to somebody's server. `url` has the query in it."""

    hook_id: str
    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    username: str | None = None
    password: str | None = None
    verify: bool = True


@dataclass(frozen=True, slots=True)
class HookResponse:
    """What came back."""

    status: int
    body: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether the server was content."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def values(self) -> Mapping[str, Any]:
        """The body as values for a template: a JSON object's own, or none."""
        return json_object(self.text)


def compose(hook_id: str, config: Mapping[str, Any], event: Event, secrets: Mapping[str, str] | None = None) -> HookRequest:
    """The request of a webhook for an event; its templates may name `secrets` too.

    Without `noDefaults`, event name, data, device id and time are sent along. Where: in `json`, else `form`, as configured; for GET in
    the query; a `body` is sent as it is.
    """
    values = {**template_values(event), **(secrets or {})}
    method = str(config.get("requestType", "POST")).upper()
    defaults = {} if is_true(config.get("noDefaults")) else _defaults(event)
    query = _filled(config.get("query"), values)
    headers = _filled(config.get("headers"), values)
    body = b""
    if method == "GET":
        query = {**defaults, **query}
    elif config.get("body") is not None:
        body = render(str(config["body"]), values).encode()
    elif config.get("json") is not None:
        body = json.dumps({**defaults, **_json(config["json"], values)}, separators=(",", ":")).encode()
        headers.setdefault("Content-Type", "application/json")
    else:
        body = urlencode({**defaults, **_filled(config.get("form"), values)}).encode()
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    auth = config.get("auth")
    login = _filled({name: value for name, value in auth.items() if value is not None} if isinstance(auth, Mapping) else None, values)
    if "bearer" in login:
        headers.setdefault("Authorization", f"Bearer {login['bearer']}")
    return HookRequest(
        hook_id=hook_id,
        method=method,
        url=_with_query(render(str(config["url"]), values), query),
        headers=tuple(headers.items()),
        body=body,
        username=login.get("username", login.get("user")),
        password=login.get("password", login.get("pass")),
        verify=config.get("rejectUnauthorized") is None or is_true(config["rejectUnauthorized"]),
    )


def template_values(event: Event) -> dict[str, Any]:
    """What templates may name: the event's facts, and the members of its data, if that is a JSON object."""
    return {
        **json_object(event.data),
        "PARTICLE_DEVICE_ID": event.coreid if event.device_id is None else event.device_id,
        "PARTICLE_EVENT_NAME": event.name,
        "PARTICLE_EVENT_VALUE": event.data or "",
        "PARTICLE_PUBLISHED_AT": iso(event.published_at),
    }


def render_topic(template: object, event: Event) -> str | None:
    """The name of an event that a webhook makes, if its configuration gives one."""
    return render(template, template_values(event)) if isinstance(template, str) and template else None


def _defaults(event: Event) -> dict[str, Any]:
    return {"event": event.name, "data": event.data or "", "coreid": event.coreid, "published_at": iso(event.published_at)}


def _filled(part: object, values: Mapping[str, Any]) -> dict[str, str]:
    if not isinstance(part, Mapping):
        return {}
    return {str(name): render(value if isinstance(value, str) else json.dumps(value), values) for name, value in part.items()}


def _json(part: object, values: Mapping[str, Any]) -> dict[str, Any]:
    text = part if isinstance(part, str) else json.dumps(part)
    return json_object(render(text, values))


def _with_query(url: str, query: Mapping[str, str]) -> str:
    if not query:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


def is_true(value: object) -> bool:
    """Whether a field of a configuration says so: as JSON, or as a word."""
    return str(value).lower() == "true"
