"""The gate: every check of "may this caller do that here".

An unknown product and a product of somebody else look the same from outside.
"""

from __future__ import annotations

from collections.abc import Sequence

from emulator.cloud.access import Kind, Principal, Role, role_has
from emulator.cloud.accounts import Accounts
from emulator.cloud.errors import OrganizationUnknown, PermissionDenied, RoleTooLow, ScopeRefused
from emulator.cloud.records import Organization, Product
from emulator.cloud.registry import Registry


class Gate:
    """Lets callers through to products and organizations."""

    def __init__(self, accounts: Accounts, registry: Registry) -> None:
        self._accounts = accounts
        self._registry = registry

    def product(self, who: Principal, given: str | int, scope: str, organization: str | None = None) -> Product:
        """The product, if the caller may use `scope` in it, and it is the organization's that is named.

        Raises:
            PermissionDenied: unknown, or the caller has no part in it, or too low a role (`RoleTooLow`).
            ScopeRefused: the caller's list of scopes does not hold it.
            OrganizationUnknown: the product is not of this organization.
        """
        product = self._registry.product(given)
        if product is None:
            raise PermissionDenied(f"product {given}")
        self.check(who, product, scope)
        if organization is not None:
            self.check_home(product.id, organization)
        return product

    def check_home(self, given: str | int, organization: str) -> None:
        """Refuse a product that is not of the organization beside it.

        Raises:
            OrganizationUnknown: as said.
        """
        product, owner = self._registry.product(given), self._registry.organization(organization)
        if product is None or owner is None or owner.id != product.organization_id:
            raise OrganizationUnknown(organization)

    def organization_of(self, product_id: int | None) -> str | None:
        """The id of the organization that owns a product, whoever asks."""
        product = self._registry.product(product_id)
        return None if product is None else product.organization_id

    def products_of(self, organization: Organization) -> Sequence[Product]:
        """The products of an organization, whoever asks."""
        return self._registry.organization_products(organization.id)

    def check(self, who: Principal, product: Product, scope: str) -> None:
        """Refuse a caller that may not use `scope` in a product.

        Raises:
            PermissionDenied, ScopeRefused: as for `product`.
        """
        if who.kind is Kind.USER:
            role = self._role(who.account, product)
            if role is None:
                raise PermissionDenied(f"product {product.slug}")
            if not role_has(role, scope):
                raise RoleTooLow(role.title, scope)
        elif who.kind is Kind.CUSTOMER or not self._belongs(who, product):
            raise PermissionDenied(f"product {product.slug}")
        elif not who.allows(scope):
            raise ScopeRefused(scope)

    def find_product(self, product_id: str | int | None) -> Product | None:
        """A product by its number, whoever asks."""
        return self._registry.product(product_id)

    def may(self, who: Principal, product: Product, scope: str) -> bool:
        """Whether `check` would let the caller through."""
        try:
            self.check(who, product, scope)
        except (PermissionDenied, ScopeRefused):
            return False
        return True

    def in_team(self, user_id: str, product: Product) -> bool:
        """Whether a user has any role in a product."""
        return self._role(user_id, product) is not None

    def organization(self, who: Principal, given: str, scope: str) -> Organization:
        """The organization, if the caller may use `scope` in it.

        Raises:
            OrganizationUnknown: no such organization, or the caller has no part in it.
            RoleTooLow, ScopeRefused: as for `product`.
        """
        organization = self._registry.organization(given)
        if organization is None:
            raise OrganizationUnknown(given)
        if who.kind is Kind.API_USER:
            member = self._registry.members.get(who.account)
            if member is None or member.organization_id != organization.id:
                raise OrganizationUnknown(given)
            if not who.allows(scope):
                raise ScopeRefused(scope)
            return organization
        if who.kind is not Kind.USER:
            raise OrganizationUnknown(given)
        user = self._accounts.by_id(who.account)
        role = None if user is None else self._registry.organization_role(user, organization)
        if role is None:
            raise OrganizationUnknown(given)
        if not role_has(role, scope):
            raise RoleTooLow(role.title, scope)
        return organization

    def developer_only(self, who: Principal, scope: str) -> str:
        """The user's id, if the caller is a developer.

        Raises:
            ScopeRefused: an API user, who acts in products only.
            PermissionDenied: a customer, or a product's client.
        """
        if who.kind is Kind.USER:
            return who.account
        if who.kind is Kind.API_USER:
            raise ScopeRefused(scope)
        raise PermissionDenied("this is for developer accounts")

    def _role(self, user_id: str, product: Product) -> Role | None:
        user = self._accounts.by_id(user_id)
        return None if user is None else self._registry.role(user, product)

    def _belongs(self, who: Principal, product: Product) -> bool:
        if who.product_id == product.id:
            return True
        if who.kind is not Kind.API_USER or product.organization_id is None:
            return False
        member = self._registry.members.get(who.account)
        return member is not None and member.organization_id == product.organization_id
