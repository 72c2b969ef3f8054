"""Bundles: an application and its assets in one .zip.

One .bin in the root; the assets as plain files in `assets/`. Environment variables, where there are any, are an asset of their own (see
`firmware_images.env`) and once more JSON in `env.json`, or in `env/` as binary-version-reader 3 has it. The application already carries
the digests of the assets. Whatever else is in the archive is left alone.

Nothing is unpacked beyond what a board could store, and no name may lead out of its folder.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from firmware_images.assets import asset_dependencies, build_asset, dependency_on, limit_problems
from firmware_images.compress import MAX_ASSET
from firmware_images.edit import set_assets
from firmware_images.env import ENV_ASSET, ENV_OF_APPLICATION, OLD_ENV_ASSET, check_env, decode_env, encode_env, read_env, write_env
from firmware_images.errors import BundleError, EnvError, ImageError, NotAModule
from firmware_images.fields import ModuleFunction
from firmware_images.findings import Finding, FindingName, error, warning
from firmware_images.module import Module, read_module
from firmware_images.stand_in import real_version

MAX_ENTRIES: Final = 1000
MAX_ENTRY: Final = MAX_ASSET
"""Largest file in a bundle, in bytes, once inflated."""
MAX_TOTAL: Final = 32 * 1024 * 1024
MAX_DIRECTORY: Final = MAX_ENTRIES * 1024
"""Largest central directory, in bytes. It is read whole, into a dozen times its size, before the first name in it can be looked at."""
NEEDED_SYSTEM_VERSION: Final = 5500
"""Assets came with this version of the system part (Device OS 5.5.0)."""
ENV_FILE: Final = "env.json"
_IGNORED: Final = ("Thumbs.db", "desktop.ini", "__MACOSX")
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_CHUNK: Final = 0x10000
_END_SIGNATURE: Final = b"PK\x05\x06"
_END_RECORD: Final = struct.Struct("<4sHHHHIIH")
_LOCATOR_SIGNATURE: Final = b"PK\x06\x07"
_LOCATOR_SIZE: Final = 20
_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    LookupError,
    OverflowError,
    OSError,
)
"""What `zipfile` raises on an archive that is damaged, here or there."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle holds.

    Attributes:
        name: of the application's file.
        application: the file.
        assets: plain content by name, that of the environment variables included.
        env: environment variables as they are in the archive (JSON text), None without.
        ignored: names in the archive that mean nothing here.
    """

    name: str
    application: bytes
    assets: Mapping[str, bytes] = field(default_factory=dict)
    env: bytes | None = None
    ignored: tuple[str, ...] = ()

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables a device gets: those of the asset, else those of the JSON text.

        Raises:
            EnvError: they cannot be read.
        """
        asset = _env_asset(self)
        if asset is not None:
            return decode_env(self.assets[asset])
        return {} if self.env is None else read_env(self.env)


def make_bundle(
    application: bytes, assets: Mapping[str, bytes], *, name: str = "application.bin", env: Mapping[str, str] | None = None
) -> bytes:
    """Pack an application and its assets; the application gets their digests first.

    The archive is the same for the same input, whenever and wherever it is made.

    Args:
        application: a user part; the assets it asked for before are forgotten.
        assets: plain content by name.
        name: of the application's file.
        env: environment variables; None for none, unless there is an asset `env` that holds some.

    Raises:
        BundleError: the assets would not fit on the platform, a name cannot be one, or the application is no application.
        EditRefused: the application cannot carry the digests.
        EnvError: no device takes these environment variables.
        BuildRefused, CompressionError: an asset cannot be made a module.
    """
    for asset in assets:
        _check_name(asset)
    _check_name(name)
    if not name.lower().endswith(".bin"):
        raise BundleError(f"the application of a bundle is a .bin, not {name!r}")
    try:
        module = read_module(application)
    except NotAModule as reason:
        raise BundleError(f"the application is {reason}") from None
    if module.prefix.function is not ModuleFunction.USER_PART:
        raise BundleError(f"a bundle has a user part as its application, this is a {module.prefix.function}")
    assets, env = _with_env(assets, env)
    if assets or asset_dependencies(module):
        sizes = [(asset, _module_size(asset, content)) for asset, content in assets.items()]
        problems = list(limit_problems(module.prefix.platform_id, sizes))
        if problems:
            raise BundleError("; ".join(problems))
        application = set_assets(module, [dependency_on(asset, content) for asset, content in assets.items()])
    entries = {name: application} | {f"assets/{asset}": content for asset, content in assets.items()}
    if env is not None:
        entries[ENV_FILE] = write_env(env)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for entry, content in entries.items():
            info = zipfile.ZipInfo(entry, _DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return out.getvalue()


def read_bundle(data: bytes | memoryview) -> Bundle:
    """Unpack a bundle in memory.

    Raises:
        BundleError: it is no ZIP archive, is damaged or encrypted, has no application or several, a name twice, a name that leads out of
            its folder, or holds more than any board could store.
    """
    _check_directory(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _read(archive)
    except BundleError:
        raise
    except _DAMAGE as reason:
        raise BundleError(f"the archive cannot be read: {reason}") from None


def _check_directory(data: bytes | memoryview) -> None:
    """Refuse an archive whose directory is too large to be read, wherever `zipfile` may find its end record, and the 64-bit form."""
    tail = bytes(data[-(_END_RECORD.size + 0xFFFF) :])
    at = tail.find(_END_SIGNATURE)
    while at >= 0:
        if at + _END_RECORD.size <= len(tail):
            entries, size = _END_RECORD.unpack_from(tail, at)[4:6]
            if size > MAX_DIRECTORY:
                raise BundleError(f"the archive has {entries} files or more, and {size} bytes of directory; at most {MAX_DIRECTORY}")
        if tail[max(at - _LOCATOR_SIZE, 0) : at].startswith(_LOCATOR_SIGNATURE):
            raise BundleError("the archive is of the 64-bit form, which no bundle needs")
        at = tail.find(_END_SIGNATURE, at + 1)


def _read(archive: zipfile.ZipFile) -> Bundle:
    entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
    if len(entries) > MAX_ENTRIES:
        raise BundleError(f"the archive has {len(entries)} files, more than {MAX_ENTRIES}")
    applications: dict[str, bytes] = {}
    assets: dict[str, bytes] = {}
    env: bytes | None = None
    ignored: list[str] = []
    left = MAX_TOTAL
    seen: set[str] = set()
    for entry in entries:
        _check_path(entry.filename)
        if entry.filename in seen:
            raise BundleError(f"{entry.filename!r} is in the archive twice")
        seen.add(entry.filename)
        folder, _, base = entry.filename.rpartition("/")
        is_env = entry.filename == ENV_FILE or folder == "env"
        is_application = not folder and base.lower().endswith(".bin")
        if is_ignored(entry.filename) or not (folder == "assets" or is_env or is_application):
            ignored.append(entry.filename)
            continue
        content = _extract(archive, entry, left)
        left -= len(content)
        if folder == "assets":
            assets[base] = content
        elif is_application:
            applications[base] = content
        elif env is None:
            env = content
        else:
            raise BundleError(f"{entry.filename!r} is a second file with environment variables")
    if not applications and (around := _folder_around(seen)):
        raise BundleError(
            f"everything in the archive is in the folder {around!r}: a bundle has its .bin in the root, so pack what is inside"
        )
    if len(applications) != 1:
        found = ", ".join(sorted(applications)) or "none"
        raise BundleError(f"a bundle has one .bin beside its folders, this one has {len(applications)}: {found}")
    ((name, application),) = applications.items()
    return Bundle(name, application, assets, env, tuple(ignored))


def _folder_around(names: Iterable[str]) -> str | None:
    """The folder that all of the names are in, with an application right in it; None where there is none."""
    ours = [name for name in names if not is_ignored(name)]
    folders = {name.partition("/")[0] for name in ours if "/" in name}
    inner = [name.partition("/")[2] for name in ours]
    around = len(folders) == 1 and all("/" in name for name in ours)
    return folders.pop() if around and any("/" not in name and name.lower().endswith(".bin") for name in inner) else None


def check_bundle(bundle: Bundle, application: Module | None) -> list[Finding]:
    """Whether application and assets belong together. The application itself is judged by `firmware_images.checks`."""
    if application is None:
        return [error(FindingName.BUNDLE_MALFORMED, f"{bundle.name} in the bundle is not a module", "an application")]
    found: list[Finding] = []
    wanted = {asset.name: asset.digest for asset in asset_dependencies(application)}
    for asset, digest in wanted.items():
        content = bundle.assets.get(asset)
        if content is None:
            found.append(error(FindingName.BUNDLE_MALFORMED, f"the application needs asset {asset!r}, which is not in the bundle"))
        elif hashlib.sha256(content).digest() != digest:
            found.append(
                error(FindingName.ASSET_MALFORMED, f"asset {asset!r} has another content than the application asks for", digest.hex())
            )
    found += [
        warning(FindingName.BUNDLE_MALFORMED, f"asset {asset!r} is not asked for by the application")
        for asset in bundle.assets
        if asset not in wanted
    ]
    if bundle.assets:
        system = [real_version(dep.version) for dep in application.prefix.dependencies if dep.function is ModuleFunction.SYSTEM_PART]
        if not system or max(system) < NEEDED_SYSTEM_VERSION:
            found.append(
                error(
                    FindingName.DEPENDENCY_TOO_OLD,
                    f"the application asks for system version {max(system, default=0)}, which knows no assets",
                    f"{NEEDED_SYSTEM_VERSION} or later",
                )
            )
        found += _check_sizes(bundle, application.prefix.platform_id)
    return found + _check_env(bundle)


def _check_sizes(bundle: Bundle, platform_id: int) -> list[Finding]:
    """Whether the assets can be modules, and have room on the platform."""
    found: list[Finding] = []
    sizes: list[tuple[str, int]] = []
    for asset, content in bundle.assets.items():
        try:
            sizes.append((asset, _module_size(asset, content)))
        except ImageError as reason:
            found.append(error(FindingName.ASSET_MALFORMED, f"asset {asset[:30]!r} cannot be made a module: {reason}"))
    return found + [error(FindingName.ASSET_MALFORMED, problem) for problem in limit_problems(platform_id, sizes)]


def _check_env(bundle: Bundle) -> list[Finding]:
    """Whether the environment variables can be read, and are the same in the asset as in the JSON text."""
    asset = _env_asset(bundle)
    try:
        given = None if asset is None else check_env(decode_env(bundle.assets[asset]))
        told = None if bundle.env is None else read_env(bundle.env)
    except EnvError as reason:
        return [error(FindingName.ENV_MALFORMED, str(reason))]
    if given == told:
        return []
    if given is None:
        return [error(FindingName.ENV_MALFORMED, "the environment variables are no asset, so no device gets them", f"asset {ENV_ASSET!r}")]
    if told is None:
        return [warning(FindingName.ENV_MALFORMED, "the environment variables are not told as JSON too", ENV_FILE)]
    names = ", ".join(sorted(name for name in given.keys() | told.keys() if given.get(name) != told.get(name)))
    return [error(FindingName.ENV_MALFORMED, f"the asset and the JSON text disagree about the environment variables {names}")]


def _env_asset(bundle: Bundle) -> str | None:
    """The name of the asset that holds the environment variables. The old name means that only where there is JSON with it."""
    if ENV_ASSET in bundle.assets:
        return ENV_ASSET
    return OLD_ENV_ASSET if bundle.env is not None and OLD_ENV_ASSET in bundle.assets else None


def _with_env(assets: Mapping[str, bytes], env: Mapping[str, str] | None) -> tuple[Mapping[str, bytes], Mapping[str, str] | None]:
    """Assets and environment variables of a bundle to be made, the asset that holds the variables among the former."""
    there = assets.get(ENV_ASSET)
    if env is None:
        if there is None:
            return assets, None
        try:
            env = check_env(decode_env(there))
        except EnvError as reason:
            raise BundleError(f"asset {ENV_ASSET!r} is where the environment variables are: {reason}") from None
    content = encode_env(env)
    if there not in (None, content):
        raise BundleError(f"there is an asset {ENV_ASSET!r}, which is where the environment variables are, and it holds others")
    return {**assets, ENV_ASSET: content}, env


def asset_module(name: str, content: bytes) -> bytes:
    """An asset of a bundle as the module that a device gets; the environment variables are not deflated.

    Raises:
        BuildRefused, CompressionError: it cannot be one.
    """
    is_env = name == ENV_ASSET
    return build_asset(name, content, compress=not is_env, asset_type=ENV_OF_APPLICATION if is_env else 0)


def _module_size(name: str, content: bytes) -> int:
    """Bytes of an asset as a module."""
    return len(asset_module(name, content))


def _check_name(name: str) -> None:
    if not name or "/" in name or name in (".", "..") or "\0" in name or "\\" in name:
        raise BundleError(f"{name!r} cannot be the name of a file in a bundle")
    if is_ignored(name):
        raise BundleError(f"{name!r} cannot be the name of a file in a bundle: hidden files are passed over when it is read")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise BundleError(f"{name!r} cannot be the name of a file in a bundle: it is not UTF-8") from None


def _check_path(path: str) -> None:
    parts = path.split("/")
    if path.startswith("/") or "\\" in path or "\0" in path or ":" in parts[0] or any(part in ("", ".", "..") for part in parts):
        raise BundleError(f"the archive holds the dangerous name {path!r}")


def is_ignored(path: str) -> bool:
    """Whether a file is none of ours: hidden, or left by a file manager."""
    return any(part.startswith(".") or part in _IGNORED for part in path.split("/"))


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int) -> bytes:
    """The content of one entry, read no further than allowed whatever the archive claims."""
    if entry.flag_bits & 1:
        raise BundleError(f"{entry.filename!r} is encrypted")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BundleError(f"{entry.filename!r} is compressed in a way no bundle is ({entry.compress_type})")
    limit = min(MAX_ENTRY, left)
    chunks = []
    with archive.open(entry) as source:
        while chunk := source.read(_CHUNK):
            limit -= len(chunk)
            if limit < 0:
                raise BundleError(f"{entry.filename!r} inflates to more than any board could store")
            chunks.append(chunk)
    return b"".join(chunks)
