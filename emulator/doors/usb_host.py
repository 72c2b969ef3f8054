"""The USB side of the computer that boards are plugged into: what its kernel does between the connector and the programs.

It enumerates what is attached (reads the descriptors, gives an address, sets the first configuration), binds its drivers (`cdc_acm` for
serial ports), and forgets a device when it is detached. The doors for pyusb, pyserial and umockdev all stand on one `UsbHost`, so that
they agree as they would on one computer. It behaves as Linux does.
"""

from __future__ import annotations

import errno
import itertools
import weakref
from bisect import insort
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from emulator.clock import Signal
from emulator.doors.cdc_acm import AcmPort, find_acm
from emulator.doors.descriptors import DescriptorError
from emulator.doors.usb_device import AttachedDevice, PortPath, Refused
from emulator.drivers import Driver
from emulator.usb.plug import PlugEvent, UsbPlug
from particle_protocol.usb import Stall

ROOT_HUB_ADDRESS: Final = 1
"""The address Linux gives to a bus's root hub; devices get the ones after it."""

MOST_DEVICES: Final = 126
"""How many devices one bus takes beside its root hub: addresses have seven bits, and 0 is for newcomers (USB 2.0, 9.4.6)."""

_HOSTS: weakref.WeakValueDictionary[str, UsbHost] = weakref.WeakValueDictionary()
_names = itertools.count(1)


class UsbHost:
    """A computer's USB ports, and what its kernel knows about them.

    `ports` maps port paths (`1-1`, `1-2.3`) to the connectors of boards. `changed` fires whenever something was attached or detached,
    or a driver bound or unbound; `log` has the last lines the kernel would have written about it, with the Lab's time.
    """

    def __init__(self, driver: Driver, ports: Mapping[str, UsbPlug] | None = None, *, name: str | None = None) -> None:
        self.driver = driver
        self.name = name if name is not None else f"host{next(_names)}"
        self.changed = Signal()
        self.log: deque[str] = deque(maxlen=200)
        self._ttys: dict[int, AcmPort] = {}
        self._devices: dict[PortPath, AttachedDevice] = {}
        self._unwatch: dict[PortPath, Callable[[], None]] = {}
        self._plugged: defaultdict[int, dict[PortPath, None]] = defaultdict(dict)
        """The ports of each bus that something is plugged into, in the order in which it was."""
        self._in_order: list[PortPath] = []
        """All of those, in the order of the ports."""
        self._last_address: dict[int, int] = {}
        self._hubs: dict[PortPath, int] = {}
        _HOSTS[self.name] = self
        for path, plug in (ports or {}).items():
            self.plug_in(path, plug)

    @classmethod
    def over(cls, driver: Driver, ports: Mapping[str, UsbPlug] | UsbHost) -> UsbHost:
        """`ports` itself when it is a host already, else a new host with these ports."""
        return ports if isinstance(ports, UsbHost) else cls(driver, ports)

    @property
    def devices(self) -> tuple[AttachedDevice, ...]:
        """What is attached now, in the order of the ports."""
        return tuple(self._devices[path] for path in self._in_order if path in self._devices)

    def device_at(self, path: str) -> AttachedDevice | None:
        """What is attached at a port now."""
        return self._devices.get(PortPath.parse(path))

    def plug_in(self, path: str, plug: UsbPlug) -> None:
        """Connect a board's connector to the port at `path`.

        Raises:
            ValueError: the path is malformed, or taken.
        """
        self.driver.call(self._plug_in, PortPath.parse(path), plug)

    def unplug(self, path: str) -> None:
        """Pull the cable at `path` out. The board does not notice more than that its host is gone."""
        self.driver.call(self._unplug, PortPath.parse(path))

    def restart(self, ports: Mapping[str, UsbPlug]) -> None:
        """Start anew with these boards plugged in, as the computer does: no log, no open serial port, addresses from the first."""
        self.driver.call(self._restart, {PortPath.parse(path): plug for path, plug in ports.items()})

    @property
    def serial_ports(self) -> tuple[AcmPort, ...]:
        """The serial ports that exist now, in the order of their numbers."""
        return tuple(port for _, port in sorted(self._ttys.items()) if port.present)

    @property
    def ports(self) -> tuple[PortPath, ...]:
        """The ports that something is plugged into, in their order."""
        return tuple(self._in_order)

    def free_port(self) -> str:
        """The first free port of a root hub, on the first bus that has an address left."""
        bus = next(each for each in itertools.count(1) if len(self._plugged[each]) + len(self._hubs_of(each)) < MOST_DEVICES)
        taken = {path.way[0] for path in self._plugged[bus]}
        return str(next(path for number in itertools.count(1) if (path := PortPath((bus, number))) not in taken))

    def _hubs_of(self, bus: int) -> dict[PortPath, PortPath]:
        """The hubs of a bus, each with a board behind it, or itself if it is only known to be there."""
        known = {hub: hub for hub in self._hubs if hub.bus == bus}
        return known | {hub: path for path in self._plugged[bus] if len(path) > 2 for hub in path.way[:-1]}

    def bind_driver(self, device: AttachedDevice, interface: int) -> bool:
        """Offer an interface to the kernel's drivers; whether one took it. Inside the Lab.

        A serial function is known by its communication interface, and not taken when its data interface is in use (Linux 6.1,
        drivers/usb/class/cdc-acm.c: acm_probe).
        """
        bound = self._bind(device, [interface])
        self.changed.fire()
        return bound

    def _bind(self, device: AttachedDevice, interfaces: Iterable[int]) -> bool:
        places = [place for place in find_acm(device) if place.communication in interfaces]
        for place in places:
            number = next(each for each in itertools.count() if each not in self._ttys)
            port = AcmPort(device, place, number, self._free, self.note)
            self._ttys[number] = port
            for interface in port.interfaces:
                device.drivers[interface] = port
            self.note(f"cdc_acm {device.path}:{device.configuration_value}.{place.communication}: {port.tty}: USB ACM device")
        return bool(places)

    def _free(self, port: AcmPort) -> None:
        """Nobody has the port any more; another one may have its number by now."""
        if self._ttys.get(port.number) is port:
            del self._ttys[port.number]

    def release_driver(self, device: AttachedDevice, interface: int) -> None:
        """Take an interface, and those that go with it, away from its kernel driver. Inside the Lab."""
        self._unbind(device, interface)
        self.changed.fire()

    def _unbind(self, device: AttachedDevice, interface: int) -> None:
        bound = device.drivers[interface]
        for each in bound.interfaces:
            device.drivers.pop(each, None)
        bound.unbind()
        for each in bound.interfaces:
            device.freed(each)

    def configure(self, device: AttachedDevice, value: int) -> None:
        """Choose a configuration; the drivers take what is theirs in it. The same one again only resets it. Inside the Lab.

        Raises:
            Refused: EINVAL, the device has no such configuration.
            Stall: the device refuses.
        """
        if value and value == device.configuration_value:
            device.configure(value)
            return
        if value and all(each.value != value for each in device.configurations):
            raise Refused(errno.EINVAL, f"there is no configuration {value}")
        try:
            device.configure(value)
            if device.configuration is not None:
                self._bind(device, [each[0].number for each in device.configuration.interfaces])
        finally:
            self.changed.fire()

    def reset(self, device: AttachedDevice) -> None:
        """Reset the port, then bring back the configuration (Linux 6.1, drivers/usb/core/hub.c: usb_reset_device).

        Whoever has an interface loses it: neither `cdc_acm` nor usbfs lives through a reset. The drivers are offered what was in use.
        Inside the Lab.

        Raises:
            Refused: ENODEV, the device left because of it.
        """
        in_use = sorted({*device.drivers, *device.claims})
        for interface in in_use:
            if interface in device.drivers:
                self._unbind(device, interface)
            holder = device.claims.pop(interface, None)
            if holder is not None:
                holder.lost(interface)
                device.freed(interface)
        device.function.bus_reset()
        if device.present and device.configuration_value:
            device.configure(device.configuration_value)
            self._bind(device, in_use)
        self.changed.fire()
        if not device.present:
            raise Refused(errno.ENODEV, "it is gone after the reset")

    def note(self, text: str) -> None:
        """Write a line into the log."""
        self.log.append(f"[{self.driver.clock.now:12.6f}] {text}")

    def _plug_in(self, path: PortPath, plug: UsbPlug) -> None:
        if path in self._unwatch:
            raise ValueError(f"something is plugged into port {path} already")
        plugged = self._plugged[path.bus]
        hubs = self._hubs_of(path.bus)
        if path in hubs:
            raise ValueError(f"port {path} has the hub of {hubs[path]}: a board goes into a port of that hub")
        if not set(path.way[:-1]).isdisjoint(self._unwatch):
            taken = next(hub for hub in path.way[:-1] if hub in self._unwatch)
            raise ValueError(f"port {taken} has a board, and no hub with a port {path}")
        if len(plugged) + 1 + len({*hubs, *path.way[:-1]}) > MOST_DEVICES:
            raise ValueError(f"bus {path.bus} is full: it has addresses for {MOST_DEVICES} devices; use a port of bus {path.bus + 1}")

        def on_event(event: PlugEvent) -> None:
            if event is PlugEvent.READABLE:
                device = self._devices.get(path)
                if device is not None:
                    for each in dict.fromkeys(device.drivers.values()):
                        each.readable()
                    device.changed.fire()
            elif event is PlugEvent.ATTACHED:
                self._attached(path, plug)
            else:
                self._detached(path)

        self._unwatch[path] = plug.watch(on_event)
        plugged[path] = None
        insort(self._in_order, path)
        if plug.function is not None:
            self._attached(path, plug)

    def _restart(self, ports: Mapping[PortPath, UsbPlug]) -> None:
        for path in list(self._unwatch):
            self._unplug(path)
        self._ttys.clear()
        self._last_address.clear()
        self.log.clear()
        for path, plug in ports.items():
            self._plug_in(path, plug)
        self.changed.fire()

    def _unplug(self, path: PortPath) -> None:
        unwatch = self._unwatch.pop(path, None)
        if unwatch is None:
            raise ValueError(f"nothing is plugged into port {path}")
        unwatch()
        del self._plugged[path.bus][path]
        self._in_order.remove(path)
        self._detached(path)

    def _attached(self, path: PortPath, plug: UsbPlug) -> None:
        self._detached(path)
        function = plug.function
        if function is None:
            return
        address = self._next_address(path.bus)
        self.note(f"usb {path}: new full-speed USB device number {address}")
        try:
            device = AttachedDevice(path, address, function)
        except Stall:
            self.note(f"usb {path}: unable to enumerate the device: it stalled a standard request")
            return
        except DescriptorError as error:
            self.note(f"usb {path}: unable to enumerate the device: {error}")
            return
        if plug.function is not function:
            return
        self._devices[path] = device
        it = device.descriptor
        self.note(f"usb {path}: {it.vendor:04x}:{it.product:04x}, {device.manufacturer}, {device.product}, serial {device.serial_number}")
        assert device.configuration is not None
        self._bind(device, [each[0].number for each in device.configuration.interfaces])
        self.changed.fire()

    def _detached(self, path: PortPath) -> None:
        device = self._devices.pop(path, None)
        if device is None:
            return
        device.present = False
        self.note(f"usb {path}: USB disconnect, device number {device.address}")
        for each in dict.fromkeys(device.drivers.values()):
            each.unbind()
        device.drivers.clear()
        device.changed.fire()
        self.changed.fire()

    def hub_address(self, path: PortPath) -> int:
        """The address of the hub at a port, given when it is first asked for; a bus alone is its root hub. Inside the Lab."""
        if not path.ports:
            return ROOT_HUB_ADDRESS
        if path not in self._hubs:
            self._hubs[path] = self._next_address(path.bus)
        return self._hubs[path]

    def _next_address(self, bus: int) -> int:
        """Addresses go up and wrap at 127, skipping those in use (Linux, drivers/usb/core/hub.c: choose_devnum)."""
        taken = {self._devices[path].address for path in self._plugged[bus] if path in self._devices}
        taken |= {address for path, address in self._hubs.items() if path.bus == bus}
        address = self._last_address.get(bus, ROOT_HUB_ADDRESS)
        while True:
            address = address + 1 if address < 127 else ROOT_HUB_ADDRESS + 1
            if address not in taken:
                self._last_address[bus] = address
                return address


def host_named(name: str) -> UsbHost | None:
    """The host of this name, if one is alive in this process."""
    return _HOSTS.get(name)
