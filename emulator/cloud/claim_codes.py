"""Claim codes: a claim that the device itself carries out.

Whoever sets a board up asks for a code, hands it to the board, and the board sends it when it connects. Having been able to hand it over
proves possession: so the code of another user moves a device that is in no product at once, without asking its owner. A device of a
product is never moved that way: its team unclaims it first. A customer's code also brings the device into the product; it claims none
that cannot get in (another platform, a full plan), and none that waits in the product's quarantine or was denied: else a customer would
be enough to get any board in. For cellular devices the ICCID or the IMEI can stand for the code: then the device is claimed when it
connects with that SIM or modem. Whoever knows such a number need not have the device at hand, so it takes none away from its owner.

Open in public sources: how long a code lives (`CloudSettings.claim_code_lifetime`), and that it is used up by its first claim.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator.cloud.access import Kind, Principal
from emulator.cloud.claims import Claims
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices, owner_of
from emulator.cloud.errors import ClaimRefused, Invalid, PermissionDenied, ScopeRefused
from emulator.cloud.gate import Gate
from emulator.cloud.records import Device, Owner, OwnerKind
from particle_protocol.identifiers import IdentifierError, parse_iccid, parse_imei


@dataclass(frozen=True, slots=True)
class ClaimCode:
    """A code that waits for its device."""

    code: str
    owner: Owner
    created_at: float
    product_id: int | None = None


@dataclass(frozen=True, slots=True)
class CodeOffer:
    """What whoever asked for a code gets: the code, and the devices that were theirs before (to see afterwards which one came)."""

    code: str
    device_ids: tuple[str, ...]


class ClaimCodes:
    """The codes that wait."""

    def __init__(self, core: Core, gate: Gate, devices: Devices, claims: Claims) -> None:
        self._core = core
        self._gate = gate
        self._devices = devices
        self._claims = claims
        self._codes = core.state.table("claim_codes", ClaimCode, lambda code: code.code)
        self._by_owner = self._codes.index(lambda code: code.owner)
        self.join_product: Callable[[Device, int], Device | None]
        """How a device that brings a product's code is tied to that product, or None if it cannot be; the members' room says so."""
        self.refresh: Callable[[Device], None]
        """Called when a device joined a product by a code: what it should run may have changed."""

    def create(
        self,
        who: Principal,
        *,
        product: str | int | None = None,
        iccid: str | None = None,
        imei: str | None = None,
    ) -> CodeOffer:
        """Make a code for the caller: as a user, or (with `product`) as a customer of that product.

        Raises:
            PermissionDenied, ScopeRefused: not for this caller.
            Invalid: the ICCID or IMEI cannot be one.
        """
        owner = owner_of(who)
        if owner is None:
            raise (
                ScopeRefused("devices:claim") if who.kind is Kind.API_USER else PermissionDenied("claim codes are for users and customers")
            )
        product_id = self._product_id(who, product)
        code = _identifier("iccid", iccid, parse_iccid) or _identifier("imei", imei, parse_imei) or self._core.names.claim_code()
        with self._core.change():
            self._codes.put(ClaimCode(code, owner, self._core.now(), product_id))
        return CodeOffer(code, tuple(str(key) for key in self._devices.by_owner.keys(owner)))

    def received(self, device: Device, code: str) -> Device | None:
        """A device sent a code (or connected with an ICCID or IMEI that is one). Gives the device when that claimed it.

        A code that is unknown, too old, or may not claim this device does nothing; the device keeps it, and will send it again.
        """
        known = self._codes.get(code)
        if known is None:
            return None
        if self._expired(known):
            with self._core.change():
                self._codes.remove(code)
            return None
        if device.owner == known.owner:
            return self._used(device, known)
        if not self._may_move(device, known):
            return None
        try:
            with self._core.change():
                joined = self._joined(device, known)
                if joined is None:
                    return None
                claimed = self._used(self._claims.give(joined, known.owner), known)
        except ClaimRefused:
            return None
        if claimed.product_id != device.product_id:
            self.refresh(claimed)
        return claimed

    def waiting_for(self, *identifiers: str | None) -> str | None:
        """The first of some identifiers (ICCID, IMEI) that is a code."""
        return next((each for each in identifiers if each is not None and each in self._codes), None)

    def forget(self, owner: Owner) -> None:
        """End the codes of an owner who is about to go."""
        with self._core.change():
            for key in self._by_owner.keys(owner):
                self._codes.remove(key)

    def _product_id(self, who: Principal, product: str | int | None) -> int | None:
        if product is None:
            if who.kind is Kind.CUSTOMER:
                raise PermissionDenied("a customer's claim codes come from the product")
            return None
        record = self._gate.find_product(product)
        if who.kind is not Kind.CUSTOMER or record is None or record.id != who.product_id:
            raise PermissionDenied(f"product {product}")
        return record.id

    def _may_move(self, device: Device, code: ClaimCode) -> bool:
        if device.owner is not None and (device.product_id is not None or code.code in (device.iccid, device.imei)):
            return False
        if code.owner.kind is OwnerKind.CUSTOMER:
            return device.product_id in (None, code.product_id)
        return True

    def _joined(self, device: Device, code: ClaimCode) -> Device | None:
        """The device in the product of a customer's code; None: it cannot be there. Other codes leave it where it is."""
        if code.product_id is None or device.product_id is not None:
            return device
        return self.join_product(device, code.product_id)

    def _used(self, device: Device, code: ClaimCode) -> Device:
        with self._core.change():
            self._codes.remove(code.code)
        return device

    def _expired(self, code: ClaimCode) -> bool:
        lifetime = self._core.settings.claim_code_lifetime
        return lifetime is not None and self._core.now() >= code.created_at + lifetime


def _identifier(field: str, value: str | None, read: Callable[[str], str]) -> str | None:
    if not value:
        return None
    try:
        return read(value)
    except IdentifierError as error:
        raise Invalid(field, value, str(error)) from None
