"""The stock dialect against OpenSSL, which has raw public keys since 3.2: as client and as server, in a process of its own.

Python's own OpenSSL is older on many machines, and does not offer them; the one in the package `psycopg-binary` is young enough.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness.firmware_store import cache_folder
from particle_protocol.dtls import (
    STOCK,
    ClientEnd,
    DeviceIdentity,
    EndSettings,
    Established,
    KeyProved,
    MessageReceived,
    PrivateKey,
    ServerEnd,
    device_dialect,
    errors,
)

PACKAGE = "psycopg-binary==3.3.9"
HOW = f"needs an OpenSSL since 3.2, which `pip install {PACKAGE}` brings: have pip reach a registry once; it stays in the cache then"
WORKER = Path(__file__).parent / "openssl_worker.py"
OUR_KEY, THEIR_KEY, OTHER_KEY = (PrivateKey.from_number(number) for number in (0x5E17, 0x0555, 0x07E8))


@pytest.fixture(scope="module")
def libssl():
    folder = cache_folder() / PACKAGE
    if not folder.exists():
        cache_folder().mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=cache_folder()))
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--only-binary=:all:", "--target", str(fresh), PACKAGE]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode or not list(fresh.glob("*.libs/libssl-*")):
            shutil.rmtree(fresh)
            pytest.skip(HOW)
        try:
            fresh.rename(folder)
        except OSError:
            shutil.rmtree(fresh)  # another worker was faster
    (found,) = folder.glob("*.libs/libssl-*")
    return found


class OpenSsl:
    """One end of a session in OpenSSL."""

    def __init__(self, libssl, role, peer, mtu):
        command = [sys.executable, "-I", str(WORKER), str(libssl), role, THEIR_KEY.der.hex(), peer.public_der.hex(), str(mtu)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.is_open = False
        self.messages = []
        self.out = []

    def ask(self, command):
        """Have something done; what OpenSSL sends then is in `out`."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        while (line := self.process.stdout.readline().strip()) != ".":
            word, _, rest = line.partition(" ")
            if word == "out":
                self.out.append(bytes.fromhex(rest))
            elif word == "message":
                self.messages.append(bytes.fromhex(rest))
            elif word == "open":
                self.is_open = True
            else:
                raise AssertionError(line)

    def sent(self):
        sent, self.out = self.out, []
        return sent

    def close(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def make_openssl(libssl):
    made = []

    def make(role, peer=OUR_KEY, mtu=1200):
        made.append(OpenSsl(libssl, role, peer, mtu))
        return made[-1]

    yield make
    for each in made:
        each.close()


def shake_hands(ours, theirs):
    theirs.ask("go")
    for _ in range(10):
        for datagram in theirs.sent():
            ours.receive_data(datagram, 0.0)
            for event in ours.events() if isinstance(ours, ServerEnd) else ():
                if isinstance(event, KeyProved):
                    assert event.public_key == THEIR_KEY.public
                    ours.accept(0.0)
        for datagram in ours.pieces_to_send():
            theirs.ask(f"in {datagram.hex()}")
    assert ours.is_open and theirs.is_open


def talk(ours, theirs):
    assert ours.events() == [Established(THEIR_KEY.public, b"")]
    for size in (1, 100, 1000):
        ours.send(b"o" * size)
        theirs.ask(f"in {ours.pieces_to_send()[0].hex()}")
        assert theirs.messages.pop() == b"o" * size
        theirs.ask(f"say {'74' * size}")
        (datagram,) = theirs.sent()
        ours.receive_data(datagram, 0.0)
        assert ours.events() == [MessageReceived(b"t" * size)]


def our_client(dialect=STOCK, key=THEIR_KEY, mtu=1200):
    return ClientEnd(DeviceIdentity(bytes(12), OUR_KEY, key.public), dialect, 0.0, settings=EndSettings(max_datagram=mtu))


@pytest.mark.tool("openssl")
@pytest.mark.parametrize("mtu", [300, 1200])
def test_our_client_and_openssl_as_a_server(make_openssl, mtu):
    ours, theirs = our_client(mtu=mtu), make_openssl("server", mtu=mtu)
    shake_hands(ours, theirs)
    talk(ours, theirs)


@pytest.mark.tool("openssl")
@pytest.mark.parametrize("mtu", [300, 1200])
def test_our_server_and_openssl_as_a_client(make_openssl, mtu):
    ours = ServerEnd(OUR_KEY, 0.0, dialect=STOCK, settings=EndSettings(max_datagram=mtu))
    theirs = make_openssl("client", mtu=mtu)
    shake_hands(ours, theirs)
    talk(ours, theirs)


@pytest.mark.tool("openssl")
def test_openssl_will_not_have_another_server_than_it_trusts(make_openssl):
    ours, theirs = ServerEnd(OUR_KEY, 0.0, dialect=STOCK), make_openssl("client", peer=OTHER_KEY)
    with pytest.raises(AssertionError, match="certificate verify failed"):
        shake_hands(ours, theirs)


@pytest.mark.tool("openssl")
def test_openssl_will_not_have_a_server_that_does_not_show_its_key(make_openssl):
    with pytest.raises(AssertionError, match="unexpected message"):
        shake_hands(ServerEnd(OUR_KEY, 0.0), make_openssl("client"))


@pytest.mark.tool("openssl")
def test_a_board_will_not_have_openssl_as_its_server(make_openssl):
    with pytest.raises(errors.UnexpectedMessage, match="Certificate came while this end waits for ServerKeyExchange"):
        shake_hands(our_client(device_dialect((2, 3, 1))), make_openssl("server"))
