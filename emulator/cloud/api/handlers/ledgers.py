"""Ledgers and logic functions. Logic functions are kept and given back; nothing runs here."""

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
from emulator.cloud.ledgers import LedgerVersion, LedgerVersionUnknown

Json = dict[str, Any]
PER_PAGE = 100


def _ledger(document: Document) -> Json:
    return {
        **document.values,
        "name": document.name,
        "created_at": iso(document.created_at),
        "updated_at": iso(document.updated_at),
    }


def list_ledgers(call: Call) -> Json:
    """The ledgers of a place."""
    place = place_of(call, "ledger.definitions:list")
    found = call.cloud.ledgers.list(place, archived=call.flag("archived"), scope=call.get("scope"))
    page, meta = page_of(call, [_ledger(each) for each in found], per_page=PER_PAGE)
    return {"ledgers": page, "meta": meta}


def get_ledger(call: Call) -> Json:
    """One ledger."""
    return {"ledger": _ledger(call.cloud.ledgers.get(place_of(call, "ledger.definitions:get"), call.path["ledger"]))}


def create_ledger(call: Call) -> Json:
    """Make a ledger."""
    facts = _definition(call)
    made = call.cloud.ledgers.create(
        call.who.username,
        place_of(call, "ledger.definitions:create"),
        inner_text(facts, "name") or "",
        inner_text(facts, "scope") or "Owner",
        inner_text(facts, "direction") or "Downstream",
        inner_text(facts, "description") or "",
    )
    return {"ledger": _ledger(made)}


def update_ledger(call: Call) -> Json:
    """Change what is said about a ledger."""
    place, description = place_of(call, "ledger.definitions:update"), inner_text(_definition(call), "description")
    return {"ledger": _ledger(call.cloud.ledgers.describe(call.who.username, place, call.path["ledger"], description))}


def _definition(call: Call) -> Json:
    """The ledger in the request: in `ledger` (particle-api-js), in `definition` (the documentation), or flat."""
    return dict(call.get("ledger") or call.get("definition") or call.body.fields)


def archive_ledger(call: Call) -> None:
    """Put a ledger away; it is listed only among the archived ones."""
    call.cloud.ledgers.archive(call.who.username, place_of(call, "ledger.definitions:archive"), call.path["ledger"])


def _instance(scope: str, ledger: str, value: str, document: Document | LedgerVersion) -> Json:
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
    place = place_of(call, "ledger.instances:list")
    ledger = call.cloud.ledgers.get(place, call.path["ledger"])
    page, meta = page_of(call, list(call.cloud.ledgers.instances(place, ledger.name)), per_page=PER_PAGE)
    scope = ledger.values["scope"]
    return {"instances": [_instance(scope, ledger.name, each.name.partition("/")[2], each) for each in page], "meta": meta}


def get_instance(call: Call) -> Json:
    """One instance of a ledger."""
    place, name, value = place_of(call, "ledger.instances:get"), call.path["ledger"], call.path["value"]
    document = call.cloud.ledgers.instance(place, name, value)
    return {"instance": _instance(call.cloud.ledgers.get(place, name).values["scope"], name, value, document)}


def set_instance(call: Call) -> Json:
    """Replace an instance's data, or merge into it."""
    place, name, value = place_of(call, "ledger.instances:set"), call.path["ledger"], call.path["value"]
    data = dict(inner_object(call.get("instance") or call.body.fields, "data"))
    document = call.cloud.ledgers.set(call.who.username, place, name, value, data, merge=call.get("set_mode") == "Merge")
    return {"instance": _instance(call.cloud.ledgers.get(place, name).values["scope"], name, value, document)}


def delete_instance(call: Call) -> None:
    """Take an instance away."""
    call.cloud.ledgers.remove(place_of(call, "ledger.instances:remove"), call.path["ledger"], call.path["value"])


def _versions(call: Call, scope: str) -> list[Json]:
    place, name, value = place_of(call, scope), call.path["ledger"], call.path["value"]
    times = call.sent("replaced_after", "replaced_before")
    found = call.cloud.ledgers.versions(place, name, value, **times)
    kind = call.cloud.ledgers.get(place, name).values["scope"]
    return [
        {**_instance(kind, name, value, each), **({} if each.replaced_at is None else {"replaced_at": iso(each.replaced_at)})}
        for each in found
    ]


def list_versions(call: Call) -> Json:
    """The versions of an instance, the newest first. All that are kept are listed."""
    return {"versions": _versions(call, "ledger.instances.versions:list"), "meta": {"has_more": False}}


def get_version(call: Call) -> Json:
    """One version of an instance, by the time at which it was made."""
    version = call.path["version"]
    for each in _versions(call, "ledger.instances.versions:get"):
        if each["updated_at"] == version:
            return {"version": each, "instance": each}
    raise LedgerVersionUnknown(version)


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
    found = [_function(each) for each in call.cloud.documents.list(DocumentKind.LOGIC, place_of(call, "logic.functions:list"))]
    if call.flag("today_stats"):
        found = [{**each, "today_stats": {"success": 0, "failure": 0, "timeout": 0}} for each in found]
    return {"logic_functions": found}


def _named_function(call: Call, scope: str) -> Document:
    return call.cloud.documents.get(DocumentKind.LOGIC, place_of(call, scope), call.path["logic"])


def get_function(call: Call) -> Json:
    """One logic function."""
    return {"logic_function": _function(_named_function(call, "logic.functions:get"))}


def create_function(call: Call) -> Json:
    """Make a logic function."""
    place, name = place_of(call, "logic.functions:create"), call.cloud.core.names.object_id()
    values = {**_facts(call), "owner_id": call.who.account}
    return {"logic_function": _function(call.cloud.documents.put(call.who.username, DocumentKind.LOGIC, place, name, values))}


def update_function(call: Call) -> Json:
    """Replace a logic function; its version counts up."""
    before = _named_function(call, "logic.functions:update")
    values = {**_facts(call), "owner_id": before.values["owner_id"], "version": before.values["version"] + 1}
    place = place_of(call, "logic.functions:update")
    return {"logic_function": _function(call.cloud.documents.put(call.who.username, DocumentKind.LOGIC, place, before.name, values))}


def delete_function(call: Call) -> None:
    """End a logic function."""
    document = _named_function(call, "logic.functions:remove")
    call.cloud.documents.remove(DocumentKind.LOGIC, place_of(call, "logic.functions:remove"), document.name)


def list_runs(call: Call) -> Json:
    """The runs of a logic function: there are none, for nothing runs here."""
    _named_function(call, "logic.runs:list")
    return {"logic_runs": []}


def list_stats(call: Call) -> Json:
    """How often a logic function ran, by day: never, for nothing runs here."""
    _named_function(call, "logic.stats:list")
    return {"logic_function_stats": []}


def no_run(call: Call) -> None:
    """One run of a logic function."""
    _named_function(call, "logic.runs:get")
    raise Refused(Fault(404, "Logic run not found"))


def execute(call: Call) -> Json:
    """Run a piece of logic once: it is told that it cannot."""
    place_of(call, "logic.functions:execute")
    log = {"level": "Error", "timestamp": iso(call.cloud.core.now()), "args": ["This cloud does not run JavaScript"]}
    return {"result": {"status": "Failure", "err": "This cloud does not run JavaScript", "logs": [log]}}
