"""A Lab in virtual time, and short ways to look at a board from outside."""

import struct
from contextlib import closing, contextmanager

import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.board_spec import BoardSpec
from emulator.cloud.sim_records import SimStatus
from emulator.lab import Lab
from emulator.network import Link
from firmware_images.fields import ModuleFunction
from firmware_images.module import as_it_lies, read_module
from particle_protocol.control_requests.codes import RequestType
from particle_protocol.control_requests.generated import storage_pb2
from particle_protocol.control_requests.host import request
from particle_protocol.dct import DctField
from particle_protocol.dfu import open_session
from particle_protocol.usb import Pause, Setup, Stall

USB_PIECE = 1024
HOME = StoredNetwork("home", 3, "secret123")


class Unplugged(Exception):
    """The board vanished from the bus in the middle of a conversation."""


class Bench:
    """One Lab and what a person at a bench would do and see."""

    Unplugged = Unplugged

    def __init__(self):
        self.lab = Lab(seed=1)

    def board(self, **more):
        return self.lab.add_board(BoardSpec(**more))

    def sleep(self, seconds):
        self.lab.driver.sleep(seconds)

    def wait_led(self, board, text, timeout=60.0):
        self.lab.driver.wait(
            lambda: board.led.describe() == text,
            [board.changed],
            timeout=timeout,
            awaited=f"LED {text}",
            seen=lambda: ", ".join(str(change.status) for change in board.led.timeline),
        )

    def watch(self, board, seconds):
        """What an eye sees for so many seconds: (milliseconds since now, colour) of every change of colour."""
        start = self.lab.clock.now
        self.sleep(seconds)
        return [(round((time - start) * 1000), colour) for time, colour in board.led.seen(start, start + seconds)]

    def click(self, board, seconds=0.1):
        """Press MODE for so long."""
        board.buttons.press_mode()
        self.sleep(seconds)
        board.buttons.release_mode()

    def usb(self, board):
        """(vendor id, product id) as enumerated, or None."""
        if board.plug.function is None:
            return None
        descriptor = board.plug.function.control(Setup(0x80, 6, 0x0100, 0, 18), b"")
        return struct.unpack_from("<HH", descriptor, 8)

    def run(self, board, steps):
        """Run a host-side conversation against the board's USB function, in virtual time."""
        function, answer, stall = board.plug.function, b"", None
        try:
            while True:
                wanted = steps.send(answer or None) if stall is None else steps.throw(stall)
                answer, stall = b"", None
                if isinstance(wanted, Pause):
                    self.sleep(wanted.seconds)
                    continue
                try:
                    answer = function.control(wanted.setup, wanted.data)
                except Stall as error:
                    if board.plug.function is not function:
                        raise Unplugged from error
                    stall = error
        except StopIteration as stop:
            return stop.value

    def request(self, board, kind, payload=b""):
        return self.run(board, request(kind, payload))

    def hold(self, board, seconds):
        """Hold MODE, tap RESET, hold on for `seconds`, release."""
        board.buttons.press_mode()
        board.buttons.press_reset()
        self.sleep(0.1)
        board.buttons.release_reset()
        self.sleep(seconds)
        board.buttons.release_mode()
        self.sleep(0.2)

    def close(self):
        self.lab.close()


class FailingLink(Link):
    """A link that fails by itself: when so many pieces of more than `SMALL` bytes have passed, or segments of a stream, as `left` says."""

    SMALL = 400
    left = None

    def arrivals(self, rng, size):
        if size > self.SMALL:
            self._count()
        return super().arrivals(rng, size)

    def delay(self, rng):
        self._count()
        return super().delay(rng)

    def _count(self):
        if self.left == 0:
            self.fail()
        if self.left is not None:
            self.left = None if self.down else self.left - 1


class Bringing:
    """One board in a Lab of its own that a module comes to."""

    def __init__(self, bench, platform, os, way, image, modules=(), *, lamp=None, **versions):
        self.bench, self.lab, self.image, self.module = bench, bench.lab, image, read_module(image)
        self.point = self.lab.network.access_point("home", "secret123")
        self.lab.stock_built_releases()
        self.lab.applications |= {} if lamp is None else {"lamp": lamp}
        wifi = platform in ("argon", "photon", "p1")
        more = versions | ({"networks": [HOME]} if wifi else {"sim_status": SimStatus.ACTIVE})
        self.path = self.point if wifi else self.lab.network.cells[0]
        """What the board is on the network through."""
        self.link = self.path.link = FailingLink()
        mode = {"by DFU": "dfu", "off": "off"}.get(way, "normal")
        self.board = self.lab.add_board(BoardSpec(platform=platform, os=os, modules=modules, mode=mode, **more))
        self.board.settings.put(DctField.SETUP_DONE, b"\x01")

    def wait(self, condition, awaited):
        board = self.board
        self.lab.driver.wait(condition, [board.changed], timeout=900, awaited=awaited, seen=board.led.describe)

    def settle(self):
        """Until the board is online, or in DFU mode."""
        shown = ("breathing cyan", "breathing magenta", "blinking yellow")
        self.wait(lambda: self.board.led.describe() in shown, "online or DFU mode")

    @property
    def in_dfu(self):
        return self.board.led.describe() == "blinking yellow"

    def by_dfu(self):
        self.write([self.image])

    def write(self, images):
        """A host writes modules to the board in DFU mode, and leaves it."""
        try:
            session = self.bench.run(self.board, open_session())
            for image in images:
                address, data = as_it_lies(read_module(image))
                self.bench.run(self.board, session.write(0, address, bytes(data)))
            self.bench.run(self.board, session.leave())
        except self.bench.Unplugged:
            return
        self.bench.sleep(2)

    def by_usb(self, image):
        """A host hands a module to Device OS, by control requests."""
        begin = storage_pb2.StartFirmwareUpdateRequest(size=len(image))
        self.bench.request(self.board, RequestType.START_FIRMWARE_UPDATE, begin.SerializeToString())
        for at in range(0, len(image), USB_PIECE):
            piece = storage_pb2.FirmwareUpdateDataRequest(data=image[at : at + USB_PIECE])
            self.bench.request(self.board, RequestType.FIRMWARE_UPDATE_DATA, piece.SerializeToString())
            yield at
        boots = self.board.boots
        self.bench.request(self.board, RequestType.FINISH_FIRMWARE_UPDATE)
        self.wait(lambda: self.board.boots > boots, "the reset after the update")

    @property
    def device(self):
        return self.lab.cloud.devices.by_id(self.board.device_id)

    @property
    def online(self):
        return self.lab.cloud.connections.online(self.board.device_id)

    def send(self):
        """The cloud begins with the module."""
        self.lab.cloud.updates.by_hand(self.device, self.image)

    def over_the_air(self):
        boots = self.board.boots
        self.send()
        self.wait(lambda: not self.board.powered or self.board.boots > boots, "the reset after the update")
        self.lab.driver.sleep(0.5)

    def bring(self):
        """Once, by the way that the board's mode has it; until the power goes away, or to the end."""
        self.settle()
        if self.in_dfu:
            self.by_dfu()
        else:
            self.wait(lambda: self.online, "a connection")
            self.over_the_air()

    @property
    def there(self):
        if self.module.prefix.function is ModuleFunction.NCP:
            return self.board.ncp_version == self.module.prefix.version
        address, data = as_it_lies(self.module)
        return self.board.flashes["internal"].read(address, len(data)) == data

    @property
    def healthy(self):
        return self.board.led.describe() == "breathing cyan" and not self.board.firmware.safe_mode

    def recover(self):
        """Power again; the cloud heals, and the module comes once more if it has to."""
        self.board.power_on()
        self.lab.driver.sleep(1)
        self.settle()
        needed = self.module.prefix.function is not ModuleFunction.USER_PART
        if not self.in_dfu and needed and not self.healthy:
            self.wait(lambda: self.healthy, "the cloud's healing")
        if not (self.there and self.healthy):
            self.bring()
        self.wait(lambda: self.healthy, "the module and its application")
        assert self.there, "other bytes than came"


@pytest.fixture
def bench():
    with closing(Bench()) as made:
        yield made


@pytest.fixture(scope="session")
def new_bench():
    """Makes a bench; whoever calls it closes it."""
    return Bench


@pytest.fixture
def bring(new_bench):
    """`with bring(platform, os, way, image) as bringing`: a board that is ready for the module: in DFU mode, off or online."""

    @contextmanager
    def ready(*particulars, **more):
        with closing(new_bench()) as bench:
            bringing = Bringing(bench, *particulars, **more)
            if bringing.board.powered:
                bringing.settle()
                bench.sleep(0 if bringing.in_dfu else 2)
            yield bringing

    return ready
