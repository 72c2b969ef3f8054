"""OAuth clients: the programs that may ask for tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from emulator.cloud.access import Principal
from emulator.cloud.core import Core
from emulator.cloud.errors import ClientUnknown, Invalid
from emulator.cloud.gate import Gate
from emulator.cloud.records import ClientType, OAuthClient

SCOPES = ("*:*", "customers:create")


class Clients:
    """The well-known clients, and those that users and products have made."""

    def __init__(self, core: Core, gate: Gate) -> None:
        self._core = core
        self._gate = gate
        self.on_delete: list[Callable[[str], None]] = []
        """What other rooms do when a client (by id) goes: called inside the transaction."""
        self._clients = core.state.table("oauth_clients", OAuthClient, lambda client: client.id)
        self._by_user = self._clients.index(lambda client: None if client.product_id is not None else client.user_id)
        self._by_product = self._clients.index(lambda client: client.product_id)
        with core.change():
            for name, secret in core.settings.known_clients:
                if self._clients.get(name) is None:
                    self._clients.put(OAuthClient(name, secret, name))

    def by_id(self, client_id: str | None) -> OAuthClient | None:
        """The client, or None."""
        return self._clients.get(client_id)

    def list(self, who: Principal, product: str | int | None = None) -> list[OAuthClient]:
        """The clients of a product, or the caller's own.

        Raises:
            PermissionDenied, ScopeRefused: not for this caller.
        """
        user_id, product_id = self._place(who, product, "clients:list")
        if product_id is not None:
            return self._clients.where(self._by_product, product_id)
        return self._clients.where(self._by_user, user_id)

    def create(
        self,
        who: Principal,
        name: str,
        kind: str = "installed",
        *,
        redirect_uri: str | None = None,
        scope: str | None = None,
        product: str | int | None = None,
    ) -> OAuthClient:
        """Make a client; its secret is shown this once.

        Raises:
            Invalid: no name, an unknown type or scope, or a web client that does not say where to redirect to.
            PermissionDenied, ScopeRefused: not for this caller.
        """
        user_id, product_id = self._place(who, product, "clients:create")
        if not name:
            raise Invalid("name", name, "must not be empty")
        try:
            client_type = ClientType(kind)
        except ValueError:
            raise Invalid("type", kind, "must be installed or web") from None
        if client_type is ClientType.WEB and not redirect_uri:
            raise Invalid("redirect_uri", redirect_uri, "a web client needs one")
        stem = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower())[:40]
        with self._core.change():
            return self._clients.put(
                OAuthClient(
                    id=f"{stem}-{self._core.names.short()[:4]}",
                    secret=self._core.names.token(),
                    name=name,
                    type=client_type,
                    redirect_uri=redirect_uri,
                    scope=_checked(scope or "*:*"),
                    user_id=user_id,
                    product_id=product_id,
                ),
            )

    def update(
        self,
        who: Principal,
        client_id: str,
        *,
        name: str | None = None,
        scope: str | None = None,
        product: str | int | None = None,
    ) -> OAuthClient:
        """Rename a client, or change what it may do.

        Raises:
            ClientUnknown: not one of this caller or product.
            Invalid: unknown scope.
            PermissionDenied, ScopeRefused: not for this caller.
        """
        client = self._owned(self._place(who, product, "clients:update"), client_id)
        scope = client.scope if scope is None else _checked(scope)
        with self._core.change():
            return self._clients.put(replace(client, name=name or client.name, scope=scope))

    def delete(self, who: Principal, client_id: str, *, product: str | int | None = None) -> None:
        """End a client, and every token that was made with it.

        Raises:
            ClientUnknown: not one of this caller or product.
            PermissionDenied, ScopeRefused: not for this caller.
        """
        self._end(self._owned(self._place(who, product, "clients:remove"), client_id))

    def end_all(self, user_id: str) -> None:
        """End the clients of somebody who is about to go; those of products stay."""
        with self._core.change():
            for client in self._clients.where(self._by_user, user_id):
                self._end(client)

    def _end(self, client: OAuthClient) -> None:
        with self._core.change():
            self._clients.remove(client.id)
            for clean_up in self.on_delete:
                clean_up(client.id)

    def _place(self, who: Principal, product: str | int | None, scope: str) -> tuple[str, int | None]:
        """Whose clients are meant: (user id, None), or (user or account id, product number)."""
        if product is not None:
            return who.account, self._gate.product(who, product, scope).id
        return self._gate.developer_only(who, scope), None

    def _owned(self, place: tuple[str, int | None], client_id: str) -> OAuthClient:
        user_id, product_id = place
        client = self._clients.get(client_id)
        if client is None or client.product_id != product_id or (product_id is None and client.user_id != user_id):
            raise ClientUnknown(client_id)
        return client


def _checked(scope: str) -> str:
    if scope not in SCOPES:
        raise Invalid("scope", scope, "must be one of " + ", ".join(SCOPES))
    return scope
