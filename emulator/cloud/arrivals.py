"""What happens when a device connects, describes itself, publishes, and leaves: the cloud as the device service sees it.

Whether a device may be online has nothing to do with whether it is claimed. A cellular device gets no further than the mobile network
when its SIM is not active, or its modem is banned there.
"""

from __future__ import annotations

from collections.abc import Callable

from emulator.cloud.claim_codes import ClaimCodes
from emulator.cloud.connections import Connections, Link
from emulator.cloud.core import Core
from emulator.cloud.device_log import DeviceLog, DisbelievedFact, Refusal, Visit
from emulator.cloud.devices import Devices, is_device_id
from emulator.cloud.events import Events
from emulator.cloud.factory import Factory
from emulator.cloud.records import Device
from emulator.cloud.sessions import DeviceSession, HelloFacts
from emulator.cloud.updates import Updates
from firmware_images.product import meant_version
from particle_protocol.describe import ApplicationDescribe, ModuleStore, SystemDescribe
from particle_protocol.functions import ModuleFunction
from particle_protocol.identifiers import IdentifierError, parse_iccid, parse_imei
from particle_protocol.key_kinds import KeyKind
from particle_protocol.vitals import Vitals

UNSET = 0xFFFF
CLAIM_CODE = "spark/device/claim/code"
SAFE_MODE = "spark/device/safemode"
IDENTITY = "spark/device/ident/0"
UPDATES_ENABLED = "particle/device/updates/enabled"
UPDATES_FORCED = "particle/device/updates/forced"
_FOR_THE_CLOUD = (CLAIM_CODE, SAFE_MODE, IDENTITY, "spark/hardware/", "spark/device/claim/")
"""Events that devices send to the cloud alone (Device OS 2.3.1, system_cloud_internal.cpp:1109-1225)."""
LONG_HELLO_SINCE = 3000
"""System module version of Device OS 3.0.0, whose Hello tells it (3.3.1, lightssl_protocol.h:70-80)."""
RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""When an event that the device had not subscribed to yet is offered again."""
_MAX_SHOWN_KEYS = 1000
"""Keys of unknown devices that are kept between their handshake and their Hello."""


class Arrivals:
    """The cloud's `DeviceListener`."""

    def __init__(
        self,
        core: Core,
        devices: Devices,
        connections: Connections,
        events: Events,
        claim_codes: ClaimCodes,
        updates: Updates,
        factory: Factory,
        log: DeviceLog,
    ) -> None:
        self._core = core
        self._devices = devices
        self._connections = connections
        self._events = events
        self._claim_codes = claim_codes
        self._updates = updates
        self._factory = factory
        self._log = log
        self.admit: Callable[[Device, str], str | None]
        """Why a device that comes from there may not connect (SIM, IMEI); None: it may."""
        self.place: Callable[[Device], Device]
        """Settles product membership and quarantine after Hello."""
        self.greet: Callable[[Device], None]
        """Takes note, after Hello, of the firmware that a member runs."""
        self._shown_keys: dict[str, bytes] = {}
        self.resume: Callable[[Device], None]
        """Called when a connected device allows or demands updates again."""
        self.settle: Callable[[Device], None]
        """Called once a device has described itself: heals it, or brings it its product's firmware."""
        self.ready: Callable[[Device], object]
        """Called once the functions of a device are known: brings it what waits for it."""
        self.vitals: Callable[[Device, Vitals], object]
        """Takes in the vitals of a device."""

    def public_key(self, device_id: str, kind: KeyKind) -> bytes | None:
        """See `DeviceListener`."""
        device = self._devices.by_id(device_id)
        return None if device is None else device.key_of(kind)

    def admits_key(self, key: bytes) -> bool:
        """See `DeviceListener`."""
        return self._core.settings.trust_first_key or self._devices.has_key(key)

    def learn_key(self, device_id: str, key: bytes) -> bool:
        """See `DeviceListener`. A key is learnt once, and only if the settings trust the first one.

        A device that nobody made is made when it says Hello, where the settings take such devices in; its key waits until then.
        """
        settings = self._core.settings
        device = self._known(device_id, None)
        if device is None and settings.trust_first_key and settings.register_unknown_devices and is_device_id(device_id):
            if len(self._shown_keys) >= _MAX_SHOWN_KEYS:
                self._shown_keys.clear()
            self._shown_keys[device_id] = key
            return True
        if device is None or not settings.trust_first_key:
            return False
        if device.public_key is None:
            self._devices.learn(device, public_key=key)
            return True
        return device.public_key == key

    def forget(self) -> None:
        """Forget the keys that devices have shown which nobody knows."""
        self._shown_keys.clear()

    def session_opened(self, session: DeviceSession) -> None:
        """See `DeviceListener`."""
        device = self._known(session.device_id, session.hello.platform_id)
        if device is None:
            self._turn_away(session, "nobody made a device of this id")
            return
        shown = self._shown_keys.pop(session.device_id, None)
        if shown is not None and device.public_key is None:
            device = self._devices.learn(device, public_key=shown)
        refusal = self.admit(device, session.peer)
        if refusal is not None:
            self._turn_away(session, refusal, reachable=False)
            return
        before = self._connections.link(device.id)
        if before is not None:
            before.session.close("replaced by a later connection of the same device")
            device = self._devices.table[device.id]
        self._connections.add(session)
        self._note(session, "connected")
        with self._core.change():
            device = self._hello(device, session)
            device = self.place(device)
            self.greet(device)
            code = self._claim_codes.waiting_for(device.iccid, device.imei)
            if code is not None:
                device = self._claim_codes.received(device, code) or device
        self._events.from_device(device, "spark/status", "online")

    def heard(self, session: DeviceSession) -> None:
        """See `DeviceListener`."""
        if self._connections.current(session) is not None:
            self._connections.heard(session.device_id)

    def session_closed(self, session: DeviceSession, reason: str) -> None:
        """See `DeviceListener`."""
        if not self._connections.remove(session):
            return
        self._note(session, f"disconnected: {reason}")
        self._updates.forget(session.device_id)
        device = self._devices.by_id(session.device_id)
        if device is not None:
            self._events.from_device(device, "spark/status", "offline")

    def _note(self, session: DeviceSession, what: str) -> None:
        self._log.visited(Visit(session.peer, session.device_id, self._core.clock.now, what))

    def described(self, session: DeviceSession, system: SystemDescribe | None, application: ApplicationDescribe | None) -> None:
        """See `DeviceListener`."""
        link = self._connections.current(session)
        device = self._devices.by_id(session.device_id)
        if link is None or device is None:
            return
        if application is not None:
            link.application = application
        if system is not None:
            link.system = system
            device = self._modules(device, system)
            device = self._identity(session, device, system.extra.get("iccid"), system.extra.get("imei"))
            if self._connections.current(session) is None:
                return
            self.settle(device)
        if application is not None:
            self.ready(device)

    def event_received(self, session: DeviceSession, name: str, data: str | None, *, public: bool, ttl: int) -> None:
        """See `DeviceListener`."""
        link = self._connections.current(session)
        device = self._devices.by_id(session.device_id)
        if link is None or device is None:
            return
        self._connections.published(device.id)
        if name == CLAIM_CODE and data:
            claimed = self._claim_codes.received(device, data)
            if claimed is not None:
                self.offer(session, self._core.settings.claim_event, claimed.id)
        elif name == SAFE_MODE:
            device = self._devices.learn(device, safe_mode=True)
            link.safe_starts += 1
            if link.safe_starts > 1 and link.system is not None:
                self.settle(device)  # it started anew in a session that goes on, and does not describe itself again
        elif name == IDENTITY and data:
            self._identity(session, device, data, None)
        elif name.startswith(_FOR_THE_CLOUD):
            return
        else:
            self._tell(link, device, name, data, public=public, ttl=ttl)

    def vitals_received(self, session: DeviceSession, vitals: Vitals) -> None:
        """See `DeviceListener`."""
        device = self._devices.by_id(session.device_id)
        if device is not None and self._connections.current(session) is not None:
            self.vitals(device, vitals)

    def failed(self, error: Exception) -> None:
        """See `DeviceListener`."""
        self._core.mishaps.note("reading a message of a device", error)

    def force(self, device: Device) -> None:
        """Tell a connected device whether its updates are forced; it says so itself, then."""
        link = self._connections.link(device.id)
        if link is not None:
            self.offer(link.session, UPDATES_FORCED, "true" if device.firmware_updates_forced else "false")

    def _turn_away(self, session: DeviceSession, why: str, *, reachable: bool = True) -> None:
        """End a connection that the cloud does not want, and note why. A device that its network lets in no longer cannot be told."""
        self._log.refused(Refusal(session.peer, session.device_id, self._core.clock.now, None, why))
        if reachable:
            session.close(why)
        else:
            session.gone(why)

    def _tell(self, link: Link, device: Device, name: str, data: str | None, *, public: bool, ttl: int) -> None:
        answer = self._asked(device, name)
        if answer is not None:
            self._events.deliver(device, name, answer)
            return
        if name in (UPDATES_ENABLED, UPDATES_FORCED):
            device = self._updates_told(link, device, name, told=data == "true")
        self._events.from_device(device, name, data, public=public, ttl=ttl)
        if name.startswith("particle/device/updates/"):
            self.resume(device)

    def _updates_told(self, link: Link, device: Device, name: str, *, told: bool) -> Device:
        """Whether updates are enabled is the device's to say; whether they are forced the cloud's, and the device only repeats it."""
        if name == UPDATES_ENABLED:
            link.held_back = link.held_back and not link.told_updates
            link.told_updates = True
            return self._devices.learn(device, firmware_updates_enabled=told)
        link.forced = told
        if told != device.firmware_updates_forced:
            self.force(device)
        return device

    def _asked(self, device: Device, name: str) -> str | None:
        """What a device asks about itself by publishing these names (the firmware reference's "Get name, public IP, random seed")."""
        if name == "particle/device/name":
            return device.name or ""
        if name == "particle/device/ip":
            return device.last_ip_address or ""
        if name == "particle/device/random":
            return self._core.names.token()
        return None

    def _known(self, device_id: str, platform_id: int | None) -> Device | None:
        device = self._devices.by_id(device_id)
        if device is None and platform_id is not None and self._core.settings.register_unknown_devices and is_device_id(device_id):
            device = self._factory.take_in(device_id, platform_id)
        return device

    def _hello(self, device: Device, session: DeviceSession) -> Device:
        hello, now = session.hello, self._core.now()
        return self._devices.learn(
            device,
            firmware_product_id=None if hello.product_id == UNSET else hello.product_id,
            firmware_version=meant_version(hello.product_id, hello.product_version, hello.platform_id),
            system_version=_system_version(device, session.hello),
            last_handshake_at=now,
            first_online_at=device.first_online_at or now,
            last_ip_address=session.peer.rpartition(":")[0] or None,
            safe_mode=False,
        )

    def _modules(self, device: Device, system: SystemDescribe) -> Device:
        """Take over what the list of modules tells: Device OS version, and the user part's hash."""
        main = [module for module in system.modules if module.store is ModuleStore.MAIN]
        versions = [module.version for module in main if module.function is ModuleFunction.SYSTEM_PART]
        user = next((module for module in main if module.function is ModuleFunction.USER_PART), None)
        app_hash = user.sha256.hex() if user is not None and user.sha256 else device.app_hash
        known = device.app_hash
        device = self._devices.learn(
            device,
            system_version=max(versions, default=device.system_version),
            app_hash=app_hash,
        )
        if app_hash is not None and app_hash != known:
            self._events.from_device(device, "spark/device/app-hash", app_hash.upper())
        return device

    def _identity(self, session: DeviceSession, device: Device, iccid: str | None, imei: str | None) -> Device:
        """The SIM can be another one than before, and another device's before; the modem stays. What is no such number is not taken over.

        What is news may be a claim code, or a SIM that may not be online.
        """
        known = device
        iccid = iccid and self._believed(session, "ICCID", iccid, parse_iccid)
        imei = imei and self._believed(session, "IMEI", imei, parse_imei)
        with self._core.change():
            if iccid and iccid != device.iccid:
                for other in self._devices.table.where(self._devices.by_iccid, iccid):
                    self._devices.learn(other, iccid=None, last_iccid=iccid)
                device = self._devices.learn(device, iccid=iccid, last_iccid=device.iccid)
            if imei and device.imei is None:
                device = self._devices.learn(device, imei=imei)
        if device is known:
            return device
        refusal = self.admit(device, session.peer)
        if refusal is not None:
            self._turn_away(session, refusal, reachable=False)
            return device
        code = self._claim_codes.waiting_for(device.iccid, device.imei)
        return device if code is None else self._claim_codes.received(device, code) or device

    def _believed(self, session: DeviceSession, fact: str, told: str, parse: Callable[[str], str]) -> str | None:
        """A number as it is written; None, and noted, if it is none."""
        try:
            return parse(told)
        except IdentifierError as error:
            self._log.disbelieve(DisbelievedFact(session.peer, session.device_id, self._core.clock.now, fact, told, str(error)))
            return None

    def offer(self, session: DeviceSession, name: str, data: str | None, attempt: int = 0) -> None:
        """Send an event to a device; again, later, as long as the device has not subscribed to it."""
        if self._connections.current(session) is None or session.publish(name, data) or attempt >= len(RETRY_SECONDS):
            return
        self._core.clock.call_later(RETRY_SECONDS[attempt], self.offer, session, name, data, attempt + 1)


def _system_version(device: Device, hello: HelloFacts) -> int | None:
    """What Hello says of Device OS. Its short form is that of 2.3.1 and earlier: what was known before may be too new then."""
    if hello.system_version is not None:
        return hello.system_version
    known = device.system_version
    return known if known is not None and known < LONG_HELLO_SINCE else None
