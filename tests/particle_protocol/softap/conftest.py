"""A board's firmware around the commands, a client around the board's servers, and what an unmodified client has sent."""

import json
from pathlib import Path

import pytest

from particle_protocol.lightssl.test_keys import lab_device_key
from particle_protocol.softap import SERVERS, Close, HeardNetwork, Send, SoftApServer, decrypted
from particle_protocol.softap.names import HTTP_PORT, TCP_PORT

DEVICE_ID = "5100d7000547343438373634"


class Firmware:
    """Answers what a Photon would that knows the key of `key`; `heard` is what its scans find."""

    def __init__(self):
        self.key = lab_device_key(0)
        self.claimed = False
        self.code = None
        self.saved = []
        self.result = 0
        self.scans = False
        self.heard = [HeardNetwork(b"lab", -41, 0x400004, 6, 54000)]
        self.left = 0
        self.readable = True
        self.antenna = None
        self.pages = None

    def device_id(self):
        return DEVICE_ID

    def is_claimed(self):
        return self.claimed

    def public_key(self):
        return self.key.public_der if self.readable else None

    def decrypt(self, data):
        return decrypted(self.key, data)

    def set_claim_code(self, code):
        self.code = code
        return 0

    def needs_scan(self, wanted):
        return self.scans

    def save_credentials(self, wanted, heard):
        self.saved.append((wanted, heard))
        return self.result

    def select_antenna(self, *, external):
        self.antenna = external

    def page(self, path, body):
        return None if self.pages is None else self.pages(path, body)

    def leave(self):
        self.left += 1


class Wire:
    """Clients of one of the board's servers, by any name. Scans are over at once unless `scanning` says otherwise."""

    def __init__(self, firmware, port):
        reader, sockets = SERVERS[port]
        self.server = SoftApServer(firmware, reader, sockets)
        self.firmware = firmware
        self.answers = {}
        self.closed = set()
        self.scanning = False
        self.scans = 0

    def open(self, name="client"):
        self.answers[name] = b""
        self.closed.discard(name)
        return self.server.opened(name)

    def send(self, data, name="client"):
        self.server.receive_data(name, data)
        return self.act(name)

    def end(self, name="client"):
        self.server.receive_eof(name)
        return self.act(name)

    def scanned(self, name="client"):
        self.server.scan_done(self.firmware.heard)
        return self.act(name)

    def act(self, name="client"):
        while actions := self.server.actions():
            for action in actions:
                if isinstance(action, Send):
                    self.answers[action.connection] += action.data
                elif isinstance(action, Close):
                    self.closed.add(action.connection)
                else:
                    self.scans += 1
                    if not self.scanning:
                        self.server.scan_done(self.firmware.heard)
        return self.answers.get(name)

    def ask(self, data, name="client"):
        """What comes back on a new connection for these bytes."""
        assert self.open(name)
        return self.send(data, name)


@pytest.fixture
def firmware():
    return Firmware()


@pytest.fixture(scope="session")
def new_wire():
    """Makes a board of its own, and the wire to its server at a port."""
    return lambda port: Wire(Firmware(), port)


@pytest.fixture
def line(firmware):
    return Wire(firmware, TCP_PORT)


@pytest.fixture
def web(firmware):
    return Wire(firmware, HTTP_PORT)


@pytest.fixture
def recorded():
    return json.loads(Path(__file__).with_name("recorded.json").read_text(encoding="utf-8"))
