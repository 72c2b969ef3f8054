"""OAuth clients: the programs that may ask for tokens."""

from __future__ import annotations

from dataclasses import replace

from emulator.cloud.core import Core
from emulator.cloud.errors import ClientUnknown, Invalid
from emulator.cloud.records import ClientType, OAuthClient

SCOPES = ("*:*", "customers:create")


class Clients:
    """The well-known clients, and those that users and products have made."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._clients = core.state.table("oauth_clients", OAuthClient, lambda client: client.id)
        self._by_user = self._clients.index(lambda client: client.user_id if client.product_id is None else None)
        self._by_product = self._clients.index(lambda client: client.product_id)
        with core.change():
            for name, secret in core.settings.known_clients:
                if self._clients.get(name) is None:
                    self._clients.put(OAuthClient(name, secret, name))

    def by_id(self, client_id: str | None) -> OAuthClient | None:
        """The client, or None."""
        return self._clients.get(client_id)

    def of(self, user_id: str, product_id: int | None) -> list[OAuthClient]:
        """The clients of a product, or (None) a user's own."""
        if product_id is not None:
            return self._clients.where(self._by_product, product_id)
        return self._clients.where(self._by_user, user_id)

    def create(
        self,
        user_id: str | None,
        product_id: int | None,
        name: str,
        kind: str,
        redirect_uri: str | None = None,
        scope: str | None = None,
    ) -> OAuthClient:
        """Make a client; its secret is in the answer, once.

        Raises:
            Invalid: no name, an unknown type or scope, or a web client that does not say where to redirect to.
        """
        if not name:
            raise Invalid("name", name, "must not be empty")
        try:
            client_type = ClientType(kind)
        except ValueError:
            raise Invalid("type", kind, "must be installed or web") from None
        if client_type is ClientType.WEB and not redirect_uri:
            raise Invalid("redirect_uri", redirect_uri, "a web client needs one")
        chosen = scope or "*:*"
        if chosen not in SCOPES:
            raise Invalid("scope", scope, "must be one of " + ", ".join(SCOPES))
        stem = "".join(letter if letter.isalnum() else "-" for letter in name.lower())[:40]
        with self._core.change():
            return self._clients.put(
                OAuthClient(
                    id=f"{stem}-{self._core.names.short()[:4]}",
                    secret=self._core.names.token(),
                    name=name,
                    type=client_type,
                    redirect_uri=redirect_uri,
                    scope=chosen,
                    user_id=user_id,
                    product_id=product_id,
                ),
            )

    def update(
        self, user_id: str, product_id: int | None, client_id: str, *, name: str | None = None, scope: str | None = None
    ) -> OAuthClient:
        """Rename a client, or change what it may do.

        Raises:
            ClientUnknown: not one of this user or product.
            Invalid: unknown scope.
        """
        client = self._owned(user_id, product_id, client_id)
        if scope is not None and scope not in SCOPES:
            raise Invalid("scope", scope, "must be one of " + ", ".join(SCOPES))
        with self._core.change():
            return self._clients.put(replace(client, name=name or client.name, scope=scope or client.scope))

    def delete(self, user_id: str, product_id: int | None, client_id: str) -> None:
        """End a client.

        Raises:
            ClientUnknown: not one of this user or product.
        """
        client = self._owned(user_id, product_id, client_id)
        with self._core.change():
            self._clients.remove(client.id)

    def _owned(self, user_id: str, product_id: int | None, client_id: str) -> OAuthClient:
        client = self._clients.get(client_id)
        if client is None or client.product_id != product_id or (product_id is None and client.user_id != user_id):
            raise ClientUnknown(client_id)
        return client
