"""Webhooks: requests to somebody's server when an event happens.

A webhook in a user's sandbox fires only for devices that are claimed to that user; one of a product fires for the product's members,
claimed or not, and never for quarantined ones. It matches events by prefix. The request goes out through the lab's gateway; what comes
back is told in `hook-sent/`, `hook-response/` (in chunks of 512 bytes) and `hook-error/` events.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from emulator.cloud.access import Principal
from emulator.cloud.core import Core
from emulator.cloud.errors import Invalid, WebhookUnknown
from emulator.cloud.events import INTERNAL, Event, Events
from emulator.cloud.gate import Gate
from emulator.cloud.hook_requests import HookRequest, HookResponse, compose, render_topic
from emulator.cloud.records import OwnerKind
from emulator.cloud.templates import render
from emulator.drivers import Reply

Gateway = Callable[[HookRequest], Reply[HookResponse]]
"""The lab's way out. The reply may fail with any `OSError` (TimeoutError, ConnectionError included)."""
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook. `config` is everything its maker said, as JSON."""

    id: str
    event: str
    url: str
    name: str
    config: str
    created_at: float
    user_id: str | None = None
    product_id: int | None = None
    disabled: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration."""
        found: dict[str, Any] = json.loads(self.config)
        return found


@dataclass(frozen=True, slots=True)
class TestResult:
    """How a trial went: what came back, or what went wrong."""

    passed: bool
    data: str | None
    error: str | None


class Webhooks:
    """The webhooks of users (no `product`) and products."""

    def __init__(self, core: Core, gate: Gate, events: Events) -> None:
        self._core = core
        self._gate = gate
        self._events = events
        self._hooks = core.state.table("webhooks", Webhook, lambda hook: hook.id)
        self._by_user = self._hooks.index(lambda hook: hook.user_id)
        self._by_product = self._hooks.index(lambda hook: hook.product_id)
        self.gateway: Gateway | None = None
        """The lab's way out; without one, every webhook fails."""
        events.taps.append(self._heard)

    def list(self, who: Principal, product: str | int | None = None) -> Sequence[Webhook]:
        """The webhooks, in the order in which they were made.

        Raises:
            PermissionDenied, ScopeRefused: not for this caller.
        """
        user_id, product_id = self._place(who, product, "integrations:list")
        if product_id is not None:
            return self._hooks.where(self._by_product, product_id)
        return self._hooks.where(self._by_user, user_id)

    def get(self, who: Principal, hook_id: str, product: str | int | None = None) -> Webhook:
        """One webhook.

        Raises:
            WebhookUnknown, PermissionDenied, ScopeRefused: as named.
        """
        return self._find(self._place(who, product, "integrations:get"), hook_id)

    def create(self, who: Principal, config: Mapping[str, Any], product: str | int | None = None) -> Webhook:
        """Make a webhook. `config` has the fields of the API: event, url, requestType, and what else belongs to it.

        Raises:
            Invalid: event or url is missing or malformed, or the method is none.
            PermissionDenied, ScopeRefused: not for this caller.
        """
        user_id, product_id = self._place(who, product, "integrations:create")
        fields = _checked(config)
        with self._core.change():
            return self._hooks.put(
                Webhook(
                    id=self._core.names.object_id(),
                    created_at=self._core.now(),
                    user_id=user_id if product_id is None else None,
                    product_id=product_id,
                    **fields,
                ),
            )

    def update(self, who: Principal, hook_id: str, config: Mapping[str, Any], product: str | int | None = None) -> Webhook:
        """Replace the whole configuration. Raises as `create`, and WebhookUnknown."""
        hook = self._find(self._place(who, product, "integrations:update"), hook_id)
        fields = _checked(config)
        with self._core.change():
            return self._hooks.put(replace(hook, **fields))

    def delete(self, who: Principal, hook_id: str, product: str | int | None = None) -> None:
        """End a webhook.

        Raises:
            WebhookUnknown, PermissionDenied, ScopeRefused: as named.
        """
        hook = self._find(self._place(who, product, "integrations:remove"), hook_id)
        with self._core.change():
            self._hooks.remove(hook.id)

    def test(self, who: Principal, hook_id: str, data: str | None = None, product: str | int | None = None) -> Reply[TestResult]:
        """Send the request of a made-up event, and see what comes back. Raises as `get`."""
        hook = self._find(self._place(who, product, "integrations:update"), hook_id)
        event = Event(hook.event, data, published_at=self._core.now(), coreid="api", device_id=None)
        reply: Reply[TestResult] = self._core.reply()

        def finish(answer: HookResponse | str) -> None:
            if isinstance(answer, str):
                reply.resolve(TestResult(passed=False, data=None, error=answer))
            else:
                reply.resolve(TestResult(passed=True, data=answer.text, error=None))

        self._send(hook, event, finish)
        return reply

    def _place(self, who: Principal, product: str | int | None, scope: str) -> tuple[str, int | None]:
        if product is not None:
            return who.account, self._gate.product(who, product, scope).id
        return self._gate.developer_only(who, scope), None

    def _find(self, place: tuple[str, int | None], hook_id: str) -> Webhook:
        user_id, product_id = place
        hook = self._hooks.get(hook_id)
        if hook is None or hook.product_id != product_id or (product_id is None and hook.user_id != user_id):
            raise WebhookUnknown(hook_id)
        return hook

    def _heard(self, event: Event) -> None:
        if event.coreid == INTERNAL:
            return
        hooks: list[Webhook] = []
        if event.owner is not None and event.owner.kind is OwnerKind.USER:
            hooks += self._hooks.where(self._by_user, event.owner.id)
        if event.product_id is not None:
            hooks += self._hooks.where(self._by_product, event.product_id)
        for hook in hooks:
            if not hook.disabled and event.name.startswith(hook.event) and _for_device(hook, event):
                self._fire(hook, event)

    def _fire(self, hook: Webhook, event: Event) -> None:
        self._tell(event, f"hook-sent/{event.name}", None)

        def finish(answer: HookResponse | str) -> None:
            if isinstance(answer, str):
                topic = render_topic(hook.settings.get("errorResponseTopic"), event) or f"hook-error/{event.name}"
                self._tell(event, f"{topic}/0", answer)
            else:
                self._respond(hook, event, answer)

        self._send(hook, event, finish)

    def _respond(self, hook: Webhook, event: Event, answer: HookResponse) -> None:
        text = answer.text[: self._core.settings.hook_response_limit]
        template = hook.settings.get("responseTemplate")
        if template:
            text = render(str(template), answer.values)
        topic = render_topic(hook.settings.get("responseTopic"), event) or f"hook-response/{event.name}"
        size = self._core.settings.hook_response_chunk
        for number, start in enumerate(range(0, len(text), size)):
            self._tell(event, f"{topic}/{number}", text[start : start + size])

    def _tell(self, cause: Event, name: str, data: str | None) -> None:
        """An event about what a webhook did, heard where its cause was heard, and by the device that caused it."""
        self._events.emit(
            Event(
                name,
                data,
                published_at=self._core.now(),
                coreid=INTERNAL,
                device_id=cause.device_id,
                owner=cause.owner,
                product_id=cause.product_id,
                version=cause.version,
            ),
        )

    def _send(self, hook: Webhook, event: Event, finish: Callable[[HookResponse | str], None]) -> None:
        if self.gateway is None:
            finish("this cloud has no way out: its lab has no gateway for webhooks")
            return
        answer = self.gateway(compose(hook.id, hook.settings, event))

        def settle() -> None:
            try:
                response = answer.result()
            except OSError as error:
                finish(f"error occurred while sending the request: {error}")
                return
            finish(response if response.ok else f"error status {response.status} from {urlsplit(hook.url).hostname}")

        if answer.done:
            settle()
        else:
            answer.settled.subscribe(settle)


def _for_device(hook: Webhook, event: Event) -> bool:
    wanted = hook.settings.get("deviceID") or hook.settings.get("deviceid")
    return not wanted or str(wanted).lower() == event.device_id


def _checked(config: Mapping[str, Any]) -> dict[str, Any]:
    event, url = config.get("event"), config.get("url")
    if not isinstance(event, str) or not event:
        raise Invalid("event", event, "must be the beginning of an event's name")
    if not isinstance(url, str) or not _is_url(url):
        raise Invalid("url", url, "must be an http or https URL")
    method = config.get("requestType", "POST")
    if not isinstance(method, str) or method.upper() not in METHODS:
        raise Invalid("requestType", method, "must be one of " + ", ".join(METHODS))
    name = config.get("name") or f"{event} for {urlsplit(url).hostname}"
    kept = {key: value for key, value in config.items() if key not in ("access_token", "id")}
    try:
        text = json.dumps(kept, separators=(",", ":"), ensure_ascii=False)
    except (TypeError, ValueError):
        raise Invalid("config", "...", "must be plain JSON") from None
    disabled = str(config.get("disabled", False)).lower() == "true"
    return {"event": event, "url": url, "name": str(name), "config": text, "disabled": disabled}


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
