"""Ledgers and logic functions: kept and given back. Nothing runs here."""

from __future__ import annotations

import json
from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.faults import Fault, Refused
from emulator.cloud.api.fields import Field, Kind
from emulator.cloud.api.handlers.documents import place_of
from emulator.cloud.api.handlers.shown import page_of
from emulator.cloud.api.requests import inner_flag, inner_object, inner_text
from emulator.cloud.basics import iso
from emulator.cloud.documents import Document, DocumentKind

Json = dict[str, Any]
_SCOPES = ("Owner", "Device", "Product")


def _ledger(document: Document) -> Json:
    return {**document.values, "name": document.name, "created_at": iso(document.created_at), "updated_at": iso(document.updated_at)}


def list_ledgers(call: Call) -> Json:
    """The ledgers of a place."""
    found = [_ledger(each) for each in call.cloud.documents.list(DocumentKind.LEDGER, place_of(call, "ledgers:list"))]
    wanted = [each for each in found if call.get("scope") in (None, each["scope"]) and bool(each["archived_at"]) == call.flag("archived")]
    page, meta = page_of(call, wanted)
    return {"ledgers": page, "meta": meta}


def get_ledger(call: Call) -> Json:
    """One ledger."""
    return {"ledger": _ledger(call.cloud.documents.get(DocumentKind.LEDGER, place_of(call, "ledgers:get"), call.path["ledger"]))}


def _definition(call: Call) -> Json:
    facts = inner_object(call.args, "ledger")
    scope, direction = inner_text(facts, "scope") or "Owner", inner_text(facts, "direction") or "Downstream"
    if scope not in _SCOPES or direction not in ("Upstream", "Downstream"):
        raise Refused(Fault(400, "scope must be Owner, Device or Product; direction Upstream or Downstream"))
    return {"scope": scope, "direction": direction, "description": inner_text(facts, "description") or "", "archived_at": None}


def create_ledger(call: Call) -> Json:
    """Make a ledger."""
    place = place_of(call, "ledgers:update")
    name = inner_text(inner_object(call.args, "ledger"), "name") or ""
    if call.cloud.documents.find(DocumentKind.LEDGER, place, name) is not None:
        raise Refused(Fault(409, f"ledger {name} exists"))
    return {"ledger": _ledger(call.cloud.documents.put(call.who.username, DocumentKind.LEDGER, place, name, _definition(call)))}


def update_ledger(call: Call) -> Json:
    """Change what is said about a ledger."""
    place = place_of(call, "ledgers:update")
    document = call.cloud.documents.get(DocumentKind.LEDGER, place, call.path["ledger"])
    description = inner_text(inner_object(call.args, "ledger"), "description")
    values = document.values if description is None else {**document.values, "description": description}
    return {"ledger": _ledger(call.cloud.documents.put(call.who.username, DocumentKind.LEDGER, place, document.name, values))}


def archive_ledger(call: Call) -> None:
    """Put a ledger away; it is listed only among the archived ones."""
    place = place_of(call, "ledgers:update")
    document = call.cloud.documents.get(DocumentKind.LEDGER, place, call.path["ledger"])
    values = {**document.values, "archived_at": iso(call.cloud.core.now())}
    call.cloud.documents.put(call.who.username, DocumentKind.LEDGER, place, document.name, values)


def _instance(call: Call, document: Document) -> Json:
    ledger, _, value = document.name.partition("/")
    scope = call.cloud.documents.get(DocumentKind.LEDGER, place_of(call, "ledgers:get"), ledger).values["scope"]
    return {
        "name": ledger,
        "scope": {"type": scope, "value": value},
        "size_bytes": len(document.body),
        "data": document.values,
        "created_at": iso(document.created_at),
        "updated_at": iso(document.updated_at),
    }


def list_instances(call: Call) -> Json:
    """The instances of a ledger."""
    place = place_of(call, "ledgers:list")
    ledger = call.cloud.documents.get(DocumentKind.LEDGER, place, call.path["ledger"]).name
    page, meta = page_of(call, list(call.cloud.documents.list(DocumentKind.INSTANCE, place, f"{ledger}/")))
    return {"instances": [_instance(call, each) for each in page], "meta": meta}


def _named_instance(call: Call, scope: str) -> Document:
    name = f"{call.path['ledger']}/{call.path['value']}"
    return call.cloud.documents.get(DocumentKind.INSTANCE, place_of(call, scope), name)


def get_instance(call: Call) -> Json:
    """One instance of a ledger."""
    return {"instance": _instance(call, _named_instance(call, "ledgers:get"))}


def set_instance(call: Call) -> Json:
    """Replace an instance's data, or merge into it."""
    place = place_of(call, "ledgers:update")
    ledger = call.cloud.documents.get(DocumentKind.LEDGER, place, call.path["ledger"]).name
    instance = inner_object(call.args, "instance")
    data = dict(inner_object(instance, "data"))
    name = f"{ledger}/{call.path['value']}"
    before = call.cloud.documents.find(DocumentKind.INSTANCE, place, name)
    if before is not None and call.get("set_mode") == "Merge":
        data = {**before.values, **data}
    return {"instance": _instance(call, call.cloud.documents.put(call.who.username, DocumentKind.INSTANCE, place, name, data))}


def delete_instance(call: Call) -> None:
    """Take an instance away."""
    document = _named_instance(call, "ledgers:update")
    call.cloud.documents.remove(DocumentKind.INSTANCE, place_of(call, "ledgers:update"), document.name)


def list_versions(call: Call) -> Json:
    """The versions of an instance; only the newest is kept here."""
    return {"versions": [_instance(call, _named_instance(call, "ledgers:get"))], "meta": {"has_more": False}}


def get_version(call: Call) -> Json:
    """One version of an instance, by its time."""
    instance = _instance(call, _named_instance(call, "ledgers:get"))
    if instance["updated_at"] != call.path["version"]:
        raise Refused(Fault(404, "Version not found"))
    return {"version": instance}


def _function(document: Document) -> Json:
    return {
        **document.values,
        "id": document.name,
        "created_at": iso(document.created_at),
        "updated_at": iso(document.updated_at),
        "created_by": document.created_by,
        "updated_by": document.updated_by,
    }


def _facts(call: Call) -> Json:
    facts = inner_object(call.args, "logic_function")
    source = inner_object(facts, "source")
    triggers = facts.get("logic_triggers") or []
    name, code = inner_text(facts, "name"), inner_text(source, "code")
    if not name or code is None:
        raise Refused(Fault(400, "a logic function needs a name and source.code"))
    if not isinstance(triggers, list) or len(json.dumps(triggers)) > 10_000:
        raise Refused(Fault(400, "logic_triggers must be a list"))
    return {
        "version": 1,
        "enabled": inner_flag(facts, "enabled") is not False,
        "name": name,
        "description": inner_text(facts, "description") or "",
        "template_slug": inner_text(facts, "template_slug"),
        "source": {"type": "JavaScript", "code": code},
        "logic_triggers": [Field("logic_triggers", Kind.OBJECT).read(each) for each in triggers],
    }


def list_functions(call: Call) -> Json:
    """The logic functions of a place."""
    found = [_function(each) for each in call.cloud.documents.list(DocumentKind.LOGIC, place_of(call, "logic:list"))]
    if call.flag("today_stats"):
        found = [{**each, "today_stats": {"success": 0, "failure": 0, "timeout": 0}} for each in found]
    return {"logic_functions": found}


def _named_function(call: Call, scope: str) -> Document:
    return call.cloud.documents.get(DocumentKind.LOGIC, place_of(call, scope), call.path["logic"])


def get_function(call: Call) -> Json:
    """One logic function."""
    return {"logic_function": _function(_named_function(call, "logic:get"))}


def create_function(call: Call) -> Json:
    """Make a logic function."""
    place, name = place_of(call, "logic:update"), call.cloud.core.names.object_id()
    values = {**_facts(call), "owner_id": call.who.account}
    return {"logic_function": _function(call.cloud.documents.put(call.who.username, DocumentKind.LOGIC, place, name, values))}


def update_function(call: Call) -> Json:
    """Replace a logic function; its version counts up."""
    before = _named_function(call, "logic:update")
    values = {**_facts(call), "owner_id": before.values["owner_id"], "version": before.values["version"] + 1}
    place = place_of(call, "logic:update")
    return {"logic_function": _function(call.cloud.documents.put(call.who.username, DocumentKind.LOGIC, place, before.name, values))}


def delete_function(call: Call) -> None:
    """End a logic function."""
    document = _named_function(call, "logic:update")
    call.cloud.documents.remove(DocumentKind.LOGIC, place_of(call, "logic:update"), document.name)


def list_runs(call: Call) -> Json:
    """The runs of a logic function: there are none, for nothing runs here."""
    _named_function(call, "logic:get")
    return {"logic_runs": []}


def no_run(call: Call) -> None:
    """One run of a logic function."""
    _named_function(call, "logic:get")
    raise Refused(Fault(404, "Logic run not found"))


def execute(call: Call) -> Json:
    """Run a piece of logic once: it is told that it cannot."""
    place_of(call, "logic:update")
    log = {"level": "Error", "timestamp": iso(call.cloud.core.now()), "args": ["This cloud does not run JavaScript"]}
    return {"result": {"status": "Failure", "err": "This cloud does not run JavaScript", "logs": [log]}}
