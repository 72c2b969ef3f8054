"""OAuth clients of users and products."""

from __future__ import annotations

from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.handlers.shown import product_of
from emulator.cloud.records import OAuthClient

Json = dict[str, Any]


def _body(client: OAuthClient) -> Json:
    return {
        "id": client.id,
        "name": client.name,
        "type": client.type.value,
        "redirect_uri": client.redirect_uri,
        "scope": client.scope,
    }


def list_clients(call: Call) -> Json:
    """The clients, without their secrets."""
    return {"ok": True, "clients": [_body(client) for client in call.cloud.clients.list(call.who, product_of(call))]}


def create_client(call: Call) -> Json:
    """Make a client; its secret is shown this once."""
    client = call.cloud.clients.create(
        call.who,
        call.text("name"),
        call.get("type") or "installed",
        redirect_uri=call.get("redirect_uri"),
        scope=call.get("scope"),
        product=product_of(call),
    )
    return {"ok": True, "client": {**_body(client), "secret": client.secret}}


def update_client(call: Call) -> Json:
    """Rename a client, or change what it may do."""
    client = call.cloud.clients.update(call.who, call.path["client"], product=product_of(call), **call.sent("name", "scope"))
    return {"ok": True, "client": _body(client)}


def delete_client(call: Call) -> None:
    """End a client and its tokens."""
    call.cloud.clients.delete(call.who, call.path["client"], product=product_of(call))
