"""Access tokens: the grants that give them, and whom they stand for.

Grants and their words: the REST reference's "Authentication" (docs/cloud.md, "Tokens"). The lifetimes are settings.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import replace

from emulator.cloud.access import EVERYTHING, Kind, Principal
from emulator.cloud.accounts import Accounts
from emulator.cloud.clients import Clients
from emulator.cloud.core import Core
from emulator.cloud.errors import (
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    MfaRequired,
    OtpWrong,
    PasswordWrong,
    TokenExpired,
    TokenInvalid,
    TokenMissing,
    UnauthorizedClient,
    UserUnknown,
)
from emulator.cloud.records import OAuthClient, Token, User


class Tokens:
    """Every token that was issued and not revoked."""

    def __init__(self, core: Core, accounts: Accounts, clients: Clients) -> None:
        self._core = core
        self._accounts = accounts
        self._clients = clients
        self._tokens = core.state.table("tokens", Token, lambda token: token.token)
        self._by_account = self._tokens.index(lambda token: token.account)
        self._by_refresh = self._tokens.index(lambda token: token.refresh_token)
        self._serial = max((token.serial for token in self._tokens), default=0)
        self.customer_of: Callable[[int, str], tuple[str, str] | None]
        """(customer id, username) of a product's customer; the customers' room sets it."""
        self.customer_login: Callable[[int, str, str], tuple[str, str] | None]
        """The same, if the password is right."""
        clients.on_delete.append(self.revoke_client)

    def password_grant(
        self,
        client_id: str | None,
        client_secret: str | None,
        username: str | None,
        password: str | None,
        *,
        expires_in: float | None = None,
        expires_at: float | None = None,
    ) -> Token:
        """Log in a developer (with any client), or a customer (with a client of the product).

        `expires_in` is in seconds, 0 for ever; `expires_at` in POSIX seconds.

        Raises:
            InvalidClient, InvalidRequest, InvalidGrant, MfaRequired: as named.
        """
        client = self.client(client_id, client_secret)
        if not username or not password:
            raise InvalidRequest('Missing parameters. "username" and "password" are required')
        expiry = self._expiry(expires_in, expires_at)
        if client.product_id is not None:
            known = self.customer_login(client.product_id, username, password)
            if known is not None:
                return self.issue_customer(client, *known, expires_at=expiry)
        try:
            user = self._accounts.authenticate(username, password)
        except (UserUnknown, PasswordWrong, OtpWrong):
            raise InvalidGrant("User credentials are invalid") from None
        if user.mfa:
            raise MfaRequired(self._accounts.mfa_challenge(user))
        return self.issue_user(client, user, expires_at=expiry)

    def otp_grant(
        self,
        client_id: str | None,
        client_secret: str | None,
        mfa_token: str | None,
        code: str | None,
        *,
        expires_in: float | None = None,
        expires_at: float | None = None,
    ) -> Token:
        """The second step of a login.

        Raises:
            InvalidClient, InvalidRequest, InvalidGrant: as named.
        """
        client = self.client(client_id, client_secret)
        if not mfa_token or not code:
            raise InvalidRequest('Missing parameters. "mfa_token" and "otp" are required')
        expiry = self._expiry(expires_in, expires_at)
        return self.issue_user(client, self._accounts.mfa_answer(mfa_token, code), expires_at=expiry)

    def refresh_grant(self, client_id: str | None, client_secret: str | None, refresh_token: str | None) -> Token:
        """A new pair for an old one; the old one ends. Only pairs made with a product's client can be renewed.

        Raises:
            InvalidClient, InvalidRequest, InvalidGrant: as named.
        """
        client = self.client(client_id, client_secret)
        if not refresh_token:
            raise InvalidRequest('Missing parameter. "refresh_token" is required')
        old = self._tokens.first(self._by_refresh, refresh_token)
        if old is None or old.client_id != client.id or client.product_id is None:
            raise InvalidGrant("Refresh token is invalid")
        if old.refresh_expires_at is not None and old.refresh_expires_at <= self._core.now():
            raise InvalidGrant("Refresh token has expired")
        with self._core.change():
            self._tokens.remove(old.token)
            expiry = self._core.now() + self._core.settings.token_lifetime
            return self._issue(old.kind, old.account, old.username, old.client_id, expiry, old.product_id, old.scopes)

    def client_grant(
        self,
        client_id: str | None,
        client_secret: str | None,
        *,
        customer: str | None = None,
        expires_in: float | None = None,
        expires_at: float | None = None,
    ) -> Token:
        """A token of the product itself, or of one of its customers (by address, no password needed).

        Raises:
            InvalidClient: unknown.
            UnauthorizedClient: not a product's client, or (for a customer) one that may only create customers.
            InvalidGrant: no such customer.
        """
        client = self.client(client_id, client_secret)
        if client.product_id is None:
            raise UnauthorizedClient("The client credentials grant is for clients of a product")
        expiry = self._expiry(expires_in, expires_at)
        if customer is not None:
            if client.scope != "*:*":
                raise UnauthorizedClient("This client may only create customers")
            known = self.customer_of(client.product_id, customer)
            if known is None:
                raise InvalidGrant("No such customer")
            return self.issue_customer(client, *known, expires_at=expiry)
        with self._core.change():
            return self._issue(Kind.PRODUCT, client.id, client.name, client.id, expiry, client.product_id, frozenset({client.scope}))

    def client(self, client_id: str | None, client_secret: str | None) -> OAuthClient:
        """The OAuth client that presents itself.

        Raises:
            InvalidClient: unknown, or another secret.
        """
        client = self._clients.by_id(client_id)
        if client is None or client_secret is None or not hmac.compare_digest(client.secret.encode(), client_secret.encode()):
            raise InvalidClient("Client credentials are invalid")
        return client

    def client_of(self, who: Principal) -> OAuthClient | None:
        """The OAuth client that a token was made with, if it is still there."""
        return self._clients.by_id(who.client_id)

    def issue_user(self, client: OAuthClient, user: User, *, expires_at: float | None) -> Token:
        """A token of a developer."""
        with self._core.change():
            return self._issue(Kind.USER, user.id, user.username, client.id, expires_at)

    def issue_customer(self, client: OAuthClient, customer_id: str, username: str, *, expires_at: float | None) -> Token:
        """A token of a customer, tied to the client's product."""
        with self._core.change():
            return self._issue(Kind.CUSTOMER, customer_id, username, client.id, expires_at, client.product_id)

    def issue_api_user(self, member_id: str, username: str, product_id: int | None, scopes: frozenset[str]) -> Token:
        """The one token of an API user: it never expires, and replaces the one before."""
        with self._core.change():
            self.revoke_account(member_id)
            return self._issue(Kind.API_USER, member_id, username, "api-user", None, product_id, scopes)

    def principal(self, token: str | None) -> Principal:
        """Whom a token stands for.

        Raises:
            TokenMissing, TokenInvalid, TokenExpired: as named.
        """
        found = self.of(token)
        user = self._accounts.by_id(found.account)
        username = found.username if user is None else user.username
        return Principal(found.kind, found.account, username, found.product_id, found.scopes, found.token, found.client_id)

    def of(self, token: str | None) -> Token:
        """The record of a token that counts now.

        Raises:
            TokenMissing, TokenInvalid, TokenExpired: as named.
        """
        if not token:
            raise TokenMissing
        found = self._tokens.get(token)
        if found is None:
            raise TokenInvalid
        if found.expires_at is not None and found.expires_at <= self._core.now():
            raise TokenExpired(found.expires_at)
        return found

    def list(self, user: User) -> list[Token]:
        """A developer's tokens, newest first."""
        return sorted(self._tokens.where(self._by_account, user.id), key=lambda token: -token.serial)

    def revoke(self, token: str) -> None:
        """End a token. Knowing it is enough; an unknown one is no error."""
        with self._core.change():
            self._tokens.remove(token)

    def revoke_all(self, who: Principal) -> None:
        """End every token of the caller."""
        self.revoke_account(who.account)

    def revoke_account(self, account: str, *, keep: str | None = None) -> None:
        """End every token of an account, but for `keep`."""
        with self._core.change():
            for key in self._by_account.keys(account):
                if key != keep:
                    self._tokens.remove(key)

    def revoke_client(self, client_id: str) -> None:
        """End every token that was made with an OAuth client."""
        with self._core.change():
            for token in self._tokens:
                if token.client_id == client_id:
                    self._tokens.remove(token.token)

    def _issue(
        self,
        kind: Kind,
        account: str,
        username: str,
        client_id: str,
        expires_at: float | None,
        product_id: int | None = None,
        scopes: frozenset[str] = EVERYTHING,
    ) -> Token:
        """A new token; for a person, with a refresh token."""
        names, now = self._core.names, self._core.now()
        self._serial += 1
        token = Token(names.token(), kind, account, username, client_id, now, expires_at, product_id, scopes, serial=self._serial)
        if kind in (Kind.USER, Kind.CUSTOMER):
            token = replace(token, refresh_token=names.token(), refresh_expires_at=now + self._core.settings.refresh_lifetime)
        return self._tokens.put(token)

    def _expiry(self, expires_in: float | None, expires_at: float | None) -> float | None:
        if expires_at is not None:
            return expires_at
        seconds = self._core.settings.token_lifetime if expires_in is None else expires_in
        if seconds < 0:
            raise InvalidRequest('"expires_in" must not be negative')
        return None if seconds == 0 else self._core.now() + seconds
