"""Boards reach the cloud over real sockets, and real sockets reach the Lab."""

import socket
import threading

import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.board_spec import BoardSpec
from emulator.doors.sockets import RealNetwork, TcpListener
from emulator.drivers.served import ServedDriver
from emulator.lab import Lab
from particle_protocol.dct import DctField, ServerAddress


@pytest.fixture
def driver():
    made = ServedDriver()
    yield made
    made.close()


@pytest.fixture
def served_lab():
    with Lab(seed=1, served=True) as lab:
        lab.driver.call(lab.network.access_point, "lab", "secret123")
        yield lab


class Echo:
    """Accepts streams, sends back what comes, and remembers how they end."""

    def __init__(self):
        self.ended = []
        self.over = threading.Event()

    def accept(self, stream):
        stream.on_data = stream.write
        stream.on_closed = self._closed

    def _closed(self, reason):
        self.ended.append(reason)
        self.over.set()


def test_a_connection_from_outside_becomes_a_stream(driver):
    echo = Echo()
    listener = TcpListener(driver, echo.accept)
    listener.open()
    with socket.create_connection(("127.0.0.1", listener.port), timeout=5) as client:
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
    assert echo.over.wait(5)
    assert echo.ended == ["closed by the peer"]
    listener.close()
    listener.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", listener.port), timeout=5)


def test_closing_the_door_hangs_up(driver):
    listener = TcpListener(driver, Echo().accept)
    listener.open()
    with socket.create_connection(("127.0.0.1", listener.port), timeout=5) as client:
        client.sendall(b"x")
        client.recv(1)
        listener.close()
        try:
            assert client.recv(1) == b""
        except ConnectionResetError:
            pass


def test_a_port_that_is_taken_is_an_error(driver):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listener = TcpListener(driver, Echo().accept, port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            listener.open()


def test_the_way_out_reaches_a_real_server(driver):
    with socket.create_server(("127.0.0.1", 0)) as server:
        got, closed = [], threading.Event()
        opened = threading.Event()

        def open_(stream):
            stream.on_data = got.append
            stream.on_closed = lambda reason: closed.set()
            stream.write(b"from the board")
            opened.set()

        outside = RealNetwork(driver)
        driver.call(outside.connect, server.getsockname(), open_, got.append)
        peer, _ = server.accept()
        with peer:
            assert peer.recv(100) == b"from the board"
            peer.sendall(b"from the server")
        assert closed.wait(5)
        assert got == [b"from the server"]


def test_nobody_there_is_a_failure_with_the_reason(driver):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    reasons, failed = [], threading.Event()

    def fail(reason):
        reasons.append(reason)
        failed.set()

    driver.call(RealNetwork(driver).connect, address, reasons.append, fail)
    assert failed.wait(5)
    assert f"127.0.0.1:{address[1]}" in reasons[0]
    assert "refused" in reasons[0]


def test_a_board_comes_online_over_real_sockets(served_lab):
    lab = served_lab
    listener = TcpListener(lab.driver, lab.ports[0].accept)
    listener.open()
    lab.network.outside = RealNetwork(lab.driver)
    board = lab.add_board(BoardSpec(networks=[StoredNetwork("lab", 3, "secret123")], mode="off"))

    def aim():
        board.settings.put(DctField.SERVER_ADDRESS, ServerAddress("127.0.0.1", listener.port).encode())
        board.power_on()

    lab.driver.call(aim)
    lab.driver.wait(
        lambda: board.led.describe() == "breathing cyan",
        [board.changed],
        timeout=20,
        awaited="breathing cyan",
        seen=lambda: board.firmware.cloud.last_error,
    )
    assert lab.driver.call(lambda: lab.device_service.sessions[0].peer).startswith("127.0.0.1:")
    listener.close()
