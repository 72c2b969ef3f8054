"""Products and the organizations that own some of them.

A product is for devices of one platform, for ever. Its number is 16 bit, because devices say it in Hello.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from emulator.cloud.access import Principal
from emulator.cloud.accounts import Accounts
from emulator.cloud.core import Core
from emulator.cloud.errors import Conflict, Invalid, ProductNameTaken
from emulator.cloud.gate import Gate
from emulator.cloud.records import Organization, Plan, Product, User
from emulator.cloud.registry import Registry
from particle_protocol.platforms import UnknownPlatform, platform_by_id

MAX_ID = 0xFFFE
"""0xFFFF means "no product" in Hello."""
PLATFORMS = range(256)
"""Numbers that are kept for platforms: a product id equal to a platform id is the wildcard."""


class Products:
    """Makes and changes products."""

    def __init__(self, core: Core, accounts: Accounts, registry: Registry, gate: Gate) -> None:
        self._core = core
        self._accounts = accounts
        self._registry = registry
        self._gate = gate

    def list(self, who: Principal, organization: str | None = None) -> list[Product]:
        """The products the caller has a part in, or those of an organization, by number.

        Raises:
            OrganizationUnknown, ScopeRefused, PermissionDenied: not for this caller.
        """
        if organization is not None:
            record = self._gate.organization(who, organization, "products:list")
            return sorted(self._registry.organization_products(record.id), key=lambda product: product.id)
        if who.product_id is not None:
            product = self._gate.product(who, who.product_id, "products:list")
            return [product]
        return self._registry.reachable_products(self._accounts.of(who))

    def get(self, who: Principal, given: str | int) -> Product:
        """One product.

        Raises:
            PermissionDenied, ScopeRefused: unknown, or not for this caller.
        """
        return self._gate.product(who, given, "products:get")

    def create(
        self,
        who: Principal,
        name: str,
        platform_id: int,
        *,
        description: str = "",
        organization: str | None = None,
        quarantine: bool = True,
        product_id: int | None = None,
        plan: Plan | None = None,
        slug: str | None = None,
    ) -> Product:
        """Make a product in the caller's sandbox, or in an organization.

        `product_id`, `plan` and `slug` are for labs whose firmware, or whose test, needs a certain one.

        Raises:
            Invalid: the name is empty, there is no such platform, the number cannot be one.
            ProductNameTaken, Conflict: the name or the number is taken.
            PermissionDenied, OrganizationUnknown, ScopeRefused: not for this caller.
        """
        owner_id, record = self._owner(who, organization)
        name = name.strip()
        self._check_name(name)
        check_platform(platform_id)
        if plan is None:
            plan = Plan.FREE if record is None else record.plan
        with self._core.change():
            return self._registry.products.put(
                Product(
                    id=self._number(product_id),
                    slug=self._slug(name if slug is None else slug),
                    name=name,
                    platform_id=platform_id,
                    owner_id=owner_id,
                    created_at=self._core.now(),
                    description=description,
                    organization_id=None if record is None else record.id,
                    plan=plan,
                    quarantine=quarantine,
                    updated_at=self._core.now(),
                ),
            )

    def update(
        self,
        who: Principal,
        given: str | int,
        *,
        name: str | None = None,
        description: str | None = None,
        quarantine: bool | None = None,
        location_opt_in: bool | None = None,
        known_application_opt_in: bool | None = None,
        requires_activation_codes: bool | None = None,
    ) -> Product:
        """Change what is given; None keeps. The platform never changes.

        Raises:
            PermissionDenied, ScopeRefused: not for this caller.
            Invalid, ProductNameTaken: the name cannot be.
        """
        product = self._gate.product(who, given, "products:update")
        changes: dict[str, object] = {
            "description": description,
            "quarantine": quarantine,
            "location_opt_in": location_opt_in,
            "known_application_opt_in": known_application_opt_in,
            "requires_activation_codes": requires_activation_codes,
        }
        if name is not None:
            name = name.strip()
            self._check_name(name, besides=product.id)
            changes["name"] = name
        given_changes = {key: value for key, value in changes.items() if value is not None}
        with self._core.change():
            return self._registry.products.put(
                replace(product, updated_at=self._core.now(), **given_changes),  # type: ignore[arg-type]  # names are checked by replace
            )

    def organizations(self, who: Principal) -> Sequence[Organization]:
        """The organizations the caller has a part in, by name."""
        user = self._accounts.of(who)
        found = (each for each in self._registry.organizations if self._registry.organization_role(user, each) is not None)
        return sorted(found, key=lambda organization: organization.name)

    def create_organization(self, owner: User, name: str, plan: Plan = Plan.GROWTH, *, slug: str | None = None) -> Organization:
        """Make an organization. There is no call for this in the API: contracts are signed on paper.

        Raises:
            Conflict: there is one of this name.
        """
        slug = _slug(name if slug is None else slug)
        if self._registry.organization(slug) is not None:
            raise Conflict(name, f"organization {name!r} exists")
        with self._core.change():
            return self._registry.organizations.put(Organization(self._core.names.object_id(), slug, name, owner.id, plan))

    def _owner(self, who: Principal, organization: str | None) -> tuple[str, Organization | None]:
        if organization is None:
            return self._gate.developer_only(who, "products:create"), None
        record = self._gate.organization(who, organization, "products:create")
        return record.owner_id, record

    def _check_name(self, name: str, *, besides: int | None = None) -> None:
        if not name or len(name) > 100:
            raise Invalid("name", name, "must have 1 to 100 characters")
        holder = self._registry.products.first(self._registry.product_names, name.casefold())
        if holder is not None and holder.id != besides:
            raise ProductNameTaken(name)

    def _number(self, wanted: int | None) -> int:
        products = self._registry.products
        if wanted is None:
            wanted = max([self._core.settings.first_product_id, *(product.id + 1 for product in products)])
        if not PLATFORMS.stop <= wanted <= MAX_ID:
            raise Invalid("product_id", wanted, f"must be {PLATFORMS.stop} to {MAX_ID}")
        if wanted in products:
            raise Conflict(wanted, f"product {wanted} exists")
        return wanted

    def _slug(self, name: str) -> str:
        stem = slug = _slug(name)
        number = 1
        while self._registry.products.first(self._registry.product_slugs, slug) is not None:
            number += 1
            slug = f"{stem}-{number}"
        return slug


def check_platform(platform_id: int) -> None:
    """Refuse a platform id that there is not.

    Raises:
        Invalid: as said.
    """
    try:
        platform_by_id(platform_id)
    except UnknownPlatform as error:
        raise Invalid("platform_id", platform_id, str(error)) from None


def _slug(name: str) -> str:
    """Lower case, words joined by dashes; never digits alone, which would read as a number."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "product"
    return f"product-{slug}" if slug.isdigit() else slug
