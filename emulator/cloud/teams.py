"""Teams: who works on a product or an organization, and the programs (API users) that do.

An API user has a list of scopes in place of a role, and one token that never expires. Changing the scopes, or asking for it, makes a new
token and ends the old one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from emulator.cloud.access import Principal, Role, is_scope
from emulator.cloud.accounts import Accounts, clean_username
from emulator.cloud.core import Core
from emulator.cloud.errors import Invalid, MemberUnknown, OwnerStays
from emulator.cloud.gate import Gate
from emulator.cloud.mail import Outbox
from emulator.cloud.records import Member, Organization, Product, Token, User
from emulator.cloud.registry import Registry
from emulator.cloud.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Colleague:
    """One line of a team's list."""

    id: str
    username: str
    role: Role | None
    """None for an API user."""
    no_mfa: bool
    programmatic: bool = False
    friendly_name: str = ""
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ApiUser:
    """An API user and its token, as shown once."""

    member: Member
    token: Token


class Teams:
    """The teams of products (`product=`) and organizations (`organization=`)."""

    def __init__(self, core: Core, accounts: Accounts, registry: Registry, gate: Gate, tokens: Tokens, mail: Outbox) -> None:
        self._core = core
        self._accounts = accounts
        self._registry = registry
        self._gate = gate
        self._tokens = tokens
        self._mail = mail

    def list(self, who: Principal, *, product: str | int | None = None, organization: str | None = None) -> list[Colleague]:
        """Owner first, then in the order in which they joined.

        Raises:
            PermissionDenied, OrganizationUnknown, ScopeRefused: not for this caller.
        """
        team = self._team(who, "teams.users:list", product, organization)
        owner = self._accounts.by_id(team.owner_id)
        first = [] if owner is None else [_colleague(owner.id, owner.username, Role.OWNER, owner)]
        return first + [self._line(member) for member in self._members(team)]

    def invite(
        self,
        who: Principal,
        username: str,
        role: str = "Developer",
        *,
        product: str | int | None = None,
        organization: str | None = None,
    ) -> Member:
        """Take somebody into the team; a mail tells them. Who is in it already gets the new role.

        Raises:
            Invalid: not an address, or no such role.
            OwnerStays: the owner needs no role.
            PermissionDenied, OrganizationUnknown, ScopeRefused: not for this caller.
        """
        team = self._team(who, "teams.users:invite", product, organization)
        name = clean_username(username)
        chosen = Role.named(role)
        if chosen is None:
            raise Invalid("role", role, "must be View-only, Support, Developer or Administrator")
        self._keep_owner(team, name)
        with self._core.change():
            known = self._find(team, name)
            if known is not None:
                return self._registry.members.put(replace(known, role=chosen))
            self._mail.send(name, "team-invitation", {"team": team.slug, "role": chosen.title})
            return self._registry.members.put(Member(self._core.names.object_id(), name, *_place(team), role=chosen))

    def remove(
        self,
        who: Principal,
        username: str,
        *,
        product: str | int | None = None,
        organization: str | None = None,
    ) -> None:
        """Take somebody, or an API user, off the team.

        Raises:
            MemberUnknown: not in it.
            OwnerStays: the owner cannot be removed.
            PermissionDenied, OrganizationUnknown, ScopeRefused: not for this caller.
        """
        team = self._team(who, "teams.users:remove", product, organization)
        self._keep_owner(team, username.strip().lower())
        member = self._find(team, username)
        if member is None:
            raise MemberUnknown(username)
        with self._core.change():
            self._registry.members.remove(member.id)
            if member.programmatic:
                self._tokens.revoke_account(member.id)

    def create_api_user(
        self,
        who: Principal,
        friendly_name: str,
        scopes: Iterable[str],
        *,
        product: str | int | None = None,
        organization: str | None = None,
    ) -> ApiUser:
        """Make an API user.

        Raises:
            Invalid: no name, or a scope that there is not.
            PermissionDenied, OrganizationUnknown, ScopeRefused: not for this caller.
        """
        team = self._team(who, "teams.users:invite", product, organization)
        if not friendly_name.strip():
            raise Invalid("friendly_name", friendly_name, "must not be empty")
        granted = _checked(scopes)
        stem = re.sub(r"[^a-z0-9]+", "-", friendly_name.lower()).strip("-") or "api"
        with self._core.change():
            member = self._registry.members.put(
                Member(
                    self._core.names.object_id(),
                    f"{stem}+{self._core.names.short()}@api.particle.io",
                    *_place(team),
                    programmatic=True,
                    friendly_name=friendly_name.strip(),
                    scopes=granted,
                ),
            )
            return ApiUser(member, self._issue(member))

    def set_scopes(
        self,
        who: Principal,
        username: str,
        scopes: Iterable[str],
        *,
        friendly_name: str | None = None,
        product: str | int | None = None,
        organization: str | None = None,
    ) -> ApiUser:
        """Give an API user other scopes, and so another token; and another name to show, if one is given.

        Raises:
            MemberUnknown: no such API user.
            Invalid: a scope that there is not.
            PermissionDenied, OrganizationUnknown, ScopeRefused: not for this caller.
        """
        member = self._programmatic(self._team(who, "teams.users:update", product, organization), username)
        granted = _checked(scopes)
        with self._core.change():
            member = self._registry.members.put(replace(member, scopes=granted, friendly_name=friendly_name or member.friendly_name))
            return ApiUser(member, self._issue(member))

    def rotate(self, who: Principal, username: str, *, product: str | int | None = None, organization: str | None = None) -> ApiUser:
        """Give an API user another token. Raises as `set_scopes`."""
        member = self._programmatic(self._team(who, "teams.users:update", product, organization), username)
        return ApiUser(member, self._issue(member))

    def _team(self, who: Principal, scope: str, product: str | int | None, organization: str | None) -> Product | Organization:
        if organization is not None:
            return self._gate.organization(who, organization, scope)
        if product is None:
            raise ValueError("a team belongs to a product or an organization")
        return self._gate.product(who, product, scope)

    def _members(self, team: Product | Organization) -> Sequence[Member]:
        return self._registry.team(team) if isinstance(team, Product) else self._registry.organization_team(team)

    def _find(self, team: Product | Organization, username: str) -> Member | None:
        name = username.strip().lower()
        return next((member for member in self._members(team) if member.username == name), None)

    def _programmatic(self, team: Product | Organization, username: str) -> Member:
        member = self._find(team, username)
        if member is None or not member.programmatic:
            raise MemberUnknown(username)
        return member

    def _keep_owner(self, team: Product | Organization, username: str) -> None:
        owner = self._accounts.by_id(team.owner_id)
        if owner is not None and owner.username == username:
            raise OwnerStays(username)

    def _issue(self, member: Member) -> Token:
        return self._tokens.issue_api_user(member.id, member.username, member.product_id, member.scopes)

    def _line(self, member: Member) -> Colleague:
        if member.programmatic:
            return Colleague(
                member.id,
                member.username,
                None,
                no_mfa=True,
                programmatic=True,
                friendly_name=member.friendly_name,
                scopes=member.scopes,
            )
        return _colleague(member.id, member.username, member.role, self._accounts.find(member.username))


def _colleague(member_id: str, username: str, role: Role, user: User | None) -> Colleague:
    return Colleague(member_id, username, role, no_mfa=user is None or not user.mfa)


def _place(team: Product | Organization) -> tuple[int | None, str | None]:
    return (team.id, None) if isinstance(team, Product) else (None, team.id)


def _checked(scopes: Iterable[str]) -> frozenset[str]:
    granted = frozenset(scopes)
    wrong = sorted(scope for scope in granted if not is_scope(scope))
    if wrong or not granted:
        raise Invalid("scopes", wrong, "must name scopes that exist" if wrong else "must not be empty")
    return granted
