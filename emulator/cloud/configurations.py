"""Configurations of products and their devices, as Tracker firmware takes them.

A product has a configuration; a device may have one of its own, and without one gets the product's. It is brought to the device section
by section, by its cloud function `cmd` with `{"cmd":"set_cfg","cfg":{<section>: ...}}`: 0 is yes, anything else a refusal. What a device
that is offline shall get is pending, and is brought when it has described itself again. What it said yes to, and what it publishes as
`cfg`, is its current configuration.

Endpoints and states: the REST reference's "Configuration". The words of the function are those of Tracker Edge.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.cloud.access import Principal
from emulator.cloud.basics import json_object
from emulator.cloud.connections import Connections
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices
from emulator.cloud.documents import DocumentKind, Documents, Place
from emulator.cloud.errors import CloudError, ConfigurationRefused, DeviceNotInProduct, Invalid, NoAnswer
from emulator.cloud.events import Event, Events
from emulator.cloud.gate import Gate
from emulator.cloud.records import Device, Product
from emulator.cloud.relay import relay, settled
from emulator.drivers import Reply

FUNCTION = "cmd"
EVENT = "cfg"
NO_FUNCTION = -1
"""Stands for the answer of a device that has no such function."""
MAX_SECTIONS = 100
"""Open: sections of one configuration."""
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DeviceConfiguration:
    """What a device has, as far as it has said, and what it shall get. None: nothing is known, or pending."""

    current: Values | None
    pending: Values | None


class Configurations:
    """Keeps configurations, and brings them to devices."""

    def __init__(self, core: Core, gate: Gate, devices: Devices, connections: Connections, documents: Documents, events: Events) -> None:
        self._core = core
        self._gate = gate
        self._devices = devices
        self._connections = connections
        self._documents = documents
        events.taps.append(self._heard)

    def of_product(self, who: Principal, given: str | int) -> Values | None:
        """A product's configuration, if it has one.

        Raises:
            PermissionDenied, ScopeRefused: not for this caller.
        """
        return self._read(Place.of_product(self._gate.product(who, given, "configuration:get").id), "configuration")

    def of_device(self, who: Principal, product: str | int, given: str) -> DeviceConfiguration:
        """A member's configuration.

        Raises:
            DeviceNotInProduct, PermissionDenied, ScopeRefused: not for this caller.
        """
        place = Place.of_device(self._devices.reach(who, given, "configuration:get", product).id)
        return DeviceConfiguration(self._read(place, "current"), self._read(place, "pending"))

    def set_product(self, who: Principal, given: str | int, values: Values, device_ids: Sequence[str] | None = None) -> None:
        """Give a product a configuration: its devices without one of their own get it.

        With `device_ids`, only these get it, as their own; and without values, these go back to the product's.

        Raises:
            Invalid: the configuration is too large, or has too many sections.
            DeviceNotInProduct: one of the devices; nothing is changed then.
            PermissionDenied, ScopeRefused: not for this caller.
        """
        product = self._gate.product(who, given, "configuration:update")
        if device_ids is None:
            with self._core.change():
                self._write(who, Place.of_product(product.id), "configuration", values)
                concerned = [each for each in self._members(product) if self._read(Place.of_device(each.id), "own") is None]
                for device in concerned:
                    self._want(who, device, values)
        else:
            concerned = [self._member(product, device_id) for device_id in device_ids]
            with self._core.change():
                for device in concerned:
                    self._choose(who, product, device, values)
        for device in concerned:
            self.bring(device)

    def set_device(self, who: Principal, product: str | int, given: str, values: Values) -> Reply[bool]:
        """Give a member a configuration of its own; without values, it goes back to the product's.

        The reply says whether the device has it (else it is offline, and gets it later); it fails with ConfigurationRefused, or NoAnswer.

        Raises:
            Invalid: the configuration is too large, or has too many sections.
            DeviceNotInProduct, PermissionDenied, ScopeRefused: not for this caller.
        """
        record = self._gate.product(who, product, "configuration:update")
        device = self._member(record, given)
        with self._core.change():
            self._choose(who, record, device, values)
        return self.bring(device)

    def joined(self, device: Device, product: Product) -> None:
        """A device became a member: it shall get the product's configuration, and nothing of a product before. Inside a transaction."""
        place = Place.of_device(device.id)
        if self._documents.count(DocumentKind.CONFIGURATION, place):
            for name in ("own", "pending"):
                self._drop(place, name)
        given = self._documents.find(DocumentKind.CONFIGURATION, Place.of_product(product.id), "configuration")
        if given is not None and given.values:
            self._documents.put(given.updated_by, DocumentKind.CONFIGURATION, place, "pending", given.values)

    def bring(self, device: Device) -> Reply[bool]:
        """Bring a device what is pending for it, if it is connected; see `set_device` for the reply."""
        pending = None if device.product_id is None else self._read(Place.of_device(device.id), "pending")
        link = self._connections.link(device.id)
        if not pending or link is None or link.application is None:
            return settled(self._core, value=link is not None and not pending)
        reply: Reply[bool] = self._core.reply()
        self._section(device, pending, {}, reply)
        return reply

    def _section(self, device: Device, brought: Values, results: dict[str, int], reply: Reply[bool]) -> None:
        """Bring the next section, which has no result yet; after the last one, tell how it went."""
        name = next((name for name in brought if name not in results), None)
        if name is None:
            self._finish(device, brought, results, reply)
            return
        link = self._connections.link(device.id)

        def done(result: int) -> None:
            self._section(device, brought, {**results, name: result}, reply)

        if link is None:
            reply.resolve(value=False)
        elif link.application is None or FUNCTION not in link.application.functions:
            done(NO_FUNCTION)
        else:
            text = json.dumps({"cmd": "set_cfg", "cfg": {name: brought[name]}}, separators=(",", ":"))
            timeout = self._core.settings.answer_timeout
            answer = relay(self._core, device.id, "its configuration", link.session.call(FUNCTION, text), int, timeout=timeout)
            _when_settled(answer, done, lambda error: self._fail(reply, error))

    def _fail(self, reply: Reply[bool], error: CloudError) -> None:
        """The device did not answer (that is told), or its connection ended (it is offline, then)."""
        if isinstance(error, NoAnswer):
            reply.fail(error)
        else:
            reply.resolve(value=False)

    def _finish(self, device: Device, brought: Values, results: dict[str, int], reply: Reply[bool]) -> None:
        place = Place.of_device(device.id)
        taken = {name: brought[name] for name, result in results.items() if result == 0}
        with self._core.change():
            if taken:
                self._note(device, "current", {**(self._read(place, "current") or {}), **taken})
            if self._read(place, "pending") == brought:  # else another one came meanwhile, and is on its way
                self._drop(place, "pending")
        refused = {name: result for name, result in results.items() if result != 0}
        if refused:
            reply.fail(ConfigurationRefused(device.id, refused, sorted(taken)))
        else:
            reply.resolve(value=True)

    def _choose(self, who: Principal, product: Product, device: Device, values: Values) -> None:
        place = Place.of_device(device.id)
        if values:
            self._write(who, place, "own", values)
        else:
            self._drop(place, "own")
            values = self._read(Place.of_product(product.id), "configuration") or {}
        self._want(who, device, values)

    def _want(self, who: Principal, device: Device, values: Values) -> None:
        place = Place.of_device(device.id)
        if values:
            self._write(who, place, "pending", values)
        else:
            self._drop(place, "pending")

    def _members(self, product: Product) -> Sequence[Device]:
        return self._devices.table.where(self._devices.by_product, product.id)

    def _member(self, product: Product, given: str) -> Device:
        device = self._devices.in_product(product, given)
        if device.product_id != product.id:
            raise DeviceNotInProduct(given, product.id)
        return device

    def _heard(self, event: Event) -> None:
        """A member says what its configuration is."""
        if event.name != EVENT or event.device_id is None or event.product_id is None:
            return
        device = self._devices.by_id(event.device_id)
        values = json_object(event.data).get("cfg")
        if device is not None and isinstance(values, dict):
            known = self._read(Place.of_device(device.id), "current") or {}
            self._note(device, "current", {**known, **values})

    def _read(self, place: Place, name: str) -> Values | None:
        document = self._documents.find(DocumentKind.CONFIGURATION, place, name)
        return None if document is None else document.values

    def _write(self, who: Principal, place: Place, name: str, values: Values) -> None:
        if len(values) > MAX_SECTIONS:
            raise Invalid("configuration", None, f"may have at most {MAX_SECTIONS} sections")
        self._documents.put(who.username, DocumentKind.CONFIGURATION, place, name, values)

    def _note(self, device: Device, name: str, values: Values) -> None:
        self._documents.put(device.id, DocumentKind.CONFIGURATION, Place.of_device(device.id), name, values)

    def _drop(self, place: Place, name: str) -> None:
        if self._documents.find(DocumentKind.CONFIGURATION, place, name) is not None:
            self._documents.remove(DocumentKind.CONFIGURATION, place, name)


def _when_settled(answer: Reply[int], done: Callable[[int], None], failed: Callable[[CloudError], None]) -> None:
    def settle() -> None:
        try:
            result = answer.result()
        except CloudError as error:
            failed(error)
            return
        done(result)

    if answer.done:
        settle()
    else:
        answer.settled.subscribe(settle)
