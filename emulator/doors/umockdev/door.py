"""The umockdev door itself: keeps the testbed directory in step with what is plugged in."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from emulator.doors.cdc_acm import AcmPort
from emulator.doors.umockdev.hubs import hub_device
from emulator.doors.umockdev.preload import find_preload
from emulator.doors.umockdev.sysfs import Entry, Tree
from emulator.doors.umockdev.tty import TtyNode
from emulator.doors.umockdev.uevents import UeventSender
from emulator.doors.umockdev.usb_node import UsbNode
from emulator.doors.usb_device import AttachedDevice, PortPath
from emulator.doors.usb_host import UsbHost
from emulator.drivers.served import ServedDriver
from emulator.own_folder import OwnFolder
from emulator.usb.plug import UsbPlug

_HUB_PORTS: Final = 15
_SMALL_HUB_PORTS: Final = 4
_PLACES: Final = ("/dev/shm", "/tmp")  # noqa: S108  # a name of its own is made in it
"""Where the testbed directory goes: in memory where there is such a place, and never deep, as a unix socket's path has 108 bytes."""


class UmockdevDoor:
    """Shows the devices of a host to programs started with `environment()`.

    `ports` maps port paths (`1-1`, `1-2.3`) to connectors, or is the `UsbHost` that other doors share. The Lab must be
    served: the programs live in real time. Stop the programs before the door, they do not survive it.
    """

    def __init__(self, driver: ServedDriver, ports: Mapping[str, UsbPlug] | UsbHost, *, preload: Path | None = None) -> None:
        self.driver = driver
        self.host = UsbHost.over(driver, ports)
        self._preload = preload
        self._devices: dict[AttachedDevice, tuple[UsbNode, list[Entry]]] = {}
        """The node of a device, and what is shown of it: the device itself, then the interfaces of its configuration."""
        self._shown: dict[AttachedDevice, int] = {}
        """The configuration whose interfaces are shown."""
        self._ports: dict[AcmPort, tuple[TtyNode, Entry]] = {}
        self._hubs: dict[PortPath, UsbNode] = {}
        self._gone: list[UsbNode | TtyNode] = []
        """Nodes that are unplugged, and may still be open in a program: hanging up on it would kill it."""
        self._folder: OwnFolder | None = None
        self._tree: Tree | None = None
        self._uevents: UeventSender | None = None
        self._unsubscribe: Callable[[], None] | None = None

    def start(self) -> None:
        """Open the door. Starting it again does nothing.

        Raises:
            PreloadMissing: umockdev's library is not on this machine; the message says how to get it.
        """
        if self._tree is None:
            self._preload = self._preload or find_preload()
            self.driver.call(self._start)

    def stop(self) -> None:
        """Close the door and remove its directory. Stopping it again does nothing."""
        if self._tree is not None:
            self.driver.call(self._stop)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def root(self) -> Path:
        """The testbed directory.

        Raises:
            RuntimeError: the door is not open.
        """
        if self._tree is None:
            raise RuntimeError("the umockdev door is not open; start() it first")
        return self._tree.root

    def environment(self) -> dict[str, str]:
        """The variables that let a program see the boards. Set them for that program only, not for the shell."""
        libraries = [str(self._preload), *os.environ.get("LD_PRELOAD", "").split()]
        return {"UMOCKDEV_DIR": str(self.root), "LD_PRELOAD": ":".join(libraries)}

    def _start(self) -> None:
        self._folder = OwnFolder("hil", _PLACES)
        root = self._folder.path
        root.chmod(0o755)
        self._tree = Tree(root)
        self._uevents = UeventSender(self.driver.loop, root)
        self._unsubscribe = self.host.changed.subscribe(self._follow)
        self._follow()

    def _stop(self) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
        nodes: list[UsbNode | TtyNode] = [tty for tty, _ in self._ports.values()]
        nodes += [node for node, _ in self._devices.values()]
        for node in (*nodes, *self._hubs.values(), *self._gone):
            node.close()
        self._ports.clear()
        self._devices.clear()
        self._shown.clear()
        self._hubs.clear()
        self._gone.clear()
        if self._uevents is not None:
            self._uevents.close()
        if self._folder is not None:
            self._folder.remove()
        self._tree = self._uevents = None

    def _follow(self) -> None:
        """Forget what is gone, show what is new: serial ports go before their devices and come after them."""
        tree, uevents = self._tree, self._uevents
        if tree is None or uevents is None:
            return
        self._gone = [node for node in self._gone if node.files]
        devices, ports = self.host.devices, self.host.serial_ports
        for port in [each for each in self._ports if each not in ports]:
            tty, entry = self._ports.pop(port)
            self._forget(tree, uevents, tty, [entry])
            tree.unbind(port.device, port.interfaces)
        for device in [each for each in self._devices if each not in devices]:
            usb, entries = self._devices.pop(device)
            del self._shown[device]
            self._forget(tree, uevents, usb, entries)
        for device in devices:
            if device not in self._devices:
                self._show_device(tree, uevents, device)
            elif device.configuration_value != self._shown[device]:
                self._show_configuration(tree, uevents, device)
        for port in ports:
            if port not in self._ports and port.device in self._devices:
                self._show_port(tree, uevents, port)

    def _forget(self, tree: Tree, uevents: UeventSender, node: UsbNode | TtyNode, entries: list[Entry]) -> None:
        tree.remove(entries)
        node.unplugged()
        self._gone.append(node)
        for entry in reversed(entries):
            _tell(uevents, "remove", entry)

    def _show_device(self, tree: Tree, uevents: UeventSender, device: AttachedDevice) -> None:
        for path in (PortPath((device.path.bus,)), *device.path.way[:-1]):
            self._show_hub(tree, uevents, path)
        entries = tree.add_device(device)
        self._devices[device] = self._usb_node(tree, device), entries
        self._shown[device] = device.configuration_value
        for entry in entries:
            _tell(uevents, "add", entry)

    def _show_hub(self, tree: Tree, uevents: UeventSender, path: PortPath) -> None:
        """Show the hub at a port, if it is not there. It stays, as a hub does when nothing is plugged into it any more."""
        if path in self._hubs:
            return
        used = [port[len(path)] for port in self.host.ports if port[: len(path)] == path and len(port) > len(path)]
        hub = hub_device(path, self.host.hub_address(path), max(_SMALL_HUB_PORTS if path.ports else _HUB_PORTS, *used))
        entries = tree.add_device(hub)
        self._hubs[path] = self._usb_node(tree, hub)
        for entry in entries:
            _tell(uevents, "add", entry)

    def _show_configuration(self, tree: Tree, uevents: UeventSender, device: AttachedDevice) -> None:
        """Another configuration, or none: its interfaces go, those of the new one come."""
        node, (first, *old) = self._devices[device]
        tree.remove(old)
        for entry in reversed(old):
            _tell(uevents, "remove", entry)
        tree.update_device(device)
        new = tree.add_interfaces(device)
        for entry in new:
            _tell(uevents, "add", entry)
        self._devices[device] = node, [first, *new]
        self._shown[device] = device.configuration_value

    def _show_port(self, tree: Tree, uevents: UeventSender, port: AcmPort) -> None:
        tty = TtyNode(self.driver.loop, self.driver.call, port, tree.ioctl_socket(f"dev/{port.tty}"))
        tree.bind(port.device, port.interfaces, port.name)
        entry = tree.add_tty(port.device, port.place.communication, port.tty, tty.slave)
        self._ports[port] = tty, entry
        _tell(uevents, "add", entry)

    def _usb_node(self, tree: Tree, device: AttachedDevice) -> UsbNode:
        node = tree.node(device)
        return UsbNode(self.driver.loop, self.driver.call, device, str(tree.root / node), tree.ioctl_socket(node), self.host)


def _tell(uevents: UeventSender, action: str, entry: Entry) -> None:
    """Send udev's message about an entry. DEVNAME has its /dev/ there."""
    properties = dict(entry.properties)
    if "DEVNAME" in properties:
        properties["DEVNAME"] = f"/dev/{properties['DEVNAME']}"
    uevents.send(action, entry.devpath, entry.subsystem, entry.devtype, properties.items())
