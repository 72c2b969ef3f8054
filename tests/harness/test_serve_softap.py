"""A served board's own network on loopback: what other programs, well-behaved and not, get of it."""

import json
import socket
import threading

import httpx
import pytest

from emulator.board_spec import BoardSpec
from emulator.lab import Lab
from emulator.serving import Service
from harness.boards import OpenOptions, Serving
from harness.boards.emu import open_boards
from harness.modes import Mode

VERSION = b'\n\n{"v":2}'


@pytest.fixture
def service():
    with Lab(seed=1, served=True) as lab, Service(lab) as made:
        yield made


@pytest.fixture
def board(service):
    made = service.lab.add_board(BoardSpec())
    wait_until(service, lambda: made.device_id in made.network.hosted)
    return made


@pytest.fixture
def ports(service, board):
    return service.open_setup(board)


def wait_until(service, ready):
    service.lab.driver.wait(ready, [board.changed for board in service.lab.boards.values()], timeout=30, awaited="a board")


def eventually(look):
    while not (found := look()):
        pass
    return found


def ask(address, request, *, half=False):
    """What comes back until the board hangs up."""
    with socket.create_connection(address, timeout=20) as client:
        client.sendall(request)
        if half:
            client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_both_ports_answer(service, board, ports):
    answer = json.loads(ask(ports.tcp, b"device-id\n0\n\n"))
    assert answer == {"id": board.device_id.upper(), "c": "0"}
    host, port = ports.http
    assert httpx.get(f"http://{host}:{port}/device-id").json() == answer
    with httpx.Client(base_url=f"http://{host}:{port}") as client:
        assert [client.get("/version").json() for _ in range(3)] == [{"v": 2}] * 3
        assert client.post("/set", json={"k": "cc", "v": "x"}).status_code == 404, "as it says that it is JSON"
        assert client.post("/set", content=b'{"k":"cc","v":"x"}').json() == {"r": 0}


def test_who_has_said_all_still_gets_an_answer(ports):
    assert ask(ports.tcp, b"version\n0\n\n", half=True) == VERSION
    assert ask(ports.tcp, b"version\n0", half=True) == VERSION
    assert b"scans" in ask(ports.tcp, b"scan-ap\n0\n\n", half=True)
    assert ask(ports.tcp, b"", half=True) == b""


def test_many_clients_at_once_are_all_served(ports):
    answers = []
    requests = [b"scan-ap\n0\n\n", *[b"version\n0\n\n"] * 3]
    threads = [threading.Thread(target=lambda request=request: answers.append(ask(ports.tcp, request))) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(answers)[1:] == [VERSION] * 3
    assert min(answers).startswith(b'\n\n{"scans":[')


def test_a_slow_client_makes_others_wait_until_it_goes(ports):
    with socket.create_connection(ports.tcp, timeout=20) as slow:
        slow.sendall(b"vers")
        with socket.create_connection(ports.tcp, timeout=0.3) as other:
            other.sendall(b"version\n0\n\n")
            with pytest.raises(TimeoutError):
                other.recv(100)
            slow.close()
            other.settimeout(20)
            assert other.recv(100) == VERSION


def test_a_client_that_does_not_read_is_not_read_from_until_it_does(service, board, ports):
    with socket.create_connection(ports.tcp, timeout=20) as deaf:
        (wire,) = eventually(lambda: list(ports._listeners[5609]._wires))
        service.lab.driver.call(wire.pause_writing)
        deaf.sendall(b"version\n0\n\n")
        assert ask(ports.tcp, b"version\n0\n\n") == VERSION, "others are served before it"
        assert wire in ports._listeners[5609]._wires
        service.lab.driver.call(wire.resume_writing)
        assert deaf.recv(100) == VERSION


@pytest.mark.parametrize("junk", [bytes(range(256)) * 50, b"\n" * 5000, b"GET / HTTP/1.1\r\n" + b"X" * 100_000, b"\0" * 70_000])
def test_garbage_harms_nobody(ports, junk):
    for address in (ports.tcp, ports.http):
        with socket.create_connection(address, timeout=20) as client:
            client.sendall(junk)
    assert ask(ports.tcp, b"version\n0\n\n") == VERSION


def test_while_the_board_does_not_listen_connections_are_dropped(service, board, ports):
    service.lab.driver.call(board.power_off)
    for address in (ports.tcp, ports.http):
        try:
            assert ask(address, b"version\n0\n\n") == b""
        except ConnectionResetError:
            pass
    service.lab.driver.call(board.power_on)
    wait_until(service, lambda: board.device_id in board.network.hosted)
    assert ask(ports.tcp, b"version\n0\n\n") == VERSION


def test_other_boards_have_no_such_ports(service):
    assert service.open_setup(service.lab.add_board(BoardSpec(platform="electron"))) is None


def test_serve_tells_where(served):
    with served("--board", "emu:photon", "--board", "emu:electron") as told:
        photon, electron = (board["softap"] for board in told["boards"])
        host, _, port = photon["tcp"].rpartition(":")
        assert json.loads(ask((host, int(port)), b"device-id\n0\n\n"))["id"] == told["boards"][0]["device_id"].upper()
        assert httpx.get(f"{photon['http']}/version").json() == {"v": 2}
        assert electron is None


def test_a_set_up_program_elsewhere_takes_a_served_board_online():
    rig = open_boards_served("emu:photon")
    try:
        (board,) = rig.boards
        tcp = rig.service.setup[board.device_id].tcp
        body = json.dumps({"ssid": "particle-hil", "sec": 0x400004, "pwd": encrypted(tcp, rig.wifi.password)}).encode()
        assert ask(tcp, b"configure-ap\n%d\n\n%s" % (len(body), body)) == b'\n\n{"r":0}'
        assert ask(tcp, b'connect-ap\n9\n\n{"idx":0}') == b'\n\n{"r":0}'
        board.wait_for(Mode.ONLINE)
    finally:
        rig.close()


def open_boards_served(*monikers):
    from harness.boards import Moniker

    return open_boards([Moniker.parse(text) for text in monikers], OpenOptions(served=True, serving=Serving()))


def encrypted(tcp, password):
    """A password for the board, by the library that the project uses for nothing else here."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    key = load_der_public_key(bytes.fromhex(json.loads(ask(tcp, b"public-key\n0\n\n"))["b"])[:162])
    return key.encrypt(password.encode(), PKCS1v15()).hex()
