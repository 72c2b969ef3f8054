"""Firmware libraries, in the form of JSON API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
            "mine": call.who.account == version.user_id,
            "created_at": iso(version.created_at),
        },
    }


def list_libraries(call: Call) -> Json:
    """One page of the libraries that the caller may see."""
    found = list(
        call.cloud.libraries.list(
            call.who,
            _scopes(call),
            exclude=[LibraryScope(each) for each in call.texts("excludeScopes") or ()],
            text=call.get("filter") or "",
            architectures=call.texts("architectures") or (),
        )
    )
    for order in reversed(call.texts("sort") or ("popularity",)):
        found.sort(key=_ORDERS[order.removeprefix("-")], reverse=order.startswith("-"))
    return {"data": [_shown(call, each) for each in _page(call, found, LIMIT)]}


def _scopes(call: Call) -> Sequence[LibraryScope]:
    return [LibraryScope(each) for each in call.texts("scope") or ("all",)]


def _page(call: Call, found: Sequence[LibraryVersion], limit: int) -> Sequence[LibraryVersion]:
    size, page = call.integer("limit", limit), call.integer("page", 1)
    return found[(page - 1) * size : page * size]


_ORDERS: dict[str, Callable[[LibraryVersion], Any]] = {
    **dict.fromkeys(("installs", "popularity"), lambda version: -version.installs),
    **dict.fromkeys(("published", "updated", "created"), lambda version: -version.created_at),
    **dict.fromkeys(("official", "verified"), lambda version: 0),
    "name": lambda version: version.name.lower(),
    "date": lambda version: version.created_at,
}
"""What lists are sorted by, names in the alphabet where it is the same. A minus turns one around: `-date` is the newest first."""
SORTS = tuple(sign + order for sign in ("", "-") for order in _ORDERS)


def get_library(call: Call) -> Json:
    """One library: its newest version, or the one that is asked for."""
    return {"data": _shown(call, call.cloud.libraries.get(call.who, call.path["library"], call.get("version"), _scopes(call)))}


def list_versions(call: Call) -> Json:
    """All versions of a library, the oldest first; a page of them, if that is asked for."""
    found = call.cloud.libraries.versions(call.who, call.path["library"], _scopes(call))
    return {"data": [_shown(call, each) for each in _page(call, found, len(found))]}


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
    """Take a library away. Whoever forces it says so by a password of the cloud's own, which here may be any."""
    force = call.get("force")
    call.cloud.libraries.delete(call.who, call.path["library"], force=bool(force) and str(force).lower() not in ("false", "0", "no", "off"))


def download(call: Call) -> Response:
    """The archive of a version: knowing its link is enough."""
    return Response(200, call.cloud.libraries.download(call.path["token"]), "application/gzip")
