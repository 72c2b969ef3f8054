"""Boards and the cloud together, in virtual time: emulated boards on a network, and people who use the REST API."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

import httpx
import pytest

from emulator.board.board import Board
from emulator.board.stored_networks import StoredNetwork
from emulator.board_spec import BoardSpec
from emulator.cloud.api import Api, InlineTransport
from emulator.cloud.device_service import Session
from emulator.cloud.hook_requests import HookResponse
from emulator.cloud.records import Plan
from emulator.cloud.sim_records import SimStatus
from emulator.device_os.application import Application, function, subscribe, variable
from emulator.device_os.startup import SETUP_DONE
from emulator.device_os.tinker import Tinker
from emulator.factory import user_part
from emulator.hardware import hardware_of
from emulator.lab import Lab
from harness.board import Board as Hands
from harness.cloud import Account, Cloud, CloudTarget
from harness.cloud_events import EventStream
from harness.fault_plan import FaultPlan
from harness.kit import Product, Webhook
from harness.lab import EmulatedHost, board_on
from harness.waiting import wait_for
from particle_protocol.dct import DctField
from particle_protocol.os_versions import known_releases
from particle_protocol.platforms import Platform, platform_by_id, platform_by_name

PHOTON = platform_by_name("photon")
HOME = StoredNetwork("lab", 3, "secret123")
OS = "2.3.1"
UPDATE_TIMEOUT = 600.0


class Lamp(Application):
    """What boards run here: a function, a variable, a subscription, and events when told to. `version` tells one build from another."""

    version = 0

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, str]] = []

    @function("version")
    def tell_version(self, argument: str) -> int:
        return self.version

    @function("say")
    def say(self, argument: str) -> int:
        return int(self.publish(argument, "said"))

    @variable("brightness")
    def brightness(self) -> int:
        return 7

    @subscribe("alarm")
    def on_alarm(self, name: str, data: str) -> None:
        self.heard.append((name, data))

    @subscribe("hook-response/said")
    def on_answer(self, name: str, data: str) -> None:
        self.heard.append((name, data))


def lamp(version: int) -> type[Lamp]:
    """The build of that version."""
    return type(f"Lamp{version}", (Lamp,), {"version": version})


class Person(httpx.Client):
    """Somebody with a token: a developer or a customer."""

    def __init__(self, transport: httpx.BaseTransport, cloud: Cloud, username: str, token: str = "") -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        super().__init__(transport=transport, base_url="http://cloud.example", headers=headers, timeout=120)
        self.username = username
        self.token = token
        self.account = Account(cloud, token, username)
        """The same for who does not look at the answers."""
        self._streams: list[EventStream] = []

    def listen(self, path: str = "/v1/devices/events") -> EventStream:
        """Open an event stream."""
        self._streams.append(self.account.cloud.open_events(path, self.token))
        return self._streams[-1]

    def claim(self, board: Board | str, **more: object) -> httpx.Response:
        return self.post("/v1/devices", json={"id": board if isinstance(board, str) else board.device_id, **more})

    def unclaim(self, board: Board) -> httpx.Response:
        return self.delete(f"/v1/devices/{board.device_id}")

    def device(self, board: Board) -> dict[str, object]:
        """A device as this person sees it."""
        answer = self.get(f"/v1/devices/{board.device_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def sim(self, board: Board | str) -> dict[str, object]:
        """A SIM of this person's, by its number or the board it is in."""
        answer = self.get(f"/v1/sims/{board if isinstance(board, str) else board.sim}")
        assert answer.status_code == 200, answer.text
        return answer.json()["sim"]

    def order(self, action: str, sim: Board | str, path: str = "/v1/sims") -> httpx.Response:
        """Have something done to a SIM, named by its board, its number, or a serial number; the mobile network takes its time."""
        return self.put(f"{path}/{sim if isinstance(sim, str) else sim.sim}", json={"action": action})

    def owned(self) -> set[str]:
        """The ids of this person's devices."""
        return {device.id for device in self.account.devices()}

    def call(self, board: Board, name: str, argument: str = "") -> int:
        """What a function of a device returns."""
        return self.account.call(board.device_id, name, argument)

    def flash(self, board: Board, image: bytes, path: str = "/v1/devices") -> httpx.Response:
        """Send a binary to a device over the air."""
        return self.put(f"{path}/{board.device_id}", files={"file": ("lamp.bin", image)})

    def usage(self, organization: str = "") -> dict[str, object]:
        """What the plan of this developer counts, or that of an organization."""
        path = f"/v1/orgs/{organization}/service_agreements" if organization else "/v1/user/service_agreements"
        return self.get(path).json()["data"][0]["attributes"]["current_usage_summary"]

    def hook(self, path: str = "/v1/integrations", event: str = "said") -> None:
        """Make a webhook in this developer's sandbox, or (by its path) in a product."""
        Webhook.create(self.account, event, "https://hooks.example/said", path=path)

    def mails(self) -> list[tuple[str, Mapping[str, str]]]:
        """The mails that the cloud has sent to this developer: subject and facts."""
        return [(mail.subject, mail.facts) for mail in self.account.mails.all()]

    def say(self, name: str, data: str = "x") -> None:
        """Publish an event."""
        self.account.publish(name, data)

    def close(self) -> None:
        for stream in self._streams:
            stream.close()
        super().close()


class Fleet:
    """A product, as its owner uses it."""

    def __init__(self, bench: Bench, owner: Person, product: Product) -> None:
        self.bench = bench
        self.owner = owner
        self.product = product
        """The same for who does not look at the answers."""
        self.id = product.id
        self.path = f"/v1/products/{self.id}"
        self.platform = platform_by_id(product.platform_id)

    def firmware(self, version: int, *, os: str = OS, product_id: int | None = None) -> bytes:
        """The lamp's user part of a version; with another product id, one that names another product, or the wildcard."""
        return self.bench.lamp(version, os=os, product=(self.id if product_id is None else product_id, version), platform=self.platform)

    def add(self, *boards: Board | str, **more: object) -> dict[str, list[str]]:
        """Add devices by id."""
        ids = [each if isinstance(each, str) else each.device_id for each in boards]
        answer = self.owner.post(f"{self.path}/devices", json={"ids": ids, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def import_sims(self, *sims: Board | str) -> httpx.Response:
        """Import SIMs by number, or by the board they are in."""
        return self.owner.post(f"{self.path}/sims", json={"sims": [each if isinstance(each, str) else each.sim for each in sims]})

    def sims(self) -> dict[str, str]:
        """The SIMs of the product: their states by number."""
        return {sim["iccid"]: sim["status"] for sim in self.owner.get(f"{self.path}/sims", params={"per_page": 100}).json()["sims"]}

    def release_owner(self, board: Board) -> httpx.Response:
        """Unclaim a member through the product."""
        return self.owner.delete(f"{self.path}/devices/{board.device_id}/owner")

    def remove(self, board: Board, **body: object) -> httpx.Response:
        return self.owner.request("DELETE", f"{self.path}/devices/{board.device_id}", json=body)

    def get(self, board: Board) -> httpx.Response:
        return self.owner.get(f"{self.path}/devices/{board.device_id}")

    def put(self, board: Board, **body: object) -> httpx.Response:
        """Change a member."""
        return self.owner.put(f"{self.path}/devices/{board.device_id}", json=body)

    def device(self, board: Board) -> dict[str, object]:
        """A device as the product sees it."""
        answer = self.get(board)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def standing(self, board: Board) -> str:
        """What a device is to the product."""
        return self.product.standing(board.device_id)

    def call(self, board: Board, name: str, argument: str = "") -> int:
        """What a function of a member returns, asked through the product."""
        return self.product.call(board.device_id, name, argument)

    def upload(self, version: int, image: bytes | None = None, **more: object) -> httpx.Response:
        """Upload a version; the lamp's unless told."""
        content = self.firmware(version) if image is None else image
        data = {"version": str(version), "title": f"lamp {version}"}
        return self.owner.post(f"{self.path}/firmware", data=data, files={"file": ("lamp.bin", content)})

    def release(self, version: int, **how: object) -> httpx.Response:
        """Release a version, as the product's default unless told."""
        body = {"version": version, **(how or {"product_default": True})}
        if "groups" not in body:
            body["product_default"] = True
        return self.owner.put(f"{self.path}/firmware/release", json=body)

    def prove(self, *versions: int, os: str = OS) -> None:
        """Upload versions and have a board of the product run each once, so that they can be released."""
        for version in versions:
            self.product.upload(self.firmware(version, os=os), version)
            pilot = self.bench.board(os=os, user=self.firmware(version, os=os))
            self.add(pilot)
            self.bench.settle(pilot)
            pilot.power_off()

    def runs(self, board: Board, version: int) -> bool:
        """Whether a board really runs a version: its user part says so, its application answers so, and the cloud knows."""
        device = self.owner.get(f"{self.path}/devices/{board.device_id}")
        if board.led.describe() != "breathing cyan" or device.status_code != 200 or not device.json()["functions"]:
            return False
        return device.json()["firmware_version"] == version == self.call(board, "version") == board.firmware.application.version

    def reaches(self, board: Board, version: int) -> None:
        """Wait until a board runs a version."""
        self.bench.until(lambda: self.runs(board, version), f"version {version} on the board")


class Bench:
    """One Lab, a host with its boards on USB, and people. Boards, products and builds are of one platform unless told."""

    def __init__(self, platform: str = PHOTON.name, **more: object) -> None:
        self.platform = platform_by_name(platform)
        self.lab = Lab(seed=1, **more)
        self.cloud = self.lab.cloud
        self.host = EmulatedHost(self.lab)
        self.point = self.lab.network.access_point(HOME.ssid, HOME.password)
        self._transport = InlineTransport(Api(self.cloud), self.lab.driver)
        self._client = Cloud(CloudTarget("http://cloud.example", self.host.clock, lambda: self._transport, ours=True))
        self._ports = itertools.count(1)
        self._hands: dict[str, Hands] = {}
        self._people: list[Person] = []
        releases = [release.version for release in known_releases(self.platform)]
        self.tinker = user_part(self.platform, OS if OS in releases else releases[-1])
        self.lab.hooks.answer = lambda request: HookResponse(200, b"thanks")
        self.hooked = self.lab.hooks.requests
        """What webhooks have sent."""

    # --- people

    def person(self, username: str, token: str = "") -> Person:
        self._people.append(Person(self._transport, self._client, username, token))
        return self._people[-1]

    def developer(self, name: str) -> Person:
        """A developer who has signed up and logged in."""
        username = f"{name}@example.com"
        assert self.person("").post("/v1/users", json={"username": username, "password": "secret"}).status_code == 200
        return self.logged_in(username)

    def logged_in(self, username: str) -> Person:
        """A developer with a fresh token; one lives 90 days."""
        form = {"grant_type": "password", "username": username, "password": "secret", "client_id": "particle", "client_secret": "particle"}
        return self.person(username, self.person("").post("/oauth/token", data=form).json()["access_token"])

    def customer(self, fleet: Fleet, name: str) -> Person:
        """A customer of a product, signed up by the product's app."""
        username = f"{name}@customers.example"
        return self.person(username, fleet.product.sign_up(username, "secret").account.token)

    def organization(self, owner: Person, name: str, plan: Plan = Plan.GROWTH) -> str:
        """An organization with a paid plan, signed on paper; its name in paths."""
        user = self.cloud.accounts.find(owner.username)
        assert user is not None
        return self.cloud.products.create_organization(user, name, plan).slug

    def fleet(self, owner: Person, name: str = "lamps", platform_id: int = 0, organization: str = "", **settings: object) -> Fleet:
        """A new product of a developer, or of an organization."""
        platform = platform_by_id(platform_id) if platform_id else self.platform
        return Fleet(self, owner, Product.create(owner.account, name, platform.name, organization=organization, **settings))

    def join_team(self, fleet: Fleet, person: Person, role: str = "Developer") -> None:
        """Take somebody into a product's team."""
        fleet.product.invite(person.username, role=role)

    @staticmethod
    def runs_tinker(board: Board) -> bool:
        """Whether a board runs Tinker."""
        return isinstance(getattr(board.firmware, "application", None), Tinker)

    # --- boards

    def lamp(self, version: int = 0, *, os: str = OS, product: tuple[int, int] | None = None, platform: Platform | None = None) -> bytes:
        """A user part with the lamp's application in it."""
        self.lab.applications[f"lamp-{version}"] = lamp(version)
        return user_part(platform or self.platform, os, f"lamp-{version}", product)

    def board(
        self,
        *,
        os: str = OS,
        user: bytes | None = None,
        bootloader: bytes | None = None,
        mode: str = "normal",
        new: bool = False,
        **more: object,
    ) -> Board:
        """A board, switched on, with Tinker, or the user part given; with its own bootloader, or the one given.

        Unless it is `new`, as it comes out of its box, it has what it needs to come online by itself: it knows the network, its SIM is
        active, it is marked as set up.
        """
        platform = platform_by_name(str(more.setdefault("platform", self.platform.name)))
        if not new:
            more.setdefault("networks", [HOME])
            if hardware_of(platform.name).sim is not None:
                more.setdefault("sim_status", SimStatus.ACTIVE)
        more.setdefault("modules", [each for each in (bootloader, user) if each is not None])
        marked = platform.generation > 2 and not new
        made = self.lab.add_board(BoardSpec(os=os, mode="off" if marked else mode, **more))
        self._plug_in(made)
        if marked:
            made.settings.put(DctField.SETUP_DONE, SETUP_DONE)
            if mode != "off":
                made.power_on()
        return made

    def online(self, **more: object) -> Board:
        """The same, waited for until it breathes cyan and has described itself."""
        made = self.board(**more)
        self.settle(made)
        return made

    def cellular(self, platform: str = "boron", *, active: bool = False, mode: str = "normal", **more: object) -> Board:
        """A cellular board, switched on and marked as set up; nobody has activated its SIM unless `active`."""
        return self.board(platform=platform, mode=mode, sim_status=SimStatus.ACTIVE if active else None, **more)

    def _plug_in(self, board: Board) -> None:
        port = f"1-{next(self._ports)}"
        self.host.plug_in(port, board)
        self._hands[board.device_id] = board_on(self.host, port)

    def hands(self, board: Board) -> Hands:
        """What somebody who has the board on a USB cable can do with it."""
        return self._hands[board.device_id]

    def settle(self, board: Board, led: str = "breathing cyan") -> None:
        """Wait until a board shows something, and a little longer."""
        self.until(lambda: board.led.describe() == led, f"a board that shows {led}")
        self.sleep(3)

    @staticmethod
    def shown(board: Board) -> list[str]:
        """Everything that a board's LED has shown."""
        return [str(change.status) for change in board.led.timeline]

    def stays(self, board: Board, led: str, seconds: float) -> None:
        """Let time pass, in which a board shows something and nothing else."""
        start = self.lab.clock.now
        self.sleep(seconds)
        later = {str(change.status) for change in board.led.timeline if change.time > start}
        assert {board.led.describe(), *later} == {led}

    def comes_online(self, board: Board, since: float) -> float:
        """When a board breathed cyan first after a moment: seconds from then on; it shows nothing but green before that."""
        changes = [change for change in board.led.timeline if change.time > since]
        first = next(n for n, change in enumerate(changes) if str(change.status) == "breathing cyan")
        waiting = [str(change.status) for change in changes[:first]]
        assert all("green" in each or "cyan" in each for each in waiting), waiting
        return changes[first].time - since

    def take_networks_away(self) -> None:
        """Nothing is on the air any more, neither Wi-Fi nor a cell."""
        self._outage = self.host.surroundings.begin(FaultPlan(outage=("network",)))

    def give_networks_back(self) -> None:
        self._outage()

    def reboot(self, board: Board) -> None:
        """Take the power away and give it back; wait until it is online again."""
        board.power_off()
        self.sleep(1)
        board.power_on()
        self.settle(board)

    def heard(self, board: Board) -> list[tuple[str, str]]:
        """The events that a board's application has received since it started."""
        return board.firmware.application.heard

    def session(self, board: Board) -> Session:
        """The cloud's connection with a board."""
        return next(each for each in self.lab.device_service.sessions if each.device_id == board.device_id)

    def owner(self, board: Board) -> str | None:
        """Whose a board is, as the cloud keeps it."""
        device = self.cloud.devices.by_id(board.device_id)
        assert device is not None
        return None if device.owner is None else self.cloud.owner_name(device.owner)

    def answer(self, mail: dict[str, str], *, accept: bool) -> httpx.Response:
        """Follow the link in a mail about a transfer."""
        return self.person("").post(f"/emulator/transfers/{mail['token']}", json={"accept": accept})

    def claimed_bit(self, board: Board) -> bool:
        """The bit on the board that says it was claimed once, asked as a set-up program does."""
        return self.hands(board).claim_bit()

    def set_up(self, board: Board, code: str) -> None:
        """Wi-Fi set-up with a claim code by phone, over the board's own network."""
        hands = self.hands(board)
        hands.enter_listening()
        hands.softap.set_claim_code(code)
        hands.softap.set_wifi(HOME.ssid, HOME.password)
        hands.softap.connect()
        self.settle(board)

    # --- time

    def sleep(self, seconds: float) -> None:
        self.lab.driver.sleep(seconds)

    def until(self, ready: Callable[[], object], awaited: str, timeout: float = UPDATE_TIMEOUT) -> None:
        """Let time pass until something is so."""
        wait_for(self.host.clock, lambda: ready() or None, timeout=timeout, awaited=awaited, seen=self._shown)

    def _shown(self) -> str:
        return ", ".join(f"{board.device_id}: {board.led.describe()}" for board in self.lab.boards.values())

    def close(self) -> None:
        for person in self._people:
            person.close()
        self._client.close()
        self.lab.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test marked `any_board` runs with a Photon, an Argon and a Boron: what it does not name itself is left to the soak run."""
    marker = metafunc.definition.get_closest_marker("any_board")
    if marker is None or any("bench" in each.args[0] for each in metafunc.definition.iter_markers("parametrize")):
        return
    kinds = (PHOTON.name, "argon", "boron")
    marks = [() if kind in (PHOTON.name, *marker.args) else pytest.mark.soak for kind in kinds]
    metafunc.parametrize("bench", [pytest.param(kind, marks=each) for kind, each in zip(kinds, marks, strict=True)], indirect=True)


@pytest.fixture
def make_bench():
    """Benches by the arguments of their Lab."""
    made = []

    def make(*platform, **more):
        made.append(Bench(*platform, **more))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def bench(make_bench, request):
    """A bench for Photons, or for the boards of the platform that it is asked for as a parameter."""
    return make_bench(getattr(request, "param", PHOTON.name))


@pytest.fixture
def u1(bench):
    """A developer."""
    return bench.developer("u1")


@pytest.fixture
def u2(bench):
    """Another developer."""
    return bench.developer("u2")


@pytest.fixture
def fleet(bench):
    """A product of the bench's platform, and its owner, `fleet.owner`."""
    return bench.fleet(bench.developer("owner"))


@pytest.fixture
def mate(bench, fleet):
    """A developer in the team of `fleet`."""
    somebody = bench.developer("mate")
    bench.join_team(fleet, somebody)
    return somebody
