"""Unmodified clients from npm, driven against the cloud over HTTP: particle-api-js and particle-cli.

`tests/conftest.py` installs them.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from emulator.cloud.sim_records import SimForm

many_starts = pytest.mark.slow("starts particle-cli a dozen times, which takes a minute")


@pytest.fixture
def board(served):
    """A connected Photon with a function and a variable."""
    return served.driver.call(lambda: served.online(functions={"led": len}, variables={"count": 7}))


@pytest.fixture
def cli(clients, node, served, tmp_path):
    """particle-cli in a home of its own, pointed at the served cloud; gives what it printed."""
    settings = tmp_path / ".particle"
    settings.mkdir()
    (settings / "profile.json").write_text('{"name":"particle"}')
    (settings / "particle.config.json").write_text(json.dumps({"apiUrl": served.door.url}))
    program = clients / "node_modules/particle-cli/src/index.js"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PARTICLE_DISABLE_UPDATE": "1",
        "NO_PROXY": "127.0.0.1",
        "FORCE_COLOR": "0",
        "NODE_COMPILE_CACHE": str(clients / "compiled"),
    }

    def start(*arguments, cwd=tmp_path):
        command = [str(node), str(program), *arguments]
        return subprocess.Popen(
            command, env=environment, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(*arguments, ok=True, answer="", cwd=tmp_path):
        process = start(*arguments, cwd=cwd)
        output, _ = process.communicate(answer, timeout=120)
        assert (process.returncode == 0) is ok, f"particle {' '.join(arguments)}: {process.returncode}\n{output}"
        return output

    run.start = start
    return run


def log_in(served, cli):
    served.driver.call(served.user, "u1")
    assert "Successfully completed login" in cli("login", "--username", "u1@example.com", "--password", "secret")


@many_starts
@pytest.mark.tool("particle-cli")
@pytest.mark.rule("R33", "R40", "R41", "R59")
def test_a_developers_day_with_particle_cli(served, cli, board):
    device, session = board
    log_in(served, cli)
    assert "u1@example.com" in cli("whoami")
    assert "Successfully claimed device" in cli("device", "add", device.id)
    assert "device not found" in cli("device", "add", "1234567890", ok=False)
    assert "lamp" in cli("device", "rename", device.id, "lamp")
    listed = cli("list")
    assert f"lamp [{device.id}] (Photon) is online" in listed
    assert "int led (String args)" in listed
    assert "3" in cli("function", "call", "lamp", "led", "abc")
    assert "7" in cli("variable", "get", "lamp", "count")
    assert "not found" in cli("function", "call", "lamp", "fly", ok=False)
    cli("publish", "hello", "world")
    organization = served.driver.call(
        lambda: served.cloud.products.create_organization(served.cloud.accounts.find("u1@example.com"), "Lamps & Co")
    )
    heard = served.driver.call(lambda: served.hear(served.user("u1"), organization=organization.slug))
    assert f"to organization: {organization.slug}" in cli("publish", "hello", "all", "--org", organization.slug)
    assert heard == [("hello", "all")]
    assert served.driver.call(lambda: served.cloud.agreements.of(served.user("u1")).operations) >= 1
    cli("device", "remove", "lamp", "--yes")
    assert served.driver.call(served.owner, device) is None
    assert not session.closed
    assert "logged out" in cli("logout", answer="\n").lower()


@many_starts
@pytest.mark.tool("particle-cli")
def test_particle_cli_subscribes(served, cli, board):
    device, session = board
    log_in(served, cli)
    cli("device", "add", device.id)
    process = cli.start("subscribe", "temp", "--max", "1")
    try:
        assert "Subscribing" in process.stdout.readline()
        while process.poll() is None:
            served.driver.call(session.event, "temperature", "21.5")
            served.driver.sleep(0.2)
        assert '"temperature"' in process.stdout.read()
    finally:
        process.kill()
        process.communicate()


@many_starts
@pytest.mark.tool("particle-cli")
@pytest.mark.rule("R106")
def test_a_product_with_particle_cli(served, cli, tmp_path):
    log_in(served, cli)
    product = served.driver.call(lambda: served.product(served.user("u1"), name="Lamps"))
    device = served.driver.call(served.device)
    devices = tmp_path / "devices.txt"
    devices.write_text(f"{device.id}\nWAT\n")
    added = cli("product", "device", "add", str(product.id), "--file", str(devices))
    assert "WAT" in added
    assert device.id in cli("product", "device", "list", str(product.id))
    cli("product", "device", "remove", str(product.id), device.id)
    assert device.id not in cli("product", "device", "list", str(product.id))
    assert "Permission denied" in cli("product", "device", "list", "nobodys", ok=False)


@many_starts
@pytest.mark.tool("particle-cli")
def test_tokens_and_webhooks_with_particle_cli(served, cli):
    log_in(served, cli)
    created = cli("token", "create", answer="secret\n")
    token = next(word for word in created.split() if len(word) == 40 and not word.strip("0123456789abcdef"))
    assert served.rest.client(token).get("/v1/user").status_code == 200
    cli("token", "revoke", token)
    assert served.rest.client(token).get("/v1/user").status_code == 401
    assert "webhook" in cli("webhook", "create", "temp", "https://hook.example/in").lower()
    listed = cli("webhook", "list")
    hook = served.driver.call(lambda: served.cloud.webhooks.list(served.user("u1")))[0]
    assert hook.id in listed
    cli("webhook", "delete", hook.id)
    assert served.driver.call(lambda: served.cloud.webhooks.list(served.user("u1"))) == []


@many_starts
@pytest.mark.tool("particle-cli")
def test_libraries_with_particle_cli(served, cli, tmp_path):
    log_in(served, cli)
    files = {"README.md": "", "LICENSE": "", "src/lamp.h": "", "library.properties": "name={}\nversion=1.0.0\nauthor=Ada\nlicense=MIT\n"}

    def install(name, times):
        version = served.driver.call(lambda: served.cloud.libraries.get(served.user("u1"), name))
        for _ in range(times):
            served.driver.call(served.cloud.libraries.download, version.token)

    for name, installs in (("beta-lib", 2), ("gamma-lib", 5)):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for path, text in files.items():
                member = tarfile.TarInfo(path)
                member.size = len(text.format(name))
                archive.addfile(member, io.BytesIO(text.format(name).encode()))
        u1 = served.rest.client("u1")
        assert u1.post("/v1/libraries", files={"archive.tar.gz": ("archive.tar.gz", packed.getvalue())}).status_code == 201
        assert u1.patch(f"/v1/libraries/{name}", json={"visibility": "public"}).status_code == 200
        install(name, installs)
    for path, text in files.items():
        (tmp_path / "alpha" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "alpha" / path).write_text(text.format("alpha-lib"))
    assert "was successfully uploaded" in cli("library", "upload", cwd=tmp_path / "alpha")
    assert "was successfully published" in cli("library", "publish", "alpha-lib")
    assert "version 1.0.0 of library alpha-lib is public" in cli("library", "upload", cwd=tmp_path / "alpha", ok=False)
    install("alpha-lib", 2)
    mine = cli("library", "list", "mine", "--non-interactive")
    assert [line.split()[0] for line in mine.strip().splitlines()[-3:]] == ["alpha-lib", "beta-lib", "gamma-lib"]
    listed = json.loads(cli("library", "list", "community", "recent", "--json"))["data"]
    assert [each["name"] for each in listed[:3]] == ["gamma-lib", "alpha-lib", "beta-lib"], "the most installed first, then by name"
    assert listed[3]["name"] == "alpha-lib", "the newest first"
    assert "Found 1 library matching gamma" in cli("library", "search", "gamma")
    assert "Library gamma-lib 1.0.0 installed." in cli("library", "view", "gamma-lib")
    assert "Library nothing not found" in cli("library", "view", "nothing", ok=False)


@pytest.mark.tool("particle-api-js")
def test_a_fleet_with_particle_api_js(served, clients, node, board, tmp_path):
    device, session = board
    world = served

    def prepare():
        owner = world.user("u1")
        product = world.product(owner, 6, name="Lamps")
        world.cloud.sims.make("8934076500002589174", SimForm.PLASTIC)
        return product, world.image(product, 3)

    product, image = served.driver.call(prepare)
    (tmp_path / "app.bin").write_bytes(image)
    facts = {
        "api": str(clients / "node_modules/particle-api-js"),
        "baseUrl": served.door.url,
        "device": device.id,
        "product": product.id,
        "iccid": "8934076500002589174",
        "binary": str(tmp_path / "app.bin"),
    }
    wishes = {
        "DO event\n": lambda: session.event("temperature", "21.5"),
        "DO run\n": lambda: served.cloud.releases.seen_running(product.id, 3),
    }
    script = Path(__file__).parent / "clients" / "fleet.mjs"
    command, pipe = [str(node), str(script), json.dumps(facts)], subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True)
    output = []
    try:
        for line in process.stdout:
            output.append(line)
            if line in wishes:
                served.driver.call(wishes[line])
                process.stdin.write("done\n")
                process.stdin.flush()
    finally:
        process.stdin.close()
        process.wait(timeout=120)
        process.stdout.close()
    assert process.returncode == 0, "".join(output)
    assert "all done" in output[-1]
