"""Who asks, and what they may do.

A token stands for a `Principal`. What a member of a team may do follows from the role, what an API user or a product's client may do
from the list of scopes it was given. Roles are a ladder (view-only < support < developer < administrator); a scope is named by the
lowest role that has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

EVERYTHING = frozenset({"*:*"})


class Kind(Enum):
    """What sort of caller a token stands for."""

    USER = "user"
    """A developer account."""
    CUSTOMER = "customer"
    """An end user of one product."""
    API_USER = "api_user"
    """A program with a list of scopes, in one product or of one developer account."""
    PRODUCT = "product"
    """A product itself: the bearer of one of its OAuth clients."""


class Role(IntEnum):
    """What a team member may do, each including the one before."""

    VIEW_ONLY = 0
    SUPPORT = 1
    DEVELOPER = 2
    ADMINISTRATOR = 3
    OWNER = 4

    @property
    def title(self) -> str:
        """As the API shows it."""
        return {0: "View-only", 1: "Support", 2: "Developer", 3: "Administrator", 4: "Owner"}[self.value]

    @classmethod
    def named(cls, name: str) -> Role | None:
        """The role of a name such as `Developer` or `view-only` (never the owner: that is not given away)."""
        wanted = name.strip().lower().replace("_", "-").replace(" ", "-")
        given = (cls.VIEW_ONLY, cls.SUPPORT, cls.DEVELOPER, cls.ADMINISTRATOR)
        return next((role for role in given if role.title.lower() == wanted), None)


_SCOPES_OF_ROLE: dict[Role, dict[str, str]] = {
    Role.VIEW_ONLY: {
        "configuration": "get",
        "customers": "list",
        "devices": "list get",
        "devices.diagnostics": "get",
        "env": "get",
        "events": "get",
        "firmware": "list get",
        "groups": "list get",
        "groups.impact": "get",
        "integrations": "list get",
        "ledger.definitions": "list get",
        "ledger.instances": "list get",
        "ledger.instances.versions": "list get",
        "locations": "list get",
        "logic.functions": "list get",
        "logic.runs": "list get",
        "logic.stats": "list",
        "products": "list get",
        "service_agreements": "list get",
        "sims": "list get",
        "sims.status": "get",
        "sims.usage": "get",
        "teams.users": "list",
    },
    Role.SUPPORT: {
        "devices": "ping",
        "devices.diagnostics": "update",
        "devices.function": "call",
        "devices.variable": "get",
        "sims": "update",
    },
    Role.DEVELOPER: {
        "clients": "list create update remove",
        "configuration": "update",
        "customers": "create update remove",
        "devices": "update import remove release claim",
        "env": "update",
        "events": "send",
        "firmware": "create update release remove",
        "firmware.binary": "get",
        "groups": "create update remove",
        "integrations": "create update remove",
        "ledger.definitions": "create update archive",
        "ledger.instances": "set remove",
        "logic.functions": "create update remove execute",
        "secrets": "list get update remove",
        "sims": "import remove",
    },
    Role.ADMINISTRATOR: {
        "products": "create update",
        "service_agreements": "create",
        "teams.users": "invite update remove",
    },
    Role.OWNER: {"products": "remove"},
}

_LEAST_ROLE = {
    f"{resource}:{action}": role
    for role, scopes in _SCOPES_OF_ROLE.items()
    for resource, actions in scopes.items()
    for action in actions.split()
}
"""The lowest role that has each scope (docs/cloud.md, "Roles")."""

SCOPES = frozenset(_LEAST_ROLE)
"""Every scope there is."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a token stands for.

    `account` is the id of the user, the customer, the API user, or the OAuth client (PRODUCT). `product_id` is set for whoever belongs to
    one product, and is then the only product they may touch.
    """

    kind: Kind
    account: str
    username: str
    product_id: int | None = None
    scopes: frozenset[str] = EVERYTHING
    token: str = ""
    client_id: str | None = None

    def allows(self, scope: str) -> bool:
        """Whether the list of scopes holds this one, or a star that covers it."""
        return scope in self.scopes or "*:*" in self.scopes or f"{scope.partition(':')[0]}:*" in self.scopes

    def __str__(self) -> str:
        where = f" of product {self.product_id}" if self.product_id is not None else ""
        return f"{self.kind.value} {self.username}{where}"


def role_has(role: Role, scope: str) -> bool:
    """Whether a role includes a scope. An unknown scope belongs to the owner only."""
    return role >= _LEAST_ROLE.get(scope, Role.OWNER)


def is_scope(text: str) -> bool:
    """Whether a text may stand in an API user's list: a scope, or all of one resource."""
    if text in SCOPES or text == "*:*":
        return True
    resource, _, action = text.partition(":")
    return action == "*" and any(scope.partition(":")[0] == resource for scope in SCOPES)
