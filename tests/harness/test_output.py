"""What the command prints and where: on any terminal, into any encoding, into a pipe that nobody reads, and as JSON when it fails."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from firmware_images.build import build_module
from firmware_images.bundle import make_bundle
from firmware_images.combine import combine
from firmware_images.fields import Dependency, ModuleFunction
from firmware_images.module import read_module
from harness.cli import waiting
from harness.cli.boards import survey
from harness.cli.check_report import Check, TextReport
from harness.cli.image import image_group
from harness.cli.main import cli
from harness.errors import Blame
from harness.journal import Entry, Kind
from harness.terminal import visible

USER = ModuleFunction.USER_PART
APPLICATION = build_module(6, USER, 1, 6, body=b"app")
BORON = build_module(13, USER, 2, 6, dependencies=[Dependency(ModuleFunction.SYSTEM_PART, 1, 5501)], body=b"application")
PARTS = [build_module(6, ModuleFunction.SYSTEM_PART, index, 2302, body=b"part") for index in (1, 2)]
PROGRAM = "from particle_hil.command import main; main()"
EVIL = "a\x1b]0;owned\x07\r\nb.bin: fine\u202e\x9b"
"""It retitles the window, looks like a second line, turns the writing around, and begins a control sequence of 8 bits."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.bin").write_bytes(APPLICATION)
    (tmp_path / "boron.bin").write_bytes(BORON)
    (tmp_path / "text").write_text("a text that is no module, and long enough to be one")
    return tmp_path


def image(*words: str, given: bytes | None = None) -> Result:
    result = CliRunner().invoke(image_group, list(words), input=given)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def command(*words: str, **options: object) -> subprocess.Popen[bytes]:
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen([sys.executable, "-c", PROGRAM, *words], **options)  # type: ignore[call-overload, no-any-return]


@pytest.fixture(params=["pipe", "device"])
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Something in a folder of our own that must stay what it is: a pipe, and the null device under another name."""
    path = tmp_path / "node"
    if request.param == "pipe":
        os.mkfifo(path)
        return path
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        path.write_bytes(b"")
    except OSError:
        pytest.skip("making a device node needs the rights of an administrator, and a folder that allows nodes")
    return path


def drain(path: Path, into: list[bytes]) -> threading.Thread:
    """Read a pipe to its end in the background; a device gives its end at once."""
    thread = threading.Thread(target=lambda: into.append(path.read_bytes()))
    thread.start()
    return thread


@pytest.mark.parametrize(
    "words",
    [
        ["edit", "app.bin", "--product-version", "3", "-o"],
        ["build", "--platform", "photon", "-o"],
        ["hex", "app.bin", "-o"],
        ["bundle", "boron.bin", "-o"],
        ["compress", "app.bin", "-o"],
        ["combine", "app.bin", "-o"],
    ],
    ids=lambda words: words[0],
)
def test_a_node_gets_the_bytes_and_stays_a_node(folder: Path, node: Path, words: list[str]) -> None:
    assert image(*words, "plain").exit_code == 0
    kind = stat.S_IFMT(node.stat().st_mode)
    assert not stat.S_ISREG(kind)
    got: list[bytes] = []
    reader = drain(node, got)
    assert image(*words, str(node)).exit_code == 0
    reader.join(10)
    assert stat.S_IFMT(node.stat().st_mode) == kind
    assert got == [(folder / "plain").read_bytes() if stat.S_ISFIFO(kind) else b""]


def test_in_place_of_a_pipe_is_a_pipe_still(folder: Path) -> None:
    (folder / "link").symlink_to("pipe")
    os.mkfifo(folder / "pipe")
    got: list[bytes] = []
    reader = drain(folder / "pipe", got)
    assert image("edit", "app.bin", "-o", "link").exit_code == 0
    reader.join(10)
    assert got == [APPLICATION]
    assert (folder / "pipe").is_fifo()
    assert (folder / "link").is_symlink()


@pytest.mark.parametrize("state", ["-", "", "pipe", "."])
def test_the_state_of_a_cloud_is_kept_in_a_plain_file(folder: Path, state: str) -> None:
    os.mkfifo(folder / "pipe")
    before = sorted(folder.iterdir())
    result = CliRunner().invoke(cli, ["serve", "--device-port", "0", "--state", state])
    assert (result.exit_code, "--state" in result.stderr) == (2, True)
    assert sorted(folder.iterdir()) == before


def test_a_disk_is_not_written_to(folder: Path) -> None:
    try:
        os.mknod(folder / "disk", 0o600 | stat.S_IFBLK, os.makedev(7, 250))
    except OSError:
        pytest.skip("making a device node needs the rights of an administrator")
    result = image("edit", "app.bin", "-o", "disk")
    assert (result.exit_code, "a disk (block device) is not written to" in result.stderr) == (2, True)


def test_a_dash_is_standard_output_and_standard_input(folder: Path) -> None:
    with command("image", "edit", "-", "--product-version", "3", "-o", "-", stdin=subprocess.PIPE) as process:
        out, err = process.communicate(APPLICATION, timeout=60)
    assert (process.returncode, err) == (0, b"")
    changed = read_module(out)
    assert changed.suffix is not None
    assert changed.suffix.product_version == 3
    assert not (folder / "-").exists()
    result = image("inspect", "--json", "-", given=APPLICATION)
    assert (json.loads(result.stdout)["file"], json.loads(result.stdout)["platform_id"]) == ("standard input", 6)


def test_a_file_named_dash_is_named_with_its_folder(folder: Path) -> None:
    assert image("edit", "app.bin", "-o", "./-").exit_code == 0
    assert (folder / "-").read_bytes() == APPLICATION
    assert image("check", "./-").exit_code == 0


@pytest.mark.parametrize("way", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
@pytest.mark.skipif(not Path("/proc/self/fd/1").exists(), reason="this system does not name what a process has open")
def test_what_stdout_already_holds_is_kept(folder: Path, way: str) -> None:
    (folder / "link").symlink_to("/dev/stdout")
    with (folder / "log").open("ab") as log:
        log.write(b"before ")
        log.flush()
        with command("image", "edit", "app.bin", "-o", way, stdout=log) as process:
            process.communicate(timeout=60)
        log.write(b" after")
    assert process.returncode == 0
    assert (folder / "log").read_bytes() == b"before " + APPLICATION + b" after"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["edit", "-", "--in-place"], "--in-place needs a file"),
        (["split", "app.bin", "-o", "-"], "a folder is needed"),
        (["bundle", "--unpack", "app.bin", "-o", "-"], "needs a folder"),
        (["fetch", "--platform", "photon", "--tinker", "-o", "-"], "a folder is needed"),
        (["build", "--asset", "-", "-o", "x"], "standard input has none"),
        (["edit", "loop", "-o", "x"], "symbolic links"),
        (["edit", "app.bin", "-o", "loop"], "symbolic links"),
        (["edit", "app.bin", "-o", "."], "directory"),
        (["inspect", "a\0b"], "null byte"),
        (["split", "app.bin", "-o", "app.bin"], "exists"),
    ],
    ids=str,
)
def test_where_output_cannot_go_is_a_sentence(folder: Path, words: list[str], said: str) -> None:
    (folder / "loop").symlink_to("loop")
    result = image(*words, given=APPLICATION)
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr
    assert {path.name for path in folder.iterdir()} == {"app.bin", "boron.bin", "text", "loop"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only an administrator can write the files of others")
def test_a_file_keeps_its_owner(folder: Path) -> None:
    os.chown(folder / "app.bin", 1234, 4321)
    assert image("edit", "app.bin", "--in-place").exit_code == 0
    assert ((folder / "app.bin").stat().st_uid, (folder / "app.bin").stat().st_gid) == (1234, 4321)


ALL_VERBS = [
    ["boards"],
    ["check", "--board", "emu:photon", "-k", "tells_who"],
    ["image", "inspect", "app.bin", "text"],
    ["image", "check", "app.bin"],
    ["image", "diff", "app.bin", "boron.bin"],
    ["image", "edit", "app.bin", "-o", "-"],
    ["image", "fetch", "--list"],
]


@pytest.mark.parametrize("words", ALL_VERBS, ids=lambda words: " ".join(words[:2]))
def test_a_pipe_that_nobody_reads_ends_the_command_quietly(folder: Path, words: list[str]) -> None:
    """`| head -1`, and the reader is gone before the first line at that."""
    reading, writing = os.pipe()
    os.close(reading)
    with command(*words, stdout=writing) as process:
        os.close(writing)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device here that is always full")
@pytest.mark.parametrize("words", [ALL_VERBS[2], ALL_VERBS[5]], ids=lambda words: " ".join(words[:2]))
def test_a_full_disk_is_a_sentence(folder: Path, words: list[str]) -> None:
    with Path("/dev/full").open("wb") as full, command(*words, stdout=full) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode in (2, 3)
    assert err.decode().count("\n") == 1
    assert "No space left on device" in err.decode()


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_an_output_that_has_not_every_character_gets_what_it_has(folder: Path, encoding: str) -> None:
    (folder / "файл.bin").write_bytes(APPLICATION)
    with command("image", "check", "файл.bin", env=os.environ | {"PYTHONIOENCODING": encoding}) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert out.decode(encoding) == ("файл.bin: fine\n" if encoding == "utf-8" else "\\u0444\\u0430\\u0439\\u043b.bin: fine\n")


def test_the_report_of_a_check_needs_no_marks_that_the_output_has_not() -> None:
    with command("check", "--board", "emu:photon", "-k", "tells_who", env=os.environ | {"PYTHONIOENCODING": "cp1252"}) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert "+ It tells" in out.decode("cp1252")
    assert "* blinking" in out.decode("cp1252")


def test_closed_streams_are_no_error(folder: Path) -> None:
    for close in ("1>&-", "2>&-", "0<&-"):
        done = subprocess.run(
            ["sh", "-c", f'"$0" -c "{PROGRAM}" image inspect app.bin missing {close}', sys.executable],
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 2
        assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["image", "inspect", "--json"],
        ["image", "inspect", "--json", "app.bin", "--nonsense"],
        ["image", "check", "--json", "app.bin", "--installed", "missing"],
        ["image", "check", "--json", "app.bin", "--platform", "toaster"],
        ["image", "diff", "--json", "app.bin", "missing"],
        ["image", "fetch", "--json", "--platform", "sulu", "--version", "9.9.9"],
        ["boards", "--json", "--nonsense"],
        ["check", "--json"],
        ["check", "--json", "--board", "photon"],
        ["check", "--json", "--board", "usb:0123456789abcdef01234567"],
        ["serve", "--json", "--board", "usb:x"],
        ["serve", "--http-port", "70000", "--json"],
    ],
    ids=" ".join,
)
def test_an_error_is_an_object_too_where_json_was_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.setattr("harness.pool.pool.RETURN", 0.1)
    result = CliRunner().invoke(cli, words)
    assert isinstance(result.exception, SystemExit)
    told = json.loads(result.stdout)["error"]
    assert told["status"] == result.exit_code
    assert result.exit_code in (2, 3, 4)
    assert told["message"]
    assert told["message"].split("\n")[0] in result.stderr
    plain = CliRunner().invoke(cli, [word for word in words if word != "--json"])
    assert plain.exit_code == result.exit_code
    assert '"error"' not in plain.stdout


def test_words_of_another_program_ask_for_nothing(folder: Path) -> None:
    result = CliRunner().invoke(cli, ["run", "--board", "nonsense", "--", "program", "--json"])
    assert (result.exit_code, result.stdout) == (2, "")


def test_what_is_visible() -> None:
    assert visible("plain, größer, 日本 [red]") == "plain, größer, 日本 [red]"
    assert visible(EVIL) == r"a\x1b]0;owned\x07\r\nb.bin: fine\u202e\x9b"
    assert visible(os.fsdecode(b"a\xff")) == r"a\xff"
    assert visible("\ud800\t") == r"\ud800\t"


def is_safe(text: str) -> bool:
    return all(visible(line) == line for line in text.split("\n"))


@pytest.fixture
def evil(folder: Path) -> str:
    """A file of a name that does things to a terminal, and others that hold such names."""
    name = EVIL.replace("/", "")
    (folder / name).write_bytes(APPLICATION)
    (folder / "evil.zip").write_bytes(make_bundle(BORON, {"logo\x1b[2J\nx": b"1"}))
    (folder / "both.bin").write_bytes(combine([read_module(part) for part in PARTS]))
    (folder / os.fsdecode(b"latin-\xe9.bin")).write_bytes(APPLICATION)
    return name


def test_names_reach_no_terminal_raw(folder: Path, evil: str) -> None:
    latin = os.fsdecode(b"latin-\xe9.bin")
    for words in (
        ["inspect", evil, latin, "evil.zip", "missing\x1b"],
        ["inspect", "--json", evil, latin, "evil.zip"],
        ["check", evil, latin, "evil.zip", "missing\x1b"],
        ["check", evil, "--platform", "a\x1bb"],
        ["check", "app.bin", "--installed", "missing\x1b"],
        ["diff", evil, "missing\x1b"],
        ["edit", evil, "-o", f"{evil}/x"],
        ["edit", "app.bin", "--version", "0", "--platform", "13", "-o", f"x{evil}"],
        ["bundle", "--unpack", "evil.zip", "-o", "out\x1b"],
        ["split", "both.bin", "-o", "parts\x1b"],
        ["nonsense\x1b"],
        ["inspect", "--\x1b"],
    ):
        result = image(*words)
        assert is_safe(result.stdout), words
        assert is_safe(result.stderr), words
        assert result.stdout + result.stderr
    result = image("check", evil)
    assert result.stdout == f"{visible(evil)}: fine\n"


def test_what_a_board_says_of_itself_reaches_no_terminal_raw(open_rig, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    (found,) = survey(open_rig("emu:photon").boards[0].host)
    monkeypatch.setattr("harness.cli.boards.survey", lambda _: [{**found, "serial_port": EVIL, "moniker": "usb:\x1b[2J"}])
    listed = CliRunner().invoke(cli, ["boards"])
    assert is_safe(listed.stdout)
    assert r"\x1b" in listed.stdout
    report = TextReport(steps=True)
    check = Check("test_x", f"It {EVIL}", EVIL, "failed", f"waited\nsaw {EVIL}", Blame.BOARD, steps=[Entry(1.0, Kind.SAW, EVIL, EVIL)])
    report.checks.append(check)
    report.began(check)
    report.stepped(check.steps[0])
    report.ended(check)
    assert is_safe(capsys.readouterr().out)


def test_one_file_that_cannot_be_read_ends_no_batch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "hopeless").write_bytes(b"hopeless")
    whole = waiting.sys.modules["harness.cli.image_inspect"].read_image  # type: ignore[attr-defined]

    def fails_for_one(data: bytes) -> object:
        if data == b"hopeless":
            raise IndexError("too far")
        return whole(data)

    monkeypatch.setattr("harness.cli.image_inspect.read_image", fails_for_one)
    for verb in ("inspect", "check"):
        words = [verb, os.fsdecode(b"missing-\xff"), ".", "hopeless", "app.bin"]
        result = image(*words)
        assert result.exit_code == 2
        assert "app.bin: " in result.stdout
        assert result.stderr.count("\n") == 3
        assert "an error of this program, IndexError: too far" in result.stderr
        told = [json.loads(line) for line in image(*words, "--json").stdout.splitlines()]
        assert [each["kind"] for each in told] == [None, None, None, "module"]


def test_a_long_inspection_shows_a_sign(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes at its end would come too late: the sign is there while the first file is still being read."""
    shown = threading.Event()
    monkeypatch.setattr(waiting, "PATIENCE", 0.0)
    monkeypatch.setattr("harness.cli.waiting.write", lambda text, *, err: shown.set())

    def waits_for_the_sign(_path: Path) -> bytes:
        assert shown.wait(10)
        return APPLICATION

    monkeypatch.setattr("harness.cli.image_inspect.read_file", waits_for_the_sign)
    assert image("inspect", "app.bin", "boron.bin").exit_code == 0
    assert waiting.PATIENCE < 1


def test_what_is_over_at_once_shows_none(folder: Path) -> None:
    assert image("inspect", "app.bin").stderr == ""
    before = time.monotonic()
    with waiting.patient_line(60) as tell:
        tell("reading")
    assert time.monotonic() - before < 30
