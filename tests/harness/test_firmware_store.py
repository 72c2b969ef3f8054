"""The cache of real releases: what is kept, what is refused, and what is said when nothing can be had."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import shutil
import signal
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from firmware_images.build import build_module
from firmware_images.fields import Dependency, ModuleFunction
from firmware_images.module import read_module
from firmware_images.stand_in import is_stand_in
from harness import firmware_store
from harness.firmware_packages import Carried, carried, newest_whole
from harness.firmware_store import FirmwareUnavailable, Reason, Release, photon_release, release, tinker
from particle_protocol.os_versions import os_release
from particle_protocol.platforms import platform_by_name


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
    pinned = {**firmware_store.PACKAGES, version: base64.b64encode(hashlib.sha512(content).digest()).decode()}
    monkeypatch.setattr(firmware_store, "PACKAGES", pinned)


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
    with pytest.raises(FirmwareUnavailable, match=r"never released for the Photon; there are: 0\.4\.0, .*3\.3\.1"):
        photon_release("9.9.9")
    with pytest.raises(FirmwareUnavailable, match=r"2\.1\.0 was never released for the Xenon; there are: .*1\.5\.2"):
        release("xenon", "2.1.0")
    with pytest.raises(FirmwareUnavailable, match="no platform is called 'toaster'"):
        release("toaster", "2.1.0")
    there = r"there are: 0\.4\.9 \(partial: no bootloader\), .*2\.3\.1\. No package has Device OS 3\.x"
    with pytest.raises(FirmwareUnavailable, match=rf"no npm package has Device OS 3\.3\.1 for photon; {there}"):
        photon_release("3.3.1")
    with pytest.raises(FirmwareUnavailable, match=r"Device OS 6\.2\.0 for p2; there is nothing for it\. .* anything for Gen 4"):
        release("p2", "6.2.0")
    offer(npm, monkeypatch, "2.14.0", FILES)
    with pytest.raises(FirmwareUnavailable, match="no files of argon; delete"):
        release("argon", "2.1.0")


def test_a_file_belongs_to_a_release_by_what_it_is_not_by_its_name(npm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older = build_module(6, ModuleFunction.BOOTLOADER, 0, 1004)
    offer(npm, monkeypatch, "2.14.0", {**FILES, "package/assets/updates/photon-bootloader@2.1.0+lto.bin": older})
    with pytest.raises(FirmwareUnavailable, match=r"Device OS 2\.1\.0 for photon is partial: no bootloader 0; there are: ") as failure:
        photon_release("2.1.0")
    assert failure.value.reason is Reason.PARTIAL
    found = release("photon", "2.1.0", partial=True)
    assert (len(found.files), found.missing) == (2, ("bootloader 0",))


def test_the_oldest_packages_have_another_layout(npm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part1, part2 = (build_module(6, ModuleFunction.SYSTEM_PART, index, 17) for index in (1, 2))
    offer(npm, monkeypatch, "1.16.0", {f"package/updates/system-part{n}-0.5.2-photon.bin": part for n, part in ((1, part1), (2, part2))})
    found = release("photon", "0.5.2", partial=True)
    assert ([path.read_bytes() for path in found.files], found.missing) == ([part1, part2], ("bootloader 0",))
    assert found.lack == "Device OS 0.5.2 for photon is partial: no bootloader 0"


def test_a_package_that_nobody_had_seen_is_pinned_when_it_is_fetched_first(npm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = [build_module(6, ModuleFunction.SYSTEM_PART, index, 1401) for index in (1, 2)]
    modules.append(build_module(6, ModuleFunction.BOOTLOADER, 0, 500))
    files = {f"package/assets/updates/{number}-photon.bin": module for number, module in enumerate(modules)}
    content = package(files)
    (npm / "package.tgz").write_bytes(content)
    folder = photon_release("1.4.0").bootloader.parents[1]
    shutil.rmtree(folder)
    (npm / "package.tgz").write_bytes(package({**files, "package/assets/updates/more.bin": PART_1}))
    with pytest.raises(FirmwareUnavailable, match="nothing was kept") as failure:
        photon_release("1.4.0")
    assert failure.value.reason is Reason.WRONG_DIGEST
    monkeypatch.setattr(firmware_store, "_failed", {})
    (npm / "package.tgz").write_bytes(content)
    assert photon_release("1.4.0").bootloader.read_bytes() == modules[2]
    (firmware_store.cache_folder() / "packages.json").write_text("[]")
    shutil.rmtree(folder)
    with pytest.raises(FirmwareUnavailable, match=r"packages\.json: .*; delete it"):
        photon_release("1.4.0")


@pytest.mark.parametrize("code", ["ETARGET", "E404"])
def test_a_package_that_the_registry_has_not_got_is_told_apart_from_a_missing_network(npm: Path, code: str) -> None:
    (npm / "npm").write_text(f"#!/bin/sh\necho 'npm error code {code}' >&2; exit 1\n")
    with pytest.raises(FirmwareUnavailable, match=rf"no particle-cli@1\.47\.0 \(npm error code {code}\); .*--device-os") as failure:
        photon_release("1.4.0")
    assert failure.value.reason is Reason.NO_PACKAGE


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


def fetched(platform: str, version: str) -> Release:
    """A release out of its package; a skip where none can be fetched."""
    try:
        return release(platform, version, partial=True)
    except FirmwareUnavailable as failure:
        if failure.reason in (Reason.NO_NPM, Reason.NO_NETWORK):
            pytest.skip(str(failure))
        raise


SEEN = [each for each in carried() if each.seen]


@pytest.mark.tool("npm")
@pytest.mark.parametrize("where", SEEN, ids=[f"{each.version} in {each.package}" for each in SEEN])
def test_what_is_listed_is_what_a_package_holds_and_real_modules_are_as_the_table_says(where: Carried) -> None:
    for name in where.platforms:
        platform = platform_by_name(name)
        found = fetched(name, where.version)
        assert found.missing == (("bootloader 0",) if name in where.partial else ())
        table = {(each.key.function, each.key.index): each for each in os_release(platform, where.version).modules(platform)}
        for path in found.files:
            prefix = read_module(path.read_bytes()).prefix
            needs = [(need.key.function, need.key.index, need.version) for need in table[prefix.function, prefix.index].needs]
            assert [(need.function, need.index, need.version) for need in prefix.dependencies] == needs, path.name
            assert not is_stand_in(prefix)
    named = {path.name.rpartition("@")[0].partition("-")[0] for path in found.files[0].parent.glob(f"*@{where.version}*.bin")}
    assert named <= set(where.platforms), "and no platform is left out"


@pytest.mark.tool("npm")
def test_there_is_a_tinker_for_every_platform_that_is_listed() -> None:
    fetched("photon", "2.3.1")
    for platform in firmware_store.TINKER_PLATFORMS:
        assert tinker(platform).is_file()


def test_the_newest_whole_release_is_one_that_npm_was_seen_to_have() -> None:
    assert (newest_whole("photon"), newest_whole("argon"), newest_whole("asom"), newest_whole("p2")) == ("2.3.1", "4.0.2", "1.4.4", "")
