"""What a lab file says of the cloud and the networks, made in a Lab: accounts, organizations, products, SIMs, devices, customers.

What is there already is left as it is: a state file may have it, changed by whoever used it since. Only what has changed in the lab file
since it was last read is changed in the Lab too. The file takes nothing away but networks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from emulator.cloud.access import Kind, Principal
from emulator.cloud.errors import CloudError, DeviceLimitReached, Invalid
from emulator.cloud.records import Owner, OwnerKind, Plan, Product, User
from emulator.cloud.sim_records import SimStatus
from emulator.factory import user_part
from emulator.hardware import emulated_platforms, hardware_of
from emulator.lab import Lab
from emulator.network.access_points import AccessPoint
from harness.boards import Moniker
from harness.errors import HarnessError, hides
from harness.lab.applications import registered_name
from harness.rack.lab_errors import LabFileWrong, Place, Problem
from harness.rack.lab_file import (
    LabCustomer,
    LabFile,
    LabFirmware,
    LabMember,
    LabOrganization,
    LabProduct,
    LabSim,
    LabWifi,
    Listed,
)
from harness.rack.lab_schema import SIM_STATES
from particle_protocol.platforms import platform_by_name
from particle_protocol.skus import SimForm

__tracebackhide__ = hides

T = TypeVar("T")

USER = "tester@example.com"
"""Who the run logs in as where no lab file says it."""


class Furnishing:
    """Makes in a Lab what lab files say, one after the other; `user` is the run's own, who owns what nobody else does."""

    def __init__(self, lab: Lab, user: str) -> None:
        self._lab = lab
        self._cloud = lab.cloud
        self._user = user
        self._file: LabFile
        self._before: LabFile | None = None
        self._problems: list[Problem] = []

    def begin(self, file: LabFile) -> list[Problem]:
        """Make what boards find when they are made. Gives what could not be made, and why."""
        self._file = file
        return self._lab.driver.call(self._collect, self._begin)

    def finish(self, boards: Mapping[str, str]) -> list[Problem]:
        """Make what is about devices, those of the file's boards (device ids by name) among them. Gives what could not be made, and why."""
        problems = self._lab.driver.call(self._collect, lambda: self._finish(boards))
        self._before = self._file
        return problems

    def _collect(self, make: Callable[[], None]) -> list[Problem]:
        self._problems = []
        make()
        return self._problems

    def _begin(self) -> None:
        self._networks()
        for account in self._file.accounts:
            with self._at(account.place):
                if account.user == self._user:
                    continue  # made when the cloud was opened
                password = self._cloud.core.names.token() if account.password is None else account.password.reveal()
                if account.password is not None or self._cloud.accounts.find(account.user) is None:
                    self._cloud.accounts.hand_out(account.user, password)
        for organization in self._file.organizations:
            with self._at(organization.place):
                self._organization(organization)
        for product in self._file.products:
            with self._at(product.place):
                self._product(product)
        for sim in self._file.sims:
            with self._at(sim.place):
                self._sim(sim)

    def _finish(self, boards: Mapping[str, str]) -> None:
        for device in self._file.devices:
            with self._at(device.place):
                if self._cloud.devices.by_id(device.id) is None:
                    made = self._cloud.factory.manufacture(
                        device.id,
                        None if device.platform is None else platform_by_name(device.platform).id,
                        serial_number=device.serial_number,
                        mobile_secret=device.mobile_secret,
                        iccid=device.iccid,
                        imei=device.imei,
                        sku=device.sku,
                        name=device.name,
                    )
                    if device.owner is not None:
                        self._cloud.claims.give(made, Owner(OwnerKind.USER, self._account(device.owner).id))
        for product in self._file.products:
            self._members_of(product, boards)
        for customer in self._file.customers:
            with self._at(customer.place):
                self._customer(customer, boards)

    @contextmanager
    def _at(self, place: Place) -> Iterator[None]:
        """Note what cannot be made, and go on."""
        try:
            yield
        except LabFileWrong as error:
            self._problems += error.problems
        except DeviceLimitReached as error:
            remedy = 'Leave some out, or lift the limit: plan = "growth" in the product'
            self._problems.append(Problem(place, f"too many devices: {error}", remedy))
        except HarnessError as error:
            self._problems.append(Problem(place, error.what, error.remedy))
        except (CloudError, ValueError, LookupError, OSError) as error:
            reason = f"{error.field} {error.reason}" if isinstance(error, Invalid) else str(error)
            self._problems.append(Problem(place, reason))

    def _has_changed(self, thing: T, key: Callable[[T], object], before: Callable[[LabFile], Iterable[T]]) -> bool:
        """Whether the file said something else of a thing when it was last read."""
        if self._before is None:
            return False
        return any(key(each) == key(thing) and each != thing for each in before(self._before))

    def _account(self, name: str | None) -> User:
        account = None if name is None else self._file.account(name)
        username = self._user if account is None else account.user
        user = self._cloud.accounts.find(username)
        if user is None:
            raise ValueError(f"the account {username} could not be made")
        return user

    def _who(self, name: str | None) -> Principal:
        user = self._account(name)
        return Principal(Kind.USER, user.id, user.username)

    def _networks(self) -> None:
        network = self._lab.network
        known = {point.ssid: point for point in network.access_points}
        for wifi in self._file.wifi:
            with self._at(wifi.place):
                facts = _facts(wifi)
                point = known.get(wifi.ssid)
                if point is not None and any(getattr(point, name) != value for name, value in facts.items()):
                    _take_away(network.access_points, point)
                    point = None
                if point is None:
                    network.access_point(**facts)
        if self._before is not None:
            for ssid in {each.ssid for each in self._before.wifi} - {each.ssid for each in self._file.wifi}:
                _take_away(network.access_points, known[ssid])

    def _organization(self, said: LabOrganization) -> None:
        registry = self._cloud.registry
        organization = registry.organization(said.slug)
        new = organization is None
        if organization is None:
            owner = self._account(said.owner)
            organization = self._cloud.products.create_organization(owner, said.name, Plan(said.plan), slug=said.slug)
        elif changed := self._has_changed(said, lambda each: each.slug, lambda file: file.organizations):
            with self._cloud.core.change():
                registry.organizations.put(replace(organization, name=said.name, plan=Plan(said.plan)))
            new = changed
        if new:
            self._invite(said.members, self._who(said.owner), organization=said.slug)

    def _invite(self, members: Sequence[LabMember], who: Principal, **team: str) -> None:
        for member in members:
            self._cloud.teams.invite(who, member.user, member.role, **team)

    def _owner_of(self, said: LabProduct) -> Principal:
        """Who may do everything in a product: its owner, or that of its organization."""
        product = self._cloud.registry.product(said.slug)
        owner = None if product is None else self._cloud.accounts.by_id(product.owner_id)
        if owner is not None:
            return Principal(Kind.USER, owner.id, owner.username)
        organization = next((each for each in self._file.organizations if each.slug == said.organization), None)
        return self._who(said.owner if organization is None else organization.owner)

    def _product(self, said: LabProduct) -> None:
        cloud, who = self._cloud, self._owner_of(said)
        product = cloud.registry.product(said.slug)
        new = product is None
        if product is None:
            product = cloud.products.create(
                who,
                said.name,
                platform_by_name(said.platform).id,
                description=said.description,
                organization=said.organization,
                quarantine=said.quarantine,
                product_id=said.id,
                plan=None if said.plan is None else Plan(said.plan),
                slug=said.slug,
            )
        self._check_product(said, product)
        if not new and self._has_changed(said, lambda each: each.slug, lambda file: file.products):
            new = True
            product = cloud.products.update(who, said.slug, name=said.name, description=said.description, quarantine=said.quarantine)
            with cloud.core.change():
                cloud.registry.products.put(replace(product, plan=product.plan if said.plan is None else Plan(said.plan)))
        if new:
            cloud.groups.ensure(product, said.groups)
            self._invite(said.members, who, product=said.slug)
        for firmware in said.firmware:
            with self._at(firmware.place):
                self._firmware(firmware, product, who)

    def _check_product(self, said: LabProduct, product: Product) -> None:
        """Refuse what cannot be changed any more."""
        platform = platform_by_name(said.platform).id
        if product.platform_id != platform:
            raise ValueError(f"there is a product {said.slug} of platform {product.platform_id} already, not {platform}; take another slug")
        if said.id is not None and product.id != said.id:
            raise ValueError(f"there is a product {said.slug} with the id {product.id} already, not {said.id}; take another slug")

    def _firmware(self, said: LabFirmware, product: Product, who: Principal) -> None:
        releases = self._cloud.releases
        if said.file is not None:
            image = said.file.read_bytes()
        else:
            platform = platform_by_name(next(each.platform for each in self._file.products if each.slug == product.slug))
            os = hardware_of(platform.name).device_os
            image = user_part(platform, os, registered_name(said.application or ""), (product.id, said.version))
        if releases.exists(product, said.version):
            if self._before is None or releases.binary(who, product.slug, said.version) == image:
                return
            releases.delete(who, product.slug, said.version)
        file_name = f"{product.slug}-{said.version}.bin" if said.file is None else said.file.name
        releases.upload(who, product.slug, said.version, image, title=said.title, file_name=file_name)

    def _sim(self, said: LabSim) -> None:
        sims = self._cloud.sims
        new = sims.by_iccid(said.iccid) is None
        if new:
            sims.make(said.iccid, self._form(said))
        if (new and said.state != "inactive") or (not new and self._has_changed(said, lambda each: each.iccid, lambda file: file.sims)):
            owner = None if said.state == "inactive" else self._account(said.owner).id
            sims.set_up(said.iccid, SimStatus(SIM_STATES[said.state]), owner)

    def _form(self, said: LabSim) -> SimForm:
        """How a SIM sits: as the file says, or as its board has it."""
        if said.form is not None:
            return SimForm(said.form.upper())
        board = next((each for each in self._file.boards if each.sim == said.iccid and each.kind == "emu"), None)
        name = "" if board is None else Moniker.parse(board.moniker).name
        hardware = hardware_of(name) if name in emulated_platforms() else None
        return SimForm.EMBEDDED if hardware is None or hardware.sim is None else hardware.sim

    def _members_of(self, said: LabProduct, boards: Mapping[str, str]) -> None:
        """Add the devices of a product's list to it: those that are new, to the cloud or to the list, and all to a product that is new."""
        cloud = self._cloud
        product = cloud.registry.product(said.slug)
        if product is None:
            return
        fresh = not cloud.devices.by_product.count(product.id)
        last = None if self._before is None else next((each for each in self._before.products if each.slug == said.slug), None)
        entries: dict[str, Listed] = {}
        for listed in said.devices:
            with self._at(listed.place):
                device_id = self._device_of(listed, boards)
                if device_id is None:
                    continue
                known = cloud.devices.by_id(device_id)
                if known is None:
                    cloud.factory.manufacture(device_id, product.platform_id)
                if known is None or fresh or (self._before is not None and (last is None or listed not in last.devices)):
                    entries[device_id] = listed
        with self._at(said.place):
            self._add(product, self._owner_of(said), entries)

    def _add(self, product: Product, who: Principal, entries: Mapping[str, Listed]) -> None:
        imported = self._cloud.members.add(who, product.slug, entries)
        for device_id in imported.invalid:
            device = self._cloud.devices.by_id(device_id)
            why = "of another platform" if device is None or device.platform_id != product.platform_id else "in another product"
            self._refuse(entries[device_id], why, f"Take it off the list of {product.slug}")
        for device_id in (*imported.nonmember, *imported.protected):
            self._refuse(entries[device_id], "owned by somebody who is not in the team", "Add its owner to the members")

    def _refuse(self, listed: Listed, why: str, remedy: str) -> None:
        self._problems.append(Problem(listed.place, f"{listed.board or listed.device_id} is {why}", remedy))

    def _device_of(self, listed: Listed, boards: Mapping[str, str]) -> str | None:
        """The device id of an entry of a list. None: a board that is not in this Lab, and whose moniker does not say it either."""
        if not listed.board:
            return listed.device_id
        if listed.board in boards:
            return boards[listed.board]
        board = self._file.board(listed.board)
        moniker = None if board is None else Moniker.parse(board.moniker)
        return moniker.name.lower() if moniker is not None and moniker.kind == "usb" and "-" not in moniker.name else None

    def _customer(self, said: LabCustomer, boards: Mapping[str, str]) -> None:
        cloud = self._cloud
        product = cloud.registry.product(said.product)
        if product is None:
            raise ValueError(f"the product {said.product} could not be made")
        if cloud.customers.named(product, said.user) is not None:
            return
        customer = cloud.customers.sign_up(product, said.user, None if said.password is None else said.password.reveal())
        for listed in said.devices:
            with self._at(listed.place):
                device_id = self._device_of(listed, boards)
                if device_id is None:
                    continue
                device = cloud.devices.by_id(device_id)
                if device is None or device.product_id != product.id:
                    raise ValueError(f"a customer's device has to be in the product {said.product}: add it to its devices")
                cloud.claims.give(device, Owner(OwnerKind.CUSTOMER, customer.id))


def _take_away(points: list[AccessPoint], point: AccessPoint) -> None:
    point.switch_off()
    points.remove(point)


def run_user(file: LabFile | None) -> tuple[str, str | None]:
    """Who the run logs in as: the first account of its lab file, with its password, if it has one.

    Raises:
        LabFileWrong: the password is in no variable of the environment.
    """
    account = None if file is None else file.account(None)
    if account is None:
        return USER, None
    return account.user, None if account.password is None else account.password.reveal()


def _facts(wifi: LabWifi) -> dict[str, Any]:
    """What the file says of an access point, as its fields."""
    said = {"ssid": wifi.ssid, "password": wifi.revealed(), "security": wifi.security}
    return {**said, "hidden": wifi.hidden, "rssi": wifi.signal, "channel": wifi.channel}
