"""A Lab behind one emulated host, with its cloud: what the kind `emu:` opens."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, cast

from emulator.bench import HostBench
from emulator.board.board import Board as BoardInLab
from emulator.board.stored_networks import StoredNetwork
from emulator.board_spec import BoardSpec
from emulator.cloud import CloudSettings, RateLimits, Storage
from emulator.cloud.api import Api, InlineTransport
from emulator.cloud.basics import password_fits
from emulator.cloud.device_log import DisbelievedFact, DroppedMessage, Entry
from emulator.cloud.errors import Invalid, NotKept
from emulator.cloud.storage import StateFileError
from emulator.doors.umockdev import PreloadMissing, UmockdevDoor
from emulator.drivers.served import ServedDriver
from emulator.hardware import hardware_of
from emulator.lab import Lab
from emulator.serving import CannotListen, Listener, Service
from harness import waits
from harness.board import Board
from harness.boards import Incident, Rig, ServiceFacts, Serving, SetupAddresses
from harness.boards.emulated import NO_FIRMWARE, EmulatedBoard
from harness.cloud import Cloud, CloudTarget, WifiNetwork
from harness.device_os import CACHE, Stock
from harness.device_os import stock as stock_of
from harness.errors import Blame, HarnessError, hides
from harness.lab.applications import LabApplications
from harness.lab.board import BuiltReleases, board_on
from harness.lab.furnishing import Furnishing, run_user
from harness.lab.host import EmulatedHost
from harness.lab.wanted import plugged_onto, sim_of, transport_of, versions_of
from harness.loading import load
from harness.modes import Capability, Mode
from harness.rack.lab_errors import Problem
from harness.rack.lab_file import LabFile
from harness.releases import RealReleases
from harness.starting import Start
from particle_protocol.cloud_profiles import Transport

__tracebackhide__ = hides

SSID, PASSWORD = "particle-hil", "a long enough secret"
"""The Wi-Fi network of a Lab. Its user has the same password in virtual time, where nobody else can log in."""

PASSWORD_BYTES = 10
"""What the password of a served run is drawn from: 80 bits, in 20 hexadecimal digits."""
LAB_URL = "http://lab"
"""How the cloud of a Lab in virtual time is called; nothing is resolved or opened."""

_FIRMWARE: dict[str, type[BuiltReleases | RealReleases]] = {"built": BuiltReleases, "real": RealReleases, NO_FIRMWARE: BuiltReleases}


class LabRig:
    """A Lab behind one emulated host: what the kind `emu:` opens. `rig` is what the harness sees of it."""

    def __init__(
        self,
        *,
        seed: int = 0,
        served: bool = False,
        serving: Serving | None = None,
        stock: Stock | None = None,
        webhooks: tuple[str, ...] = (),
        file: LabFile | None = None,
        applications: tuple[str, ...] = (),
    ) -> None:
        self._user, given = run_user(file)
        self._given = given if serving is None or serving.password is None else serving.password
        self._wifi = (None if file is None else file.network()) or WifiNetwork(SSID, PASSWORD)
        self._webhooks = webhooks
        self._serving = Serving() if serving is None else serving
        self._service: Service | None = None
        if serving is None:
            self.lab = Lab(seed=seed, served=served)
        else:
            self.lab = _serving_lab(seed, serving)
        with ExitStack() as undo:  # whatever goes wrong, Ctrl-C at any moment included: nothing goes on running
            undo.callback(self.close)
            self._stock_is_ours = stock is None
            self.lab.cloud.library.hands_out_stand_ins = stock is not None and stock.built
            self._own = () if stock is None else stock.images
            self._fill_library(Stock(built=True, images=()) if stock is None else stock)
            self.host = EmulatedHost(self.lab)
            self.lab.driver.call(self.lab.network.access_point, SSID, PASSWORD)
            self._shows_setup = serving is not None
            self._setup: dict[str, SetupAddresses] = {}
            self._starts: list[Start] = []
            self._furnishing = Furnishing(self.lab, self._user)
            self.lab.cloud.bench = HostBench(
                self.host.usb_host, lambda: self.host.boards, self._name_of, self.lab.sim_trays, self.lab.cloud
            )
            self._applications = LabApplications(self.lab, applications, None if file is None else file.folder)
            with _kept():
                target = self._open_cloud()
            self.rig = Rig(
                [],
                cloud=target,
                wifi=self._wifi,
                service=self._facts(),
                snapshot=self._snapshot,
                restore=self._restore,
                door=self._open_usb_door if served else None,
                surroundings=self.host.surroundings,
                close=self.close,
            )
            undo.pop_all()

    def furnish(self, file: LabFile) -> list[Problem]:
        """Make what a lab file says, but for boards, and what concerns them: that is for `furnish_boards`. Gives what could not be."""
        with _kept():
            self._applications.register(file.applications, file.folder)
            self._applications.refresh()
            self.lab.cloud.compiler.projects = self._applications.projects(file.projects)
            return self._furnishing.begin(file)

    def furnish_boards(self) -> list[Problem]:
        """The rest, once the boards are there."""
        with _kept():
            return self._furnishing.finish({board.moniker: board.device_id for board in self.rig.boards})

    def add_board(self, moniker: str, wanted: EmulatedBoard, start: Start) -> Board:
        """Make a board and plug it into its port, or the next free one.

        Raises:
            ValueError, LookupError: it cannot be emulated so.
            ImageRefused: there is no such real firmware to be had.
        """
        if wanted.firmware not in _FIRMWARE:
            raise ValueError(f"firmware={wanted.firmware}; there are: {', '.join(_FIRMWARE)}")
        made, server = hardware_of(wanted.platform or "photon").platform, wanted.server
        knows_network = server is not None or start.claimed or start.mode not in (None, Mode.LISTENING, Mode.DFU, Mode.OFF)
        releases = _FIRMWARE[wanted.firmware](made, self._own)
        os = start.os or releases.default_os
        application, product = self._applications.of(wanted)
        modules = None
        if wanted.firmware == "real":
            modules = [load(source)[1] for source in (*releases.device_os(os), releases.application())]
            if self._stock_is_ours:
                self._fill_library(stock_of([CACHE]))
                self._stock_is_ours = False
        spec = BoardSpec(
            platform=made.name,
            os=os,
            modules=modules,
            application=application,
            product=product,
            device_id=wanted.device_id,
            **sim_of(wanted),
            **versions_of(wanted),
            **plugged_onto(wanted),
            has_device_os=wanted.firmware != NO_FIRMWARE,
            networks=(StoredNetwork(self._wifi.ssid, self._wifi.security, self._wifi.password),) if knows_network else (),
            mode=_LAB_MODES.get(start.mode, "normal") if start.mode is not None else "normal",
            transport=transport_of(wanted),
            server=None if server is None else server.address,
            server_key=None if server is None else server.key,
        )
        with _kept():
            emulated = self.lab.add_board(spec)
        port = wanted.port or self.host.usb_host.free_port()
        self.host.plug_in(port, emulated)
        board = board_on(self.host, port, moniker, releases)
        self._applications.offer(made, os)
        self.rig.boards.append(board)
        if self._shows_setup and self._service is not None:
            with _listening():
                ports = self._service.open_setup(emulated)
            if ports is not None:
                self._setup[board.device_id] = SetupAddresses(ports.tcp, ports.http)
        self._starts.append(start if server is None else replace(start, mode=start.mode or Mode.RUNNING))
        return board

    def remove_board(self, board: Board) -> None:
        """Unplug a board and take it away; the cloud goes on knowing the device."""
        place = self.rig.boards.index(board)
        self.host.unplug(board.port)
        self.lab.remove_board(board.device_id)
        if self._service is not None:
            self._service.close_setup(board.device_id)
        self._setup.pop(board.device_id, None)
        del self.rig.boards[place], self._starts[place]

    def _name_of(self, device_id: str) -> str:
        return next((board.moniker for board in self.rig.boards if board.device_id == device_id), "")

    def _fill_library(self, stock: Stock) -> None:
        """Give the cloud what it heals boards with."""
        if stock.built:
            self.lab.driver.call(self.lab.stock_built_releases)
        for image in stock.images:
            self.lab.driver.call(self.lab.cloud.library.add, image)

    def _facts(self) -> ServiceFacts | None:
        service = self._service
        if service is None:
            return None
        waiting: deque[Incident] = deque(maxlen=_INCIDENTS)
        self.lab.driver.call(self.lab.cloud.device_log.listeners.append, lambda entry: waiting.append(_incident(entry)))
        return ServiceFacts(
            service.address(Transport.TCP),
            service.server_public_key(Transport.TCP),
            service.address(Transport.UDP),
            service.server_public_key(Transport.UDP),
            lambda: [waiting.popleft() for _ in range(len(waiting))],
            self._setup,
        )

    def settle(self, boards: Sequence[Board] | None = None) -> None:
        """Let time pass until every board (or each of those) is in the mode in which it starts."""
        for place, (board, start) in enumerate(zip(self.rig.boards, self._starts, strict=True)):
            if start.mode is Mode.OFF or (boards is not None and board not in boards):
                continue
            waits.tell(f"waiting for boards to come up: {board.moniker}", place / len(self.rig.boards))
            board.usb.wait_for(lambda entry: entry, timeout=10, awaited="it to come up")
            if start.mode is None and not start.claimed:
                _wait_until_up(board)
            else:
                self._bring(board, start.mode or Mode.ONLINE)
            board.journal.clear()

    def _bring(self, board: Board, mode: Mode) -> None:
        """Bring a board into a mode; where that takes an account, it is that of the run."""
        lacking = board.network.lacks(self.rig.wifi) if mode is Mode.ONLINE else None
        if lacking is None or lacking.capability is not Capability.CLOUD or self.rig.cloud is None:
            Start(mode).bring(board, self.rig.wifi)
            return
        cloud = Cloud(self.rig.cloud)
        board.account = cloud.own_account()
        try:
            Start(mode).bring(board, self.rig.wifi)
        finally:
            board.account = None
            cloud.close()

    def close(self) -> None:
        """End the Lab, and what it serves."""
        if self._service is not None:
            self._service.close()
        try:
            self.lab.close()
        except NotKept as error:
            raise HarnessError(f"the last data operations are not counted: {error}", blame=Blame.RACK) from error

    def _open_cloud(self) -> CloudTarget:
        """Make the Lab's cloud reachable, in process or over HTTP and TCP on loopback, with one user in it."""
        api, driver = Api(self.lab.cloud), self.lab.driver
        password = PASSWORD if self._given is None else self._given
        inline = lambda: InlineTransport(api, driver)  # noqa: E731  # the transport of each client that is made
        target = CloudTarget(LAB_URL, self.host.clock, inline, ours=True, username=self._user, password=password)
        if isinstance(driver, ServedDriver):
            serving = self._serving
            try:
                with _listening():
                    self._service = Service(
                        self.lab,
                        http_port=serving.http_port,
                        device_port=serving.device_port,
                        device_host=serving.device_host,
                        device_udp_port=serving.device_udp_port,
                        hosts=serving.hosts,
                        origins=serving.origins,
                        webhooks=self._webhooks,
                    )
            except ValueError as error:
                raise HarnessError(str(error), blame=Blame.REQUEST) from error
            password = secrets.token_hex(PASSWORD_BYTES) if self._given is None else self._given
            target = replace(target, url=self._service.url, transport=None, password=password)
        return driver.call(self._with_user, target)

    def _with_user(self, target: CloudTarget) -> CloudTarget:
        """Make the user that the run logs in as. One that the state has may have changed its password since; then a token serves."""
        cloud, known = self.lab.cloud, self.lab.cloud.accounts.find(self._user)
        published = known is not None and password_fits(PASSWORD, known.password_hash)
        try:
            user = cloud.accounts.hand_out(self._user, target.password, anyway=published or self._serving.password is not None)
        except Invalid as error:
            raise HarnessError(f"{error.field}: {error.reason}", blame=Blame.REQUEST) from error
        if user.handed_out == user.password_hash and not user.mfa:
            return target
        client = cloud.tokens.client(*cloud.settings.known_clients[0])
        return replace(target, password="", token=cloud.tokens.issue_user(client, user, expires_at=None).token)

    @contextmanager
    def _open_usb_door(self) -> Iterator[dict[str, str]]:
        """Show the boards to other programs through umockdev."""
        driver = self.lab.driver
        assert isinstance(driver, ServedDriver)
        try:
            door = UmockdevDoor(driver, self.host.usb_host)
            door.start()
        except PreloadMissing as error:
            raise HarnessError(str(error), blame=Blame.RACK) from error
        try:
            yield door.environment()
        finally:
            door.stop()

    def _snapshot(self) -> object:
        return self.lab.snapshot(), dict(self.host.boards)

    def _restore(self, state: object) -> None:
        lab, boards = cast("tuple[dict[str, Any], dict[str, BoardInLab]]", state)
        self.lab.restore(lab)
        self.host.surroundings.forget()
        self.host.restart(boards)
        for board in self.rig.boards:
            board.brought_back()
        self.settle()


def _incident(entry: Entry) -> Incident:
    """What the harness sees of an entry of the cloud's log."""
    if isinstance(entry, DroppedMessage):
        return Incident("dropped", entry.peer, entry.device_id, f"a message was not understood: {entry.why}")
    if isinstance(entry, DisbelievedFact):
        return Incident("disbelieved", entry.peer, entry.device_id, f"its {entry.fact} was not taken over: {entry.why}")
    return Incident("refused", entry.peer, entry.device_id, entry.why)


_INCIDENTS = 1000
"""Incidents that wait for somebody who asks for them."""
_PORT_OPTIONS = {Listener.HTTP: "--http-port", Listener.DEVICES: "--device-port", Listener.UDP_DEVICES: "--device-udp-port"}


def _serving_lab(seed: int, serving: Serving) -> Lab:
    """A Lab for other programs, with the file that keeps its cloud's state.

    Raises:
        HarnessError: it is no state file, a damaged one, or one of a newer version, or cannot be written.
    """
    try:
        settings = CloudSettings.serving(rate_limits=RateLimits() if serving.rate_limits else None)
        storage = None if serving.state is None else Storage(serving.state)
        return Lab(seed=seed, served=True, storage=storage, cloud_settings=settings)
    except (StateFileError, NotKept) as error:
        raise HarnessError(f"the state file cannot be used: {error}", blame=Blame.REQUEST) from error


@contextmanager
def _listening() -> Iterator[None]:
    """Say it in one sentence when a port cannot be listened on.

    Raises:
        HarnessError: it cannot.
    """
    try:
        yield
    except CannotListen as error:
        option = _PORT_OPTIONS.get(error.listener)
        raise HarnessError(
            f"port {error.port} cannot be listened on for {error.listener.value}: {error.strerror}",
            blame=Blame.RACK,
            remedy="Serve fewer boards" if option is None else f"Choose another one with {option}; 0 takes any that is free",
        ) from error


@contextmanager
def _kept() -> Iterator[None]:
    """Say it in one sentence when the state file takes no more.

    Raises:
        HarnessError: it does not.
    """
    try:
        yield
    except NotKept as error:
        raise HarnessError(str(error), blame=Blame.RACK) from error


_LAB_MODES = {Mode.DFU: "dfu", Mode.SAFE: "safe", Mode.OFF: "off"}
"""How a Lab is told to start a board; every other mode is reached from `normal`."""


def _wait_until_up(board: Board) -> None:
    """Let time pass until a new board is in a mode in which boards like it come up; one with an active SIM may be online by then."""
    comes_up = (Mode.LISTENING, Mode.CONNECTING_NETWORK, Mode.CONNECTING_CLOUD, Mode.ONLINE)
    board.until(lambda: board.mode() in comes_up, timeout=30, awaited=" or ".join(map(str, comes_up)), seen=lambda: str(board.mode()))
