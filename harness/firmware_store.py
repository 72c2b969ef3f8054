"""Real Device OS releases and Tinker, fetched once into the user's cache.

Particle's binaries are not ours to ship. They are in npm packages of particle-cli, so the npm client fetches those from whatever registry
the machine is set up for; a package is kept only when every module in it is sound and its digest is the one of the table
(`harness.firmware_packages`), or, of a package that the table has no digest of, the one it had when it was fetched for the first time.

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
from firmware_images.module import Module, read_module
from harness import waits
from harness.firmware_packages import (
    PACKAGES,
    TINKER_PACKAGE,
    TINKER_PLATFORMS,
    WHAT_IS_NOWHERE,
    carried,
    carried_for,
    what_there_is,
)
from harness.hiding import hides
from particle_protocol.os_versions import OsRelease, os_release
from particle_protocol.platforms import Platform, platform_by_name

__tracebackhide__ = hides

NOT_MODULES: Final = frozenset(
    {"cc3000-patch-programmer.bin", "cc3000-patch-programmer_1_14.bin", "deep_update_2014_06.bin", "ota-flag-a5.bin"}
)
"""Files of those packages that are older than the module format, or no firmware at all."""
_FETCH_SECONDS: Final = 300
_PATIENCE_SECONDS = 2.0
"""After this long, and then again and again, whoever waits is told what for."""
Waiting = Callable[[str], None]
"""Is called with a sentence while a fetch takes its time."""
_SAFE_NAME = re.compile(r"package/(?:assets/)?((?:updates|knownApps|binaries)/(?:[\w@+.-]+/)*[\w@+.-]+\.bin)")


class Reason(enum.Enum):
    """Why there is no firmware."""

    NO_NPM = "no npm client"
    NO_NETWORK = "the package could not be fetched"
    WRONG_DIGEST = "the package fetched is not the one expected"
    UNKNOWN = "no such release"
    PARTIAL = "modules of the release are missing"
    NO_PACKAGE = "the registry has no such package"
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
    """The files of one Device OS version for one platform, in the order in which they are installed."""

    platform: str
    version: str
    files: tuple[Path, ...]
    missing: tuple[str, ...] = ()
    """The modules of the release that its package does not have, as in "bootloader 0"."""

    @property
    def lack(self) -> str:
        """What is missing, as a sentence for people; empty when the release is whole."""
        return f"Device OS {self.version} for {self.platform} is partial: no {', no '.join(self.missing)}" if self.missing else ""

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
    """The Photon's bootloader and system parts of a Device OS version that there is a package with: 1.5.0 to 2.2.0, 2.3.1.

    Raises:
        FirmwareUnavailable: see `release`.
    """
    return release("photon", version)


def release(platform: str, version: str, waiting: Waiting | None = None, *, partial: bool = False) -> Release:
    """The files of a Device OS version for a platform by its short name ("photon", "boron"), fetched when they are not in the cache.

    A file belongs to the release when it is a module of that platform with the number that the release has.

    Args:
        platform: its short name.
        version: of Device OS, such as 2.1.0 or v2.1.0.
        waiting: is told when a fetch takes long; without it whoever listens (`harness.waits`).
        partial: whether a release without all of its modules is better than none.

    Raises:
        FirmwareUnavailable: there is no such release, or it is not in the cache and cannot be fetched, or it is not whole.
    """
    version = version.removeprefix("v")
    try:
        wanted = os_release(platform_by_name(platform), version)
    except LookupError as error:
        raise FirmwareUnavailable(Reason.UNKNOWN, str(error)) from None
    where = carried_for(version, platform)
    if where is None:
        raise FirmwareUnavailable(
            Reason.UNKNOWN, f"no npm package has Device OS {version} for {platform}; {what_there_is(platform)}. {WHAT_IS_NOWHERE}"
        )
    found = _release_in(package_images(where.package, waiting), platform_by_name(platform), wanted)
    if found.missing and not partial:
        raise FirmwareUnavailable(Reason.PARTIAL, f"{found.lack}; {what_there_is(platform)}")
    return found


def _release_in(folder: Path, platform: Platform, wanted: OsRelease) -> Release:
    """The modules of a release among the files of a package."""
    there: dict[tuple[int, int, int], Path] = {}
    for path in sorted(folder.rglob(f"*{platform.name}*.bin")):
        prefix = _verify(path).prefix
        if prefix.platform_id == platform.id:
            there[prefix.function, prefix.index, prefix.version] = path
    modules = wanted.modules(platform)
    found = [(str(each.key), there.get((each.key.function, each.key.index, each.version))) for each in modules]
    files = tuple(path for _, path in found if path is not None)
    if not files:
        raise FirmwareUnavailable(Reason.DAMAGED, f"{folder} has no files of {platform.name}; delete {folder} to have it fetched anew")
    return Release(platform.name, wanted.version, files, tuple(key for key, path in found if path is None))


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
    """Every .bin of every package that the table has a digest of, those that are no modules included; fetches what is missing (60 MB).

    Raises:
        FirmwareUnavailable: a package cannot be fetched.
    """
    return sorted(path for package in PACKAGES for path in package_images(package).rglob("*.bin"))


def cached_images() -> list[Path]:
    """Every module file that is in the cache already; fetches nothing."""
    packages = (*PACKAGES, *sorted({each.package for each in carried() if not each.seen}))
    found = (path for package in packages for path in (cache_folder() / f"particle-cli-{package}").rglob("*.bin"))
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
        pins = _pins()
        expected = PACKAGES.get(package, pins.get(package, digest))
        if digest != expected:
            raise FirmwareUnavailable(
                Reason.WRONG_DIGEST, f"particle-cli {package} as fetched has SHA-512 {digest}, expected {expected}; nothing was kept"
            )
        unpacked = Path(scratch) / "images"
        _unpack(tarball, unpacked)
        for path in unpacked.rglob("*.bin"):
            if path.name not in NOT_MODULES:
                _verify(path)
        if package not in PACKAGES:
            pinned = Path(scratch) / _PINS
            pinned.write_text(json.dumps({**pins, package: digest}, indent=1))
            pinned.replace(folder.parent / _PINS)
        _move(unpacked, folder)


_PINS: Final = "packages.json"
"""In the cache: the digests of packages that the table has none of, from when they were fetched for the first time."""


def _pins() -> dict[str, str]:
    try:
        found = json.loads((cache_folder() / _PINS).read_text())
        return {str(package): str(digest) for package, digest in found.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError) as reason:
        raise FirmwareUnavailable(Reason.DAMAGED, f"{cache_folder() / _PINS}: {reason}; delete it to have it made anew") from None


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
        if code.split()[-1:] in (["ETARGET"], ["E404"]):
            raise FirmwareUnavailable(
                Reason.NO_PACKAGE,
                f"the registry has no {what} ({code.strip()}); where you have the modules as files, give them with --device-os",
            )
        raise FirmwareUnavailable(
            Reason.NO_NETWORK,
            f"npm could not fetch {what} ({code.strip()}); "
            f"check the network and the registry (`npm ping`), or copy another machine's cache to {cache_folder()}",
        )
    return out


def _tell(sentence: str) -> None:
    waits.tell(sentence, on_others=True)


def _outcome(process: subprocess.Popen[str], what: str, waiting: Waiting | None) -> tuple[str, str]:
    """What a process prints, once it has ended; meanwhile whoever waits is told so."""
    seconds = 0.0
    while seconds < _FETCH_SECONDS:
        try:
            return process.communicate(timeout=_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            seconds += _PATIENCE_SECONDS
            tell = _tell if waiting is None else waiting
            tell(f"fetching {what} with npm: {seconds:.0f} seconds so far, at most {_FETCH_SECONDS}")
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
            name = _SAFE_NAME.fullmatch(member.name)
            if member.isfile() and name is not None and ".." not in member.name:
                content = archive.extractfile(member)
                target = folder / name[1]
                target.parent.mkdir(parents=True, exist_ok=True)
                if content is not None:
                    target.write_bytes(content.read())


def _verify(path: Path) -> Module:
    """The module in a file of the cache.

    Raises:
        FirmwareUnavailable: it is none, or it is damaged.
    """
    with _cache_in(path):
        data = path.read_bytes()
    try:
        module = read_module(data)
        bad = [finding for finding in check_module(module) if finding.severity is Severity.ERROR]
    except NotAModule as reason:
        raise FirmwareUnavailable(Reason.DAMAGED, f"{path}: {reason}; delete {path.parent.parent} to have it fetched anew") from None
    if bad:
        raise FirmwareUnavailable(Reason.DAMAGED, f"{path}: {bad[0]}; delete {path.parent.parent} to have it fetched anew")
    return module
