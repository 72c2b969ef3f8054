"""Environment variables and secrets: documents of users, products, organizations and devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.faults import Fault, Refused
from emulator.cloud.api.handlers.shown import maybe_iso, product_of
from emulator.cloud.api.requests import inner_text
from emulator.cloud.basics import iso
from emulator.cloud.documents import Document, DocumentKind, Place

Json = dict[str, Any]


def place_of(call: Call, scope: str) -> Place:
    """The place that the path names, if the caller may use it."""
    return call.cloud.documents.place(
        call.who, scope, product=product_of(call), organization=call.path.get("org"), device=call.path.get("device")
    )


def _shown(call: Call, place: Place) -> Json:
    found = call.cloud.environment.of(place)
    inherited = {key: {"from": each.origin, "value": each.value} for key, each in sorted(found.inherited.items())}
    snapshot = None
    if found.rollout is not None or inherited:
        snapshot = {
            "own": _values(found.rolled_out or {}),
            "inherited": inherited,
            "rollout_at": maybe_iso(None if found.rollout is None else found.rollout.updated_at),
            "rollout_by": None if found.rollout is None else found.rollout.updated_by,
        }
    changed = found.changed
    return {
        "last_snapshot": snapshot,
        "latest": {
            "own": _values(found.own),
            "inherited": inherited,
            "created_at": maybe_iso(None if changed is None else changed.created_at),
            "updated_at": maybe_iso(None if changed is None else changed.updated_at),
            "created_by": None if changed is None else changed.created_by,
            "updated_by": None if changed is None else changed.updated_by,
        },
    }


def _values(variables: Mapping[str, str]) -> Json:
    return {key: {"value": value} for key, value in sorted(variables.items())}


def list_environment(call: Call) -> Json:
    """The environment variables of a place."""
    return _shown(call, place_of(call, "env:get"))


def _change(call: Call, operations: list[tuple[str, str | None]]) -> Json:
    place = place_of(call, "env:update")
    call.cloud.environment.change(call.who, place, operations)
    return _shown(call, place)


def change_environment(call: Call) -> Json:
    """Set and unset several environment variables."""
    operations = call.get("ops")
    if not isinstance(operations, list):
        raise Refused(Fault(400, "ops must be a list of operations"))
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
    found = call.cloud.environment.of(place_of(call, "env:get"))
    return {
        "env": dict(sorted(found.rendered.items())),
        "last_updated_at": maybe_iso(None if found.changed is None else found.changed.updated_at),
        "rollout_at": maybe_iso(None if found.rollout is None else found.rollout.updated_at),
        "rollout_by": None if found.rollout is None else found.rollout.updated_by,
    }


def review_rollout(call: Call) -> Json:
    """What a roll-out would change."""
    found = call.cloud.environment.of(place_of(call, "env:get"))
    before, after = found.rendered_before, found.rendered
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
    call.cloud.environment.roll_out(call.who, place_of(call, "env:update"), call.get("when") or "Connect")
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
