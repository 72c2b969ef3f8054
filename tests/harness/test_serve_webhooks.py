"""Webhooks of a served cloud: where they may go, and that nothing they meet keeps it from stopping."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time


def make(client, url, event="temp", **more):
    return client.post("/v1/integrations", json={"integration_type": "Webhook", "event": event, "url": url, "requestType": "POST", **more})


def test_a_webhook_reaches_this_computer_only_where_the_user_opened_it(served, login):
    with served() as told, login(told) as client:
        hook = make(client, f"{told['api']}/v1/devices").json()["id"]
        answer = client.post(f"/v1/integrations/{hook}/test")
        assert f"`--allow-webhook {told['api'].removeprefix('http://')}` opens it" in answer.text
    with served("--allow-webhook", "127.0.0.0/8") as told, login(told) as client:
        hook = make(client, f"{told['api']}/v1/devices").json()["id"]
        assert "error status 4" in client.post(f"/v1/integrations/{hook}/test").text


def test_what_is_no_destination_is_refused(refused):
    status, text = refused("--device-port", "0", "--allow-webhook", "http://x/")
    assert (status, "is no destination" in text, len(text.splitlines())) == (2, True, 1), text


def test_servers_that_never_come_to_an_end_do_not_keep_it_from_stopping(served, login):
    """Ten of them are being read when Ctrl-C comes."""
    read, ended = threading.Semaphore(0), threading.Event()

    def drip():
        peers = []
        with contextlib.suppress(OSError):
            while True:
                peer = listener.accept()[0]
                peers.append(peer)
                peer.recv(65536)
                peer.sendall(b"HTTP/1.1 200 OK\r\n\r\nx")
                read.release()
        for peer in peers:
            peer.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip)
        thread.start()
        with served("--allow-webhook", "127.0.0.1") as told, login(told) as client:
            for number in range(10):
                make(client, f"http://127.0.0.1:{listener.getsockname()[1]}/", event=f"t{number}")
            for number in range(10):
                assert client.post("/v1/devices/events", json={"name": f"t{number}", "data": "x"}).status_code == 200
            for _ in range(10):
                assert read.acquire(timeout=30)
            began = time.monotonic()
        ended.set()
        assert time.monotonic() - began < 15, "it did not wait for their 20 s"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_a_program_that_is_run_can_have_webhooks_come_to_it(program):
    """And without the option they do not."""
    for option, said in (((), "opens it"), (("--allow-webhook", "127.0.0.1"), "error status 4")):
        command = [*program, "run", "--board", "emu:photon?mode=off", *option, "--", sys.executable, "-c", TRIES]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert said in done.stdout, done.stderr


TRIES = """
import os, httpx
client = httpx.Client(base_url=os.environ["PARTICLE_HIL_CLOUD"], headers={"Authorization": "Bearer " + os.environ["PARTICLE_HIL_TOKEN"]})
facts = {"integration_type": "Webhook", "event": "x", "url": os.environ["PARTICLE_HIL_CLOUD"] + "/v1/devices"}
hook = client.post("/v1/integrations", json=facts).json()["id"]
print(client.post("/v1/integrations/" + hook + "/test").text)
"""
