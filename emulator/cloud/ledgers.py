"""Ledgers: named sets of JSON documents ("instances"), one for each thing of the ledger's scope, with the versions they had before.

They belong to a user, a product or an organization. Devices do not take part here: none of the emulated boards has ledgers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emulator.cloud.basics import iso
from emulator.cloud.codec import JsonText
from emulator.cloud.core import Core
from emulator.cloud.documents import Document, DocumentKind, Documents, Place
from emulator.cloud.errors import Conflict, Invalid, NotFound

SCOPES = ("Owner", "Device", "Product")
DIRECTIONS = ("Upstream", "Downstream")
MAX_VERSIONS = 20
"""Open: versions of one instance that are kept beside the one that counts."""
Values = dict[str, Any]


class LedgerExists(Conflict):
    """There is a ledger of this name, perhaps an archived one."""

    def __init__(self, name: str) -> None:
        super().__init__(name, f"ledger {name} exists")


class LedgerVersionUnknown(NotFound):
    """The instance had no such version, or it is not kept any more."""

    thing = "version"


@dataclass(frozen=True, slots=True)
class LedgerVersion:
    """What an instance said from `updated_at` until `replaced_at` (POSIX seconds; None: it still does). `body` is JSON."""

    id: int
    instance: str
    body: JsonText
    created_at: float
    updated_at: float
    replaced_at: float | None = None

    @property
    def values(self) -> Values:
        """The data."""
        found: Values = json.loads(self.body)
        return found


class Ledgers:
    """Keeps ledgers, instances and versions."""

    def __init__(self, core: Core, documents: Documents) -> None:
        self._core = core
        self._documents = documents
        self._versions = core.state.table("ledger_versions", LedgerVersion, lambda version: version.id)
        self._by_instance = self._versions.index(lambda version: version.instance)
        self._last = max((version.id for version in self._versions), default=0)

    def list(self, place: Place, *, archived: bool = False, scope: str | None = None) -> Sequence[Document]:
        """The ledgers of a place, by name: those in use, or the archived ones."""
        found = self._documents.list(DocumentKind.LEDGER, place)
        return [each for each in found if scope in (None, each.values["scope"]) and bool(each.values["archived_at"]) == archived]

    def get(self, place: Place, name: str) -> Document:
        """One ledger.

        Raises:
            DocumentUnknown: as said.
        """
        return self._documents.get(DocumentKind.LEDGER, place, name)

    def create(self, author: str, place: Place, name: str, scope: str, direction: str, description: str) -> Document:
        """Make a ledger.

        Raises:
            Invalid: the name, the scope or the direction cannot be.
            LedgerExists: as named.
        """
        if scope not in SCOPES:
            raise Invalid("scope", scope, "must be one of " + ", ".join(SCOPES))
        if direction not in DIRECTIONS:
            raise Invalid("direction", direction, "must be one of " + ", ".join(DIRECTIONS))
        if "/" in name:
            raise Invalid("name", name, "must not hold a slash")
        if self._documents.find(DocumentKind.LEDGER, place, name) is not None:
            raise LedgerExists(name)
        values = {"scope": scope, "direction": direction, "description": description, "archived_at": None}
        return self._documents.put(author, DocumentKind.LEDGER, place, name, values)

    def describe(self, author: str, place: Place, name: str, description: str | None) -> Document:
        """Change what is said about a ledger; None keeps. Scope and direction never change. Raises as `get`."""
        document = self.get(place, name)
        values = document.values if description is None else {**document.values, "description": description}
        return self._documents.put(author, DocumentKind.LEDGER, place, name, values)

    def archive(self, author: str, place: Place, name: str) -> Document:
        """Put a ledger away: it is listed only among the archived ones. Raises as `get`."""
        document = self.get(place, name)
        return self._documents.put(author, DocumentKind.LEDGER, place, name, {**document.values, "archived_at": iso(self._core.now())})

    def instances(self, place: Place, name: str) -> Sequence[Document]:
        """The instances of a ledger. Raises as `get`."""
        return self._documents.list(DocumentKind.INSTANCE, place, f"{self.get(place, name).name}/")

    def instance(self, place: Place, name: str, value: str) -> Document:
        """One instance.

        Raises:
            DocumentUnknown: no such instance.
        """
        return self._documents.get(DocumentKind.INSTANCE, place, f"{name}/{value}")

    def set(self, author: str, place: Place, name: str, value: str, data: Values, *, merge: bool = False) -> Document:
        """Replace an instance's data, or merge into it; what it was becomes a version.

        Raises:
            DocumentUnknown: no such ledger.
            Invalid, Conflict: too large, or too many.
        """
        ledger = self.get(place, name)
        before = self._documents.find(DocumentKind.INSTANCE, place, f"{ledger.name}/{value}")
        if before is not None and merge:
            data = {**before.values, **data}
        with self._core.change():
            if before is not None:
                self._keep(before)
            return self._documents.put(author, DocumentKind.INSTANCE, place, f"{ledger.name}/{value}", data)

    def remove(self, place: Place, name: str, value: str) -> None:
        """Take an instance away, with its versions. Raises as `instance`."""
        self._remove(place, self.instance(place, name, value))

    def clear(self, place: Place) -> None:
        """Take every instance of a place away, with its versions."""
        with self._core.change():
            for document in self._documents.list(DocumentKind.INSTANCE, place):
                self._remove(place, document)

    def _remove(self, place: Place, document: Document) -> None:
        with self._core.change():
            for key in self._by_instance.keys(document.key):
                self._versions.remove(key)
            self._documents.remove(DocumentKind.INSTANCE, place, document.name)

    def versions(
        self, place: Place, name: str, value: str, *, replaced_after: float | None = None, replaced_before: float | None = None
    ) -> Sequence[LedgerVersion]:
        """The versions of an instance, the newest first. With times (POSIX seconds): only those replaced between them.

        Raises as `instance`.
        """
        document = self.instance(place, name, value)
        newest = LedgerVersion(0, document.key, document.body, document.created_at, document.updated_at)
        found = [newest, *reversed(self._versions.where(self._by_instance, document.key))]
        if replaced_after is None and replaced_before is None:
            return found
        first = -math.inf if replaced_after is None else replaced_after
        last = math.inf if replaced_before is None else replaced_before
        return [each for each in found if each.replaced_at is not None and first < each.replaced_at < last]

    def _keep(self, document: Document) -> None:
        self._last += 1
        self._versions.put(
            LedgerVersion(self._last, document.key, document.body, document.created_at, document.updated_at, self._core.now())
        )
        for version in self._versions.where(self._by_instance, document.key)[:-MAX_VERSIONS]:
            self._versions.remove(version.id)
