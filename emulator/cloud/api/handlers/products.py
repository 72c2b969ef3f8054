"""Products, organizations and teams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.handlers.shown import product_of
from emulator.cloud.api.requests import inner_flag, inner_object, inner_text
from emulator.cloud.records import Product
from emulator.cloud.teams import ApiUser, Colleague

Json = dict[str, Any]


def product_body(call: Call, product: Product) -> Json:
    """A product as the API shows it."""
    cloud = call.cloud
    owner = cloud.accounts.by_id(product.owner_id)
    return {
        "id": product.id,
        "platform_id": product.platform_id,
        "name": product.name,
        "slug": product.slug,
        "description": product.description,
        "subscription_id": None,
        "user": "" if owner is None else owner.username,
        "user_id": product.owner_id,
        "organization_id": product.organization_id,
        "org": product.organization_id,
        "groups": [group.name for group in cloud.groups.of(product)],
        "settings": {
            "location": {"opt_in": product.location_opt_in},
            "known_application": {"opt_in": product.known_application_opt_in},
            "quarantine": product.quarantine,
        },
        "requires_activation_codes": product.requires_activation_codes,
        "device_protection": None,
    }


def list_products(call: Call) -> Json:
    """The products the caller has a part in, or those of an organization."""
    products = call.cloud.products.list(call.who, call.path.get("org"))
    return {"products": [product_body(call, product) for product in products]}


def get_product(call: Call) -> Json:
    """One product."""
    return {"product": product_body(call, call.cloud.products.get(call.who, call.path["product"]))}


def create_product(call: Call) -> Json:
    """Make a product. Its facts stand in `product`, or flat."""
    facts = call.get("product") or call.args
    settings = inner_object(facts, "settings")
    quarantine = inner_flag(settings, "quarantine")
    product = call.cloud.products.create(
        call.who,
        inner_text(facts, "name") or "",
        _platform(facts),
        description=inner_text(facts, "description") or "",
        organization=call.path.get("org"),
        quarantine=True if quarantine is None else quarantine,
    )
    return {"ok": True, "product": product_body(call, product)}


def _platform(facts: Mapping[str, Any]) -> int:
    text = str(facts.get("platform_id", ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else -1


def update_product(call: Call) -> Json:
    """Change a product."""
    facts = call.get("product") or call.args
    settings = inner_object(facts, "settings")
    product = call.cloud.products.update(
        call.who,
        call.path["product"],
        name=inner_text(facts, "name"),
        description=inner_text(facts, "description"),
        quarantine=inner_flag(settings, "quarantine"),
        location_opt_in=inner_flag(inner_object(settings, "location"), "opt_in"),
        known_application_opt_in=inner_flag(inner_object(settings, "known_application"), "opt_in"),
        requires_activation_codes=inner_flag(facts, "requires_activation_codes"),
    )
    return {"ok": True, "product": product_body(call, product)}


def list_organizations(call: Call) -> Json:
    """The organizations the caller has a part in."""
    found = call.cloud.products.organizations(call.who)
    return {"organizations": [{"id": each.id, "slug": each.slug, "name": each.name} for each in found]}


def get_organization(call: Call) -> Json:
    """One organization."""
    found = call.cloud.access.organization(call.who, call.path["org"], "products:list")
    return {"organization": {"id": found.id, "slug": found.slug, "name": found.name}}


def _place(call: Call) -> Json:
    """Whose team is meant, as keyword arguments."""
    return {"product": product_of(call)} if "product" in call.path else {"organization": call.path["org"]}


def _member(call: Call, colleague: Colleague) -> Json:
    role, product = colleague.role, call.cloud.registry.product(product_of(call))
    return {
        "_id": colleague.id,
        "username": colleague.username,
        "role": None if role is None else {"id": role.title.lower(), "name": role.title},
        "no_mfa": colleague.no_mfa,
        "is_programmatic": colleague.programmatic,
        "friendly_name": colleague.friendly_name,
        "scopes": sorted(colleague.scopes),
        "product_id": None if product is None else product.id,
    }


def list_team(call: Call) -> Json:
    """Who is in the team."""
    return {"ok": True, "team": [_member(call, each) for each in call.cloud.teams.list(call.who, **_place(call))]}


def add_to_team(call: Call) -> Json:
    """Invite somebody, or (with `friendly_name` and `scopes`) make an API user."""
    teams, place = call.cloud.teams, _place(call)
    if call.has("friendly_name") or call.has("scopes"):
        return _created(teams.create_api_user(call.who, call.get("friendly_name") or "", call.texts("scopes") or (), **place))
    member = teams.invite(call.who, call.get("username") or "", call.get("role") or "Developer", **place)
    return {"ok": True, "invited": {"username": member.username}}


def update_team_member(call: Call) -> Json:
    """Give an API user other scopes (and so another token), or somebody another role."""
    teams, place, username = call.cloud.teams, _place(call), call.path["username"]
    if call.has("scopes") or not call.has("role"):
        made = teams.set_scopes(call.who, username, call.texts("scopes") or (), friendly_name=call.get("friendly_name"), **place)
        return _created(made)
    member = teams.invite(call.who, username, call.text("role"), **place)
    return {"ok": True, "invited": {"username": member.username}}


def rotate_token(call: Call) -> Json:
    """Give an API user another token."""
    return _created(call.cloud.teams.rotate(call.who, call.path["username"], **_place(call)))


def remove_from_team(call: Call) -> Json:
    """Take somebody, or an API user, off the team."""
    call.cloud.teams.remove(call.who, call.path["username"], **_place(call))
    return {"ok": True}


def _created(user: ApiUser) -> Json:
    member = user.member
    created = {
        "_id": member.id,
        "username": member.username,
        "is_programmatic": True,
        "friendly_name": member.friendly_name,
        "scopes": sorted(member.scopes),
        "tokens": [{"token": user.token.token}],
    }
    return {"ok": True, "created": created, "updated": created}
