"""Small documents that people keep in the cloud: environment variables, secrets, configurations, ledgers, logic functions.

They are kept and given back; nothing acts on them here. What each kind of document looks like is the API's to know.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from emulator.cloud.access import Principal
from emulator.cloud.codec import JsonText
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices
from emulator.cloud.errors import Conflict, Invalid, NotFound
from emulator.cloud.gate import Gate

MAX_NAME = 128
MAX_SIZE = 64 * 1024
"""Open: bytes of one document."""
MAX_DOCUMENTS = 1000
"""Open: documents of one kind in one place."""


class DocumentKind(Enum):
    """What a document is for."""

    CONFIGURATION = "configuration"
    ENVIRONMENT = "environment"
    SECRET = "secret"  # noqa: S105  # a name
    LEDGER = "ledger"
    INSTANCE = "ledger instance"
    LOGIC = "logic function"


class DocumentUnknown(NotFound):
    """No such document in this place."""

    thing = "document"

    def __init__(self, kind: DocumentKind, name: str) -> None:
        self.thing = kind.value
        super().__init__(name)


@dataclass(frozen=True, slots=True)
class Place:
    """Whose documents: `user:<id>`, `product:<number>`, `organization:<id>` or `device:<id>`."""

    key: str

    @classmethod
    def of_user(cls, user_id: str) -> Place:
        """A developer's own place (the sandbox)."""
        return cls(f"user:{user_id}")

    @classmethod
    def of_product(cls, product_id: int) -> Place:
        """A product's place."""
        return cls(f"product:{product_id}")

    @classmethod
    def of_organization(cls, organization_id: str) -> Place:
        """An organization's place."""
        return cls(f"organization:{organization_id}")

    @classmethod
    def of_device(cls, device_id: str) -> Place:
        """A device's place."""
        return cls(f"device:{device_id}")

    @property
    def product_id(self) -> int | None:
        """The product's number, if it is a product's."""
        kind, _, name = self.key.partition(":")
        return int(name) if kind == "product" else None

    @property
    def device_id(self) -> str | None:
        """The device's id, if it is a device's."""
        kind, _, name = self.key.partition(":")
        return name if kind == "device" else None


@dataclass(frozen=True, slots=True)
class Document:
    """One document. `body` is JSON."""

    kind: DocumentKind
    place: str
    name: str
    body: JsonText
    created_at: float
    updated_at: float
    created_by: str
    updated_by: str
    accessed_at: float | None = None
    """When something last used it (secrets)."""

    @property
    def key(self) -> str:
        """Kind, place and name."""
        return f"{self.kind.value}|{self.place}|{self.name}"

    @property
    def values(self) -> dict[str, Any]:
        """The body."""
        found: dict[str, Any] = json.loads(self.body)
        return found


class Documents:
    """Keeps documents."""

    def __init__(self, core: Core, gate: Gate, devices: Devices) -> None:
        self._core = core
        self._gate = gate
        self._devices = devices
        self._documents = core.state.table("documents", Document, lambda document: document.key)
        self._in_place = self._documents.index(lambda document: (document.kind, document.place))

    def place(
        self,
        who: Principal,
        scope: str,
        *,
        product: str | int | None = None,
        organization: str | None = None,
        device: str | None = None,
    ) -> Place:
        """A place whose documents the caller may use: of a device, a product, an organization, or (none of these) its own.

        Raises:
            DeviceForbidden, DeviceNotInProduct, PermissionDenied, OrganizationUnknown, ScopeRefused: not for this caller.
        """
        if device is not None:
            return Place.of_device(self._devices.reach(who, device, scope, product).id)
        if product is not None:
            return Place.of_product(self._gate.product(who, product, scope).id)
        if organization is not None:
            return Place.of_organization(self._gate.organization(who, organization, scope).id)
        return Place.of_user(self._gate.developer_only(who, scope))

    def home_of_product(self, product_id: int) -> Place:
        """The place that a product belongs to: its organization's, or its owner's. The product exists."""
        product = self._gate.find_product(product_id)
        assert product is not None  # none ever goes away
        return Place.of_user(product.owner_id) if product.organization_id is None else Place.of_organization(product.organization_id)

    def list(self, kind: DocumentKind, place: Place, prefix: str = "") -> Sequence[Document]:
        """The documents of a kind whose names begin so, by name."""
        found = self._documents.where(self._in_place, (kind, place.key))
        return sorted((each for each in found if each.name.startswith(prefix)), key=lambda document: document.name)

    def count(self, kind: DocumentKind, place: Place) -> int:
        """How many documents of a kind a place has."""
        return self._in_place.count((kind, place.key))

    def find(self, kind: DocumentKind, place: Place, name: str) -> Document | None:
        """One document, or None."""
        return self._documents.get(f"{kind.value}|{place.key}|{name}")

    def get(self, kind: DocumentKind, place: Place, name: str) -> Document:
        """One document.

        Raises:
            DocumentUnknown: there is none.
        """
        found = self.find(kind, place, name)
        if found is None:
            raise DocumentUnknown(kind, name)
        return found

    def put(self, author: str, kind: DocumentKind, place: Place, name: str, values: dict[str, Any]) -> Document:
        """Make a document, or replace it. `author` is the name of whoever does it.

        Raises:
            Invalid: the name cannot be, or the document is too large.
            Conflict: there are too many.
        """
        if not name or len(name) > MAX_NAME or "|" in name:
            raise Invalid("name", name, f"must have 1 to {MAX_NAME} characters")
        body = JsonText(json.dumps(values, separators=(",", ":")))
        if len(body) > MAX_SIZE:
            raise Invalid(kind.value, "...", f"must have at most {MAX_SIZE} bytes")
        before = self.find(kind, place, name)
        if before is None and self.count(kind, place) >= MAX_DOCUMENTS:
            raise Conflict(kind.value, f"there can be at most {MAX_DOCUMENTS} of these")
        now = self._core.now()
        created = (now, author) if before is None else (before.created_at, before.created_by)
        with self._core.change():
            accessed_at = None if before is None else before.accessed_at
            return self._documents.put(Document(kind, place.key, name, body, created[0], now, created[1], author, accessed_at))

    def accessed(self, document: Document) -> None:
        """Something used a document."""
        with self._core.change():
            self._documents.put(replace(document, accessed_at=self._core.now()))

    def remove(self, kind: DocumentKind, place: Place, name: str) -> None:
        """Take a document away.

        Raises:
            DocumentUnknown: there is none.
        """
        document = self.get(kind, place, name)
        with self._core.change():
            self._documents.remove(document.key)

    def clear(self, place: Place) -> None:
        """Take every document of a place away."""
        with self._core.change():
            for kind in DocumentKind:
                for key in self._in_place.keys((kind, place.key)):
                    self._documents.remove(key)
