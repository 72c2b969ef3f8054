"""The cloud over HTTP: the server on one core with its state in a file, the client on another.

The client is raw sockets, so that it costs little beside the server: eight connections, each with one request on its way.
"""

import json
import os
import selectors
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

CONNECTIONS = 8
SERVER = Path(__file__).with_name("cloud_server.py")
NULL_SERVER = Path(__file__).with_name("null_server.py")


class Server:
    def __init__(self, script, *arguments):
        root = str(script.parents[1])
        command = [sys.executable, str(script), *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": root}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.facts = json.loads(self.process.stdout.readline())
        url = urlsplit(self.facts["url"])
        self.address = (url.hostname, url.port)
        self.taken = 0

    def take(self, kind, count):
        ids = self.facts[kind][self.taken : self.taken + count]
        self.taken += count
        assert len(ids) == count
        return ids

    def request(self, method, path, body=b"", content_type="application/json"):
        head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {self.facts['token']}\r\n"
        if body:
            head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body

    def run(self, requests):
        """Send all requests over a few connections, one on its way on each; all must succeed."""
        selector, left = selectors.DefaultSelector(), iter(requests)
        busy = 0
        for _ in range(CONNECTIONS):
            peer = socket.create_connection(self.address)
            request = next(left, None)
            if request is None:
                peer.close()
                continue
            peer.sendall(request)
            selector.register(peer, selectors.EVENT_READ)
            busy += 1
        while busy:
            for key, _ in selector.select():
                data = key.fileobj.recv(1 << 16)
                while b"\r\n\r\n" not in data or not complete(data):
                    data += key.fileobj.recv(1 << 16)
                assert data.startswith(b"HTTP/1.1 200"), data[:300]
                request = next(left, None)
                if request is None:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
                    busy -= 1
                else:
                    key.fileobj.sendall(request)
        selector.close()

    def cpu(self):
        """Seconds of processor time the server has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


def complete(data):
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return len(body) >= length


@pytest.fixture
def server(request, tmp_path):
    members, online = getattr(request, "param", (100, 0))
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(mine)})
    made = Server(SERVER, tmp_path / "state.db", members, online)
    yield made
    made.stop()
    os.sched_setaffinity(0, mine)


@pytest.fixture
def null_server():
    made = Server(NULL_SERVER)
    yield made
    made.stop()


def rate(benchmark, count, server, before):
    """What was measured, and (on a machine that has other work too) what the server's own time per request would allow."""
    benchmark.extra_info["per_second"] = round(count / benchmark.stats["median"])
    rounds = benchmark.stats["rounds"]
    benchmark.extra_info["per_second_of_server_time"] = round(count * rounds / (server.cpu() - before))


def bound(benchmark, count, null_server):
    """How many answers a second the same HTTP server gives with no cloud behind it, and how long ours takes beside that."""
    requests = [null_server.request("GET", "/")] * count
    null_server.run(requests)
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        null_server.run(requests)
        times.append(time.perf_counter() - begun)
    empty = statistics.median(times) / count
    benchmark.extra_info["null_server_per_second"] = round(1 / empty)
    benchmark.extra_info["times_a_null_answer"] = round(1 / benchmark.extra_info["per_second"] / empty, 2)


@pytest.mark.parametrize("server", [(100, 0), (100_000, 0)], indirect=True, ids=["of 100", "of 100,000"])
def test_gets_of_a_device(benchmark, server, null_server):
    server.run([server.request("POST", "/v1/devices", json.dumps({"id": server.facts["members"][0]}).encode())])
    requests = [server.request("GET", f"/v1/devices/{server.facts['members'][0]}")] * 2_000
    server.run(requests)
    before = server.cpu()
    benchmark.pedantic(server.run, (requests,), rounds=5)
    rate(benchmark, 2_000, server, before)
    bound(benchmark, 2_000, null_server)


@pytest.mark.parametrize("server", [(3_000, 0), (100_000, 0)], indirect=True, ids=["of 3,000", "of 100,000"])
def test_claims_of_offline_members(benchmark, server, null_server):
    def fresh():
        ids = server.take("members", 500)
        return ([server.request("POST", "/v1/devices", json.dumps({"id": each}).encode()) for each in ids],), {}

    before = server.cpu()
    benchmark.pedantic(server.run, setup=fresh, rounds=5)
    rate(benchmark, 500, server, before)
    bound(benchmark, 500, null_server)


@pytest.mark.parametrize("server", [(10, 1_000)], indirect=True, ids=["1,000 online"])
def test_claims_of_online_developer_devices(benchmark, server, null_server):
    def fresh():
        ids = server.take("online", 200)
        return ([server.request("POST", "/v1/devices", json.dumps({"id": each}).encode()) for each in ids],), {}

    before = server.cpu()
    benchmark.pedantic(server.run, setup=fresh, rounds=5)
    rate(benchmark, 200, server, before)
    bound(benchmark, 200, null_server)


@pytest.mark.parametrize("server", [(10, 0)], indirect=True, ids=["10,000 ids"])
def test_an_import_into_a_product(benchmark, server):
    ids = server.take("fresh", 10_000)
    body = ('--X\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n\r\n' + "\n".join(ids) + "\r\n--X--\r\n").encode()
    path = f"/v1/products/{server.facts['product']}/devices"
    requests = [server.request("POST", path, body, "multipart/form-data; boundary=X")]
    benchmark.pedantic(server.run, (requests,), rounds=1)


@pytest.mark.parametrize("readers", [20, 100])
def test_events_to_many_readers(benchmark, server, readers):
    """Deliveries at saturation, with one more reader that never reads."""
    events = 20_000 // readers * 5
    opening = server.request("GET", "/v1/devices/events")
    slow = socket.create_connection(server.address)
    slow.sendall(opening)
    peers = [socket.create_connection(server.address) for _ in range(readers)]
    selector = selectors.DefaultSelector()
    for peer in peers:
        peer.sendall(opening)
        while b":ok" not in peer.recv(4096):
            pass
        peer.setblocking(False)
        selector.register(peer, selectors.EVENT_READ)

    def deliver():
        server.process.stdin.write(f"{events}\n")
        server.process.stdin.flush()
        left = events * readers
        while left > 0:
            for key, _ in selector.select():
                left -= key.fileobj.recv(1 << 18).count(b"event: ")
        assert server.process.stdout.readline() == "published\n"

    deliver()
    before = server.cpu()
    benchmark.pedantic(deliver, rounds=5)
    rate(benchmark, events * readers, server, before)
    for peer in (*peers, slow):
        peer.close()
