"""Webhooks, under both their names: integrations and webhooks are one store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.faults import Fault, Refused
from emulator.cloud.api.handlers.shown import organization_of, product_of
from emulator.cloud.basics import iso
from emulator.cloud.hook_logs import HookRun
from emulator.cloud.webhooks import Webhook

Json = dict[str, Any]
WEBHOOK = "Webhook"


def _config(call: Call) -> Mapping[str, Any]:
    """What the caller says of the webhook: everything it sent.

    Raises:
        Refused: it is another kind of integration; only webhooks are emulated.
    """
    kind = call.get("integration_type") or WEBHOOK
    if str(kind).lower() != WEBHOOK.lower():
        raise Refused(Fault(400, f"Integrations of type {kind} are not available here; use Webhook"))
    config = {name: value for name, value in call.body.fields.items() if name not in ("access_token", "integration_type")}
    settings = config.pop("settings", None)
    merged = {**config, **settings} if isinstance(settings, dict) else config
    if "eventName" in merged and "event" not in merged:
        merged["event"] = merged.pop("eventName")
    return merged


def _body(call: Call, hook: Webhook) -> Json:
    if hook.product_id is not None:
        base = f"products/{hook.product_id}/integrations"
    elif hook.organization_id is not None:
        base = f"orgs/{call.path['org']}/integrations"
    else:
        base = "integrations"
    return {
        **hook.settings,
        "id": hook.id,
        "event": hook.event,
        "url": hook.url,
        "requestType": str(hook.settings.get("requestType", "POST")),
        "name": hook.name,
        "created_at": iso(hook.created_at),
        "integration_type": WEBHOOK,
        "disabled": hook.disabled,
        "hookUrl": f"/v1/{base}/{hook.id}",
        "product_ids": [] if hook.product_id is None else [hook.product_id],
    }


def _run(run: HookRun) -> Json:
    return {
        "event": run.event,
        "time": iso(run.sent_at),
        "request": {"method": run.method, "url": run.url, "headers": dict(run.headers), "body": run.body},
        "response": None if run.status is None else {"statusCode": run.status, "body": run.response},
        "error": run.error,
    }


def list_hooks(call: Call) -> list[Json]:
    """All webhooks of the caller, of a product, or of an organization."""
    hooks = call.cloud.webhooks.list(call.who, product_of(call), organization=organization_of(call))
    return [_body(call, hook) for hook in hooks]


def get_hook(call: Call) -> Json:
    """One webhook and its last requests.

    Its facts stand in `integration` and `webhook`, and beside them: clients differ in where they look.
    """
    webhooks = call.cloud.webhooks
    hook = webhooks.get(call.who, call.path["hook"], product_of(call), organization=organization_of(call))
    body = {**_body(call, hook), "logs": [_run(run) for run in webhooks.logs.of(hook.id)]}
    return {**body, "integration": body, "webhook": body}


def create_hook(call: Call) -> Json:
    """Make a webhook."""
    hook = call.cloud.webhooks.create(call.who, _config(call), product_of(call), organization=organization_of(call))
    return {"ok": True, **_body(call, hook)}


def update_hook(call: Call) -> Json:
    """Replace a webhook's whole configuration."""
    hook = call.cloud.webhooks.update(call.who, call.path["hook"], _config(call), product_of(call), organization=organization_of(call))
    return {"integration": _body(call, hook)}


def delete_hook(call: Call) -> None:
    """End a webhook."""
    call.cloud.webhooks.delete(call.who, call.path["hook"], product_of(call), organization=organization_of(call))


async def test_hook(call: Call) -> Json:
    """Send the request of a made-up event, and tell what came back."""
    data = call.get("data")
    text = data if data is None or isinstance(data, str) else json.dumps(data)
    result = await call.cloud.webhooks.test(call.who, call.path["hook"], text, product_of(call), organization=organization_of(call))
    return {"pass": result.passed, "data": result.data, "error": result.error}
