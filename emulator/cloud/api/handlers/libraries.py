"""Firmware libraries, in the form of JSON API."""

from __future__ import annotations

from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.faults import Fault, Refused
from emulator.cloud.api.handlers.shown import base_url
from emulator.cloud.api.messages import Response
from emulator.cloud.basics import iso
from emulator.cloud.libraries import LibraryScope, LibraryVersion

Json = dict[str, Any]
LIMIT = 10
"""Libraries on a page, unless more are asked for."""


def _shown(call: Call, version: LibraryVersion) -> Json:
    who = call.maybe_who
    return {
        "type": "libraries",
        "id": version.name,
        "links": {"download": f"{base_url(call)}/emulator/libraries/{version.token}"},
        "attributes": {
            **version.values,
            "name": version.name,
            "version": version.version,
            "installs": version.installs,
            "visibility": "public" if version.public else "private",
            "official": False,
            "verified": False,
            "mine": who is not None and who.account == version.user_id,
            "created_at": iso(version.created_at),
        },
    }


def list_libraries(call: Call) -> Json:
    """One page of the libraries that the caller may see."""
    found = list(
        call.cloud.libraries.list(
            call.maybe_who,
            LibraryScope(call.get("scope") or "all"),
            exclude=[LibraryScope(each) for each in call.texts("excludeScopes") or ()],
            text=call.get("filter") or "",
            architectures=call.texts("architectures") or (),
        )
    )
    order = call.get("sort") or "popularity"
    found.sort(key=_ORDERS[order.removeprefix("-")], reverse=order.startswith("-"))
    size, page = call.integer("limit", LIMIT), call.integer("page", 1)
    return {"data": [_shown(call, each) for each in found[(page - 1) * size : page * size]]}


def _by_installs(version: LibraryVersion) -> Any:
    return -version.installs, version.name.lower()


def _by_name(version: LibraryVersion) -> Any:
    return version.name.lower()


def _by_age(version: LibraryVersion) -> Any:
    return -version.created_at, version.name.lower()


_ORDERS = {
    **dict.fromkeys(("installs", "popularity"), _by_installs),
    **dict.fromkeys(("name", "official", "verified"), _by_name),
    **dict.fromkeys(("published", "updated", "created"), _by_age),
}
SORTS = tuple(sign + order for sign in ("", "-") for order in _ORDERS)


def get_library(call: Call) -> Json:
    """One library: its newest version, or the one that is asked for."""
    scope = LibraryScope(call.get("scope") or "all")
    return {"data": _shown(call, call.cloud.libraries.get(call.maybe_who, call.path["library"], call.get("version"), scope))}


def list_versions(call: Call) -> Json:
    """All versions of a library, the oldest first."""
    found = call.cloud.libraries.versions(call.maybe_who, call.path["library"], LibraryScope(call.get("scope") or "all"))
    return {"data": [_shown(call, each) for each in found]}


def contribute(call: Call) -> Json:
    """Take a private version of a library in."""
    upload = call.upload()
    if upload is None:
        raise Refused(Fault(400, "Send the archive as a file"))
    return {"data": _shown(call, call.cloud.libraries.contribute(call.who, upload.content))}


def publish(call: Call) -> Json:
    """Make the newest private version of a library public."""
    if call.text("visibility") != "public":
        raise Refused(Fault(400, "visibility can only become public"))
    return {"data": _shown(call, call.cloud.libraries.publish(call.who, call.path["library"]))}


def delete(call: Call) -> None:
    """Take a library away."""
    call.cloud.libraries.delete(call.who, call.path["library"], force=call.flag("force"))


def download(call: Call) -> Response:
    """The archive of a version: knowing its link is enough."""
    return Response(200, call.cloud.libraries.download(call.path["token"]), "application/gzip")
