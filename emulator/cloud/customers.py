"""Customers: the end users of one product. They are optional; nothing else depends on them.

A customer may claim, and then use, devices of its product: call functions, read variables, hear events. Nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from emulator.cloud.access import Principal
from emulator.cloud.accounts import Accounts, check_password, clean_username
from emulator.cloud.basics import password_fits
from emulator.cloud.claim_codes import ClaimCodes
from emulator.cloud.claims import Claims
from emulator.cloud.core import Core
from emulator.cloud.errors import CustomerExists, CustomerUnknown, PermissionDenied, UnauthorizedClient
from emulator.cloud.gate import Gate
from emulator.cloud.records import OAuthClient, Owner, OwnerKind, Product, Token
from emulator.cloud.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Customer:
    """An end user of one product."""

    id: str
    product_id: int
    username: str
    created_at: float
    password_hash: str = ""
    """Empty: logs in through the product's own servers only."""
    full_name: str = ""

    @property
    def key(self) -> str:
        """Product and name."""
        return f"{self.product_id}:{self.username}"


class Customers:
    """The customers of all products."""

    def __init__(
        self,
        core: Core,
        gate: Gate,
        accounts: Accounts,
        tokens: Tokens,
        claims: Claims,
        claim_codes: ClaimCodes,
    ) -> None:
        self._core = core
        self._gate = gate
        self._accounts = accounts
        self._tokens = tokens
        self._claims = claims
        self._claim_codes = claim_codes
        self._customers = core.state.table("customers", Customer, lambda customer: customer.id)
        self._by_product = self._customers.index(lambda customer: customer.product_id)
        self._by_key = self._customers.index(lambda customer: customer.key)
        tokens.customer_of = self._identify
        tokens.customer_login = self._login

    def create(
        self,
        client_id: str | None,
        client_secret: str | None,
        product: str | int,
        username: str,
        password: str | None = None,
    ) -> Token:
        """Sign a customer up with an OAuth client of the product, and log it in. No password: only the product's servers will act for it.

        Raises:
            InvalidClient: unknown. UnauthorizedClient: not one of this product.
            Invalid: the name is no address, or the password is empty.
            CustomerExists: there is one.
        """
        client = self._tokens.client(client_id, client_secret)
        return self._create(client, product, username, password)

    def create_as(self, who: Principal, product: str | int, username: str, password: str | None = None) -> Token:
        """Sign a customer up with a token of the product (which may create customers). Raises as `create`, and PermissionDenied."""
        record = self._gate.product(who, product, "customers:create")
        client = self._tokens.client_of(who)
        if client is None:
            raise PermissionDenied("customers are created with an OAuth client of the product")
        return self._create(client, record.id, username, password)

    def sign_up(self, product: Product, username: str, password: str | None = None) -> Customer:
        """Make a customer, whoever asks, and log nobody in.

        Raises:
            Invalid: the name is no address, or the password is empty.
            CustomerExists: there is one.
        """
        name = clean_username(username)
        if password is not None:
            check_password(password)
        if self._by_key.count(f"{product.id}:{name}"):
            raise CustomerExists(name)
        hashed = "" if password is None else self._accounts.hashed(password)
        with self._core.change():
            return self._customers.put(Customer(self._core.names.object_id(), product.id, name, self._core.now(), hashed))

    def named(self, product: Product, username: str) -> Customer | None:
        """The customer of a name, whoever asks, or None."""
        return self._named(product.id, username)

    def list(self, who: Principal, product: str | int) -> Sequence[Customer]:
        """The customers of a product, in the order in which they signed up.

        Raises:
            PermissionDenied, ScopeRefused: not for this caller.
        """
        record = self._gate.product(who, product, "customers:list")
        return self._customers.where(self._by_product, record.id)

    def reset_password(self, who: Principal, product: str | int, username: str, password: str) -> Customer:
        """Give a customer another password; its tokens end.

        Raises:
            CustomerUnknown, Invalid, PermissionDenied, ScopeRefused: as named.
        """
        customer = self._find(who, product, username, "customers:update")
        check_password(password)
        with self._core.change():
            self._tokens.revoke_account(customer.id)
            return self._customers.put(replace(customer, password_hash=self._accounts.hashed(password)))

    def delete(self, who: Principal, product: str | int, username: str) -> None:
        """End a customer: its devices are unclaimed, its tokens and claim codes end.

        Raises:
            CustomerUnknown, PermissionDenied, ScopeRefused: as named.
        """
        customer = self._find(who, product, username, "customers:remove")
        owner = Owner(OwnerKind.CUSTOMER, customer.id)
        with self._core.change():
            self._claims.release_all(owner)
            self._claim_codes.forget(owner)
            self._tokens.revoke_account(customer.id)
            self._customers.remove(customer.id)

    def by_id(self, customer_id: str) -> Customer | None:
        """The customer of an id, or None."""
        return self._customers.get(customer_id)

    def _create(self, client: OAuthClient, product: str | int, username: str, password: str | None) -> Token:
        record = self._gate.find_product(product)
        if record is None or client.product_id != record.id:
            raise UnauthorizedClient("the client does not belong to this product")
        with self._core.change():
            customer = self.sign_up(record, username, password)
            expires_at = self._core.now() + self._core.settings.token_lifetime
            return self._tokens.issue_customer(client, customer.id, customer.username, expires_at=expires_at)

    def _find(self, who: Principal, product: str | int, username: str, scope: str) -> Customer:
        record = self._gate.product(who, product, scope)
        customer = self._named(record.id, username)
        if customer is None:
            raise CustomerUnknown(username)
        return customer

    def _named(self, product_id: int, username: str) -> Customer | None:
        return self._customers.first(self._by_key, f"{product_id}:{username.strip().lower()}")

    def _identify(self, product_id: int, username: str) -> tuple[str, str] | None:
        customer = self._named(product_id, username)
        return None if customer is None else (customer.id, customer.username)

    def _login(self, product_id: int, username: str, password: str) -> tuple[str, str] | None:
        customer = self._named(product_id, username)
        if customer is None or not password_fits(password, customer.password_hash):
            return None
        return customer.id, customer.username
