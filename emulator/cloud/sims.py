"""SIMs: who owns them, and whether the mobile network lets them in.

A SIM is found by its number (ICCID) or, if it is built into a device, by the device's serial number. Owning and activating a SIM has
nothing to do with claiming the device around it; adding that device to a product takes a built-in SIM along and activates it, a plastic
one not. A SIM that a team member owns moves into the product without leaving the network; one that its owner had deactivated before
is activated there, one that the product's team deactivated stays so until it is reactivated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from emulator.clock import Signal
from emulator.cloud.access import Principal
from emulator.cloud.connections import Connections
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices
from emulator.cloud.errors import Invalid, SimForeign, SimRefused, SimUnknown
from emulator.cloud.gate import Gate
from emulator.cloud.records import Device, Product
from emulator.cloud.sim_records import Deactivator, Sim, SimAction, SimStatus, network_delay
from particle_protocol.identifiers import IdentifierError, parse_iccid
from particle_protocol.skus import ActivationClass, SimForm

_TARGET = {
    SimAction.ACTIVATE: SimStatus.ACTIVE,
    SimAction.REACTIVATE: SimStatus.ACTIVE,
    SimAction.DEACTIVATE: SimStatus.DEACTIVATED,
    SimAction.RELEASE: SimStatus.DEACTIVATED,
}


class Sims:
    """All SIMs that were ever made for us."""

    def __init__(self, core: Core, gate: Gate, devices: Devices, connections: Connections) -> None:
        self._core = core
        self._gate = gate
        self._devices = devices
        self._connections = connections
        self._sims = core.state.table("sims", Sim, lambda sim: sim.iccid)
        self._by_user = self._sims.index(lambda sim: sim.user_id)
        self._by_product = self._sims.index(lambda sim: sim.product_id)
        self._asked: dict[str, float] = {}
        self.other_networks: set[str] = set()
        """Addresses of networks that ask for no SIM, by which boards with a modem can come as well."""
        self.changed = Signal()
        """Fired when the mobile network may let a SIM in that it did not before, or the other way round."""
        self.import_device: Callable[[Product, Device], Device | None]
        """Has the device around an imported SIM join the product; None if it may not. The members' room does it."""
        self.refresh_device: Callable[[Device], None]
        """Called when what a connected device should run may have changed."""
        self.resume()

    def resume(self) -> None:
        """Go on with what is in progress: the state was opened, or brought back."""
        self._asked.clear()
        for sim in self._sims:
            self._arm(sim)

    def make(self, iccid: str, form: SimForm = SimForm.EMBEDDED, activation: ActivationClass = ActivationClass.FAST) -> Sim:
        """Make a SIM known, as its factory does: nobody has activated it.

        Raises:
            Invalid: not 19 to 21 digits that begin with 89, or taken.
        """
        try:
            iccid = parse_iccid(iccid)
        except IdentifierError as error:
            raise Invalid("iccid", iccid, str(error)) from None
        if iccid in self._sims:
            raise Invalid("iccid", iccid, "there is one")
        with self._core.change():
            return self._sims.put(Sim(iccid, form, activation, updated_at=self._core.now()))

    def set_up(self, iccid: str, status: SimStatus, user_id: str | None = None) -> Sim:
        """Have a SIM be in a state, and a user's, without asking anybody or waiting for the network: how a lab finds it.

        Raises:
            SimUnknown: there is none of this number.
        """
        before, now, never = self._find(iccid), self._core.now(), status is SimStatus.NEVER_ACTIVATED
        with self._core.change():
            sim = self._sims.put(
                replace(
                    before,
                    status=status,
                    user_id=user_id,
                    product_id=None if user_id is not None or never else before.product_id,
                    pending=None,
                    due_at=None,
                    activations_count=0 if never else max(1, before.activations_count),
                    first_activated_on=None if never else before.first_activated_on or now,
                    last_activated_on=now if status is SimStatus.ACTIVE else None if never else before.last_activated_on or now,
                    deactivated_on=None if never or status is SimStatus.ACTIVE else now,
                    deactivated_by=Deactivator.OWNER if status is SimStatus.DEACTIVATED else None,
                    updated_at=now,
                )
            )
        if not sim.active:
            self._drop(sim.iccid)
        self.changed.fire()
        return sim

    def by_iccid(self, iccid: str | None) -> Sim | None:
        """The SIM of a number, or None."""
        return self._sims.get(iccid)

    def list(self, who: Principal, product: str | int | None = None) -> Sequence[Sim]:
        """The caller's SIMs, or a product's, by number.

        Raises:
            PermissionDenied, ScopeRefused: not for this caller.
        """
        if product is not None:
            found = self._sims.where(self._by_product, self._gate.product(who, product, "sims:list").id)
        else:
            found = self._sims.where(self._by_user, self._gate.developer_only(who, "sims:list"))
        return sorted(found, key=lambda sim: sim.iccid)

    def of_product(self, product: Product) -> Sequence[Sim]:
        """The SIMs of a product, whoever asks."""
        return self._sims.where(self._by_product, product.id)

    def get(self, who: Principal, iccid: str, product: str | int | None = None, *, scope: str = "sims:get") -> Sim:
        """One SIM of the caller, or of a product.

        Raises:
            SimUnknown, SimForeign, PermissionDenied, ScopeRefused: as named.
        """
        if product is not None:
            record = self._gate.product(who, product, scope)
            sim = self._find(iccid)
            if sim.product_id != record.id:
                raise SimUnknown(iccid)
            return sim
        user_id = self._gate.developer_only(who, scope)
        sim = self._find(iccid)
        if sim.user_id == user_id:
            return sim
        home = self._gate.find_product(sim.product_id)
        if home is None or not self._gate.may(who, home, scope):
            raise SimForeign(sim.iccid)
        return sim

    def refusal(self, iccid: str) -> str | None:
        """Why the mobile network does not let a SIM in; None: it does. SIMs of other makers are not ours to judge."""
        sim = self._sims.get(iccid)
        return None if sim is None or sim.active else f"SIM {sim.iccid} is not active"

    def ban(self, imei: str) -> str | None:
        """Why the mobile network does not let a modem in, whatever SIM is in it; None: it does."""
        banned = any(device.imei_banned for device in self._devices.table.where(self._devices.by_imei, imei))
        return f"the modem's IMEI {imei} is banned" if banned else None

    def modem_changed(self, device: Device) -> None:
        """The mobile network has banned the modem of a device, or lets it in again."""
        link = self._connections.link(device.id)
        if device.imei_banned and link is not None:
            link.session.gone(f"the modem's IMEI {device.imei} is banned")
        self.changed.fire()

    def network_status(self, who: Principal, iccid: str, product: str | int | None = None) -> tuple[Sim, bool]:
        """A SIM, and whether the mobile network has told by now how it sees it. The first who asks has the network asked.

        Raises:
            SimUnknown, SimForeign, PermissionDenied, ScopeRefused: as named.
        """
        sim = self.get(who, iccid, product, scope="sims.status:get")
        settings, now = self._core.settings, self._core.now()
        asked = self._asked.get(sim.iccid)
        if asked is None or now >= asked + settings.sim_status_delay + settings.sim_status_lifetime:
            asked = self._asked[sim.iccid] = now
        return sim, sim.pending is None and now >= asked + settings.sim_status_delay

    def check(self, who: Principal, iccid: str) -> Sim:
        """A SIM that the caller owns, or could activate because nobody does.

        Raises:
            SimUnknown, SimForeign, PermissionDenied, ScopeRefused: as named.
        """
        self._gate.developer_only(who, "sims:get")
        sim = self._find(iccid)
        return sim if not sim.owned else self.get(who, sim.iccid)

    def activate(self, who: Principal, identifier: str, *, country: str | None = None, mb_limit: int | None = None) -> Sim:
        """Make a SIM the caller's and have it activated; by its number, or (built in) by its device's serial number.

        Raises:
            SimUnknown: no such SIM or serial number.
            SimForeign: somebody else's.
            SimRefused: plastic, but named by a serial number; active; or busy.
        """
        user_id = self._gate.developer_only(who, "sims:update")
        sim = self._resolve(identifier)
        if sim.owned and sim.user_id != user_id:
            raise SimForeign(sim.iccid)
        action = SimAction.REACTIVATE if sim.status is SimStatus.DEACTIVATED and sim.user_id == user_id else SimAction.ACTIVATE
        self._check_idle(sim)
        if sim.active:
            raise SimRefused(sim.iccid, "is active already")
        with self._core.change():
            sim = replace(
                sim,
                user_id=user_id,
                base_country_code=country or sim.base_country_code,
                mb_limit=sim.mb_limit if mb_limit is None else mb_limit,
                last_activated_via="sandbox",
            )
            return self._order(sim, action)

    def reactivate(self, who: Principal, iccid: str, *, product: str | int | None = None, mb_limit: int | None = None) -> Sim:
        """Have a deactivated SIM activated again.

        Raises:
            SimUnknown, SimForeign, SimRefused, PermissionDenied, ScopeRefused: as named.
        """
        sim = self.get(who, iccid, product, scope="sims:update")
        if sim.status in (SimStatus.ACTIVE, SimStatus.NEVER_ACTIVATED):
            raise SimRefused(sim.iccid, "is not inactive")
        self._check_idle(sim)
        return self._order(replace(sim, mb_limit=sim.mb_limit if mb_limit is None else mb_limit), SimAction.REACTIVATE)

    def deactivate(self, who: Principal, iccid: str, *, product: str | int | None = None) -> Sim:
        """Have an active SIM deactivated; it stays whose it is, and remembers who asked for it.

        Raises:
            SimUnknown, SimForeign, SimRefused, PermissionDenied, ScopeRefused: as named.
        """
        sim = self.get(who, iccid, product, scope="sims:update")
        if not sim.active:
            raise SimRefused(sim.iccid, "is not active")
        self._check_idle(sim)
        by = Deactivator.OWNER if sim.product_id is None else Deactivator.TEAM
        return self._order(sim, SimAction.DEACTIVATE, by)

    def limit(self, who: Principal, iccid: str, mb_limit: int, *, product: str | int | None = None) -> Sim:
        """Limit the data a SIM may use in a month.

        Raises:
            SimUnknown, SimForeign, PermissionDenied, ScopeRefused: as named.
        """
        sim = self.get(who, iccid, product, scope="sims:update")
        with self._core.change():
            return self._sims.put(replace(sim, mb_limit=mb_limit, updated_at=self._core.now()))

    def release(self, who: Principal, iccid: str, *, product: str | int | None = None) -> Sim:
        """Give a SIM up: it is deactivated, and anybody may activate it then.

        Raises:
            SimUnknown, SimForeign, SimRefused, PermissionDenied, ScopeRefused: as named.
        """
        sim = self.get(who, iccid, product, scope="sims:remove")
        self._check_idle(sim)
        return self._give_up(sim)

    def release_all(self, user_id: str) -> None:
        """Give up the SIMs of somebody who is about to go. Whatever the network was asked to do with them, it is asked for this instead."""
        with self._core.change():
            for sim in self._sims.where(self._by_user, user_id):
                self._give_up(sim)

    def import_sims(self, who: Principal, product: str | int, iccids: Iterable[str]) -> Sequence[Sim]:
        """Take SIMs into a product and have them activated: those of nobody, and those of team members (which stay online).

        What the product's team deactivated, or the operator stopped, stays as it is: see `Sim.stays_inactive`.

        Raises:
            SimUnknown, SimForeign: some of them. The error names all of its kind; none is imported.
            PermissionDenied, ScopeRefused: not for this caller.
        """
        record = self._gate.product(who, product, "sims:import")
        sims = self._all_importable(record, iccids)
        with self._core.change():
            imported = [self._move(sim, record) for sim in sims]
            devices = [device for sim in imported if (device := self.device_of(sim.iccid)) is not None]
            joined = [member for device in devices if (member := self.import_device(record, device)) is not None]
        for device in joined:
            self.refresh_device(device)
        return imported

    def bring(self, device: Device, product: Product) -> None:
        """A device joined a product: its built-in SIM comes along, unless it is somebody else's."""
        sim = self._sims.get(device.iccid)
        if sim is not None and sim.form is SimForm.EMBEDDED and self._may_move(sim, product):
            self._move(sim, product)

    def device_of(self, iccid: str) -> Device | None:
        """The device that a SIM was last seen in."""
        return self._devices.table.first(self._devices.by_iccid, iccid)

    def obstacle(self, device: Device, peer: str) -> str | None:
        """Why the mobile network does not let a device in; None: it does, or the device comes from there by another network."""
        if self._by_other_network(peer):
            return None
        if device.imei_banned:
            return "the modem's IMEI is banned from the network"
        return None if device.iccid is None else self.refusal(device.iccid)

    def settle(self, iccid: str, due_at: float | None) -> None:
        """The network is done with what it was asked to.

        A SIM that a product took in while it was being released, or deactivated for its owner, is activated then.
        """
        sim = self._sims.get(iccid)
        if sim is None or sim.pending is None or sim.due_at != due_at:
            return
        status = _TARGET[sim.pending]
        now = self._core.now()
        activated = status is SimStatus.ACTIVE
        taken_in = sim.product_id is not None and (sim.pending is SimAction.RELEASE or sim.deactivated_by is Deactivator.OWNER)
        with self._core.change():
            sim = self._sims.put(
                replace(
                    sim,
                    status=status,
                    pending=None,
                    due_at=None,
                    updated_at=now,
                    activations_count=sim.activations_count + activated,
                    deactivations_count=sim.deactivations_count + (not activated),
                    first_activated_on=sim.first_activated_on or (now if activated else None),
                    last_activated_on=now if activated else sim.last_activated_on,
                    deactivated_on=None if activated else now,
                ),
            )
            if taken_in:
                self._order(replace(sim, last_activated_via="product"), SimAction.ACTIVATE)
        if not activated:
            self._drop(iccid)
        self.changed.fire()

    def suspend(self, iccid: str, status: SimStatus) -> Sim:
        """The operator stops a SIM: its data limit is reached, or the bill was not paid."""
        with self._core.change():
            now = self._core.now()
            sim = self._sims.put(replace(self._find(iccid), status=status, deactivated_on=now, deactivated_by=None, updated_at=now))
        self._drop(iccid)
        self.changed.fire()
        return sim

    def _find(self, iccid: str) -> Sim:
        sim = self._sims.get(iccid.strip())
        if sim is None:
            raise SimUnknown(iccid)
        return sim

    def _all_importable(self, product: Product, iccids: Iterable[str]) -> Sequence[Sim]:
        """The SIMs of these numbers, each once, if a product may take in all of them.

        Raises:
            SimUnknown, SimForeign: as `import_sims` says.
        """
        given = {each: _iccid(each) for each in iccids}
        unknown = [f"{each} (no ICCID)" if iccid is None else iccid for each, iccid in given.items() if iccid not in self._sims]
        if unknown:
            raise SimUnknown(_some(unknown))
        sims = [self._sims[iccid] for iccid in dict.fromkeys(iccid for iccid in given.values() if iccid is not None)]
        foreign = [sim.iccid for sim in sims if not self._may_move(sim, product)]
        if foreign:
            raise SimForeign(_some(foreign))
        return sims

    def _resolve(self, identifier: str) -> Sim:
        sim = self._sims.get(identifier.strip())
        if sim is not None:
            return sim
        device = self._devices.table.first(self._devices.by_serial, identifier.strip().upper())
        sim = None if device is None else self._sims.get(device.iccid)
        if sim is None:
            raise SimUnknown(identifier)
        if sim.form is SimForm.PLASTIC:
            raise SimRefused(sim.iccid, "is a plastic SIM; activate it by its ICCID")
        return sim

    def _may_move(self, sim: Sim, product: Product) -> bool:
        if sim.product_id is not None:
            return sim.product_id == product.id
        return sim.user_id is None or self._gate.in_team(sim.user_id, product)

    def _move(self, sim: Sim, product: Product) -> Sim:
        wanted = not sim.owned or sim.status is SimStatus.NEVER_ACTIVATED or sim.deactivated_by is Deactivator.OWNER
        sim = replace(sim, user_id=None, product_id=product.id, updated_at=self._core.now())
        if wanted and sim.pending is None:
            return self._order(replace(sim, last_activated_via="product"), SimAction.ACTIVATE)
        with self._core.change():
            return self._sims.put(sim)

    def _give_up(self, sim: Sim) -> Sim:
        sim = replace(sim, user_id=None, product_id=None, deactivated_by=None)
        if sim.active or sim.pending is not None:
            return self._order(sim, SimAction.RELEASE)
        with self._core.change():
            return self._sims.put(replace(sim, updated_at=self._core.now(), last_status_change_action=SimAction.RELEASE))

    def _check_idle(self, sim: Sim) -> None:
        if sim.pending is not None:
            raise SimRefused(sim.iccid, f"{sim.pending.value} is in progress")

    def _order(self, sim: Sim, action: SimAction, by: Deactivator | None = None) -> Sim:
        """Ask the network; it takes its time. `by`: whom to remember as who had the SIM deactivated."""
        now = self._core.now()
        due_at = now + network_delay(sim, action, self._core.rng, self._core.settings)
        sim = replace(sim, pending=action, due_at=due_at, deactivated_by=by, last_status_change_action=action, updated_at=now)
        with self._core.change():
            self._sims.put(sim)
        self._arm(sim)
        return sim

    def _arm(self, sim: Sim) -> None:
        if sim.due_at is not None:
            self._core.clock.call_later(max(0.0, sim.due_at - self._core.now()), self.settle, sim.iccid, sim.due_at)

    def _drop(self, iccid: str) -> None:
        device = self.device_of(iccid)
        link = None if device is None else self._connections.link(device.id)
        if link is not None and not self._by_other_network(link.session.peer):
            link.session.gone(f"SIM {iccid} is not active any more")

    def _by_other_network(self, peer: str) -> bool:
        return peer.rpartition(":")[0] in self.other_networks


_NAMED = 10
"""How many numbers a refusal names at most."""


def _some(numbers: Sequence[str]) -> str:
    """Numbers for a sentence: all, or the first ones and how many more there are."""
    more = f" and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else ""
    return ", ".join(numbers[:_NAMED]) + more


def _iccid(text: str) -> str | None:
    try:
        return parse_iccid(text)
    except IdentifierError:
        return None
