"""Transfers: asking the owner of a device to hand it over.

The owner gets a mail with two links, one to accept and one to decline. Ownership moves when the owner accepts, not before.
A request that is repeated is the same request. What the public sources leave open: the owner who accepts does so through the link's
token, or signed in; requests do not expire; any other change of the owner ends them, as does the end of whoever asks. A customer can
ask for devices of its product only, and asks no more when the device leaves it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator.cloud.access import Principal
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices, owner_of
from emulator.cloud.errors import TransferUnknown
from emulator.cloud.mail import Outbox
from emulator.cloud.records import Device, Owner, OwnerKind


@dataclass(frozen=True, slots=True)
class Transfer:
    """Somebody asks for somebody's device."""

    id: str
    device_id: str
    owner: Owner
    requester: Owner
    answer_token: str
    requested_at: float


class Transfers:
    """The requests that wait for an answer."""

    def __init__(self, core: Core, devices: Devices, mail: Outbox, username_of: Callable[[Owner], str]) -> None:
        self._core = core
        self._devices = devices
        self._mail = mail
        self._username_of = username_of
        self._open = core.state.table("transfers", Transfer, lambda transfer: transfer.id)
        self._by_device = self._open.index(lambda transfer: transfer.device_id)
        self._by_answer = self._open.index(lambda transfer: transfer.answer_token)
        self._by_requester = self._open.index(lambda transfer: transfer.requester)
        self.give: Callable[[Device, Owner], Device]
        """How an owner is set; the claims' room says so."""

    def request(self, device: Device, requester: Owner, username: str) -> Transfer:
        """Ask for a device of somebody else; the owner is mailed, once."""
        for transfer in self._open.where(self._by_device, device.id):
            if transfer.requester == requester:
                return transfer
        if device.owner is None:
            raise ValueError(f"device {device.id} has no owner to ask")
        with self._core.change():
            names = self._core.names
            transfer = self._open.put(
                Transfer(names.object_id(), device.id, device.owner, requester, names.token(), self._core.now()),
            )
            facts = {"transfer_id": transfer.id, "device_id": device.id, "requester": username, "token": transfer.answer_token}
            self._mail.send(self._username_of(device.owner), "transfer-requested", facts)
        return transfer

    def accept(self, who: Principal, transfer_id: str) -> Device:
        """The owner, signed in, hands the device over.

        Raises:
            TransferUnknown: no such request, or not of a device of the caller.
            DeviceLimitReached: the requester's plan is full.
        """
        return self._accept(self._own(who, transfer_id))

    def decline(self, who: Principal, transfer_id: str) -> None:
        """The owner, signed in, keeps the device; the requester is mailed.

        Raises:
            TransferUnknown: no such request, or not of a device of the caller.
        """
        self._decline(self._own(who, transfer_id))

    def answer(self, token: str, *, accept: bool) -> Device:
        """The owner follows a link of the mail.

        Raises:
            TransferUnknown: the link is wrong, or was answered before.
            DeviceLimitReached: the requester's plan is full.
        """
        transfer = self._open.first(self._by_answer, token)
        if transfer is None:
            raise TransferUnknown(token)
        if accept:
            return self._accept(transfer)
        self._decline(transfer)
        return self._devices.table[transfer.device_id]

    def forget(self, device_id: str, kind: OwnerKind | None = None) -> None:
        """The owner of a device changes: whoever asked the old one asks no more. With `kind`, only whoever is such."""
        with self._core.change():
            for transfer in self.of(device_id):
                if kind in (None, transfer.requester.kind):
                    self._open.remove(transfer.id)

    def withdraw(self, requester: Owner) -> None:
        """Somebody, who is about to go, asks for nothing any more."""
        with self._core.change():
            for key in self._by_requester.keys(requester):
                self._open.remove(key)

    def of(self, device_id: str) -> list[Transfer]:
        """The open requests for a device."""
        return self._open.where(self._by_device, device_id)

    def _own(self, who: Principal, transfer_id: str) -> Transfer:
        transfer = self._open.get(transfer_id)
        if transfer is None or transfer.owner != owner_of(who):
            raise TransferUnknown(transfer_id)
        return transfer

    def _accept(self, transfer: Transfer) -> Device:
        with self._core.change():
            device = self.give(self._devices.table[transfer.device_id], transfer.requester)
            facts = {"transfer_id": transfer.id, "device_id": device.id}
            self._mail.send(self._username_of(transfer.requester), "transfer-accepted", facts)
        return device

    def _decline(self, transfer: Transfer) -> None:
        with self._core.change():
            self._open.remove(transfer.id)
            facts = {"transfer_id": transfer.id, "device_id": transfer.device_id}
            self._mail.send(self._username_of(transfer.requester), "transfer-declined", facts)
