"""Compiling, as far as this cloud can: it has no compiler, but knows what some sources compile to.

Whoever runs the lab says which sources those are (`Compiler.projects`). A request that brings them gets what stands for the binary; any
other is refused, with what is unknown in it.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from emulator.cloud.access import Principal
from emulator.cloud.core import Core
from emulator.cloud.errors import CloudError, Invalid, NotFound
from emulator.cloud.gate import Gate
from particle_protocol.os_versions import NoSuchRelease, known_releases, os_release
from particle_protocol.platforms import Platform, UnknownPlatform, platform_by_id

KEPT: Final = 100
"""Open. Binaries that are kept; then the oldest goes."""
LATEST: Final = "latest"

_PRODUCT_ID: Final = re.compile(rb"PRODUCT_ID\s*\(\s*(\d{1,5})\s*\)")
_PRODUCT_VERSION: Final = re.compile(rb"PRODUCT_VERSION\s*\(\s*(\d{1,5})\s*\)")


class NotCompiled(CloudError):
    """These sources compile to nothing here; tells why."""


class BinaryUnknown(NotFound):
    """There is no binary of this id, or it is somebody else's, or too old."""

    thing = "binary"


@dataclass(frozen=True, slots=True)
class Source:
    """A file of sources. `name` is as sent: it may hold a relative path."""

    name: str
    content: bytes


class Project(Protocol):
    """Sources that the lab knows, and what stands for their binary."""

    name: str

    def difference(self, sources: Sequence[Source]) -> str:
        """In what these sources are not the project's; empty when they are."""

    def build(self, platform: Platform, os: str, product: tuple[int, int] | None) -> bytes:
        """The binary for a platform and a Device OS version, with the product that the sources name."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A binary that was made. `expires_at` in POSIX seconds."""

    id: str
    account: str
    project: str
    image: bytes
    os: str
    expires_at: float


class Compiler:
    """Makes binaries of sources that it knows, and keeps them for a while."""

    def __init__(self, core: Core, gate: Gate) -> None:
        self._core = core
        self._gate = gate
        self.projects: Sequence[Project] = ()
        """What the lab knows."""
        self._kept: OrderedDict[str, Compiled] = OrderedDict()

    def compile(self, who: Principal, sources: Sequence[Source], platform_id: int | None, target: str = LATEST) -> Compiled:
        """Make the binary of some sources.

        Raises:
            Invalid: there is no such platform, none is given, or it never had the version `target` of Device OS.
            NotCompiled: the sources are none that the lab knows.
            ScopeRefused, PermissionDenied: not for this caller.
        """
        account = self._gate.developer_only(who, "firmware:create")
        project = self._find(sources)
        if platform_id is None:
            raise Invalid("platform_id", None, "is missing")
        try:
            platform = platform_by_id(platform_id)
            os = known_releases(platform)[-1].version if target == LATEST else os_release(platform, target).version
        except (UnknownPlatform, NoSuchRelease, IndexError) as error:
            field, value = ("platform_id", platform_id) if isinstance(error, UnknownPlatform) else ("build_target_version", target)
            raise Invalid(field, value, str(error) or "there is no Device OS for this platform") from None
        made = Compiled(
            id=self._core.names.object_id(),
            account=account,
            project=project.name,
            image=project.build(platform, os, product_in(sources)),
            os=os,
            expires_at=self._core.now() + self._core.settings.binary_lifetime,
        )
        self._kept[made.id] = made
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return made

    def binary(self, who: Principal, binary_id: str) -> Compiled:
        """A binary that the caller had made.

        Raises:
            BinaryUnknown: as said.
            ScopeRefused, PermissionDenied: not for this caller.
        """
        account = self._gate.developer_only(who, "firmware.binary:get")
        made = self._kept.get(binary_id)
        if made is None or made.account != account or made.expires_at <= self._core.now():
            raise BinaryUnknown(binary_id)
        return made

    def _find(self, sources: Sequence[Source]) -> Project:
        if not self.projects:
            raise NotCompiled("This cloud does not compile; build the binary elsewhere")
        if not sources:
            raise NotCompiled("No sources were sent")
        differences = []
        for project in self.projects:
            difference = project.difference(sources)
            if not difference:
                return project
            differences.append(f"{project.name}: {difference}")
        raise NotCompiled("These sources are none that the lab file names as a project. " + ". ".join(differences))


def product_in(sources: Sequence[Source]) -> tuple[int, int] | None:
    """PRODUCT_ID and PRODUCT_VERSION in some sources; None where either is missing, or above 16 bits."""
    product, version = _first(_PRODUCT_ID, sources), _first(_PRODUCT_VERSION, sources)
    return None if product is None or version is None else (product, version)


def _first(pattern: re.Pattern[bytes], sources: Sequence[Source]) -> int | None:
    numbers = (int(match.group(1)) for each in sources if (match := pattern.search(each.content)) is not None)
    return next((number for number in numbers if number <= 0xFFFF), None)
