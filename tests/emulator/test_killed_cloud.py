"""The cloud is killed in the middle of a release and started again with its state file: no board is left behind, none is flashed twice."""

import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.board_spec import BoardSpec
from emulator.cloud import Cloud, Storage
from emulator.cloud.device_service import DatagramPort, DeviceService, StreamPort
from emulator.cloud.records import Plan
from emulator.cloud.sim_records import SimStatus
from emulator.device_os.receiver import UpdateReceiver
from emulator.factory import user_part
from emulator.lab import CLOUD_HOST, Lab
from firmware_images.module import read_module
from particle_protocol.cloud_profiles import PORT_NUMBERS
from particle_protocol.dct import DctField
from particle_protocol.platforms import platform_by_name

HOME = StoredNetwork("home", 3, "secret123")
KINDS = (("photon", "2.3.1"), ("boron", "2.3.1"), ("boron", "4.0.2"))
"""Updates of version 2 over TCP and UDP, and of version 3."""
ALIKE = 2
"""Boards of each kind."""


class Fleet:
    """Boards in products, that run version 1 of their firmware and are online; version 2 is there."""

    def __init__(self, folder):
        self.folder, self.runs = folder, 0
        self.lab = Lab(seed=1, storage=Storage(folder / "0.db"))
        self.lab.network.access_point("home", "secret123")
        cloud = self.lab.cloud
        cloud.accounts.create("o@example.com", "secret")
        self.products, self.boards = [], []
        for name, os in KINDS:
            product = cloud.products.create(self.who, f"{name} {os}", platform_by_name(name).id, plan=Plan.GROWTH)
            self.products.append(product.id)
            more = {"networks": [HOME]} if name == "photon" else {"sim_status": SimStatus.ACTIVE}
            for _ in range(ALIKE):
                spec = BoardSpec(platform=name, os=os, product=(product.id, 1), mode="off", **more)
                board = self.lab.add_board(spec)
                board.settings.put(DctField.SETUP_DONE, b"\x01")
                self.boards.append(board)
            ids = [board.device_id for board in self.boards[-ALIKE:]]
            cloud.members.add(self.who, product.id, ids, claim_user="o@example.com")
            image = user_part(platform_by_name(name), os, product=(product.id, 2), body=b"\xa5" * 9_000)
            cloud.releases.upload(self.who, product.id, 2, image)
            cloud.releases.seen_running(product.id, 2)
        for board in self.boards:
            board.power_on()
        self.wait(lambda: all(board.led.describe() == "breathing cyan" for board in self.boards), 300)
        self.lab.driver.sleep(5)

    @property
    def who(self):
        cloud = self.lab.cloud
        return cloud.tokens.principal(cloud.tokens.password_grant("particle", "particle", "o@example.com", "secret").token)

    def wait(self, condition, timeout):
        self.lab.driver.wait(
            condition,
            [board.changed for board in self.boards],
            timeout=timeout,
            awaited="all boards",
            seen=lambda: ", ".join(f"{board.led.describe()} with version {self.version(board)}" for board in self.boards),
        )

    def release(self, *, intelligent):
        """To all, now or when they connect; then they connect."""
        for product in self.products:
            self.lab.cloud.releases.release(self.who, product, 2, product_default=True, intelligent=intelligent)
        if not intelligent:
            for board in self.boards:
                board.reset(board.reset_reason)

    def kill_cloud(self):
        """End the cloud without a word to anybody, and start another one with what is in the state file at this moment."""
        lab, before = self.lab, self.lab.cloud
        self.runs += 1
        for path in Path(self.folder).glob(f"{self.runs - 1}.db*"):
            shutil.copy(path, path.with_name(path.name.replace(f"{self.runs - 1}.db", f"{self.runs}.db")))
        streams, datagrams = lab.ports
        for wire in datagrams._wires:
            wire._send = lambda data, address: None

        def abort():
            for line in tuple(streams.lines):
                line._stream.abort()

        abort()
        lab.clock.call_later(1.0, abort)  # those that were about to connect
        lab.cloud = Cloud(lab.clock, random.Random(self.runs), lab.driver.reply, Storage(self.folder / f"{self.runs}.db"))
        lab.cloud.updates.takes_stand_ins = before.updates.takes_stand_ins
        rng = random.Random(100 + self.runs)
        lab.device_service = DeviceService(lab.clock, lab.cloud.listener, lab.driver.reply, rng, log=lab.cloud.device_log)
        StreamPort(lab.device_service, lab.server_key)
        DatagramPort(lab.device_service, lab.udp_server_key)
        for port in lab.ports:
            port.listen(lab.network, CLOUD_HOST, PORT_NUMBERS[port.transport])

    @staticmethod
    def version(board):
        product = getattr(board.firmware, "product", None)
        return None if product is None else product[1]

    def complete(self):
        """Until every board runs version 2 and is online with the cloud that there is now."""
        online = self.lab.cloud.connections.online
        self.wait(lambda: all(self.version(board) == 2 and online(board.device_id) for board in self.boards), 4 * 3600)
        self.lab.driver.sleep(3600)
        assert [self.version(board) for board in self.boards] == [2] * len(self.boards)


@pytest.fixture
def installed(monkeypatch):
    """How often each device was given which version of a product's firmware, by id and version."""
    counts = Counter()
    finish = UpdateReceiver.finish

    def finished(self):
        module, result = read_module(bytes(self._staged.read(self.size))), finish(self)
        assert result == 0
        counts[self._board.device_id, module.suffix.product_version] += 1
        return result

    monkeypatch.setattr(UpdateReceiver, "finish", finished)
    return counts


def killed_at(folder, installed, moments, *, intelligent):
    """The cloud is killed at each of these moments of one release, in seconds since it began."""
    fleet = Fleet(folder)
    try:
        installed.clear()
        fleet.release(intelligent=intelligent)
        begun = fleet.lab.clock.now
        for moment in moments:
            fleet.lab.driver.sleep(begun + moment - fleet.lab.clock.now)
            fleet.kill_cloud()
        fleet.complete()
        assert installed == {(board.device_id, 2): 1 for board in fleet.boards}
    finally:
        fleet.lab.close()


MOMENTS = [0.01 * 1.12**number for number in range(70)]
"""From a hundredth of a second to half a minute: before the first message, within the transfers, at the resets, when boards come back."""


@pytest.mark.parametrize("intelligent", [True, False], ids=["now", "when they connect"])
@pytest.mark.parametrize("numbers", [(14,), (28, 60), (40,), (47,), (55,)], ids=str)
def test_a_cloud_that_is_killed_in_the_middle_of_a_release_goes_on_with_it(tmp_path, installed, numbers, intelligent, tried):
    killed_at(tmp_path, installed, [MOMENTS[number] for number in numbers], intelligent=intelligent)
    tried(1)


@pytest.mark.soak
@pytest.mark.parametrize("intelligent", [True, False], ids=["now", "when they connect"])
@pytest.mark.parametrize("number", range(len(MOMENTS)))
def test_a_cloud_that_is_killed_at_any_moment_of_a_release_goes_on_with_it(tmp_path, installed, number, intelligent, tried):
    killed_at(tmp_path, installed, [MOMENTS[number]], intelligent=intelligent)
    tried(1, 1)
