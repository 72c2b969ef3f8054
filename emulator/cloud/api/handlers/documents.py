"""Environment variables and secrets: documents of users, products, organizations and devices."""

from __future__ import annotations

import re
from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.faults import Fault, Refused
from emulator.cloud.api.handlers.shown import maybe_iso, product_of
from emulator.cloud.api.requests import inner_text
from emulator.cloud.basics import iso
from emulator.cloud.documents import Document, DocumentKind, Place

Json = dict[str, Any]
_KEY = re.compile(r"[A-Z_][A-Z0-9_]{0,127}")
MAX_OPERATIONS = 50
_VARIABLES = "variables"
_ROLLOUT = "rollout"


def place_of(call: Call, scope: str) -> Place:
    """The place that the path names, if the caller may use it."""
    return call.cloud.documents.place(
        call.who, scope, product=product_of(call), organization=call.path.get("org"), device=call.path.get("device")
    )


def _variables(call: Call, place: Place) -> tuple[dict[str, str], Document | None]:
    document = call.cloud.documents.find(DocumentKind.ENVIRONMENT, place, _VARIABLES)
    return ({} if document is None else document.values), document


def _environment(call: Call, place: Place) -> Json:
    own, document = _variables(call, place)
    rollout = call.cloud.documents.find(DocumentKind.ENVIRONMENT, place, _ROLLOUT)
    snapshot = None
    if rollout is not None:
        values = {key: {"value": value} for key, value in rollout.values["env"].items()}
        snapshot = {"own": values, "inherited": {}, "rollout_at": iso(rollout.updated_at), "rollout_by": rollout.updated_by}
    return {
        "last_snapshot": snapshot,
        "latest": {
            "own": {key: {"value": value} for key, value in sorted(own.items())},
            "inherited": {},
            "created_at": maybe_iso(None if document is None else document.created_at),
            "updated_at": maybe_iso(None if document is None else document.updated_at),
            "created_by": None if document is None else document.created_by,
            "updated_by": None if document is None else document.updated_by,
        },
    }


def list_environment(call: Call) -> Json:
    """The environment variables of a place."""
    return _environment(call, place_of(call, "env:get"))


def _change(call: Call, operations: list[tuple[str, str | None]]) -> Json:
    """Set and unset variables, all or none."""
    place = place_of(call, "env:update")
    own, _ = _variables(call, place)
    for key, value in operations:
        if not _KEY.fullmatch(key):
            raise Refused(Fault(400, f"{key[:40]} is no name for an environment variable"))
        if value is None:
            own.pop(key, None)
        else:
            own[key] = value
    call.cloud.documents.put(call.who.username, DocumentKind.ENVIRONMENT, place, _VARIABLES, own)
    return _environment(call, place)


def change_environment(call: Call) -> Json:
    """Set and unset several environment variables."""
    operations = call.get("ops")
    if not isinstance(operations, list) or len(operations) > MAX_OPERATIONS:
        raise Refused(Fault(400, f"ops must be a list of at most {MAX_OPERATIONS} operations"))
    return _change(call, [_operation(each) for each in operations])


def _operation(entry: Any) -> tuple[str, str | None]:
    if isinstance(entry, dict) and isinstance(entry.get("key"), str):
        if entry.get("op") == "Unset":
            return entry["key"], None
        value = inner_text(entry, "value")
        if entry.get("op") == "Set" and value is not None:
            return entry["key"], value
    raise Refused(Fault(400, "an operation is {op: Set, key, value} or {op: Unset, key}"))


def set_variable(call: Call) -> Json:
    """Set one environment variable."""
    return _change(call, [(call.path["key"], call.text("value"))])


def unset_variable(call: Call) -> Json:
    """Unset one environment variable."""
    return _change(call, [(call.path["key"], None)])


def render_environment(call: Call) -> Json:
    """The environment variables as a device would get them."""
    place = place_of(call, "env:get")
    own, document = _variables(call, place)
    rollout = call.cloud.documents.find(DocumentKind.ENVIRONMENT, place, _ROLLOUT)
    return {
        "env": dict(sorted(own.items())),
        "last_updated_at": maybe_iso(None if document is None else document.updated_at),
        "rollout_at": maybe_iso(None if rollout is None else rollout.updated_at),
        "rollout_by": None if rollout is None else rollout.updated_by,
    }


def review_rollout(call: Call) -> Json:
    """What a roll-out would change."""
    place = place_of(call, "env:get")
    after, _ = _variables(call, place)
    rollout = call.cloud.documents.find(DocumentKind.ENVIRONMENT, place, _ROLLOUT)
    before: dict[str, str] = {} if rollout is None else rollout.values["env"]
    changes = []
    for key in sorted(before.keys() | after.keys()):
        if key not in before:
            changes.append({"op": "Added", "key": key, "after": after[key]})
        elif key not in after:
            changes.append({"op": "Removed", "key": key, "before": before[key]})
        elif before[key] != after[key]:
            changes.append({"op": "Changed", "key": key, "before": before[key], "after": after[key]})
    return {"from_snapshot": {"changes": changes, "unchanged": {key: after[key] for key in after if before.get(key) == after[key]}}}


def start_rollout(call: Call) -> Json:
    """Roll the environment variables out."""
    place = place_of(call, "env:update")
    own, _ = _variables(call, place)
    call.cloud.documents.put(
        call.who.username, DocumentKind.ENVIRONMENT, place, _ROLLOUT, {"env": own, "when": call.get("when") or "Connect"}
    )
    return {"success": True}


def _secret(call: Call, place: Place, document: Document) -> Json:
    """A secret is never shown again; only that it is there, and what uses it."""
    hooks = call.cloud.vault.users(place, document.name)
    return {
        "name": document.name,
        "created_at": iso(document.created_at),
        "updated_at": iso(document.updated_at),
        "last_accessed_at": maybe_iso(document.accessed_at),
        "integrations": [{"id": hook.id, "name": hook.name, "product_slug": _slug(call, hook.product_id)} for hook in hooks],
        "logic_functions": [],
    }


def _slug(call: Call, product_id: int | None) -> str | None:
    product = call.cloud.registry.product(product_id)
    return None if product is None else product.slug


def list_secrets(call: Call) -> Json:
    """The secrets of a place, without their values."""
    place = place_of(call, "secrets:list")
    return {"secrets": [_secret(call, place, each) for each in call.cloud.documents.list(DocumentKind.SECRET, place)]}


def get_secret(call: Call) -> Json:
    """One secret, without its value."""
    place = place_of(call, "secrets:get")
    return {"secret": _secret(call, place, call.cloud.documents.get(DocumentKind.SECRET, place, call.path["name"]))}


def set_secret(call: Call) -> Json:
    """Make a secret, or give it another value."""
    place, value = place_of(call, "secrets:update"), inner_text(call.args.get("secret") or {}, "value")
    return {"secret": _secret(call, place, call.cloud.vault.put(call.who, place, call.path["name"], value or ""))}


def delete_secret(call: Call) -> Json:
    """End a secret."""
    call.cloud.vault.remove(place_of(call, "secrets:remove"), call.path["name"])
    return {"ok": True}
