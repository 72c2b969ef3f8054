"""Products, organizations and teams as plain facts: who may do what where follows from here, and is asked of `emulator.cloud.gate`."""

from __future__ import annotations

from dataclasses import replace

from emulator.cloud.access import Role
from emulator.cloud.core import Core
from emulator.cloud.records import Member, Organization, Product, User


class Registry:
    """Look-ups that many rooms need, all by index."""

    def __init__(self, core: Core) -> None:
        state = core.state
        self.products = state.table("products", Product, lambda product: product.id)
        self.organizations = state.table("organizations", Organization, lambda organization: organization.id)
        self.members = state.table("members", Member, lambda member: member.id)
        self.product_slugs = self.products.index(lambda product: product.slug)
        self.product_names = self.products.index(lambda product: product.name.casefold())
        self._by_owner = self.products.index(lambda product: product.owner_id if product.organization_id is None else None)
        self._by_organization = self.products.index(lambda product: product.organization_id)
        self._organization_slugs = self.organizations.index(lambda organization: organization.slug)
        self._of_product = self.members.index(lambda member: member.product_id)
        self._of_organization = self.members.index(lambda member: member.organization_id)
        self._by_name = self.members.index(lambda member: (member.product_id, member.organization_id, member.username))
        self._memberships = self.members.index(lambda member: member.username)

    def product(self, given: str | int | None) -> Product | None:
        """A product by its number or its slug."""
        if isinstance(given, int):
            return self.products.get(given)
        if given is None:
            return None
        if given.isascii() and given.isdigit():
            return self.products.get(int(given))
        return self.products.first(self.product_slugs, given.lower())

    def organization(self, given: str) -> Organization | None:
        """An organization by its id or its slug."""
        return self.organizations.get(given) or self.organizations.first(self._organization_slugs, given.lower())

    def sandbox_products(self, user_id: str) -> list[Product]:
        """The products of one user, those of organizations aside."""
        return self.products.where(self._by_owner, user_id)

    def organization_products(self, organization_id: str) -> list[Product]:
        """The products of an organization."""
        return self.products.where(self._by_organization, organization_id)

    def team(self, product: Product) -> list[Member]:
        """The members of a product's team, its owner and its organization's members aside."""
        return self.members.where(self._of_product, product.id)

    def organization_team(self, organization: Organization) -> list[Member]:
        """The members of an organization, its owner aside."""
        return self.members.where(self._of_organization, organization.id)

    def member(self, product: Product, username: str) -> Member | None:
        """Somebody's entry in a product's own team."""
        return self.members.first(self._by_name, (product.id, None, username))

    def role(self, user: User, product: Product) -> Role | None:
        """What a user is in a product: by owning it, by its team, or by its organization."""
        if product.organization_id is None:
            if product.owner_id == user.id:
                return Role.OWNER
        else:
            role = self.organization_role(user, self.organizations[product.organization_id])
            if role is not None:
                return role
        member = self.member(product, user.username)
        return None if member is None or member.programmatic else member.role

    def organization_role(self, user: User, organization: Organization) -> Role | None:
        """What a user is in an organization."""
        if organization.owner_id == user.id:
            return Role.OWNER
        member = self.members.first(self._by_name, (None, organization.id, user.username))
        return None if member is None or member.programmatic else member.role

    def rename(self, old: str, new: str) -> None:
        """Somebody's username changed: the teams follow. Belongs inside a transaction.

        Where a team had invited the new name as well, one of the two is left, with the higher role.
        """
        for member in self.memberships(old):
            role = member.role
            invited = self.members.first(self._by_name, (member.product_id, member.organization_id, new))
            if invited is not None and invited is not member:
                role = max(role, invited.role)
                self.members.remove(invited.id)
            self.members.put(replace(member, username=new, role=role))

    def leave_teams(self, username: str) -> None:
        """Somebody goes: whoever takes that username later is in no team for it. Belongs inside a transaction."""
        for member in self.memberships(username):
            self.members.remove(member.id)

    def memberships(self, username: str) -> list[Member]:
        """All teams somebody is in."""
        return self.members.where(self._memberships, username)

    def reachable_products(self, user: User) -> list[Product]:
        """Every product in which a user has a role, by number."""
        found = {product.id: product for product in self.sandbox_products(user.id)}
        organizations = {each.id for each in self.organizations if each.owner_id == user.id}
        for member in self.memberships(user.username):
            if member.product_id is not None:
                found[member.product_id] = self.products[member.product_id]
            if member.organization_id is not None:
                organizations.add(member.organization_id)
        for organization_id in organizations:
            found.update((product.id, product) for product in self.organization_products(organization_id))
        return [found[number] for number in sorted(found)]
