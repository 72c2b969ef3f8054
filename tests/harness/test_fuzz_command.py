"""Any command line over any files ends by itself, in a status that is documented and in words, and touches nothing but what it was told to.

A sample of seeds here, many more with `tox -e soak`.
"""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from firmware_images.build import build_module
from firmware_images.bundle import make_bundle
from firmware_images.combine import combine
from firmware_images.compress import compress_module
from firmware_images.edit import set_assets
from firmware_images.env import build_env_asset
from firmware_images.extension_contents import AssetDependency
from firmware_images.fields import Dependency, ModuleFlag, ModuleFunction
from firmware_images.hexfile import Segment, write_hex, write_segments
from firmware_images.module import read_module
from harness.cli.main import cli
from harness.terminal import visible

SYSTEM, USER = ModuleFunction.SYSTEM_PART, ModuleFunction.USER_PART
PARTS = [build_module(6, SYSTEM, index, 2302, body=b"part") for index in (1, 2)]
BORON = build_module(13, USER, 2, 6, dependencies=[Dependency(SYSTEM, 1, 5501)], body=b"application")
P2 = build_module(32, USER, 1, 6, body=b"application")
RADIO = build_module(13, ModuleFunction.RADIO_STACK, 0, 202, body=b"radio", flags=ModuleFlag.DROP_MODULE_INFO)
DUMP = PARTS[0].ljust(0x40000, b"\xff") + PARTS[1].ljust(0x8000, b"\xff")
SEEDS: dict[str, bytes] = {
    "empty": b"",
    "text": b"a text that is no module, and long enough to be one",
    "env.json": b'{"NAME": "value"}',
    "part.bin": PARTS[0],
    "boron.bin": BORON,
    "p2.bin": P2,
    "photon.bin": build_module(6, USER, 1, 6, body=b"application"),
    "radio.bin": RADIO,
    "with-assets.bin": set_assets(read_module(P2), [AssetDependency("logo", bytes(32))]),
    "asset-env.bin": build_env_asset({"NAME": "value"}),
    "packed.bin": compress_module(read_module(BORON)),
    "packed-radio.bin": compress_module(read_module(RADIO)),
    "both.bin": combine([read_module(part) for part in PARTS]),
    "dump.bin": DUMP,
    "suffix.bin": BORON + struct.pack("<HHHH3sBI", 0xFFFF, 0xD006, 0x2B04, 0x100, b"UFD", 16, 0),
    "part.hex": write_hex(PARTS[0], 0x08020000),
    "apart.hex": write_segments([Segment(0x08020000, PARTS[0]), Segment(0x08020400, b"near"), Segment(0x08060000, PARTS[1])]),
    "bom.hex": b"\xef\xbb\xbf" + write_hex(P2, 0x085FFFA0),
    "bundle.zip": make_bundle(BORON, {"logo": b"content"}, env={"NAME": "value"}),
}
NAMES = [*SEEDS, "missing", "folder", "-", "./-", "a\x1b[2J\nb.bin", "", "no/such/x", "\udcff.bin", "x" * 300]
NUMBERS = ["0", "1", "2", "65535", "65534", "0x1234", "-1", "70000", "99999999999", "1e3", "seven", "", "0x080A0000", "\x1b"]
WORDS = [
    *NUMBERS,
    "photon",
    "boron",
    "p2",
    "toaster",
    "user-part",
    "u",
    "bootloader",
    "s1@2302",
    "s2>=",
    "0x1234=00ff",
    "0x10=",
    "asset-dependency",
]
WORDS += ["compressed", "combined", "NAME=value", "name=", "=", "2.3.1", "9.9.9"]
OPTIONS: dict[str, Sequence[str]] = {
    "inspect": ["--json"],
    "check": ["--json", "--platform=", "--installed", "--device-rules", "--update", "--protected", "--product="],
    "diff": ["--json"],
    "edit": [
        *("--in-place", "--module=", "--product-id=", "--product-version=", "--version=", "--platform=", "--function=", "--index="),
        *("--mcu-target=", "--start-address=", "--depends=", "--no-dependencies", "--set-flag=", "--clear-flag=", "--asset", "--no-assets"),
        *("--protect", "--certificate", "--add-extension=", "--remove-extension="),
    ],
    "build": [
        *("--platform=", "--function=", "--index=", "--version=", "--depends=", "--body", "--product-id=", "--product-version="),
        *("--start-address=", "--mcu-target=", "--flag=", "--softdevice", "--asset", "--no-compress", "--env=", "--env-file"),
    ],
    "hex": ["--seal", "--module=", "--address="],
    "bundle": ["--env=", "--env-file", "--unpack"],
    "compress": ["--inflate", "--level="],
    "combine": [],
    "split": [],
}
WRITE = frozenset(["edit", "build", "hex", "bundle", "compress", "combine", "split"])
OUTPUTS = ["out/file", "out/file.hex", "out/file.zip", "-", "out/a\x1bb", "out/no/such/x", "out", ""]
OTHERS = [
    ["check", "--board", "nonsense"],
    ["check", "--board", "emu:toaster"],
    ["check", "--board", "emu:photon?mode=nowhere"],
    ["check", "--board", "emu:photon?nothing=1", "--json"],
    ["run", "--board", "emu:photon?os=9.9.9", "--", "true"],
    ["run", "--board", "\x1b[2J", "true"],
    ["serve", "--board", "usb:x", "--json"],
    ["serve", "--http-port", "65536"],
    ["boards", "--wrong"],
    ["image", "fetch", "--platform", "\x1b", "--tinker"],
    ["image", "fetch", "--platform", "photon"],
    ["image", "\x1b"],
    ["flash", "--board", "emu:photon"],
    ["flash", "app.bin", "--board", "nonsense"],
    ["flash", "app.bin", "--lab", "missing"],
    ["nothing"],
    ["--nothing"],
]


FLASH = ["--json", "--by=", "--force", "--stay", "--tinker", "--device-os=", "--allow-changes", "--nonsense"]
FLASHED = ["emu:photon", "emu:boron", "emu:photon?mode=dfu", "emu:photon?claimed=1&mode=online", "emu:toaster", "usb:1-1", "\x1b"]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The file as it is, or damaged: bytes changed, some of them towards the end where suffixes are, cut, or with more behind."""
    changed = bytearray(data)
    for _ in range(chance.choice([0, 0, 1, 2, 8])):
        if changed:
            at = chance.randrange(len(changed)) if chance.random() < 0.5 else -1 - chance.randrange(min(len(changed), 80))
            changed[at] = chance.choice([0, 1, 0xFF, chance.randrange(256)])
    if chance.random() < 0.1:
        del changed[chance.randrange(len(changed) + 1) :]
    if chance.random() < 0.1:
        changed += chance.randbytes(chance.randrange(40))
    return bytes(changed)


def command_line(chance: random.Random) -> list[str]:
    """A verb with what may be its options, in any order, some of them wrong."""
    if chance.random() < 0.08:
        return [*chance.choice(OTHERS), *chance.choices(WORDS, k=chance.choice([0, 0, 1]))]
    if chance.random() < 0.08:
        return flash_line(chance)
    verb = chance.choice(list(OPTIONS))
    words: list[str] = []
    for _ in range(chance.choice([0, 1, 1, 2, 4])):
        option = chance.choice(OPTIONS[verb]) if OPTIONS[verb] else "--json"
        if option.endswith("="):
            words.append(option + chance.choice(WORDS))
        elif option in ("--installed", "--asset", "--certificate", "--body", "--softdevice", "--env-file"):
            words += [option, chance.choice(NAMES)]
        else:
            words.append(option)
    if verb == "build" and chance.random() < 0.7:
        words += ["--platform", chance.choice(["photon", "boron", "p2"])]
    elif verb != "build":
        words += chance.choices(NAMES, k=chance.choice([1, 1, 1, 2, 3]))
    if verb in WRITE and "--in-place" not in words:
        words += ["-o", chance.choice(OUTPUTS)]
    return ["image", verb, *words]


def flash_line(chance: random.Random) -> list[str]:
    """Some files for some board, by some way."""
    words = chance.choices([*NAMES, "photon.bin", "photon.bin", "part.bin", "both.bin"], k=chance.choice([0, 1, 1, 2]))
    for option in chance.sample(FLASH, k=chance.choice([0, 1, 2, 3])):
        values = {"--by=": ["auto", "dfu", "usb", "ota", "pigeon"], "--device-os=": ["2.1.0", "2.3.1", "", *NUMBERS]}
        words.append(option + chance.choice(values[option]) if option in values else option)
    return ["flash", *words, *(word for board in chance.choices(FLASHED, k=chance.choice([0, 1, 1, 1, 2])) for word in ("--board", board))]


def contents(folder: Path, but: Callable[[Path], bool]) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and not but(path.relative_to(folder))}


def is_safe(text: str) -> bool:
    return all(visible(line) == line for line in text.replace("\r\n", "\n").split("\n"))


def run_some(folder: Path, seed: int, lines: int) -> None:
    """Run command lines over damaged files, and judge each."""
    chance = random.Random(seed)
    (folder / "folder").mkdir()
    for _ in range(lines):
        for name, data in SEEDS.items():
            (folder / name).write_bytes(mutated(data, chance))
        (folder / "out").mkdir(exist_ok=True)
        words = command_line(chance)
        judge(folder, words)


def judge(folder: Path, words: list[str]) -> None:
    """Run one command line."""
    mine = {Path(word).name for word in words} if "--in-place" in words else set()
    before = contents(folder, lambda path: path.parts[0] == "out" or path.name in mine)
    result = CliRunner().invoke(cli, words, input=BORON)
    assert result.exception is None or isinstance(result.exception, SystemExit), (words, result.exception)
    assert result.exit_code in (0, 1, 2, 3), words
    assert is_safe(result.stderr), (words, result.stderr)
    assert "an error of this program" not in result.stdout + result.stderr, (words, result.stderr)
    assert result.exit_code == 0 or result.stdout or result.stderr, words
    if "--json" in words and words[1] in ("inspect", "check", "diff"):
        told = [json.loads(line) for line in result.stdout.splitlines()]
        assert told or result.exit_code == 0, words
    elif "-" not in words[2:]:
        assert is_safe(result.stdout), (words, result.stdout)
    assert contents(folder, lambda path: path.parts[0] == "out" or path.name in mine) == before, words


@pytest.mark.parametrize("seed", range(4))
def test_any_command_line_ends_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.chdir(tmp_path)
    run_some(tmp_path, seed, 40)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 120))
def test_very_many_command_lines_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.chdir(tmp_path)
    run_some(tmp_path, seed, 1000)
