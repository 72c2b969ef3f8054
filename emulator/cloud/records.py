"""The records that several rooms share: what the cloud knows of users, devices and products.

Owner, product membership and SIM are three separate facts of a device. The SIM's is not even here: it is the SIM record's.
What is true only while a device is connected is in `emulator.cloud.connections`, and is never stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from emulator.cloud.access import EVERYTHING, Kind, Role
from particle_protocol.key_kinds import KeyKind


class Plan(Enum):
    """What is paid for a user's sandbox or an organization's products."""

    FREE = "free"
    BASIC = "basic"
    GROWTH = "growth"
    ENTERPRISE = "enterprise"


@dataclass(frozen=True, slots=True)
class User:
    """A developer account."""

    id: str
    username: str
    password_hash: str
    created_at: float
    first_name: str = ""
    last_name: str = ""
    company_name: str = ""
    business_account: bool = False
    mfa_secret: str = ""
    """Base32; empty: no second factor."""
    handed_out: str = ""
    """The hash of the password that whoever runs the cloud has set. Another one than the account's: its holder has changed it since."""

    @property
    def mfa(self) -> bool:
        """Whether a one-time password is asked for."""
        return bool(self.mfa_secret)


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, and the refresh token that came with it."""

    token: str
    kind: Kind
    account: str
    username: str
    client_id: str
    created_at: float
    expires_at: float | None = None
    product_id: int | None = None
    scopes: frozenset[str] = EVERYTHING
    refresh_token: str | None = None
    refresh_expires_at: float | None = None
    serial: int = 0
    """Counts up, so that tokens of one moment have an order."""


class ClientType(Enum):
    """Where an OAuth client lives."""

    INSTALLED = "installed"
    WEB = "web"


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """A program that may ask for tokens. Without an owner: one of the well-known ones."""

    id: str
    secret: str
    name: str
    type: ClientType = ClientType.INSTALLED
    redirect_uri: str | None = None
    scope: str = "*:*"
    user_id: str | None = None
    product_id: int | None = None


class OwnerKind(Enum):
    """Who can own a device."""

    USER = "user"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom a device is claimed to."""

    kind: OwnerKind
    id: str


@dataclass(frozen=True)
class Device:
    """What the cloud knows of a device whether it is connected or not.

    `owner` and `product_id` say nothing of each other. `firmware_*` and `system_*` are what the device last reported.
    """

    # Without slots on purpose: `but` copies one dictionary, an eighth of the time that `dataclasses.replace` takes for so many fields.

    id: str
    platform_id: int
    created_at: float
    name: str | None = None
    owner: Owner | None = None
    product_id: int | None = None
    notes: str | None = None
    groups: tuple[str, ...] = ()
    development: bool = False
    desired_firmware_version: int | None = None
    firmware_updates_enabled: bool = True
    firmware_updates_forced: bool = False
    firmware_product_id: int | None = None
    firmware_version: int | None = None
    system_version: int | None = None
    """The system module's version, e.g. 2302 for Device OS 2.3.1."""
    app_hash: str | None = None
    last_handshake_at: float | None = None
    last_ip_address: str | None = None
    first_online_at: float | None = None
    last_app: str | None = None
    safe_mode: bool = False
    serial_number: str | None = None
    mobile_secret: str | None = None
    iccid: str | None = None
    last_iccid: str | None = None
    imei: str | None = None
    imei_banned: bool = False
    mac_wifi: str | None = None
    sku: str | None = None
    public_key: bytes | None = None
    """The key that the device proves itself with (SubjectPublicKeyInfo, DER)."""
    other_public_key: bytes | None = None
    """Its key of the other kind, where it has both: an Electron has an RSA key for TCP beside the one for UDP."""
    protected: bool = False
    updated_at: float = 0.0

    def but(self, **facts: object) -> Device:
        """The same device with some facts changed.

        Raises:
            TypeError: there is no fact of that name.
        """
        if not facts.keys() <= self.__dict__.keys():
            raise TypeError(f"a device has no {', '.join(sorted(facts.keys() - self.__dict__.keys()))}")
        changed = object.__new__(Device)
        changed.__dict__.update(self.__dict__)
        changed.__dict__.update(facts)
        return changed

    def key_of(self, kind: KeyKind) -> bytes | None:
        """Its registered key of a kind. What is registered and no key that we know counts for each kind, so that it is seen to be none."""
        return next((key for key in (self.public_key, self.other_public_key) if key and KeyKind.of(key) in (kind, None)), None)

    def owned_by(self, owner: Owner | None) -> bool:
        """Whether it is claimed, and to this owner."""
        return owner is not None and self.owner == owner


@dataclass(frozen=True, slots=True)
class Organization:
    """A company that owns products together; products of an organization are on its plan."""

    id: str
    slug: str
    name: str
    owner_id: str
    plan: Plan = Plan.GROWTH


@dataclass(frozen=True, slots=True)
class Product:
    """A fleet of devices of one platform."""

    id: int
    slug: str
    name: str
    platform_id: int
    owner_id: str
    created_at: float
    description: str = ""
    organization_id: str | None = None
    plan: Plan = Plan.FREE
    quarantine: bool = True
    """True: unknown devices wait in quarantine. False: they are approved by themselves (Device OS 3 and earlier)."""
    location_opt_in: bool = False
    known_application_opt_in: bool = False
    requires_activation_codes: bool = False
    updated_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a product's or an organization's team: a user, or an API user with one token that never expires."""

    id: str
    username: str
    product_id: int | None = None
    organization_id: str | None = None
    role: Role = Role.DEVELOPER
    programmatic: bool = False
    friendly_name: str = ""
    scopes: frozenset[str] = frozenset()
