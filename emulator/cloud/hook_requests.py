"""What a webhook sends, made from its configuration and the event."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from emulator.cloud.basics import iso, json_object
from emulator.cloud.events import Event
from emulator.cloud.templates import Budget, render


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


def compose(
    hook_id: str, config: Mapping[str, Any], event: Event, secrets: Mapping[str, str] | None = None, budget: Budget | None = None
) -> HookRequest:
    """The request of a webhook for an event; its templates may name `secrets` too. `budget` is what they all may cost together.

    Without `noDefaults`, event name, data, device id and time are sent along. Where: in `json`, else `form`, as configured; for GET in
    the query; a `body` is sent as it is.

    Raises:
        TemplateError: they cost more.
    """
    fill = _Filler({**template_values(event), **(secrets or {})}, Budget() if budget is None else budget)
    method = str(config.get("requestType", "POST")).upper()
    defaults = {} if is_true(config.get("noDefaults")) else _defaults(event)
    query = fill.members(config.get("query"))
    headers = fill.members(config.get("headers"))
    body = b""
    if method == "GET":
        query = {**defaults, **query}
    elif config.get("body") is not None:
        body = fill.text(str(config["body"])).encode()
    elif config.get("json") is not None:
        body = json.dumps({**defaults, **fill.json(config["json"])}, separators=(",", ":")).encode()
        headers.setdefault("Content-Type", "application/json")
    else:
        body = urlencode({**defaults, **fill.members(config.get("form"))}).encode()
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    auth = config.get("auth")
    login = fill.members({name: value for name, value in auth.items() if value is not None} if isinstance(auth, Mapping) else None)
    if "bearer" in login:
        headers.setdefault("Authorization", f"Bearer {login['bearer']}")
    return HookRequest(
        hook_id=hook_id,
        method=method,
        url=_with_query(fill.text(str(config["url"])), query),
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


def render_topic(template: object, event: Event, budget: Budget | None = None) -> str | None:
    """The name of an event that a webhook makes, if its configuration gives one.

    Raises:
        TemplateError: its template costs more than the budget.
    """
    return render(template, template_values(event), budget) if isinstance(template, str) and template else None


def _defaults(event: Event) -> dict[str, Any]:
    return {"event": event.name, "data": event.data or "", "coreid": event.coreid, "published_at": iso(event.published_at)}


class _Filler:
    """Fills the parts of one request in, on one budget."""

    def __init__(self, values: Mapping[str, Any], budget: Budget) -> None:
        self._values = values
        self._budget = budget

    def text(self, template: str) -> str:
        return render(template, self._values, self._budget)

    def members(self, part: object) -> dict[str, str]:
        if not isinstance(part, Mapping):
            return {}
        return {str(name): self.text(value if isinstance(value, str) else json.dumps(value)) for name, value in part.items()}

    def json(self, part: object) -> dict[str, Any]:
        return json_object(self.text(part if isinstance(part, str) else json.dumps(part)))


def _with_query(url: str, query: Mapping[str, str]) -> str:
    if not query:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


def is_true(value: object) -> bool:
    """Whether a field of a configuration says so: as JSON, or as a word."""
    return str(value).lower() == "true"
