"""The cloud with a device, and a board with a server, that were written from the protocol's description alone."""

import struct

import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.device_os.application import Application, function, variable
from particle_protocol.dct import ServerAddress
from tests.emulator.independent_ends import NON, POST, PUT, Device, Server, make_key, spki

DEVICE_ID = "1b0033000347343337373739"
HOME = StoredNetwork("lab", 3, "secret123")


class Adder(Application):
    @function
    def add(self, argument: str) -> int:
        return sum(map(int, argument.split(",")))

    @variable
    def level(self) -> int:
        return 77


def joined(stream, end):
    """Let an end have a stream."""

    def flush():
        while end.sent:
            stream.write(end.sent.pop(0))

    def receive(data):
        end.receive(data)
        flush()

    stream.on_data = receive
    flush()
    return flush


@pytest.fixture
def point(bench):
    return bench.lab.network.access_point("lab", "secret123")


def connect(bench, point, device):
    """The device connects to the Lab's cloud, over its network."""
    host, port = "device.spark.io", 5683
    flushes, reasons = [], []

    def opened(stream):
        stream.on_closed = reasons.append
        flushes.append(joined(stream, device))

    bench.lab.driver.call(lambda: bench.lab.network.connect(point, (host, port), opened, reasons.append))
    bench.sleep(2)
    return flushes, reasons


@pytest.fixture
def device(bench):
    key = make_key(1024)
    bench.lab.driver.call(lambda: bench.lab.cloud.factory.manufacture(DEVICE_ID, 6, public_key=spki(key.public_key())))
    return Device(bytes.fromhex(DEVICE_ID), key, bench.lab.server_key.public.der)


async def awaited(reply):
    return await reply


def test_the_cloud_lets_a_device_in_that_nobody_here_wrote(bench, point, device):
    (flush,), reasons = connect(bench, point, device)
    assert (reasons, device.state) == ([], "open")
    assert bench.lab.cloud.connections.online(DEVICE_ID)
    (session,) = bench.lab.device_service.sessions
    assert session.hello.platform_id == 6
    device.ask_time()
    flush()
    bench.sleep(1)
    assert device.time == int(bench.lab.clock.utc().timestamp()) - 1
    assert bench.lab.driver.run(awaited(session.call("add", "19,23")), timeout=20) == 42
    assert bench.lab.driver.run(awaited(session.ping()), timeout=20) is None
    bench.lab.driver.run(awaited(session.signal(on=True)), timeout=20)
    assert device.signal == [b"\1"]


def test_a_device_with_another_key_than_its_own_is_turned_away(bench, point, device):
    device.key = make_key(1024)
    connect(bench, point, device)
    assert device.state == "cannot read the session key"
    assert not bench.lab.cloud.connections.online(DEVICE_ID)


def test_a_board_connects_to_a_server_that_nobody_here_wrote(bench, point):
    bench.lab.applications["Adder"] = Adder
    key, servers = make_key(2048), []
    address = ServerAddress("198.51.100.77", 5683)

    def accept(stream):
        public = bench.lab.cloud.devices.by_id(board.device_id).public_key
        servers.append(server := Server(key, public))
        flushes.append(joined(stream, server))

    flushes = []
    bench.lab.network.listen(address.host, address.port, accept)
    board = bench.board(application="Adder", networks=[HOME], server=address, server_key=spki(key.public_key()))
    bench.wait_led(board, "breathing cyan")
    bench.sleep(1)
    (server,), (flush,) = servers, flushes
    assert server.device_id.hex() == board.device_id
    assert (server.hello[0], server.hello[3]) == (6, 6)
    assert (b"spark/device/last_reset", b"power_down") in server.events
    server.call(b"add", b"19,23", b"F")
    server.read(b"level", b"V")
    flush()
    bench.sleep(1)
    assert server.answers == {b"F": struct.pack(">i", 42), b"V": struct.pack(">i", 77)}
    server.send(0, PUT, b"S", [(11, b"s"), (15, b"\1")])
    flush()
    bench.sleep(0.5)
    assert board.led.describe() == "rainbow"
    server.send(NON, POST, options=[(11, b"E"), (11, b"spark/device/reset")], payload=b"safe mode")
    flush()
    bench.wait_led(board, "breathing magenta")
    assert len(servers) == 2, "it connected again"
