"""DTLS, both ends in one process, against the curve operations in a handshake; records, and the memory of a session."""

import random

import pytest

from particle_protocol.dtls import ClientEnd, DeviceIdentity, Listener, PrivateKey, Share, device_dialect

SERVER_KEY, DEVICE_KEY = PrivateKey.from_number(1), PrivateKey.from_number(2)
IDENTITY = DeviceIdentity(bytes(12), DEVICE_KEY, SERVER_KEY.public)
VERSIONS = {"without-cid": (2, 3, 1), "with-cid": (6, 2, 0)}


def handshake(listener, version, address="board"):
    """A whole handshake through a port with cookies: six datagrams."""
    device = ClientEnd(IDENTITY, device_dialect(version), 0.0)
    listener.receive_datagram(device.pieces_to_send()[0], address, 0.0)
    ((request, _),) = listener.datagrams_to_send()
    device.receive_data(request, 0.0)
    server = listener.receive_datagram(device.pieces_to_send()[0], address, 0.0)
    device.receive_data(server.pieces_to_send()[0], 0.0)
    listener.receive_datagram(device.pieces_to_send()[0], address, 0.0)
    listener.accept(server, 0.0)
    device.receive_data(server.pieces_to_send()[0], 0.0)
    assert device.is_open
    return device, server


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_handshake(benchmark, version):
    listener = Listener(SERVER_KEY)

    def once():
        _, server = handshake(listener, version)
        listener.forget(server)

    benchmark(once)


def test_the_curve_operations_in_it(benchmark):
    """Two shares, two secrets, two signatures, both verified."""
    server_public, device_public = SERVER_KEY.public, DEVICE_KEY.public

    def operations():
        server, device = Share(), Share()
        assert server.exchange(device.point) == device.exchange(server.point)
        return server_public.verifies(SERVER_KEY.sign(b"server"), b"server"), device_public.verifies(DEVICE_KEY.sign(b"all"), b"all")

    assert benchmark(operations) == (True, True)


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
@pytest.mark.parametrize("size", [20, 600])
def test_a_message_from_device_to_port(benchmark, version, size):
    """One record: sealed, found its session by address or connection id, opened."""
    listener = Listener(SERVER_KEY)
    device, server = handshake(listener, version)
    device.events(), server.events()
    message = random.randbytes(size)

    def carry():
        device.send(message)
        listener.receive_datagram(device.pieces_to_send()[0], "board", 0.0)
        return server.events()

    assert benchmark(carry)[0].data == message


def test_a_hello_without_a_cookie(benchmark):
    listener = Listener(SERVER_KEY)
    (hello,) = ClientEnd(IDENTITY, device_dialect((6, 2, 0)), 0.0).pieces_to_send()

    def answer():
        listener.receive_datagram(hello, "anybody", 0.0)
        return listener.datagrams_to_send()

    assert len(benchmark(answer)) == 1


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def test_memory_of_a_session_at_the_server(benchmark):
    """Growth of the process by 2,000 sessions whose devices are forgotten."""
    listener = Listener(SERVER_KEY)

    def fill(first, count):
        for number in range(first, first + count):
            device, _ = handshake(listener, (6, 2, 0), number)
            device.send(b"hello")
            listener.receive_datagram(device.pieces_to_send()[0], number, 0.0).events()

    fill(0, 200)
    before = resident()
    benchmark.pedantic(fill, (200, 2000))
    grown = (resident() - before) / 2000
    benchmark.extra_info["bytes_per_session"] = grown
    print(f"\n{grown / 1024:.1f} KiB a session")
    assert len(list(listener)) == 2200
