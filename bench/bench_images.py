"""Reading and judging images: beside bare hashing of the same bytes, and beside the npm library binary-version-reader.

All in CPU seconds, in one run, over the real images of the packages that `harness.firmware_store` fetches (each distinct one once). The
three ratios are printed when the run ends:

1. read and fully check, by size class, over the time of bare hashlib.sha256 + zlib.crc32 of the same bytes;
2. the peer's own work (parse, CRC), files per CPU second, over the peer's;
3. the same with a native CRC plugged into the peer.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

from firmware_images.checks import check_module
from firmware_images.fields import ModuleFunction
from firmware_images.module import read_module
from harness.firmware_store import NOT_MODULES, FirmwareUnavailable, all_images, npm_install

LARGE = 200 * 1024
ROUNDS = 30
PEER_ROUNDS = 8
TURNS = 4


@pytest.fixture(scope="module")
def files():
    """Each distinct module: its path and bytes."""
    try:
        contents = [(path, path.read_bytes()) for path in all_images() if path.name not in NOT_MODULES]
    except FirmwareUnavailable as failure:
        pytest.skip(str(failure))
    return list({hashlib.sha256(data).digest(): (path, data) for path, data in contents}.values())


@pytest.fixture(scope="module")
def sets(files):
    """The named sets: user parts, images over 200 KiB, the whole."""
    users = [each for each in files if read_module(each[1]).prefix.function is ModuleFunction.USER_PART]
    return {"user parts": users, "over 200 KiB": [each for each in files if len(each[1]) > LARGE], "whole set": files}


def check(data):
    """Read and fully judge: what this library is for."""
    return check_module(read_module(data))


def parse(data):
    """The peer's work: every field of prefix and suffix, and the CRC."""
    module = read_module(data)
    return module.prefix, module.suffix, module.crc_ok


def bare(data):
    """The least there is to do: both digests of the same bytes."""
    return hashlib.sha256(data).digest(), zlib.crc32(data)


def cpu(work, contents):
    """CPU seconds of one pass."""
    start = time.process_time()
    for data in contents:
        work(data)
    return time.process_time() - start


def best(works, contents, rounds):
    """CPU seconds of one pass for each kind of work, turn and turn about, the best of all rounds."""
    repeat = max(1, 2_000_000 // sum(map(len, contents)))
    many = contents * repeat
    times = [[cpu(work, many) for work in works] for _ in range(rounds)]
    return [min(column) / repeat for column in zip(*times, strict=True)]


@pytest.mark.parametrize("name", ["user parts", "over 200 KiB", "whole set"])
def test_read_and_check(benchmark, sets, name):
    contents = [data for _, data in sets[name]]
    checked, hashed = best([check, bare], contents, ROUNDS)
    benchmark.extra_info["over bare hashing"] = ratio = checked / hashed
    goal = {"user parts": 1.5, "over 200 KiB": 1.15}.get(name)
    size = sum(map(len, contents)) // len(contents)
    say(f"read and check, {name}: {ratio:.2f} times bare hashing" + (f" (goal: at most {goal})" if goal else ""))
    say(f"    {len(contents)} files of {size} bytes on average, {checked / len(contents) * 1e6:.1f} us each")
    benchmark.pedantic(lambda: [check(data) for data in contents], rounds=3)


@pytest.mark.parametrize(("name", "goal"), [("user parts", 3), ("whole set", 4)])
def test_parse_beside_the_peer(benchmark, sets, name, goal):
    node = shutil.which("node")
    if node is None:
        pytest.skip("the peer needs node: install Node.js 20 or later, with npm")
    try:
        folder = npm_install("binary-version-reader", "3.1.3")
    except FirmwareUnavailable as failure:
        pytest.skip(str(failure))
    contents = [data for _, data in sets[name]]
    ours, theirs = float("inf"), {"plain": float("inf"), "native": float("inf")}
    for _ in range(TURNS):
        ours = min(ours, *best([parse], contents, ROUNDS))
        turn = run_peer(node, folder, {name: [str(path) for path, _ in sets[name]]})[name]
        theirs = {kind: min(theirs[kind], turn[kind]) for kind in theirs}
    for kind, least in (("plain", goal), ("native", 1)):
        crc = "its own CRC" if kind == "plain" else "a native CRC"
        ratio = theirs[kind] / ours
        benchmark.extra_info[f"over the peer with {crc}"] = ratio
        rates = f"{len(contents) / ours:.0f} and {len(contents) / theirs[kind]:.0f} files per CPU second"
        say(f"parse and CRC, {name}: {ratio:.2f} times the peer with {crc} (goal: at least {least}; {rates})")
    benchmark.pedantic(lambda: [parse(data) for data in contents], rounds=3)


def run_peer(node, folder, sets):
    done = subprocess.run(
        [node, str(Path(__file__).with_name("peer_images.js"))],
        input=json.dumps({"sets": sets, "rounds": PEER_ROUNDS}),
        env={**os.environ, "NODE_PATH": str(folder / "node_modules")},
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("arguments", [["--json"], []], ids=["json", "text"])
def test_start_of_the_command(benchmark, sets, tmp_path, arguments):
    path, _ = sets["user parts"][0]
    code = "import sys; from harness.cli.image import image_group; image_group(sys.argv[1:])"
    command = [sys.executable, "-c", code, "inspect", *arguments, str(path)]
    # Modules compiled, as they are once a package is installed, even where the environment says not to write that down.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(tmp_path)
    benchmark.pedantic(
        lambda: subprocess.run(command, check=True, capture_output=True, env=environment), rounds=15, iterations=1, warmup_rounds=2
    )
    say(f"image inspect {' '.join(arguments) or '(text)'}: {benchmark.stats['min'] * 1000:.0f} ms at best (goal: at most 150)")


lines = []


def say(line):
    """Keep a line for the end of the run."""
    lines.append(line)


@pytest.fixture(scope="module", autouse=True)
def _report(request):
    yield
    manager = request.config.pluginmanager
    with manager.get_plugin("capturemanager").global_and_fixture_disabled():
        print("", *lines, sep="\n")
