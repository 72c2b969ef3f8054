"""A served cloud on a computer that has no more to give: no file to open, no room on the disk."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys

import httpx
import pytest

resource = pytest.importorskip("resource", reason="limits of POSIX")


@contextlib.contextmanager
def limited(program, limit, *arguments):
    """`serve`, with a limit of the operating system; gives what it told, and in the end what it wrote to stderr."""
    script = f"import resource, os, sys; resource.setrlimit(resource.{limit[0]}, ({limit[1]},) * 2); os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-c", script, *program, "serve", "--device-port", "0", "--json", *arguments]
    written = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield json.loads(process.stdout.readline()), written
        finally:
            process.send_signal(signal.SIGINT)
            _, text = process.communicate(timeout=30)
            written.append(text)
    assert process.returncode == 0, text


def test_out_of_file_descriptors_it_says_so_in_a_line_and_goes_on_afterwards(program):
    with limited(program, ("RLIMIT_NOFILE", 60)) as (told, written):
        http, device = (told[name].rpartition("/")[2].split(":") for name in ("api", "device_service"))
        peers = []
        for address in (http, device):
            peers += [socket.create_connection((address[0], int(address[1])), timeout=30) for _ in range(80)]
        with pytest.raises(httpx.TimeoutException):
            httpx.get(f"{told['api']}/v1/devices", timeout=2.5)
        for peer in peers:
            peer.close()
        assert httpx.get(f"{told['api']}/v1/devices", timeout=30).status_code == 400
    (text,) = written
    assert "Too many open files; close programs, or let more files be open (ulimit -n)" in text
    assert "Traceback" not in text
    assert len(text) < 2_000


def test_a_full_disk_is_answered_with_its_reason_and_nothing_has_changed(program, tmp_path):
    """A limit of the size of files stands for the disk."""
    state = tmp_path / "cloud.db"
    limit = ("RLIMIT_FSIZE", 600_000)
    with limited(program, limit, "--state", str(state)) as (told, written), httpx.Client(base_url=told["api"], timeout=30) as client:
        answers = []
        while not answers or answers[-1].status_code == 200:
            facts = {"username": f"u{len(answers)}@example.com", "password": "secret"}
            answers.append(client.post("/v1/users", json=facts))
            assert len(answers) < 2_000
        assert answers[-1].status_code == 507
        said = json.dumps(answers[-1].json())
        assert f"Nothing was changed: the state file {state}: cannot be written (" in said
        assert "make room on its disk" in said
        assert client.get("/v1/devices").status_code == 400, "it still answers"
        form = {"grant_type": "password", "client_id": "particle", "client_secret": "particle", **facts}
        assert client.post("/oauth/token", data=form).status_code == 400, "that user is not there"
    assert "Traceback" not in written[0]


def test_what_a_killed_run_left_is_gone_after_the_next_start(program, served, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with subprocess.Popen([*program, "serve", "--device-port", "0", "--json"], stdout=subprocess.PIPE, text=True) as process:
        json.loads(process.stdout.readline())
        process.kill()
    assert len(list(tmp_path.iterdir())) == 1
    with served():
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []
