"""The testbed directory: `/sys`, `/dev` and udev's data base as a program in the door's environment finds them.

What is where follows Linux (Documentation/ABI/testing/sysfs-bus-usb) and udev's rules for USB devices; links are relative, as there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from emulator.doors.descriptors import InterfaceDescriptor
from emulator.doors.umockdev.hubs import Hub
from emulator.doors.usb_device import AttachedDevice

Properties: TypeAlias = dict[str, str]

USB_MAJOR: Final = 189
ACM_MAJOR: Final = 166
_CONTROLLER: Final = "sys/devices/platform/emu_hcd.0"
_HUB_CLASS: Final = 9
_DRIVERS: Final = ("cdc_acm", "usb", "hub", "usbfs")


@dataclass(frozen=True, slots=True)
class Entry:
    """One device in the tree: where it is, and what a message about it says."""

    path: str
    subsystem: str
    devtype: str | None
    properties: Properties

    @property
    def devpath(self) -> str:
        """The path under /sys."""
        return "/" + self.path.removeprefix("sys/")


class Tree:
    """Writes and removes devices in the testbed at `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("dev/.node", "dev/.ptymap", "dev/bus/usb", "dev/serial/by-id", "ioctl/dev/bus/usb", "run/udev/data"):
            (root / folder).mkdir(parents=True)
        for folder in ("sys/bus/usb/devices", "sys/class/tty", "sys/dev/char", "sys/bus/platform", _CONTROLLER):
            (root / folder).mkdir(parents=True)
        for driver in _DRIVERS:
            (root / "sys/bus/usb/drivers" / driver).mkdir(parents=True)
        self._write(f"{_CONTROLLER}/uevent", "DRIVER=emu_hcd\nMODALIAS=platform:emu_hcd\n")
        self._link(f"{_CONTROLLER}/subsystem", "sys/bus/platform")

    def node(self, device: AttachedDevice) -> str:
        """The device node, under the root."""
        return f"dev/{_node_name(device)}"

    def ioctl_socket(self, node: str) -> str:
        """Where the preload library looks for the one who answers ioctls on a node."""
        path = self.root / "ioctl" / node
        path.parent.mkdir(parents=True, exist_ok=True)
        return str(path)

    def add_device(self, device: AttachedDevice) -> list[Entry]:
        """Write a USB device and its interfaces; returns them, the device first."""
        path = _device_path(device)
        base = self.root / path
        base.mkdir(parents=True)
        properties = _device_properties(device)
        (base / "descriptors").write_bytes(device.descriptor.raw + b"".join(each.whole for each in device.configurations))
        self._write_all(path, _device_attributes(device))
        self._write(f"{path}/uevent", _lines(properties))
        self._link(f"{path}/subsystem", "sys/bus/usb")
        self._link(f"{path}/driver", "sys/bus/usb/drivers/usb")
        self._link(f"sys/bus/usb/devices/{base.name}", path)
        self._link(f"sys/dev/char/{properties['MAJOR']}:{properties['MINOR']}", path)
        (self.root / f"dev/bus/usb/{device.path.bus:03d}").mkdir(exist_ok=True)
        self._number(_node_name(device), int(properties["MAJOR"]), int(properties["MINOR"]))
        self._write_database(f"c{properties['MAJOR']}:{properties['MINOR']}", properties)
        return [Entry(path, "usb", "usb_device", properties), *self.add_interfaces(device)]

    def update_device(self, device: AttachedDevice) -> None:
        """Write again what depends on a device's configuration."""
        self._write_all(_device_path(device), _configuration_attributes(device))

    def add_interfaces(self, device: AttachedDevice) -> list[Entry]:
        """Write the interfaces of the active configuration."""
        configuration = device.configuration
        settings = configuration.interfaces if configuration is not None else ()
        return [self._add_interface(device, each[0]) for each in settings]

    def add_tty(self, device: AttachedDevice, interface: int, name: str, slave: str) -> Entry:
        """Write a serial port whose real end is the pseudo-terminal `slave`."""
        number = int(name.removeprefix("ttyACM"))
        path = f"{_interface_path(device, interface)}/tty/{name}"
        (self.root / path).mkdir(parents=True)
        link = _by_id(device, interface)
        properties = {
            "MAJOR": str(ACM_MAJOR),
            "MINOR": str(number),
            "DEVNAME": name,
            **_identity(device),
            "ID_BUS": "usb",
            "ID_USB_INTERFACE_NUM": f"{interface:02x}",
            "ID_USB_DRIVER": "cdc_acm",
            "DEVLINKS": f"/dev/{link}",
        }
        self._write(f"{path}/dev", f"{ACM_MAJOR}:{number}\n")
        self._write(f"{path}/uevent", _lines(properties))
        self._link(f"{path}/subsystem", "sys/class/tty")
        self._link(f"{path}/device", _interface_path(device, interface))
        self._link(f"sys/class/tty/{name}", path)
        self._link(f"sys/dev/char/{ACM_MAJOR}:{number}", path)
        (self.root / "dev" / name).symlink_to(slave)
        self._number(name, ACM_MAJOR, number)
        (self.root / "dev/.ptymap" / slave.replace("/", "_")).symlink_to("4:64")
        (self.root / "dev" / link).unlink(missing_ok=True)  # two boards of one serial number: the last one has the link, as with udev
        self._link(f"dev/{link}", f"dev/{name}")
        self._write_database(f"c{ACM_MAJOR}:{number}", properties)
        return Entry(path, "tty", None, properties)

    def bind(self, device: AttachedDevice, interfaces: Iterable[int], driver: str) -> None:
        """Show that a kernel driver serves these interfaces."""
        for interface in interfaces:
            self._link(f"{_interface_path(device, interface)}/driver", f"sys/bus/usb/drivers/{driver}")

    def unbind(self, device: AttachedDevice, interfaces: Iterable[int]) -> None:
        """Show that none does."""
        for interface in interfaces:
            (self.root / _interface_path(device, interface) / "driver").unlink(missing_ok=True)

    def remove(self, entries: Iterable[Entry]) -> None:
        """Remove devices, those written last first."""
        for entry in reversed(list(entries)):
            shutil.rmtree(self.root / entry.path, ignore_errors=True)
            name = entry.path.rsplit("/", 1)[1]
            for link in (f"sys/bus/usb/devices/{name}", f"sys/class/tty/{name}"):
                (self.root / link).unlink(missing_ok=True)
            if "MAJOR" not in entry.properties:
                continue
            number = f"{entry.properties['MAJOR']}:{entry.properties['MINOR']}"
            (self.root / "sys/dev/char" / number).unlink(missing_ok=True)
            (self.root / "run/udev/data" / f"c{number}").unlink(missing_ok=True)
            self._remove_node(entry.properties["DEVNAME"], entry.properties.get("DEVLINKS", ""))

    def _remove_node(self, name: str, links: str) -> None:
        node = self.root / "dev" / name
        if node.is_symlink():
            (self.root / "dev/.ptymap" / str(node.readlink()).replace("/", "_")).unlink(missing_ok=True)
        node.unlink(missing_ok=True)
        (self.root / "dev/.node" / name.replace("/", "_")).unlink(missing_ok=True)
        (self.root / "ioctl/dev" / name).unlink(missing_ok=True)
        for path in (self.root / link.lstrip("/") for link in links.split()):
            if path.is_symlink() and path.readlink().name == name:
                path.unlink()

    def _add_interface(self, device: AttachedDevice, it: InterfaceDescriptor) -> Entry:
        path = _interface_path(device, it.number)
        (self.root / path).mkdir()
        properties = {"DEVTYPE": "usb_interface", "PRODUCT": _product(device), "TYPE": _type(device)}
        properties["INTERFACE"] = f"{it.interface_class}/{it.subclass}/{it.protocol}"
        if it.interface_class == _HUB_CLASS:
            properties = {"DRIVER": "hub", **properties}
            self._link(f"{path}/driver", "sys/bus/usb/drivers/hub")
        self._write_all(
            path,
            {
                "bInterfaceNumber": f"{it.number:02x}",
                "bAlternateSetting": f"{it.alternate:2d}",
                "bNumEndpoints": f"{len(it.endpoints):02x}",
                "bInterfaceClass": f"{it.interface_class:02x}",
                "bInterfaceSubClass": f"{it.subclass:02x}",
                "bInterfaceProtocol": f"{it.protocol:02x}",
            },
        )
        label = device.string(it.string_index)
        if label:
            self._write(f"{path}/interface", label + "\n")
        self._write(f"{path}/uevent", _lines(properties))
        self._link(f"{path}/subsystem", "sys/bus/usb")
        self._link(f"sys/bus/usb/devices/{path.rsplit('/', 1)[1]}", path)
        return Entry(path, "usb", "usb_interface", properties)

    def _number(self, name: str, major: int, minor: int) -> None:
        """The device number that stat() shows for a node."""
        (self.root / "dev/.node" / name.replace("/", "_")).symlink_to(f"{major}:{minor}")

    def _write_database(self, name: str, properties: Mapping[str, str]) -> None:
        """Udev's data base, which newer versions of the preload library also show."""
        links = [f"S:{link.removeprefix('/dev/')}" for link in properties.get("DEVLINKS", "").split()]
        lines = [*links, "I:1", *(f"E:{key}={value}" for key, value in properties.items() if key.startswith("ID_"))]
        self._write(f"run/udev/data/{name}", "\n".join(lines) + "\n")

    def _write_all(self, folder: str, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            self._write(f"{folder}/{name}", value and value + "\n")

    def _write(self, path: str, text: str) -> None:
        with open(self.root / path, "w", encoding="utf-8") as file:
            file.write(text)

    def _link(self, path: str, target: str) -> None:
        os.symlink(os.path.relpath(target, os.path.dirname(path)), self.root / path)


def _device_path(device: AttachedDevice) -> str:
    """Where a device is: in the folder of the hub that it is plugged into."""
    return "/".join([_CONTROLLER, f"usb{device.path.bus}", *map(str, device.path.way)])


def _interface_path(device: AttachedDevice, interface: int) -> str:
    name = device.path if device.path.ports else f"{device.path.bus}-0"
    return f"{_device_path(device)}/{name}:{device.configuration_value}.{interface}"


def _node_name(device: AttachedDevice) -> str:
    return f"bus/usb/{device.path.bus:03d}/{device.address:03d}"


def _product(device: AttachedDevice) -> str:
    return f"{device.descriptor.vendor:x}/{device.descriptor.product:x}/{device.descriptor.release:x}"


def _type(device: AttachedDevice) -> str:
    return f"{device.descriptor.device_class}/{device.descriptor.subclass}/{device.descriptor.protocol}"


def _device_properties(device: AttachedDevice) -> Properties:
    return {
        "MAJOR": str(USB_MAJOR),
        "MINOR": str((device.path.bus - 1) * 128 + device.address - 1),
        "DEVNAME": _node_name(device),
        "DEVTYPE": "usb_device",
        "DRIVER": "usb",
        "PRODUCT": _product(device),
        "TYPE": _type(device),
        "BUSNUM": f"{device.path.bus:03d}",
        "DEVNUM": f"{device.address:03d}",
        **_identity(device),
        "ID_BUS": "usb",
    }


def _identity(device: AttachedDevice) -> Properties:
    """What udev's usb_id finds out (systemd 252, src/udev/udev-builtin-usb_id.c)."""
    it = device.descriptor
    vendor = device.manufacturer or f"{it.vendor:04x}"
    model = device.product or f"{it.product:04x}"
    serial = device.serial_number or ""
    full = "_".join(_plain(part) for part in (vendor, model, serial) if part)
    found = {
        "ID_VENDOR": _plain(vendor),
        "ID_VENDOR_ENC": _escaped(vendor),
        "ID_VENDOR_ID": f"{it.vendor:04x}",
        "ID_MODEL": _plain(model),
        "ID_MODEL_ENC": _escaped(model),
        "ID_MODEL_ID": f"{it.product:04x}",
        "ID_REVISION": f"{it.release:04x}",
        "ID_SERIAL": full,
    }
    return found | ({"ID_SERIAL_SHORT": _plain(serial)} if serial else {})


def _by_id(device: AttachedDevice, interface: int) -> str:
    return f"serial/by-id/usb-{_identity(device)['ID_SERIAL']}-if{interface:02d}"


def _device_attributes(device: AttachedDevice) -> dict[str, str]:
    it = device.descriptor
    found = {
        "busnum": str(device.path.bus),
        "devnum": str(device.address),
        "devpath": ".".join(map(str, device.path.ports)) or "0",
        "speed": "12",
        "version": f" {it.usb_version >> 8:x}.{it.usb_version & 0xFF:02x}",
        "maxchild": str(device.function.ports) if isinstance(device.function, Hub) else "0",
        "bNumConfigurations": str(it.configurations),
        "bMaxPacketSize0": str(it.max_packet),
        "idVendor": f"{it.vendor:04x}",
        "idProduct": f"{it.product:04x}",
        "bcdDevice": f"{it.release:04x}",
        "bDeviceClass": f"{it.device_class:02x}",
        "bDeviceSubClass": f"{it.subclass:02x}",
        "bDeviceProtocol": f"{it.protocol:02x}",
        "dev": f"{USB_MAJOR}:{(device.path.bus - 1) * 128 + device.address - 1}",
        "removable": "removable",
    }
    texts = {"manufacturer": device.manufacturer, "product": device.product, "serial": device.serial_number}
    return found | {name: text for name, text in texts.items() if text} | _configuration_attributes(device)


def _configuration_attributes(device: AttachedDevice) -> dict[str, str]:
    """Those of the active configuration; empty where there is none (Linux 6.1, drivers/usb/core/sysfs.c: usb_actconfig_show)."""
    it = device.configuration
    if it is None:
        return dict.fromkeys(("bConfigurationValue", "bNumInterfaces", "bmAttributes", "bMaxPower", "configuration"), "")
    return {
        "bConfigurationValue": str(it.value),
        "bNumInterfaces": f"{len(it.interfaces):2d}",
        "bmAttributes": f"{it.attributes:02x}",
        "bMaxPower": f"{it.max_power * 2}mA",
        "configuration": device.string(it.string_index) or "",
    }


def _lines(properties: Mapping[str, str]) -> str:
    return "".join(f"{key}={value}\n" for key, value in properties.items())


def _plain(text: str) -> str:
    """Text as udev puts it into names: blanks and other characters become `_`."""
    return "".join(char if char.isascii() and (char.isalnum() or char in "#+-.:=@_") else "_" for char in text.strip())


def _escaped(text: str) -> str:
    r"""Text as udev escapes it: what is not plain is written `\x20`."""
    keep = "#+-.:=@_"
    return "".join(
        char if char.isascii() and (char.isalnum() or char in keep) else "".join(f"\\x{byte:02x}" for byte in char.encode())
        for char in text
    )
