"""The cache of real releases: what is kept, what is refused, and what is said when nothing can be had."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import signal
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from firmware_images.build import build_module
from firmware_images.fields import Dependency, ModuleFunction
from harness import firmware_store
from harness.firmware_store import FirmwareUnavailable, Reason, photon_release, release, tinker


def package(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose `package.tgz` is what a stand-in npm client fetches; without that file, it fails as npm does offline."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "npm"
    program.write_text(
        "#!/bin/sh\n"
        f"[ -f {folder}/package.tgz ] || {{ echo 'npm error code ENOTFOUND' >&2; exit 1; }}\n"
        f'cp {folder}/package.tgz "$5/p.tgz"; echo \'[{{"filename": "p.tgz"}}]\'\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PARTICLE_HIL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(firmware_store, "_failed", {})
    return folder


def offer(npm: Path, monkeypatch: pytest.MonkeyPatch, version: str, files: dict[str, bytes]) -> None:
    content = package(files)
    (npm / "package.tgz").write_bytes(content)
    monkeypatch.setitem(firmware_store.PACKAGES, version, base64.b64encode(hashlib.sha512(content).digest()).decode())


PART_1 = build_module(6, ModuleFunction.SYSTEM_PART, 1, 2101, dependencies=[Dependency(ModuleFunction.SYSTEM_PART, 2, 207)], body=b"one")
PART_2 = build_module(6, ModuleFunction.SYSTEM_PART, 2, 2101, body=b"two")
BOOT = build_module(6, ModuleFunction.BOOTLOADER, 0, 1005, body=b"boot")
FILES = {
    "package/assets/updates/photon-system-part1@2.1.0.bin": PART_1,
    "package/assets/updates/photon-system-part2@2.1.0.bin": PART_2,
    "package/assets/updates/photon-bootloader@2.1.0+lto.bin": BOOT,
    "package/assets/updates/ota-flag-a5.bin": b"\xa5",
    "package/assets/updates/p1-system-part1@2.1.0.bin": build_module(8, ModuleFunction.SYSTEM_PART, 1, 2101),
    "package/index.js": b"not wanted",
    "package/assets/updates/../../../evil.bin": PART_1,
    "package/assets/knownApps/photon/tinker/tinker.bin": build_module(6, ModuleFunction.USER_PART),
}


def test_a_release_is_fetched_once_and_told_by_what_its_files_are(npm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(npm, monkeypatch, "2.14.0", FILES)
    found = photon_release("2.1.0")
    assert found.bootloader.read_bytes() == BOOT
    assert found.system_part_1.read_bytes() == PART_1
    assert found.system_part_2.read_bytes() == PART_2
    (npm / "package.tgz").unlink()
    assert photon_release("v2.1.0") == found
    kept = {path.name for path in firmware_store.cache_folder().rglob("*") if path.is_file()}
    assert kept == {Path(name).name for name in FILES} - {"index.js", "evil.bin"}


def test_tinker_is_found_by_platform(npm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(npm, monkeypatch, firmware_store.TINKER_PACKAGE, FILES)
    assert tinker("photon").name == "tinker.bin"
    with pytest.raises(FirmwareUnavailable, match="there is one for argon, b5som"):
        tinker("toaster")
    with pytest.raises(FirmwareUnavailable, match="no Tinker of argon; delete"):
        tinker("argon")


def test_a_package_with_another_digest_is_not_kept(npm: Path) -> None:
    (npm / "package.tgz").write_bytes(package(FILES))
    with pytest.raises(FirmwareUnavailable, match="nothing was kept") as failure:
        photon_release("2.1.0")
    assert failure.value.reason is Reason.WRONG_DIGEST
    assert not list(firmware_store.cache_folder().iterdir())


def test_a_package_with_a_broken_module_is_not_kept(npm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = bytearray(PART_1)
    broken[0x1A0] ^= 1
    offer(npm, monkeypatch, "2.14.0", {"package/assets/updates/photon-system-part1@2.1.0.bin": bytes(broken)})
    with pytest.raises(FirmwareUnavailable, match="crc-mismatch") as failure:
        photon_release("2.1.0")
    assert failure.value.reason is Reason.DAMAGED
    assert not list(firmware_store.cache_folder().iterdir())


def test_a_file_damaged_in_the_cache_is_not_used(npm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(npm, monkeypatch, "2.14.0", FILES)
    path = photon_release("2.1.0").bootloader
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(FirmwareUnavailable, match="delete"):
        photon_release("2.1.0")


def test_without_network_the_remedy_is_told_and_the_next_call_fails_at_once(npm: Path) -> None:
    with pytest.raises(FirmwareUnavailable, match=r"ENOTFOUND.*npm ping") as first:
        photon_release("2.1.0")
    assert first.value.reason is Reason.NO_NETWORK
    (npm / "npm").unlink()
    with pytest.raises(FirmwareUnavailable) as second:
        photon_release("2.1.0")
    assert second.value is first.value


def test_without_npm_the_remedy_is_told(npm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(npm.parent))
    with pytest.raises(FirmwareUnavailable, match=r"install Node\.js 20") as failure:
        photon_release("2.1.0")
    assert failure.value.reason is Reason.NO_NPM


def test_an_unknown_release_or_platform_names_those_there_are(npm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FirmwareUnavailable, match=r"1\.4\.4, 1\.5\.0"):
        photon_release("9.9.9")
    with pytest.raises(FirmwareUnavailable, match="there for argon, b5som, boron, bsom, electron, p1, photon, tracker"):
        release("xenon", "2.1.0")
    offer(npm, monkeypatch, "2.14.0", FILES)
    with pytest.raises(FirmwareUnavailable, match="no files of argon; delete"):
        release("argon", "2.1.0")


def test_who_waits_for_npm_is_told_so(npm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in npm goes on when it was told of twice."""
    offer(npm, monkeypatch, "2.14.0", FILES)
    (npm / "npm").write_text((npm / "npm").read_text().replace("#!/bin/sh\n", f"#!/bin/sh\nread go < {npm}/go\n"))
    os.mkfifo(npm / "go")
    monkeypatch.setattr(firmware_store, "_PATIENCE_SECONDS", 0.01)
    told: list[str] = []

    def waiting(sentence: str) -> None:
        told.append(sentence)
        if len(told) == 2:
            (npm / "go").write_text("go\n")

    assert release("photon", "2.1.0", waiting).system_part_1.read_bytes() == PART_1
    assert told[0].startswith("fetching particle-cli@2.14.0 with npm: 0 seconds so far")


def test_an_npm_that_never_ends_is_given_up_and_ended(npm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(npm / "never")
    (npm / "npm").write_text(f"#!/bin/sh\nread never < {npm}/never\n")
    started: list[subprocess.Popen[str]] = []

    class Noticed(subprocess.Popen[str]):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            started.append(self)

    monkeypatch.setattr(firmware_store.subprocess, "Popen", Noticed)
    monkeypatch.setattr(firmware_store, "_PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(firmware_store, "_FETCH_SECONDS", 0.03)
    with pytest.raises(FirmwareUnavailable, match=r"within 0\.03 seconds") as failure:
        photon_release("2.1.0")
    assert failure.value.reason is Reason.NO_NETWORK
    assert [process.returncode for process in started] == [-signal.SIGKILL]


def test_an_npm_that_says_something_else_is_not_believed(npm: Path) -> None:
    (npm / "npm").write_text("#!/bin/sh\necho hello\n")
    with pytest.raises(FirmwareUnavailable, match=r"npm did not say where it put particle-cli@2\.14\.0, but 'hello'"):
        photon_release("2.1.0")


def test_a_cache_that_cannot_be_written_is_told_with_the_remedy(npm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (npm / "file").touch()
    monkeypatch.setenv("PARTICLE_HIL_CACHE", str(npm / "file" / "cache"))
    with pytest.raises(FirmwareUnavailable, match="Not a directory; PARTICLE_HIL_CACHE can name another folder") as failure:
        photon_release("2.1.0")
    assert failure.value.reason is Reason.CACHE


@pytest.mark.tool("npm")
def test_what_is_listed_is_what_the_packages_hold() -> None:
    try:
        firmware_store.all_images()
    except FirmwareUnavailable as failure:
        if failure.reason in (Reason.NO_NPM, Reason.NO_NETWORK):
            pytest.skip(str(failure))
        raise
    root = firmware_store.cache_folder()
    for version, package_version in firmware_store.RELEASES.items():
        names = (path.name for path in root.glob(f"particle-cli-{package_version}/updates/*@{version}*.bin"))
        assert {name.partition("-")[0] for name in names} == set(firmware_store.PLATFORMS[version])
    folders = root.glob(f"particle-cli-{firmware_store.TINKER_PACKAGE}/knownApps/*/tinker")
    assert {folder.parent.name for folder in folders} == set(firmware_store.TINKER_PLATFORMS)


@pytest.mark.tool("npm")
@pytest.mark.parametrize("version", ["2.1.0", "2.2.0"])
def test_the_real_photon_releases_are_whole(version: str) -> None:
    try:
        found = photon_release(version)
    except FirmwareUnavailable as failure:
        if failure.reason in (Reason.NO_NPM, Reason.NO_NETWORK):
            pytest.skip(str(failure))
        raise
    assert {path.name.split("@")[0] for path in found.files} == {"photon-bootloader", "photon-system-part1", "photon-system-part2"}
