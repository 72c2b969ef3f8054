"""Real Device OS releases and Tinker, fetched once into the user's cache.

Particle's binaries are not ours to ship. They are in npm packages of particle-cli, so the npm client fetches those from whatever registry
the machine is set up for; a package is kept only when its digest is the one written here and every module in it is sound.

The cache is `$PARTICLE_HIL_CACHE`, else `$XDG_CACHE_HOME/particle-hil`, else `~/.cache/particle-hil`.
"""

from __future__ import annotations

import base64
import contextlib
import enum
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware_images.checks import check_module
from firmware_images.errors import NotAModule
from firmware_images.fields import ModuleFunction
from firmware_images.findings import Severity
from firmware_images.module import read_module

PACKAGES: Final = {
    "2.3.0": "dLdyi4POpQ6fYRobVGyMngFATwVNntnaIA+RDwZwY3euYKZ9RpI12Z8Wy7cxIC9Ndy0zKcOJKzslAFR1L5nY+Q==",
    "2.8.0": "BBBEoVJKqqYPRkCdGZMJTwC4wrLqPmyAoNLwlpKcIn8TqdwohXYV6hYCfQtF1AT6BpgA43vWoJsN6Eenu2WtOQ==",
    "2.10.0": "xIYcDv08Emy8vRDqP0PcyMxnpZ1YO4Junzcdkn2HhFVKtR1x8AStCBcJJdrluy5OKow12/6VD0PKd6lAC+fw2Q==",
    "2.14.0": "NQCS2AirKrqmgImEq+nKKIjDOOQAYsia3ZwuGhPUbT0jYd35+jzS7HWV76wGXI0OLRBAlNGotzVyfIKWm9wRxw==",
    "2.16.0": "KQGfEAQtF/SaWTlHRhX59gHYi5Bqea3CCMJ74jpbV4FFWeXlB5hbxUeXfx+GVyP/aSKzf3wACYKmY7nXz9qDxw==",
    "3.0.0": "72KPxUn9PdAf6L+LkN/HpaDIc+vRFy7IbG8bKUzu+QHAmkPOHg64WslS6RelEND0le6i1IEzrIb33raJN62v2Q==",
    "3.43.1": "DbEG2MsZ++X1R87gKq00/urgnZDy4J0ygjesNQwfuMXGs4J9BzsA82BI8KsojncBCi8iTMwQTVOkmvcWFf1PoQ==",
    "3.51.0": "UwpkL7euUYSuwHBsPNHp/pnFdLhELqelbl6q3BqUndKBBUazKQ/4uHqLucdjKJpgkGPg+bfWlMWobzESCM3tzw==",
}
"""Versions of particle-cli that carry images, and the SHA-512 of their tarballs (base64)."""
RELEASES: Final = {"1.4.4": "2.14.0", "1.5.0": "2.3.0", "1.5.2": "2.8.0", "2.0.1": "2.10.0", "2.1.0": "2.14.0", "2.2.0": "2.16.0"}
"""Device OS versions, and the package that holds their files."""
_GEN_2_AND_3: Final = ("argon", "b5som", "boron", "bsom", "electron", "p1", "photon")
PLATFORMS: Final = {
    "1.4.4": ("asom", "xsom"),
    "1.5.0": (*_GEN_2_AND_3, "xenon"),
    "1.5.2": (*_GEN_2_AND_3, "xenon"),
    "2.0.1": (*_GEN_2_AND_3, "tracker"),
    "2.1.0": (*_GEN_2_AND_3, "tracker"),
    "2.2.0": (*_GEN_2_AND_3, "tracker"),
}
"""The platforms that there are files of a version for, so that they can be told before anything is fetched."""
TINKER_PACKAGE: Final = "3.51.0"
TINKER_PLATFORMS: Final = (*_GEN_2_AND_3, "core", "esomx", "msom", "p2", "tracker", "trackerm", "xenon")
NOT_MODULES: Final = frozenset(
    {"cc3000-patch-programmer.bin", "cc3000-patch-programmer_1_14.bin", "deep_update_2014_06.bin", "ota-flag-a5.bin"}
)
"""Files of those packages that are older than the module format, or no firmware at all."""
_FETCH_SECONDS: Final = 300
_PATIENCE_SECONDS = 2.0
"""After this long, and then again and again, whoever waits is told what for."""
Waiting = Callable[[str], None]
"""Is called with a sentence while a fetch takes its time."""
_SAFE_NAME = re.compile(r"package/assets/(?:updates|knownApps|binaries)/(?:[\w@+.-]+/)*[\w@+.-]+\.bin")


class Reason(enum.Enum):
    """Why there is no firmware."""

    NO_NPM = "no npm client"
    NO_NETWORK = "the package could not be fetched"
    WRONG_DIGEST = "the package fetched is not the one expected"
    UNKNOWN = "no such release"
    DAMAGED = "a file is damaged"
    CACHE = "the cache cannot be written or read"


class FirmwareUnavailable(RuntimeError):
    """The images asked for cannot be had; the text says what to do.

    Attributes:
        reason: which obstacle it is, so that a test can skip on a missing network and fail on anything else.
    """

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Release:
    """The files of one Device OS version for one platform."""

    platform: str
    version: str
    files: tuple[Path, ...]

    def file(self, function: ModuleFunction, index: int) -> Path:
        """The file of one module.

        Raises:
            FirmwareUnavailable: the release has no such module.
        """
        for path in self.files:
            prefix = read_module(path.read_bytes()).prefix
            if (prefix.function, prefix.index) == (function, index):
                return path
        raise FirmwareUnavailable(Reason.UNKNOWN, f"Device OS {self.version} for {self.platform} has no {function} {index} in its package")

    @property
    def bootloader(self) -> Path:
        """The bootloader."""
        return self.file(ModuleFunction.BOOTLOADER, 0)

    @property
    def system_part_1(self) -> Path:
        """System part 1."""
        return self.file(ModuleFunction.SYSTEM_PART, 1)

    @property
    def system_part_2(self) -> Path:
        """System part 2 (Photon, P1 and Electron)."""
        return self.file(ModuleFunction.SYSTEM_PART, 2)


def cache_folder() -> Path:
    """Where fetched files are kept; not made here."""
    own = os.environ.get("PARTICLE_HIL_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "particle-hil"


def photon_release(version: str) -> Release:
    """The Photon's bootloader and system parts of a Device OS version: 1.5.0, 1.5.2, 2.0.1, 2.1.0 or 2.2.0.

    Raises:
        FirmwareUnavailable: see `release`.
    """
    return release("photon", version)


def release(platform: str, version: str, waiting: Waiting | None = None) -> Release:
    """The files of a Device OS version for a platform by its short name ("photon", "boron"), fetched when they are not in the cache.

    Args:
        platform: its short name.
        version: of Device OS, such as 2.1.0 or v2.1.0.
        waiting: is told when a fetch takes long.

    Raises:
        FirmwareUnavailable: there is no such release, or it is not in the cache and cannot be fetched.
    """
    version = version.removeprefix("v")
    package = RELEASES.get(version)
    if package is None:
        raise FirmwareUnavailable(Reason.UNKNOWN, f"Device OS {version} is not among those to be had: {', '.join(RELEASES)}")
    if platform not in PLATFORMS[version]:
        raise FirmwareUnavailable(
            Reason.UNKNOWN, f"no Device OS {version} for {platform!r}; that version is there for {', '.join(PLATFORMS[version])}"
        )
    folder = package_images(package, waiting) / "updates"
    files = tuple(sorted(path for path in folder.glob(f"{platform}-*.bin") if _version_of(path) == version))
    if not files:
        raise FirmwareUnavailable(Reason.DAMAGED, f"{folder} has no files of {platform}; delete {folder.parent} to have it fetched anew")
    for path in files:
        _verify(path)
    return Release(platform, version, files)


def tinker(platform: str, waiting: Waiting | None = None) -> Path:
    """The Tinker application of a platform by its short name.

    Raises:
        FirmwareUnavailable: there is none, or it cannot be fetched.
    """
    if platform not in TINKER_PLATFORMS:
        raise FirmwareUnavailable(Reason.UNKNOWN, f"no Tinker for {platform!r}; there is one for {', '.join(sorted(TINKER_PLATFORMS))}")
    folder = package_images(TINKER_PACKAGE, waiting) / "knownApps"
    found = sorted(folder.glob(f"{platform}/tinker/*.bin"))
    if not found:
        raise FirmwareUnavailable(Reason.DAMAGED, f"{folder} has no Tinker of {platform}; delete {folder.parent} to have it fetched anew")
    _verify(found[0])
    return found[0]


def all_images() -> list[Path]:
    """Every .bin of every package, those that are no modules included; fetches what is missing (about 35 MB).

    Raises:
        FirmwareUnavailable: a package cannot be fetched.
    """
    return sorted(path for package in PACKAGES for path in package_images(package).rglob("*.bin"))


def cached_images() -> list[Path]:
    """Every module file that is in the cache already; fetches nothing."""
    found = (path for package in PACKAGES for path in (cache_folder() / f"particle-cli-{package}").rglob("*.bin"))
    return sorted(path for path in found if path.name not in NOT_MODULES)


_failed: dict[str, FirmwareUnavailable] = {}


def package_images(package: str, waiting: Waiting | None = None) -> Path:
    """The folder with the images of one version of particle-cli, fetched when it is not in the cache.

    Raises:
        FirmwareUnavailable: it cannot be fetched; the second call in a process fails at once.
    """
    folder = cache_folder() / f"particle-cli-{package}"
    if folder.is_dir():
        return folder
    if package in _failed:
        raise _failed[package]
    try:
        with _cache_in(folder):
            _fetch(package, folder, waiting)
    except FirmwareUnavailable as failure:
        _failed[package] = failure
        raise
    return folder


def _version_of(path: Path) -> str:
    """The Device OS version in a name such as photon-bootloader@2.1.0+lto.bin."""
    return path.name.removesuffix(".bin").rpartition("@")[2].partition("+")[0]


@contextlib.contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    """Whatever the operating system refuses in the cache, as an error with its remedy."""
    try:
        yield
    except OSError as reason:
        where = reason.filename or folder
        raise FirmwareUnavailable(
            Reason.CACHE, f"{where}: {reason.strerror or reason}; PARTICLE_HIL_CACHE can name another folder for what is fetched"
        ) from None


def _fetch(package: str, folder: Path, waiting: Waiting | None) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder.parent) as scratch:
        tarball = npm_pack(f"particle-cli@{package}", Path(scratch), waiting)
        digest = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
        if digest != PACKAGES[package]:
            raise FirmwareUnavailable(
                Reason.WRONG_DIGEST,
                f"particle-cli {package} as fetched has SHA-512 {digest}, expected {PACKAGES[package]}; nothing was kept",
            )
        unpacked = Path(scratch) / "images"
        _unpack(tarball, unpacked)
        for path in unpacked.rglob("*.bin"):
            if path.name not in NOT_MODULES:
                _verify(path)
        _move(unpacked, folder)


def npm_pack(spec: str, folder: Path, waiting: Waiting | None = None) -> Path:
    """Have the npm client fetch the tarball of a package (`name@version`) into a folder.

    Raises:
        FirmwareUnavailable: there is no npm client, or it could not fetch the package.
    """
    done = _npm(["pack", spec, "--json", "--pack-destination", str(folder)], spec, folder, waiting)
    try:
        return folder / str(json.loads(done)[0]["filename"])
    except (ValueError, LookupError, TypeError):
        raise FirmwareUnavailable(Reason.NO_NETWORK, f"npm did not say where it put {spec}, but {done.strip()[-200:]!r}") from None


def npm_install(name: str, version: str) -> Path:
    """Have the npm client install a package, and all it needs, into the cache; once. Its install scripts are not run.

    Returns:
        The folder that holds its `node_modules`.

    Raises:
        FirmwareUnavailable: as `npm_pack` says.
    """
    folder = cache_folder() / f"{name}-{version}"
    if not folder.is_dir():
        with _cache_in(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".install-", dir=folder.parent) as scratch:
                made = Path(scratch) / "installed"
                made.mkdir()
                (made / "package.json").write_text("{}")
                _npm(["install", f"{name}@{version}", "--no-audit", "--no-fund", "--ignore-scripts"], f"{name}@{version}", made)
                _move(made, folder)
    return folder


def _npm(arguments: list[str], what: str, folder: Path, waiting: Waiting | None = None) -> str:
    """What the npm client prints when it is run in a folder."""
    npm = shutil.which("npm")
    if npm is None:
        raise FirmwareUnavailable(
            Reason.NO_NPM,
            f"{what} is not in {cache_folder()}, and fetching it needs the npm client: "
            "install Node.js 20 or later, or copy the cache of another machine",
        )
    command = [npm, *arguments, "--prefer-offline", "--fetch-retries=1"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - no shell, fixed program
        try:
            out, err = _outcome(process, what, waiting)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        code = next((line for line in err.splitlines() if " code " in line), err.strip()[-200:])
        raise FirmwareUnavailable(
            Reason.NO_NETWORK,
            f"npm could not fetch {what} ({code.strip()}); "
            f"check the network and the registry (`npm ping`), or copy another machine's cache to {cache_folder()}",
        )
    return out


def _outcome(process: subprocess.Popen[str], what: str, waiting: Waiting | None) -> tuple[str, str]:
    """What a process prints, once it has ended; meanwhile whoever waits is told so."""
    seconds = 0.0
    while seconds < _FETCH_SECONDS:
        try:
            return process.communicate(timeout=_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            seconds += _PATIENCE_SECONDS
            if waiting is not None:
                waiting(f"fetching {what} with npm: {seconds:.0f} seconds so far, at most {_FETCH_SECONDS}")
    raise FirmwareUnavailable(Reason.NO_NETWORK, f"npm did not fetch {what} within {_FETCH_SECONDS} seconds")


def _move(made: Path, folder: Path) -> None:
    """Give a finished folder its name; another process may have been faster."""
    try:
        made.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _unpack(tarball: Path, folder: Path) -> None:
    """Take the images, and nothing else, out of a package."""
    with tarfile.open(tarball) as archive:
        for member in archive:
            if member.isfile() and _SAFE_NAME.fullmatch(member.name) and ".." not in member.name:
                content = archive.extractfile(member)
                target = folder / member.name.removeprefix("package/assets/")
                target.parent.mkdir(parents=True, exist_ok=True)
                if content is not None:
                    target.write_bytes(content.read())


def _verify(path: Path) -> None:
    with _cache_in(path):
        data = path.read_bytes()
    try:
        bad = [finding for finding in check_module(read_module(data)) if finding.severity is Severity.ERROR]
    except NotAModule as reason:
        raise FirmwareUnavailable(Reason.DAMAGED, f"{path}: {reason}; delete {path.parent.parent} to have it fetched anew") from None
    if bad:
        raise FirmwareUnavailable(Reason.DAMAGED, f"{path}: {bad[0]}; delete {path.parent.parent} to have it fetched anew")
