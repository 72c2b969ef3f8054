"""One script on two stages: the in-process doors, and the real libusb and pyserial on the umockdev door."""

import ctypes.util
import importlib.util
import json
import os
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.doors.pyusb_backend import EmulatedUsbBackend
from emulator.doors.serial_url import EmulatedSerial, comports
from emulator.doors.umockdev import PreloadMissing, UmockdevDoor, find_preload
from emulator.doors.usb_host import UsbHost
from emulator.drivers.inline import InlineDriver
from emulator.drivers.served import ServedDriver
from emulator.usb.plug import UsbPlug
from particle_protocol.usb import Stall

PLAYER = Path(__file__).with_name("door_player.py")
CDC_LAST_WORDS = {0x20: "line coding", 0x22: "control lines"}
"""Class requests of which only the last counts: the umockdev door reads a pty's settings every 20 ms."""
PATIENCE = 5
HANGS_AFTER = 20
SCRIPTS_PER_PROCESS = 50


class Board:
    """The board of one stage: a fake device behind a plug, and what it noticed."""

    def __init__(self, driver, fakes, kind):
        self.driver, self.plug, self._kind = driver, UsbPlug(), getattr(fakes, kind)
        self.function = None
        self.attach()

    def attach(self):
        self.function = self._kind(self.plug)
        self.driver.call(self.plug.attach, self.function)

    def unplug(self):
        self.driver.call(self.plug.detach)

    def plug_in(self):
        self.attach()

    def say(self, data):
        self.driver.call(self.function.say, data)

    def note(self, data):
        """Report the modem lines (PSTN 1.2, 6.5.4: SERIAL_STATE)."""
        self.driver.call(lambda: (self.function.notes.append(data), self.plug.readable()))

    def halt(self):
        def stall(*_):
            raise Stall

        self.function.ep_in = self.function.ep_out = stall

    def be_silent(self):
        self.function.echo = False

    def leave_at_reset(self):
        self.function.bus_reset = self.plug.detach

    def noticed(self):
        """Requests in their order, the last line coding and control lines, bytes received, bytes not fetched yet."""
        return self.driver.call(self._noticed)

    def _noticed(self):
        requests, last = [], {}
        for setup, data in self.function.log:
            if (setup.request_type, setup.request) == (0x80, 6):
                continue
            if setup.request_type == 0x21 and setup.request in CDC_LAST_WORDS:
                last[CDC_LAST_WORDS[setup.request]] = setup.value, data.hex()
            else:
                requests.append(f"{setup} {data.hex()}")
        bytes_of = {name: bytes(getattr(self.function, name, b"")).hex() for name in ("received", "inbox")}
        return {
            "last request": (requests or [""])[-1],
            "requests": len(requests),
            "resets": self.function.resets,
            "attached": self.plug.function is not None,
            **last,
            **bytes_of,
        }


class Stage:
    """A door with a board at port 1-1 whose script somebody plays."""

    def __init__(self, driver, host, fakes, play):
        self.driver, self.host, self._fakes, self.play = driver, host, fakes, play
        self.board = None

    def begin(self, kind):
        self.board = Board(self.driver, self._fakes, kind)
        self.host.plug_in("1-1", self.board.plug)

    def end(self):
        try:
            self.play("end")
        finally:
            self.host.unplug("1-1")

    def tty(self):
        return next((port.tty for port in self.host.serial_ports), "ttyACM0")


class Worker:
    """The player in a process of its own; started anew when it hung, and now and then, as it keeps the handles that libusb spoilt."""

    def __init__(self, door):
        self._door = door
        self._process = None
        self._scripts = 0

    def ask(self, *request):
        if request[0] == "begin":
            self._scripts += 1
            if self._scripts % SCRIPTS_PER_PROCESS == 0:
                self.close()
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "error", str(PLAYER)],
                env=os.environ | self._door.environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], HANGS_AFTER)
        answer = self._process.stdout.readline() if ready else ""
        if not answer:
            self.close()
            pytest.fail(f"the real libraries {'died' if ready else 'hang'} at {request}")
        return json.loads(answer)

    def close(self):
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@pytest.fixture(scope="module")
def inside(make_fakes):
    """The in-process doors, in virtual time."""
    spec = importlib.util.spec_from_file_location("door_player", PLAYER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    driver = InlineDriver()
    host = UsbHost(driver)
    player = module.Player(EmulatedUsbBackend(driver, host), EmulatedSerial, lambda: comports(host))

    def play(what, *arguments):
        if what == "begin":
            arguments = (f"emu://{host.name}/{arguments[0]}",)
        return json.loads(json.dumps(getattr(player, what)(*arguments)))

    yield Stage(driver, host, make_fakes, play)
    driver.close()


@pytest.fixture(scope="module")
def outside(make_fakes):
    """The umockdev door, in real time, with the real libraries."""
    try:
        preload = find_preload()
    except PreloadMissing as missing:
        pytest.skip(str(missing))
    if ctypes.util.find_library("usb-1.0") is None:
        pytest.skip("libusb is not installed: apt-get install libusb-1.0-0")
    driver = ServedDriver()
    host = UsbHost(driver)
    with UmockdevDoor(driver, host, preload=preload) as door:
        worker = Worker(door)

        def play(what, *arguments):
            return worker.ask(what, *(("/dev/" + arguments[0],) if what == "begin" else arguments))

        yield Stage(driver, host, make_fakes, play)
        worker.close()
    driver.close()


class Comparison:
    """Plays scripts on both stages and keeps what differed."""

    def __init__(self, inside, outside):
        self._stages = inside, outside
        self._differences = []

    def play(self, kind, script):
        """A script from beginning to end; fails with every difference."""
        self._differences.clear()
        try:
            for stage in self._stages:
                stage.begin(kind)
                stage.play("begin", stage.tty())
            for number, line in enumerate(script):
                self._play_line(f"{number}: {line}", line)
        finally:
            for stage in self._stages:
                stage.end()
        if self._differences:
            pytest.fail("\n".join([*script, "", *self._differences]), pytrace=False)

    def _play_line(self, name, line):
        """What the line gives; what the board notices; what waits to be read at the ports p and q."""
        inside, outside = self._stages
        if line.startswith("board."):
            for stage in self._stages:
                eval(line, {"board": stage.board})
            outside.play("catch_up")
        else:
            self._compare(name, "gave", inside.play("play", line), outside.play("play", line))
        seen = inside.board.noticed()
        self._compare(name, "made the board see", seen, self._settled(outside, seen))
        for port in sorted(set(re.findall(r"\b[pq]\b(?! =)", line))):
            waiting = inside.play("play", f"{port}.in_waiting")
            self._compare(name, f"left to be read at {port}", waiting, outside.play("waiting", port, waiting, self._patience))

    @property
    def _patience(self):
        """Seconds that the outside, where things take time, gets to be as expected; none once it went wrong."""
        return 0 if self._differences else PATIENCE

    def _settled(self, stage, expected):
        """What the board noticed, as soon as it is what is expected: pseudo-terminals take a moment."""
        seen = stage.board.noticed()
        for _ in range(1000 * self._patience):
            if seen == expected:
                break
            stage.driver.sleep(0.001)
            seen = stage.board.noticed()
        return seen

    def _compare(self, name, what, here, there):
        if here == there:
            return
        if isinstance(here, dict) and isinstance(there, dict) and here.keys() == there.keys():
            keys = [key for key in here if here[key] != there[key]]
            here, there = ({key: each[key] for key in keys} for each in (here, there))
        self._differences.append(f"{name}\n  {what}, in process: {here}\n  {what}, for real:   {there}")


@pytest.fixture(scope="module")
def both(inside, outside):
    """Plays a script on both stages; fails with what differed."""
    return Comparison(inside, outside).play
