"""A firmware for the console to ask, and a wire between the console and a host's conversation."""

import pytest

from particle_protocol.listening import (
    ConsoleSettings,
    ListeningConsole,
    Read,
    ScanRequested,
    WifiCipher,
    Write,
)


class Firmware:
    """Answers what a Photon with Device OS 2.3.1 would; `air` maps an SSID to (security, cipher)."""

    def __init__(self):
        self.extra = []
        self.claimed = False
        self.claim_code = None
        self.air = {}
        self.saved = []
        self.tried = []
        self.check_result = 0
        self.save_result = 0
        self.capacity = 0x20000
        self.saves = True
        self.failed = 0
        self.room = None
        self.file = b""
        self.cancelled = 0

    def device_id(self):
        return "2d0032000f47343438323536"

    def properties(self):
        return self.extra

    def mac_address(self):
        return bytes.fromhex("4439c4010aff")

    def system_version(self):
        return "2.3.1"

    def module_info(self):
        return '{"p":6,"m":[{"s":16384,"l":"m","vc":30,"vv":30,"f":"b","n":"0","v":1006,"d":[]}]}'

    def diagnostics(self):
        return '{"sys:uptime":5,"net:stat":{"err":-210}}'

    def is_claimed(self):
        return self.claimed

    def set_claim_code(self, code):
        self.claim_code = code

    def begin_update(self, size):
        self.room = size
        return size <= self.capacity

    def write_update(self, offset, data):
        self.file = self.file[:offset].ljust(offset, b"?") + data
        return self.saves

    def finish_update(self):
        return self.failed

    def cancel_update(self):
        self.cancelled += 1

    def check_credentials(self, credentials):
        self.tried.append(credentials)
        return self.check_result

    def save_credentials(self, credentials):
        self.saved.append(credentials)
        return self.save_result


class Wire:
    """A console at one end; the other end is the test, or a conversation run by `talk`. Every event is kept in `told`."""

    def __init__(self, settings=None):
        self.firmware = Firmware()
        self.console = ListeningConsole(self.firmware, settings or ConsoleSettings())
        self.told = []
        self.sent = []

    def send(self, data):
        """Give the console bytes; returns all it says to them, scans included."""
        self.console.receive(data)
        said = self.console.data_to_send()
        for event in self.console.events():
            self.told.append(event)
            if isinstance(event, ScanRequested):
                self.console.scan_done(*self.firmware.air.get(event.ssid, (None, WifiCipher.NOT_SET)))
                said += self.console.data_to_send()
                self.told += self.console.events()
        return said

    def talk(self, steps, cut=lambda data: [data]):
        """Run a host's conversation. `cut` says in which pieces bytes arrive, either way."""
        inbox = []
        came = None
        while True:
            try:
                step = steps.send(came)
            except StopIteration as stop:
                return stop.value
            match step:
                case Write(data):
                    self.sent.append(data)
                    for piece in cut(data):
                        inbox += [part for part in cut(self.send(piece)) if part]
                    came = b""
                case Read():
                    came = inbox.pop(0) if inbox else b""


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture(scope="session")
def make_wire():
    return Wire
