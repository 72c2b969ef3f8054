"""Webhooks: requests to somebody's server when an event happens.

A webhook in a user's sandbox fires only for devices that are claimed to that user; one of a product fires for the product's members,
claimed or not, and never for quarantined ones; one of an organization for those of all its products. It matches events by prefix. The
request goes out through the lab's gateway; what comes back is told in `hook-sent/`, `hook-response/` (in chunks of 512 bytes) and
`hook-error/` events.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from emulator.cloud.access import Principal
from emulator.cloud.codec import JsonText
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices
from emulator.cloud.errors import Invalid, WebhookUnknown
from emulator.cloud.events import API, INTERNAL, Event, Events
from emulator.cloud.gate import Gate
from emulator.cloud.hook_logs import HookLogs
from emulator.cloud.hook_requests import HookRequest, HookResponse, compose, is_true, render_topic
from emulator.cloud.records import OwnerKind
from emulator.cloud.templates import Budget, TemplateError, render
from emulator.drivers import Reply

Gateway = Callable[[HookRequest], Reply[HookResponse]]
"""The lab's way out. The reply may fail with any `OSError` (TimeoutError, ConnectionError included)."""
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")
_DEVICE_FIELDS = ("deviceID", "deviceid", "deviceId")
"""How clients spell it: the documentation, particle-api-js 12.0.2 for integrations, and the same for webhooks."""


@dataclass(frozen=True, slots=True)
class HookOwner:
    """Whose a webhook is: of exactly one of these."""

    user_id: str | None = None
    product_id: int | None = None
    organization_id: str | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook. `config` is everything its maker said, as JSON."""

    id: str
    event: str
    url: str
    name: str
    config: JsonText
    created_at: float
    user_id: str | None = None
    product_id: int | None = None
    disabled: bool = False
    organization_id: str | None = None

    @property
    def owner(self) -> HookOwner:
        """Whose it is."""
        return HookOwner(self.user_id, self.product_id, self.organization_id)

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
    """The webhooks of users (neither `product` nor `organization`), products and organizations."""

    def __init__(self, core: Core, gate: Gate, devices: Devices, events: Events) -> None:
        self._core = core
        self._gate = gate
        self._devices = devices
        self._events = events
        self._hooks = core.state.table("webhooks", Webhook, lambda hook: hook.id)
        self._by_owner = self._hooks.index(lambda hook: hook.owner)
        self.logs = HookLogs()
        self._era = 0
        """Requests of an earlier one are nobody's any more."""
        self.secrets: Callable[[Webhook], Mapping[str, str]]
        """The secrets that a webhook uses, by name; the vault sets it."""
        self.gateway: Gateway | None = None
        """The lab's way out; without one, every webhook fails."""
        events.taps.append(self._heard)

    def list(self, who: Principal, product: str | int | None = None, *, organization: str | None = None) -> Sequence[Webhook]:
        """The webhooks, in the order in which they were made.

        Raises:
            PermissionDenied, OrganizationUnknown, ScopeRefused: not for this caller.
        """
        return self._hooks.where(self._by_owner, self._owner(who, "integrations:list", product, organization))

    def forget(self) -> None:
        """Forget what was sent, and what comes of what is under way (the lab went back in time)."""
        self._era += 1
        self.logs.clear()

    def all(self) -> Iterator[Webhook]:
        """Everybody's webhooks."""
        return iter(self._hooks)

    def get(self, who: Principal, hook_id: str, product: str | int | None = None, *, organization: str | None = None) -> Webhook:
        """One webhook.

        Raises:
            WebhookUnknown, PermissionDenied, OrganizationUnknown, ScopeRefused: as named.
        """
        return self._find(self._owner(who, "integrations:get", product, organization), hook_id)

    def create(
        self, who: Principal, config: Mapping[str, Any], product: str | int | None = None, *, organization: str | None = None
    ) -> Webhook:
        """Make a webhook. `config` has the fields of the API: event, url, requestType, and what else belongs to it.

        Raises:
            Invalid: event or url is missing or malformed, or the method is none.
            PermissionDenied, OrganizationUnknown, ScopeRefused: not for this caller.
        """
        owner = self._owner(who, "integrations:create", product, organization)
        fields = _checked(config)
        with self._core.change():
            return self._hooks.put(
                Webhook(
                    id=self._core.names.object_id(),
                    created_at=self._core.now(),
                    user_id=owner.user_id,
                    product_id=owner.product_id,
                    organization_id=owner.organization_id,
                    **fields,
                ),
            )

    def update(
        self,
        who: Principal,
        hook_id: str,
        config: Mapping[str, Any],
        product: str | int | None = None,
        *,
        organization: str | None = None,
    ) -> Webhook:
        """Replace the whole configuration. Raises as `create`, and WebhookUnknown."""
        hook = self._find(self._owner(who, "integrations:update", product, organization), hook_id)
        fields = _checked(config)
        with self._core.change():
            return self._hooks.put(replace(hook, **fields))

    def delete(self, who: Principal, hook_id: str, product: str | int | None = None, *, organization: str | None = None) -> None:
        """End a webhook.

        Raises:
            WebhookUnknown, PermissionDenied, OrganizationUnknown, ScopeRefused: as named.
        """
        self._end(self._find(self._owner(who, "integrations:remove", product, organization), hook_id))

    def end_all(self, user_id: str) -> None:
        """End the webhooks of somebody who is about to go; those of products and organizations stay."""
        with self._core.change():
            for hook in self._hooks.where(self._by_owner, HookOwner(user_id=user_id)):
                self._end(hook)

    def _end(self, hook: Webhook) -> None:
        with self._core.change():
            self._hooks.remove(hook.id)
        self.logs.forget(hook.id)

    def test(
        self,
        who: Principal,
        hook_id: str,
        data: str | None = None,
        product: str | int | None = None,
        *,
        organization: str | None = None,
    ) -> Reply[TestResult]:
        """Send the request of a made-up event, and see what comes back. Raises as `get`."""
        hook = self._find(self._owner(who, "integrations:update", product, organization), hook_id)
        event = Event(hook.event, data, published_at=self._core.now(), coreid=API)
        reply: Reply[TestResult] = self._core.reply()

        def finish(answer: HookResponse | str) -> None:
            if isinstance(answer, str):
                reply.resolve(TestResult(passed=False, data=None, error=answer))
            else:
                reply.resolve(TestResult(passed=True, data=answer.text, error=None))

        self._send(hook, event, finish)
        return reply

    def _owner(self, who: Principal, scope: str, product: str | int | None, organization: str | None) -> HookOwner:
        if product is not None:
            return HookOwner(product_id=self._gate.product(who, product, scope).id)
        if organization is not None:
            return HookOwner(organization_id=self._gate.organization(who, organization, scope).id)
        return HookOwner(user_id=self._gate.developer_only(who, scope))

    def _find(self, owner: HookOwner, hook_id: str) -> Webhook:
        hook = self._hooks.get(hook_id)
        if hook is None or hook.owner != owner:
            raise WebhookUnknown(hook_id)
        return hook

    def _heard(self, event: Event) -> None:
        if event.coreid == INTERNAL:
            return
        for hook in [hook for owner in self._concerned(event) for hook in self._hooks.where(self._by_owner, owner)]:
            if not hook.disabled and event.name.startswith(hook.event):
                self._core.fenced("a webhook", self._consider, hook, event)

    def _consider(self, hook: Webhook, event: Event) -> None:
        if self._for_device(hook, event):
            self._fire(hook, event)

    def _concerned(self, event: Event) -> Iterator[HookOwner]:
        """Whose webhooks an event may be for."""
        if event.owner is not None and event.owner.kind is OwnerKind.USER:
            yield HookOwner(user_id=event.owner.id)
        if event.product_id is not None:
            yield HookOwner(product_id=event.product_id)
        organization_id = self._events.organization_of(event)
        if organization_id is not None:
            yield HookOwner(organization_id=organization_id)

    def _for_device(self, hook: Webhook, event: Event) -> bool:
        """Whether an event comes from the device that a webhook is for, by id or name; one without is for all."""
        settings = hook.settings
        wanted = next((str(settings[name]) for name in _DEVICE_FIELDS if settings.get(name)), None)
        if wanted is None:
            return True
        device = None if event.device_id is None else self._devices.by_id(event.device_id)
        return device is not None and (wanted.lower() == device.id or wanted == device.name)

    def _fire(self, hook: Webhook, event: Event) -> None:
        self._tell(event, f"hook-sent/{event.name}", None)

        def finish(answer: HookResponse | str) -> None:
            if isinstance(answer, str):
                self._failed(hook, event, answer)
                return
            try:
                self._respond(hook, event, answer)
            except TemplateError as error:
                self._failed(hook, event, str(error))

        self._send(hook, event, finish)

    def _failed(self, hook: Webhook, event: Event, why: str) -> None:
        try:
            topic = render_topic(hook.settings.get("errorResponseTopic"), event, self._budget())
        except TemplateError:
            topic = None
        self._tell(event, f"{topic or f'hook-error/{event.name}'}/0", why)

    def _respond(self, hook: Webhook, event: Event, answer: HookResponse) -> None:
        text, budget = answer.text, self._budget()
        template = hook.settings.get("responseTemplate")
        if template:
            text = render(str(template), answer.values, budget)
        topic = render_topic(hook.settings.get("responseTopic"), event, budget) or f"hook-response/{event.name}"
        size = self._core.settings.hook_response_chunk
        for number, start in enumerate(range(0, len(text), size)):
            self._tell(event, f"{topic}/{number}", text[start : start + size])

    def _budget(self) -> Budget:
        return Budget(self._core.settings.template_steps, self._core.settings.template_size)

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
                organization_id=cause.organization_id,
            ),
        )

    def _send(self, hook: Webhook, event: Event, finish: Callable[[HookResponse | str], None]) -> None:
        secrets, sent_at, era = self.secrets(hook), self._core.now(), self._era
        fenced = self._core.fenced
        refused: str | None = None
        try:
            request = compose(hook.id, hook.settings, event, secrets, self._budget())
        except TemplateError as error:
            request, refused = HookRequest(hook.id, str(hook.settings.get("requestType", "POST")).upper(), hook.url), str(error)

        def done(response: HookResponse | None, error: str | None) -> None:
            if era != self._era:
                return
            fenced("the log of a webhook", self.logs.note, event.name, sent_at, request, response, error, secrets.values())
            finish(response if error is None and response is not None else str(error))

        if refused is not None:
            done(None, refused)
            return
        if self.gateway is None:
            done(None, "this cloud has no way out: its lab has no gateway for webhooks")
            return
        answer = self.gateway(request)

        def settle() -> None:
            try:
                response = answer.result()
                response = replace(response, body=response.body[: self._core.settings.hook_response_limit])
            except Exception as error:  # noqa: BLE001  # the fence: what a way out fails with is the webhook's own affair
                if not isinstance(error, OSError):
                    self._core.mishaps.note("sending a webhook's request", error)
                done(None, f"error occurred while sending the request: {error}")
                return
            done(response, None if response.ok else f"error status {response.status} from {urlsplit(hook.url).hostname}")

        if answer.done:
            settle()
        else:
            answer.settled.subscribe(lambda: fenced("the answer to a webhook", settle))


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
    return {"event": event, "url": url, "name": str(name), "config": text, "disabled": is_true(config.get("disabled"))}


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
