"""`particle-hil image`: what it prints, writes and returns."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware_images.assets import asset_dependencies, asset_name
from firmware_images.build import build_module
from firmware_images.bundle import make_bundle
from firmware_images.combine import combine
from firmware_images.compress import compress_module
from firmware_images.edit import Changes, edit_module, set_assets
from firmware_images.env import build_env_asset
from firmware_images.extension_contents import AssetDependency
from firmware_images.fields import Dependency, ModuleFlag, ModuleFunction
from firmware_images.hexfile import Segment, read_hex, read_hex_text, write_hex, write_segments
from firmware_images.image import check_image, read_image
from firmware_images.module import read_module
from harness import image_files
from harness.cli.image import image_group
from harness.cli.main import cli
from harness.firmware_packages import PACKAGES, TINKER_PACKAGE, carried, carried_for
from harness.image_files import FileUnusable, read_file, write_file
from harness.image_report import plain_lines, report
from harness.image_table import draw

BOOTLOADER, SYSTEM, USER = ModuleFunction.BOOTLOADER, ModuleFunction.SYSTEM_PART, ModuleFunction.USER_PART
PART_1 = build_module(6, SYSTEM, 1, 2101, dependencies=[Dependency(SYSTEM, 2, 207)], body=b"one")
PART_2 = build_module(6, SYSTEM, 2, 2101, dependencies=[Dependency(SYSTEM, 1, 2101)], body=b"two")
APPLICATION = build_module(6, USER, 1, 6, dependencies=[Dependency(SYSTEM, 2, 2101)], body=b"app")
BORON = build_module(13, USER, 2, 6, dependencies=[Dependency(SYSTEM, 1, 5501)], body=b"application")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, content in {"part1": PART_1, "part2": PART_2, "app": APPLICATION, "boron": BORON}.items():
        (tmp_path / f"{name}.bin").write_bytes(content)
    return tmp_path


def image(*arguments: str) -> Result:
    """Run the command; an argument may hold several words."""
    result = CliRunner().invoke(image_group, [word for each in arguments for word in each.split()])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def objects(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_inspect_prints_one_object_per_file(folder: Path) -> None:
    result = image("inspect", "--json", "app.bin", "part1.bin")
    app, part = objects(result)
    assert result.exit_code == 0
    module = read_module(APPLICATION)
    assert module.suffix is not None
    digest = module.suffix.sha256.hex()
    assert {name: app[name] for name in app if name not in ("extensions", "mcu_target", "prefix_offset", "size", "trailing")} == {
        "file": "app.bin",
        "kind": "module",
        "platform_id": 6,
        "function": 5,
        "index": 1,
        "version": 6,
        "start_address": 0x080A0000,
        "end_address": module.prefix.end_address,
        "flags": 0,
        "dependencies": [{"function": 4, "index": 2, "version": 2101}],
        "product_id": 65535,
        "product_version": 65535,
        "suffix_size": 40,
        "sha256": {"stored": digest, "computed": digest, "ok": True},
        "crc": {"stored": f"{module.stored_crc:08x}", "computed": f"{module.stored_crc:08x}", "ok": True},
        "findings": [],
    }
    assert part["prefix_offset"] == 0x184


def test_inspect_says_what_is_wrong_by_its_status(folder: Path) -> None:
    (folder / "broken.bin").write_bytes(APPLICATION[:-1] + b"?")
    (folder / "text.bin").write_text("no module")
    assert image("inspect", "app.bin").exit_code == 0
    assert image("inspect", "app.bin", "broken.bin").exit_code == 1
    assert image("inspect", "broken.bin", "text.bin", "app.bin").exit_code == 2
    result = image("inspect", "--json", "text.bin", "missing.bin")
    assert result.exit_code == 2
    text, missing = objects(result)
    assert (text["kind"], text["platform_id"], text["crc"]) == ("not-a-module", None, None)
    assert missing["kind"] is None
    (sound,) = objects(image("inspect", "--json", "app.bin"))
    assert sound.keys() == text.keys() == missing.keys()
    assert [finding["name"] for finding in missing["findings"]] == ["unreadable"]  # type: ignore[attr-defined]


def test_inspect_reads_every_kind(folder: Path) -> None:
    (folder / "both.bin").write_bytes(combine([read_module(PART_1), read_module(PART_2)]))
    (folder / "app.hex").write_bytes(write_hex(APPLICATION, 0x080A0000))
    (folder / "logo.png").write_bytes(b"logo")
    assert image("bundle", "boron.bin", "logo.png", "-o", "bundle.zip").exit_code == 0
    result = image("inspect", "--json", "both.bin", "app.hex", "bundle.zip")
    both, hexed, bundle = objects(result)
    assert result.exit_code == 0
    assert (both["kind"], hexed["kind"], bundle["kind"]) == ("combined", "hex", "bundle")
    assert [module["index"] for module in both["modules"]] == [1, 2]  # type: ignore[attr-defined]
    assert hexed["segments"] == [{"address": 0x080A0000, "size": len(APPLICATION)}]
    assert bundle["assets"] == [{"name": "logo.png", "size": 4}]
    lines = image("inspect", "both.bin", "app.hex", "bundle.zip").stdout
    assert "system part 2 >= 207" in lines
    assert "logo.png, 4 bytes" in lines


def test_inspect_draws_a_table_on_a_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    files = {"app.bin": APPLICATION[:-1] + b"?", "part.bin": PART_1, "cut.bin": PART_1[:-9], "x": b"x"}
    read = [(f"/some/folder/{name}", read_image(data)) for name, data in files.items()]
    for width, expected in ((80, False), (140, True)):
        monkeypatch.setenv("COLUMNS", str(width))
        draw([(name, image, check_image(image)) for name, image in read])
        shown = capsys.readouterr().out
        assert max(map(len, shown.splitlines())) <= width
        assert "app.bin" in shown
        assert "/some" not in shown
        assert "CRC wrong" in shown
        assert "not whole" in shown
        assert "crc-mismatch app.bin" in shown
        assert "not-a-module" in shown
        assert ("0x8020000" in shown) is expected


SEEDS = [b"", APPLICATION, PART_1, combine([read_module(PART_1), read_module(PART_2)]), build_env_asset({"NAME": "value"})]
SEEDS += [write_hex(APPLICATION, 0x080A0000), make_bundle(BORON, {"logo": b"content"}, env={"NAME": "value"})]
SEEDS += [compress_module(read_module(APPLICATION)), set_assets(read_module(BORON), [AssetDependency("[red]", bytes(32))])]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=6),
    more=st.binary(max_size=50),
)
def test_whatever_is_in_a_file_can_be_reported(seed: bytes, changes: list[tuple[int, int]], more: bytes) -> None:
    data = bytearray(seed + more)
    for at, value in changes:
        if data:
            data[at % len(data)] = value
    found = read_image(bytes(data))
    findings = check_image(found)
    told = json.loads(json.dumps(report("file", found, findings)))
    assert told["kind"] == found.kind.value
    assert len(told["findings"]) == len(findings)
    assert plain_lines("file", found, findings)[0] == f"file: {found.kind.value}"
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        draw([("[file]", found, findings)])
    assert "[file]" in shown.getvalue()


def test_check_judges_for_a_board_and_its_modules(folder: Path) -> None:
    assert image("check", "app.bin", "part1.bin", "--platform", "photon").stdout == "app.bin: fine\npart1.bin: fine\n"
    result = image("check", "app.bin", "--platform", "p1")
    assert result.exit_code == 1
    assert result.stdout == "app.bin: error platform-mismatch: the module is for platform 6 (expected platform 8)\n"
    assert image("check", "app.bin", "--installed", "part2.bin").exit_code == 0
    result = image("check", "--json", "app.bin", "--installed", "part1.bin")
    assert result.exit_code == 1
    assert [finding["name"] for finding in objects(result)[0]["findings"]] == ["dependency-missing"]  # type: ignore[attr-defined]
    assert image("check", "app.bin", "--installed", "part1.bin", "--update").exit_code == 0
    assert image("check", "app.bin", "--platform", "toaster").exit_code == 2
    assert image("check", "app.bin", "--device-os", "2.1.0").exit_code == 2
    assert "No such file" in image("check", "app.bin", "--installed", "nothing.bin").stderr


def test_check_judges_for_the_product_that_an_image_is_uploaded_to(folder: Path) -> None:
    (folder / "theirs.bin").write_bytes(edit_module(read_module(APPLICATION), Changes(product_id=4321, product_version=3)))
    assert image("check theirs.bin --product 4321").exit_code == 0
    result = image("check theirs.bin part1.bin --product 1234")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "theirs.bin: error product-mismatch: the image is for product 4321, version 3 (expected 1234, or 6 for any product)",
        "part1.bin: error product-mismatch: product firmware is an application, this is a system part",
    ]
    assert image("check app.bin --product 1234").exit_code == 1
    assert "65535" in image("check app.bin --product 1234").stdout
    assert image("check app.bin --product 0").exit_code == 2


def test_a_copy_of_flash_is_taken_apart(folder: Path) -> None:
    flash = bytearray(b"\xff" * 0x80000)
    flash[: len(PART_1)], flash[0x40000 : 0x40000 + len(PART_2)] = PART_1, PART_2
    (folder / "flash.bin").write_bytes(flash)
    result = image("inspect", "flash.bin")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (1, "flash.bin: flash-dump")
    (told,) = objects(image("inspect", "--json", "flash.bin"))
    assert told["segments"] == [{"address": 0x08020000, "size": 0x80000}]
    assert image("split", "flash.bin", "-o", "parts").stdout.split() == ["parts/1-system-part-1.bin", "parts/2-system-part-2.bin"]
    assert (folder / "parts/2-system-part-2.bin").read_bytes() == PART_2
    assert image("hex", "flash.bin", "-o", "flash.hex").exit_code == 0
    assert read_hex((folder / "flash.hex").read_bytes()) == (Segment(0x08020000, bytes(flash)),)
    assert image("hex", "flash.bin", "--module", "2", "-o", "two.hex").exit_code == 0
    assert read_hex((folder / "two.hex").read_bytes()) == (Segment(0x08060000, PART_2),)
    for words in ("edit flash.bin --version 3 -o x", "compress flash.bin -o x", "combine flash.bin app.bin -o x", "bundle flash.bin -o x"):
        result = image(words)
        assert (result.exit_code, "`particle-hil image split` takes them out" in result.stderr) == (2, True), words
    assert not (folder / "x").exists()


def test_build_hints_at_where_applications_are_today(folder: Path) -> None:
    assert "give --index 2" in image("build --platform boron -o out.bin").stderr
    assert read_module((folder / "out.bin").read_bytes()).prefix.start_address == 0xD4000
    assert image("build --platform boron --index 2 -o out.bin").stderr == ""
    assert image("build --platform boron --index 1 -o out.bin").stderr == ""
    assert image("build --platform boron --function bootloader -o out.bin").stderr == ""
    assert image("build --platform photon -o out.bin").stderr == ""
    (folder / "body").write_bytes(bytes(0x21000))
    assert "overwrites an application at 0xd4000" in image("build --platform boron --index 2 --body body -o out.bin").stderr


def test_diff_tells_what_differs(folder: Path) -> None:
    (folder / "other.bin").write_bytes(edit_module(read_module(APPLICATION), Changes(product_id=9, product_version=3)))
    assert image("diff", "app.bin", "app.bin").exit_code == 0
    result = image("diff", "app.bin", "other.bin")
    assert result.exit_code == 1
    assert result.stdout.startswith("product id: 65535 -> 9\nproduct version: 65535 -> 3\nsha256: ")
    assert objects(image("diff", "--json", "app.bin", "other.bin"))[0] == {"what": "product id", "left": "65535", "right": "9"}
    assert image("diff", "app.bin", "missing.bin").exit_code == 2


def test_edit_changes_fields(folder: Path) -> None:
    result = image("edit", "app.bin", "--product-id", "0x1234", "--product-version", "7", "--depends", "s2>=2302", "-o", "out.bin")
    assert result.exit_code == 0
    module = read_module((folder / "out.bin").read_bytes())
    assert module.suffix is not None
    assert (module.suffix.product_id, module.suffix.product_version) == (0x1234, 7)
    assert module.prefix.dependencies == (Dependency(SYSTEM, 2, 2302),)
    assert (folder / "app.bin").read_bytes() == APPLICATION
    back = "--product-id 65535 --product-version 65535 --depends s2>=2101"
    assert image("edit", "out.bin", "--in-place", back).exit_code == 0
    assert (folder / "out.bin").read_bytes() == APPLICATION


def test_edit_changes_the_rest_too(folder: Path) -> None:
    where = "--platform p1 --function system-part --index 2 --start-address 0x8060000"
    what = "--version 9 --mcu-target 33 --no-dependencies --set-flag encrypted"
    assert image("edit", "app.bin", where, what, "-o", "out.bin").exit_code == 0
    prefix = read_module((folder / "out.bin").read_bytes()).prefix
    assert (prefix.version, prefix.platform_id, prefix.function, prefix.index, prefix.mcu_target) == (9, 8, SYSTEM, 2, 33)
    assert (prefix.start_address, prefix.flags, prefix.dependencies) == (0x08060000, ModuleFlag.ENCRYPTED, ())
    assert image("edit", "out.bin", "--clear-flag", "encrypted", "--in-place").exit_code == 0
    assert read_module((folder / "out.bin").read_bytes()).prefix.flags == 0


def test_edit_adds_and_removes_records(folder: Path) -> None:
    (folder / "logo.png").write_bytes(b"logo")
    (folder / "font").write_bytes(b"font")
    (folder / "cert.der").write_bytes(b"certificate")
    assert image("edit", "boron.bin", "--asset", "logo.png", "-o", "one.bin").exit_code == 0
    assert image("edit", "one.bin", "--asset", "font", "-o", "two.bin").exit_code == 0
    assert [asset.name for asset in asset_dependencies(read_module((folder / "two.bin").read_bytes()))] == ["logo.png", "font"]
    assert image("edit", "two.bin", "--no-assets", "-o", "none.bin").exit_code == 0
    assert (folder / "none.bin").read_bytes() == BORON
    assert image("edit", "boron.bin", "--add-extension", "0x7777=00ff", "-o", "strange.bin").exit_code == 0
    assert image("edit", "strange.bin", "--remove-extension", "0x7777", "-o", "none.bin").exit_code == 0
    assert (folder / "none.bin").read_bytes() == BORON
    boot = build_module(13, BOOTLOADER, 0, 3100)
    (folder / "boot.bin").write_bytes(boot)
    assert image("edit", "boot.bin", "--protect", "--certificate", "cert.der", "-o", "safe.bin").exit_code == 0
    assert image("check", "safe.bin", "--protected").exit_code == 0
    assert image("edit", "safe.bin", "--remove-extension", "security-mode", "-o", "none.bin").exit_code == 0
    assert (folder / "none.bin").read_bytes() == boot


def test_edit_keeps_what_else_is_in_the_file(folder: Path) -> None:
    (folder / "both.bin").write_bytes(combine([read_module(PART_1), read_module(PART_2)]) + b"\xff" * 10)
    assert image("edit", "both.bin", "--module", "2", "--version", "2302", "--in-place").exit_code == 0
    data = (folder / "both.bin").read_bytes()
    assert data.endswith(b"\xff" * 10)
    (both,) = objects(image("inspect", "--json", "both.bin"))
    assert [module["version"] for module in both["modules"]] == [2101, 2302]  # type: ignore[attr-defined]
    assert image("edit", "both.bin", "--module", "3", "--in-place").exit_code == 2


def test_edit_reads_and_writes_hex(folder: Path) -> None:
    (folder / "app.hex").write_bytes(write_hex(APPLICATION, 0x080A0000))
    assert image("edit", "app.hex", "--product-version", "3", "-o", "out.hex").exit_code == 0
    assert image("hex", "out.hex", "-o", "out.bin").exit_code == 0
    assert (folder / "out.bin").read_bytes() == edit_module(read_module(APPLICATION), Changes(product_version=3))
    (folder / "app.hex").write_bytes(write_segments([Segment(0x080A0000, APPLICATION), Segment(0x10001014, b"set")], {"EIP": 0x080A0001}))
    assert image("edit", "app.hex", "--product-version", "3", "--in-place").exit_code == 0
    text = read_hex_text((folder / "app.hex").read_bytes())
    assert (text.segments[1], text.start) == (Segment(0x10001014, b"set"), {"EIP": 0x080A0001})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["app.bin"], "--output FILE or --in-place"),
        (["app.bin", "--in-place", "-o", "x"], "--output FILE or --in-place"),
        (["app.bin", "-o", "x", "--depends", "s2>=1", "--no-dependencies"], "exclude each other"),
        (["app.bin", "-o", "x", "--depends", "x9"], "is no dependency"),
        (["app.bin", "-o", "x", "--function", "toaster"], "is no module function"),
        (["app.bin", "-o", "x", "--version", "seven"], "is no number"),
        (["app.bin", "-o", "x", "--version", "70000"], "does not fit"),
        (["app.bin", "-o", "x", "--add-extension", "7"], "particle-hil image"),
        (["app.bin", "-o", "x", "--add-extension", "x=00"], "is no record"),
        (["app.bin", "-o", "x", "--remove-extension", "nothing"], "is no type of record"),
        (["app.bin", "-o", "no/such/folder/x"], "No such file"),
        (["missing.bin", "-o", "x"], "missing.bin: No such file"),
        (["text.txt", "-o", "x"], "no prefix at any"),
    ],
    ids=str,
)
def test_edit_says_what_cannot_be(folder: Path, arguments: list[str], said: str) -> None:
    (folder / "text.txt").write_text("a text that is long enough to hold a prefix and more of the same")
    result = image("edit", *arguments)
    if said == "particle-hil image":
        assert result.exit_code == 0
        return
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (folder / "x").exists()


def test_build_makes_modules_assets_and_radio_stacks(folder: Path) -> None:
    (folder / "body").write_bytes(b"app")
    assert image("build --platform photon --version 6 --depends s2>=2101 --body body -o out.bin").exit_code == 0
    assert (folder / "out.bin").read_bytes() == APPLICATION
    assert image("build", "--asset", "body", "-o", "asset.bin").exit_code == 0
    assert asset_name(read_module((folder / "asset.bin").read_bytes())) == "body"
    softdevice = bytearray(0x4000)
    softdevice[0x3004:0x3008], softdevice[0x300C:0x300E] = bytes.fromhex("dbe5b151"), bytes.fromhex("ca00")
    (folder / "sd.hex").write_bytes(write_hex(bytes(softdevice), 0))
    assert image("inspect", "sd.hex").exit_code == 2
    assert image("build", "--platform", "12", "--softdevice", "sd.hex", "-o", "stack.bin").exit_code == 0
    assert read_module((folder / "stack.bin").read_bytes()).prefix.version == 202
    assert "tell the platform" in image("build", "-o", "x").stderr
    assert "no place for" in image("build", "--platform", "photon", "--index", "7", "-o", "x").stderr
    assert "no SoftDevice" in image("build", "--platform", "12", "--softdevice", "body", "-o", "x").stderr
    assert "--asset and --env or --env-file exclude each other" in image("build --asset body --env A=1 -o x").stderr
    assert image("build --platform argon --function ncp --mcu-target 33 --body body -o ncp.bin").exit_code == 0
    assert "co-processor     0x21" in image("inspect", "ncp.bin").stdout


def test_hex_goes_both_ways_and_seals(folder: Path) -> None:
    assert image("hex", "part1.bin", "-o", "part1.hex").exit_code == 0
    assert image("hex", "part1.hex", "-o", "again.bin").exit_code == 0
    assert (folder / "again.bin").read_bytes() == PART_1
    unsealed = bytearray(APPLICATION)
    unsealed[-38:-6], unsealed[-4:] = bytes(range(1, 33)), bytes.fromhex("78563412")
    (folder / "unsealed.hex").write_bytes(write_hex(bytes(unsealed), 0x080A0000))
    assert image("inspect", "unsealed.hex").exit_code == 1
    assert image("hex", "unsealed.hex", "--seal", "-o", "sealed.bin").exit_code == 0
    assert (folder / "sealed.bin").read_bytes() == APPLICATION


def test_hex_that_stays_hex_keeps_what_else_is_in_it(folder: Path) -> None:
    unsealed = bytearray(APPLICATION)
    unsealed[-38:-6], unsealed[-4:] = bytes(range(1, 33)), bytes.fromhex("78563412")
    setting = Segment(0x080A0000 + len(APPLICATION) + 100, b"set")
    (folder / "unsealed.hex").write_bytes(write_segments([Segment(0x080A0000, bytes(unsealed)), setting], {"EIP": 0x080A0001}))
    assert image("hex", "unsealed.hex", "--seal", "-o", "sealed.hex").exit_code == 0
    text = read_hex_text((folder / "sealed.hex").read_bytes())
    assert (text.pieces, text.start) == ((Segment(0x080A0000, APPLICATION), setting), {"EIP": 0x080A0001})
    assert image("edit", "sealed.hex", "--product-version", "3", "-o", "edited.hex").exit_code == 0
    assert read_hex_text((folder / "edited.hex").read_bytes()).pieces[1] == setting


def test_hex_of_several_modules_keeps_their_places(folder: Path) -> None:
    (folder / "both.hex").write_bytes(write_segments([Segment(0x08020000, PART_1), Segment(0x08060000, PART_2)]))
    result = image("hex", "both.hex", "-o", "x.bin")
    assert (result.exit_code, "lie apart" in result.stderr) == (2, True)
    assert image("hex", "both.hex", "--module", "2", "-o", "two.bin").exit_code == 0
    assert (folder / "two.bin").read_bytes() == PART_2
    assert "there is no module 3" in image("hex", "both.hex", "--module", "3", "-o", "x.bin").stderr
    assert image("edit", "both.hex", "--module", "2", "--version", "2302", "--in-place").exit_code == 0
    (told,) = objects(image("inspect", "--json", "both.hex"))
    assert [(module["start_address"], module["version"]) for module in told["modules"]] == [(0x08020000, 2101), (0x08060000, 2302)]  # type: ignore[attr-defined]
    assert image("combine", "part1.bin", "part2.bin", "-o", "both.bin").exit_code == 0
    assert image("hex", "both.bin", "-o", "both.hex").exit_code == 0
    assert image("hex", "both.hex", "-o", "again.bin").exit_code == 0
    assert (folder / "again.bin").read_bytes() == (folder / "both.bin").read_bytes()


def test_hex_of_what_is_no_module_needs_an_address(folder: Path) -> None:
    (folder / "raw.bin").write_bytes(b"raw" * 30)
    result = image("hex", "raw.bin", "-o", "raw.hex")
    assert (result.exit_code, "--address" in result.stderr) == (2, True)
    assert image("hex", "raw.bin", "--address", "0x1000", "-o", "raw.hex").exit_code == 0
    assert read_hex((folder / "raw.hex").read_bytes()) == (Segment(0x1000, b"raw" * 30),)
    assert image("hex", "raw.hex", "-o", "again.bin").exit_code == 0
    assert (folder / "again.bin").read_bytes() == b"raw" * 30
    assert "tells its address itself" in image("hex", "app.bin", "--address", "0", "-o", "x").stderr


def test_bundles_carry_environment_variables(folder: Path) -> None:
    (folder / "env.json").write_text('{"SERVER": "https://example.com", "LEVEL": "1"}')
    assert image("bundle", "boron.bin", "--env-file", "env.json", "--env", "LEVEL=2=2", "-o", "bundle.zip").exit_code == 0
    (told,) = objects(image("inspect", "--json", "bundle.zip"))
    assert told["env"] == {"SERVER": "https://example.com", "LEVEL": "2=2"}
    assert told["findings"] == []
    assert "LEVEL=2=2" in image("inspect", "bundle.zip").stdout
    assert image("bundle", "--unpack", "bundle.zip", "-o", "out").stdout.split() == ["out/boron.bin", "out/assets/env", "out/env.json"]
    assert image("bundle", "out/boron.bin", "out/assets", "-o", "again.zip").exit_code == 0
    assert (folder / "again.zip").read_bytes() == (folder / "bundle.zip").read_bytes()
    assert image("build", "--env-file", "env.json", "-o", "env.bin").exit_code == 0
    module = read_module((folder / "env.bin").read_bytes())
    assert (asset_name(module), module.prefix.flags) == ("env", ModuleFlag.DROP_MODULE_INFO)
    assert image("inspect", "env.bin").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--env", "LEVEL"], "expected NAME=VALUE"),
        (["--env", "level=1"], "'level' cannot be the name of an environment variable"),
        (["--env-file", "missing.json"], "missing.json: No such file"),
        (["--env-file", "app.bin"], "app.bin: the environment variables are not JSON"),
        (["--env-file", "numbers.json"], "LEVEL is not a string"),
    ],
    ids=str,
)
@pytest.mark.parametrize("verb", [["bundle", "boron.bin"], ["build"]], ids=["bundle", "build"])
def test_environment_variables_that_cannot_be_are_refused(folder: Path, verb: list[str], arguments: list[str], said: str) -> None:
    (folder / "numbers.json").write_text('{"LEVEL": 1}')
    result = image(*verb, *arguments, "-o", "x")
    assert (result.exit_code, said in result.stderr) == (2, True)
    assert not (folder / "x").exists()


def test_the_assets_of_a_folder_are_its_plain_files(folder: Path) -> None:
    (folder / "assets/deep").mkdir(parents=True)
    for name in ("logo.png", ".DS_Store", "Thumbs.db", "deep/other"):
        (folder / "assets" / name).write_bytes(b"content")
    assert image("bundle", "boron.bin", "assets", "-o", "bundle.zip").exit_code == 0
    (told,) = objects(image("inspect", "--json", "bundle.zip"))
    assert told["assets"] == [{"name": "logo.png", "size": 7}]


def test_a_bundle_that_no_board_takes_is_told(folder: Path) -> None:
    (folder / "old.bin").write_bytes(build_module(13, USER, 2, 6, dependencies=[Dependency(SYSTEM, 1, 4200)]))
    (folder / "logo.png").write_bytes(b"logo")
    result = image("bundle", "old.bin", "logo.png", "-o", "bundle.zip")
    assert (result.exit_code, "which knows no assets" in result.stderr) == (0, True)
    assert "as its application" in image("bundle", "part1.bin", "logo.png", "-o", "x.zip").stderr


def test_bundles_are_packed_and_unpacked(folder: Path) -> None:
    (folder / "logo.png").write_bytes(b"logo")
    (folder / "deep").mkdir()
    (folder / "deep" / "logo.png").write_bytes(b"other")
    assert image("bundle", "boron.bin", "logo.png", "-o", "bundle.zip").exit_code == 0
    result = image("bundle", "--unpack", "bundle.zip", "-o", "out")
    assert result.stdout.split() == ["out/boron.bin", "out/assets/logo.png"]
    assert (folder / "out/assets/logo.png").read_bytes() == b"logo"
    assert "unpack it first" in image("bundle", "bundle.zip", "-o", "x").stderr
    assert "two assets are named" in image("bundle", "boron.bin", "logo.png", "deep/logo.png", "-o", "x").stderr
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("app.bin", BORON)
        file.writestr("../evil.bin", BORON)
    (folder / "evil.zip").write_bytes(out.getvalue())
    result = image("bundle", "--unpack", "evil.zip", "-o", "sub/folder")
    assert (result.exit_code, "dangerous" in result.stderr) == (2, True)
    assert not (folder / "sub").exists()


def test_modules_are_compressed_and_inflated(folder: Path) -> None:
    assert image("compress", "part1.bin", "-o", "packed.bin").exit_code == 0
    assert image("check", "packed.bin").exit_code == 0
    assert image("compress", "--inflate", "packed.bin", "-o", "again.bin").exit_code == 0
    assert (folder / "again.bin").read_bytes() == PART_1
    assert "is not compressed" in image("compress", "--inflate", "part1.bin", "-o", "x").stderr
    assert "already" in image("compress", "packed.bin", "-o", "x").stderr
    (folder / "boot.bin").write_bytes(build_module(6, BOOTLOADER, 0, 1005))
    assert "does not inflate a bootloader" in image("compress", "boot.bin", "-o", "packed.bin").stderr


def test_modules_are_combined_and_split(folder: Path) -> None:
    assert image("combine", "part1.bin", "part2.bin", "-o", "both.bin").exit_code == 0
    result = image("split", "both.bin", "-o", "parts")
    assert result.stdout.split() == ["parts/1-system-part-1.bin", "parts/2-system-part-2.bin"]
    assert (folder / "parts/2-system-part-2.bin").read_bytes() == PART_2
    assert image("combine", "both.bin", "part1.bin", "-o", "x").exit_code == 2
    assert "all a device takes" in image("combine", "part1.bin", "part2.bin", "app.bin", "-o", "three.bin").stderr


def test_an_interrupted_write_loses_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "app.bin"
    path.chmod(0o640)

    def power_cut(_file: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(image_files.os, "fsync", power_cut)
    with pytest.raises(FileUnusable, match="Input/output error"):
        write_file(path, b"new")
    assert path.read_bytes() == APPLICATION
    assert {each.name for each in folder.iterdir()} == {"app.bin", "part1.bin", "part2.bin", "boron.bin"}
    monkeypatch.undo()
    write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(folder: Path) -> None:
    (folder / "link.bin").symlink_to("app.bin")
    write_file(folder / "link.bin", b"new")
    assert (folder / "link.bin").is_symlink()
    assert (folder / "app.bin").read_bytes() == b"new"


def test_of_a_file_far_too_large_no_more_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_files, "MAX_FILE", 1000)
    for size, fits in ((1000, True), (1001, False)):
        (folder / "file").write_bytes(bytes(size))
        if fits:
            assert len(read_file(folder / "file")) == size
        else:
            with pytest.raises(FileUnusable, match="more than 1000 bytes are far too many"):
                read_file(folder / "file")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no file without end here")
def test_a_file_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_files, "MAX_FILE", 1000)
    with pytest.raises(FileUnusable, match="far too many"):
        read_file(Path("/dev/zero"))


def test_every_verb_has_help(folder: Path) -> None:
    listed = image("--help").stdout
    for verb in ["inspect", "check", "edit", "build", "hex", "bundle", "compress", "combine", "split", "diff", "fetch"]:
        assert verb in listed
        result = image(verb, "--help")
        assert (result.exit_code, "Usage:" in result.stdout) == (0, True)
    assert image("nonsense").exit_code == 2


def test_the_help_says_of_each_verb_what_the_verb_says() -> None:
    """The words are written down a second time, so that the help need not import the verbs."""
    for group in (image_group, cli):
        context = click.Context(group)
        told = {name: group.get_command(context, name).get_short_help_str(200) for name in group.list_commands(context)}  # type: ignore[union-attr]
        shown = " ".join(group.get_help(context).split())
        assert [text for text in told.values() if text not in shown] == []


ALWAYS_HEAVY = frozenset(
    [
        "rich",
        "httpx",
        "cryptography",
        "pytest",
        "construct",
        "intelhex",
        "google.protobuf",
        "serial",
        "usb",
        "asyncio",
        "subprocess",
        "zipfile",
        "tempfile",
        "starlette",
        "emulator",
    ]
)
FOR_OTHER_VERBS = frozenset(
    f"firmware_images.{name}" for name in ["close_checks", "check_contents", "edit", "build", "compress", "bundle", "hexfile", "env"]
)


def modules_after(*arguments: str) -> set[str]:
    """The modules that the command has imported when it ends, in a process of its own."""
    program = (
        "import sys\n"
        "from particle_hil.command import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "not_imported"),
    [
        (["image", "inspect", "app.bin"], ALWAYS_HEAVY | FOR_OTHER_VERBS | {"json", "harness.image_table", "harness.errors"}),
        (["image", "inspect", "--json", "app.bin"], ALWAYS_HEAVY | FOR_OTHER_VERBS | {"harness.image_table"}),
        (["image", "check", "app.bin"], ALWAYS_HEAVY | FOR_OTHER_VERBS),
        (["image", "diff", "app.bin", "app.bin"], ALWAYS_HEAVY),
        (["image", "--help"], ALWAYS_HEAVY | {"firmware_images", "particle_protocol"}),
        (["--help"], ALWAYS_HEAVY | {"firmware_images", "particle_protocol", "harness.board", "harness.boards"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_verb_imports_what_it_needs(folder: Path, arguments: list[str], not_imported: frozenset[str]) -> None:
    assert modules_after(*arguments) & not_imported == set()


@pytest.fixture
def cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that holds a release and Tinker for the Photon, as if they had been fetched."""
    cached = folder / "cache"
    monkeypatch.setenv("PARTICLE_HIL_CACHE", str(cached))
    for package in PACKAGES:
        updates = cached / f"particle-cli-{package}" / "updates"
        updates.mkdir(parents=True)
        if package == carried_for("2.1.0", "photon").package:
            (updates / "photon-system-part1@2.1.0.bin").write_bytes(PART_1)
            (updates / "photon-system-part2@2.1.0.bin").write_bytes(PART_2)
            (updates / "photon-bootloader@2.1.0+lto.bin").write_bytes(build_module(6, ModuleFunction.BOOTLOADER, 0, 1005))
    tinker = cached / f"particle-cli-{TINKER_PACKAGE}" / "knownApps" / "photon" / "tinker"
    tinker.mkdir(parents=True)
    (tinker / "tinker.bin").write_bytes(APPLICATION)
    return cached


def test_fetch_tells_where_the_files_are_and_copies_them(cache: Path, folder: Path) -> None:
    result = image("fetch --platform photon --version 2.1.0 --tinker")
    assert [Path(line).name for line in result.stdout.split()] == [
        "photon-system-part1@2.1.0.bin",
        "photon-system-part2@2.1.0.bin",
        "photon-bootloader@2.1.0+lto.bin",
        "tinker.bin",
    ]
    assert image("fetch --platform photon --tinker -o here").stdout.split() == ["here/tinker.bin"]
    assert (folder / "here/tinker.bin").read_bytes() == APPLICATION
    (told,) = objects(image("fetch --platform photon --version 2.1.0 --json"))
    assert (told["platform"], told["version"]) == ("photon", "2.1.0")
    assert image("check app.bin --platform photon --device-os 2.1.0").exit_code == 0


def test_fetch_lists_what_there_is_and_fetches_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTICLE_HIL_CACHE", str(folder / "nothing"))
    monkeypatch.setenv("PATH", str(folder))
    lines = image("fetch --list").stdout.splitlines()
    assert [line.partition(":")[0] for line in lines[:-2]] == list(dict.fromkeys(each.version for each in carried()))
    assert lines[-2].startswith("tinker: argon, ")
    assert lines[-1] == "No package has Device OS 3.x or one from 4.2 on, and none has anything for Gen 4 (p2, msom, trackerm)."
    told = dict(line.split(": ", 1) for line in lines[:-1])
    assert told["2.3.1"] == "electron, p1, photon"
    assert told["1.5.2"] == "argon, b5som, boron, bsom, p1, photon, xenon; partial: no bootloader: electron"
    assert told["0.5.2"] == "partial: no bootloader: electron, p1, photon"
    assert told["4.1.0"] == "argon, b5som, boron, bsom, esomx, tracker; its package was not seen on npm"
    assert image("fetch --list --platform esomx").stdout.splitlines()[:-2] == [
        "4.0.0: esomx; its package was not seen on npm",
        "4.0.1: esomx",
        "4.0.2: esomx",
        "4.1.0: esomx; its package was not seen on npm",
    ]
    (told,) = objects(image("fetch --list --platform 32 --json"))
    assert told == {"device_os": {}, "partial": {}, "not_seen_on_npm": [], "tinker": ["p2"]}
    (told,) = objects(image("fetch --list --platform electron --json"))
    assert (told["partial"]["1.5.2"], told["device_os"]["2.0.0"], told["not_seen_on_npm"][-1]) == (["electron"], ["electron"], "2.3.0")
    result = image("fetch --list --platform sulu")
    assert (result.exit_code, result.stderr) == (2, "particle-hil image: there is nothing for sulu\n")


def test_a_release_that_is_not_whole_is_never_fetched_with_status_0(cache: Path) -> None:
    updates = cache / "particle-cli-1.16.0" / "updates"
    for index in (1, 2):
        (updates / f"system-part{index}-0.5.2-photon.bin").write_bytes(build_module(6, SYSTEM, index, 17))
    result = image("fetch --platform photon --version 0.5.2")
    assert [Path(line).name for line in result.stdout.split()] == ["system-part1-0.5.2-photon.bin", "system-part2-0.5.2-photon.bin"]
    assert (result.exit_code, result.stderr) == (1, "particle-hil image: Device OS 0.5.2 for photon is partial: no bootloader 0\n")
    result = image("fetch --platform photon --version 0.5.2 --json")
    assert (result.exit_code, objects(result)[0]["partial"]) == (1, ["Device OS 0.5.2 for photon is partial: no bootloader 0"])
    result = image("check app.bin --platform photon --device-os 0.5.2")
    assert (result.exit_code, "is partial: no bootloader 0; there are: " in result.stderr) == (2, True)


def test_without_a_platform_a_release_is_fetched_for_all_that_there_are(cache: Path) -> None:
    updates = cache / "particle-cli-3.6.0" / "updates"
    for platform, number, parts in (("photon", 6, (1, 2)), ("p1", 8, (1, 2)), ("electron", 10, (1, 2, 3))):
        for index in parts:
            (updates / f"{platform}-system-part{index}@2.3.1.bin").write_bytes(build_module(number, SYSTEM, index, 2302))
        (updates / f"{platform}-bootloader@2.3.1+lto.bin").write_bytes(build_module(number, ModuleFunction.BOOTLOADER, 0, 1006))
    result = image("fetch --version v2.3.1")
    assert (result.exit_code, [Path(line).name.partition("-")[0] for line in result.stdout.split()]) == (
        0,
        ["electron"] * 4 + ["p1"] * 3 + ["photon"] * 3,
    )
    result = image("fetch --version 3.0.0")
    assert (result.exit_code, "no npm package has Device OS 3.0.0; there are: 0.4.9, " in result.stderr) == (2, True)


def test_fetch_says_what_there_is_not(cache: Path) -> None:
    assert "say what to fetch: --version, --tinker or both" in image("fetch --platform photon").stderr
    assert "no platform is called 'toaster'" in image("fetch --platform toaster --tinker").stderr
    assert "no Tinker for 'sulu'; there is one for argon, b5som" in image("fetch --platform sulu --tinker").stderr
    assert "2.3.1 was never released for the Xenon; there are: " in image("fetch --platform xenon --version 2.3.1").stderr
    result = image("fetch --platform photon --version 9.9.9")
    assert (result.exit_code, "2.1.0" in result.stderr) == (2, True)
    assert image("check app.bin --platform photon --device-os 9.9.9").exit_code == 2
