"""Firmware libraries: archives that people contribute, and publish when they are done. None are there from the start.

An archive is a .tar.gz with a `library.properties` in its root or in its only folder (the REST reference's "Libraries"). It is looked
into, never unpacked: nothing of it touches a disk.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from emulator.cloud.access import Principal
from emulator.cloud.codec import JsonText
from emulator.cloud.core import Core
from emulator.cloud.errors import Conflict, Invalid, NotFound, PermissionDenied
from emulator.cloud.gate import Gate

MAX_ARCHIVE = 2 * 1024 * 1024
"""Open: bytes of an archive."""
MAX_CONTENT = 16 * 1024 * 1024
"""Open: bytes of it when inflated."""
MAX_PROPERTIES = 64 * 1024
"""Open: bytes of its properties."""
_PROPERTIES = "library.properties"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
_VERSION = re.compile(r"\d{1,6}(\.\d{1,6}){1,3}(-[A-Za-z0-9.-]{1,32})?")
_ATTRIBUTES = ("author", "sentence", "paragraph", "url", "repository", "license", "category")


class LibraryUnknown(NotFound):
    """No such library, or version of one, that the caller may see."""

    thing = "library"


class LibraryPublished(Conflict):
    """The version is public, and stays as it is."""

    def __init__(self, name: str, version: str) -> None:
        super().__init__(name, f"version {version} of library {name} is public")


class LibraryScope(Enum):
    """Which libraries to list."""

    ALL = "all"
    OFFICIAL = "official"
    VERIFIED = "verified"
    FEATURED = "featured"
    PUBLIC = "public"
    MINE = "mine"
    PRIVATE = "private"


@dataclass(frozen=True, slots=True)
class LibraryVersion:
    """One version of a library. `attributes` is JSON: what its properties say beside name and version."""

    name: str
    version: str
    user_id: str
    created_at: float
    attributes: JsonText
    token: str
    """Stands in the link to the archive: knowing it is enough."""
    public: bool = False
    installs: int = 0

    @property
    def key(self) -> str:
        """Name in lower case, and version."""
        return f"{self.name.lower()}@{self.version}"

    @property
    def values(self) -> dict[str, Any]:
        """The attributes."""
        found: dict[str, Any] = json.loads(self.attributes)
        return found


@dataclass(frozen=True, slots=True)
class LibraryArchive:
    """The bytes of one version."""

    key: str
    data: bytes


EVERYTHING = (LibraryScope.ALL,)


class Libraries:
    """Keeps libraries."""

    def __init__(self, core: Core, gate: Gate) -> None:
        self._core = core
        self._gate = gate
        self._versions = core.state.table("libraries", LibraryVersion, lambda version: version.key)
        self._archives = core.state.table("library_archives", LibraryArchive, lambda archive: archive.key)
        self._by_name = self._versions.index(lambda version: version.name.lower())
        self._by_token = self._versions.index(lambda version: version.token)

    def contribute(self, who: Principal, archive: bytes) -> LibraryVersion:
        """Take a private version in; one of the same number takes the place of a private one.

        Raises:
            Invalid: the archive is none, too large, or its properties lack something.
            LibraryPublished: the version is public.
            PermissionDenied, ScopeRefused: somebody else's library, or not a developer.
        """
        user_id = self._gate.developer_only(who, "libraries:create")
        properties = read_properties(archive)
        name, number = properties.pop("name"), properties.pop("version")
        known = self._versions.where(self._by_name, name.lower())
        if any(each.user_id != user_id for each in known):
            raise PermissionDenied(f"library {name}")
        before = self._versions.get(f"{name.lower()}@{number}")
        if before is not None and before.public:
            raise LibraryPublished(name, number)
        architectures = [each.strip() for each in properties.get("architectures", "").split(",") if each.strip() not in ("", "*")]
        attributes = {key: properties[key] for key in _ATTRIBUTES if key in properties} | {"architectures": architectures}
        with self._core.change():
            self._archives.put(LibraryArchive(f"{name.lower()}@{number}", archive))
            made = LibraryVersion(name, number, user_id, self._core.now(), JsonText(json.dumps(attributes)), self._core.names.token())
            return self._versions.put(made)

    def list(
        self,
        who: Principal,
        scopes: Sequence[LibraryScope] = EVERYTHING,
        *,
        exclude: Sequence[LibraryScope] = (),
        text: str = "",
        architectures: Sequence[str] = (),
    ) -> Sequence[LibraryVersion]:
        """The newest visible version of each library of these scopes, by name. `text` is a part of the name."""
        visible = (version for version in self._versions if _in_scopes(who, version, scopes) and not _in_scopes(who, version, exclude))
        newest = {version.name.lower(): version for version in sorted(visible, key=_number)}
        wanted = {each.lower() for each in architectures}
        return [
            version
            for name, version in sorted(newest.items())
            if text.lower() in name and (not wanted or not version.values["architectures"] or _fits(version, wanted))
        ]

    def versions(self, who: Principal, name: str, scopes: Sequence[LibraryScope] = EVERYTHING) -> Sequence[LibraryVersion]:
        """The visible versions of a library, the oldest first.

        Raises:
            LibraryUnknown: there are none.
        """
        found = [each for each in self._versions.where(self._by_name, name.lower()) if _in_scopes(who, each, scopes)]
        if not found:
            raise LibraryUnknown(name)
        return sorted(found, key=_number)

    def get(self, who: Principal, name: str, version: str | None = None, scopes: Sequence[LibraryScope] = EVERYTHING) -> LibraryVersion:
        """One version of a library, or (None, or `latest`) the newest.

        Raises:
            LibraryUnknown: no such version.
        """
        found = self.versions(who, name, scopes)
        if version in (None, "latest"):
            return found[-1]
        for each in found:
            if each.version == version:
                return each
        raise LibraryUnknown(f"{name}@{version}")

    def publish(self, who: Principal, name: str) -> LibraryVersion:
        """Make the newest private version public.

        Raises:
            LibraryUnknown: the caller has none.
            PermissionDenied, ScopeRefused: not a developer.
        """
        user_id = self._gate.developer_only(who, "libraries:update")
        private = [each for each in self._own(user_id, name) if not each.public]
        if not private:
            raise LibraryUnknown(name)
        with self._core.change():
            return self._versions.put(replace(private[-1], public=True))

    def delete(self, who: Principal, name: str, *, force: bool = False) -> None:
        """Take a library's private versions away; with `force`, the public ones too.

        Raises:
            LibraryUnknown: the caller has none of this name.
            LibraryPublished: it has only public versions, and there is no `force`.
            PermissionDenied, ScopeRefused: not a developer.
        """
        own = self._own(self._gate.developer_only(who, "libraries:remove"), name)
        if not own:
            raise LibraryUnknown(name)
        doomed = [each for each in own if force or not each.public]
        if not doomed:
            raise LibraryPublished(own[-1].name, own[-1].version)
        self._remove(doomed)

    def remove_private(self, user_id: str) -> None:
        """Take away what somebody, who is about to go, has not published."""
        self._remove([each for each in self._versions if each.user_id == user_id and not each.public])

    def _remove(self, versions: Sequence[LibraryVersion]) -> None:
        with self._core.change():
            for each in versions:
                self._versions.remove(each.key)
                self._archives.remove(each.key)

    def download(self, token: str) -> bytes:
        """The archive behind a link; it counts as installed once more.

        Raises:
            LibraryUnknown: there is none.
        """
        version = self._versions.first(self._by_token, token)
        if version is None:
            raise LibraryUnknown(token)
        with self._core.change():
            self._versions.put(replace(version, installs=version.installs + 1))
        return self._archives[version.key].data

    def _own(self, user_id: str, name: str) -> Sequence[LibraryVersion]:
        found = [each for each in self._versions.where(self._by_name, name.lower()) if each.user_id == user_id]
        return sorted(found, key=_number)


def _in_scopes(who: Principal, version: LibraryVersion, scopes: Sequence[LibraryScope]) -> bool:
    """Whether a version belongs to one of these scopes. Nothing is official, verified or featured here."""
    mine = version.user_id == who.account
    belongs = {
        LibraryScope.ALL: version.public or mine,
        LibraryScope.PUBLIC: version.public,
        LibraryScope.MINE: version.public and mine,
        LibraryScope.PRIVATE: mine and not version.public,
    }
    return any(belongs.get(scope, False) for scope in scopes)


def read_properties(archive: bytes) -> dict[str, str]:
    """What `library.properties` in an archive says; `name` and `version` are among it.

    Raises:
        Invalid: the archive is none or too large, or name or version are missing or cannot be.
    """
    if len(archive) > MAX_ARCHIVE:
        raise Invalid("archive", None, f"must have at most {MAX_ARCHIVE} bytes")
    try:
        inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        content = inflater.decompress(archive, MAX_CONTENT + 1)
        if len(content) > MAX_CONTENT:
            raise Invalid("archive", None, f"must hold at most {MAX_CONTENT} bytes")
        if not inflater.eof:
            raise EOFError
        text = _properties_text(content)
    except (zlib.error, tarfile.TarError, ValueError, OSError, EOFError):
        raise Invalid("archive", None, "must be a whole .tar.gz") from None
    if text is None:
        raise Invalid("archive", None, f"must hold {_PROPERTIES}")
    pairs = (line.partition("=") for line in text.splitlines() if not line.lstrip().startswith("#"))
    properties = {key.strip(): value.strip() for key, equals, value in pairs if equals}
    for name, pattern in (("name", _NAME), ("version", _VERSION)):
        if not pattern.fullmatch(properties.get(name, "")):
            raise Invalid(_PROPERTIES, properties.get(name), f"must say a {name} that can be one")
    return properties


def _properties_text(content: bytes) -> str | None:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for member in archive:
            parts = [part for part in member.name.split("/") if part not in ("", ".")]
            if parts[-1:] == [_PROPERTIES] and len(parts) <= 2 and member.isfile() and (file := archive.extractfile(member)) is not None:
                if member.size > MAX_PROPERTIES:
                    raise Invalid(_PROPERTIES, None, f"must have at most {MAX_PROPERTIES} bytes")
                return file.read().decode("utf-8", "replace")
    return None


def _number(version: LibraryVersion) -> tuple[tuple[int, ...], bool, str]:
    """What versions are ordered by: a pre-release comes before its release."""
    release, dash, pre = version.version.partition("-")
    return tuple(int(part) for part in release.split(".")), not dash, pre


def _fits(version: LibraryVersion, architectures: set[str]) -> bool:
    return not architectures.isdisjoint(each.lower() for each in version.values["architectures"])
