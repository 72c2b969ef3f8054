"""Requests about the network interfaces of Gen 3 boards.

Device OS 6.2.0, system/src/control/network.cpp, services/inc/system_defs.h:26-42 (indices). Names are those of lwIP: two letters and the
index less one.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from emulator.device_os.control.handlers import Handler, Refused
from emulator.device_os.network_interface import NetworkInterface
from emulator.hardware import CELLULAR, ETHERNET, WIFI
from particle_protocol.control_requests.codes import RequestType, Result
from particle_protocol.control_requests.device import Request
from particle_protocol.control_requests.generated import network_pb2
from particle_protocol.control_requests.messages import decode_message

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs

LOOPBACK, WIRE, STATION = 1, 3, 4
"""Indices; a Wi-Fi station that shares the board with a cellular modem has the one after it."""
_UP, _BROADCAST, _LOOPBACK, _POINT_TO_POINT, _LOWER_UP, _MULTICAST = 0x1, 0x2, 0x8, 0x10, 0x40, 0x8000
_KINDS: Final = {
    WIFI: ("wl", network_pb2.WIFI, _BROADCAST | _MULTICAST),
    CELLULAR: ("pp", network_pb2.PPP, _POINT_TO_POINT),
    ETHERNET: ("en", network_pb2.ETHERNET, _BROADCAST | _MULTICAST),
}
_MTU: Final = 1500
_STATION_ADDRESS: Final = ipaddress.IPv4Interface("192.168.1.5/24")
"""Chosen: every network of a Lab gives the same private address, as the networks of homes do."""


class NetworkRequests:
    """The requests of one boot, by type in `handlers`."""

    def __init__(self, system: DeviceOs) -> None:
        self._system = system
        self.handlers: dict[int, Handler] = {
            RequestType.GET_INTERFACE_LIST: self._list,
            RequestType.GET_INTERFACE: self._get,
        }

    def _interfaces(self) -> dict[int, NetworkInterface]:
        wires = [each for each in self._system.interfaces.all if each.kind == ETHERNET]
        others = [each for each in self._system.interfaces.all if each.kind != ETHERNET]
        others.sort(key=lambda each: each.kind != CELLULAR)
        return {WIRE + number: each for number, each in enumerate((*wires, *others), start=not wires)}

    def _list(self, request: Request) -> None:
        reply = network_pb2.GetInterfaceListReply()
        reply.interfaces.add(index=LOOPBACK, name="lo0", type=network_pb2.LOOPBACK)
        for index, each in self._interfaces().items():
            letters, kind, _ = _KINDS[each.kind]
            reply.interfaces.add(index=index, name=f"{letters}{index - 1}", type=kind)
        request.reply(Result.OK, reply.SerializeToString())

    def _get(self, request: Request) -> None:
        index = decode_message(network_pb2.GetInterfaceRequest, request.payload).index
        reply = network_pb2.GetInterfaceReply()
        made = reply.interface
        if index == LOOPBACK:
            made.index, made.name, made.type, made.flags = LOOPBACK, "lo0", network_pb2.LOOPBACK, _UP | _LOOPBACK | _LOWER_UP
            _add_address(made, ipaddress.IPv4Interface("127.0.0.1/8"))
        elif index in self._interfaces():
            self._describe(made, index, self._interfaces()[index])
        else:
            raise Refused(Result.NOT_FOUND)
        request.reply(Result.OK, reply.SerializeToString())

    def _describe(self, made: network_pb2.Interface, index: int, interface: NetworkInterface) -> None:
        letters, made.type, flags = _KINDS[interface.kind]
        made.index, made.name, made.mtu = index, f"{letters}{index - 1}", _MTU
        up = interface.path is not None
        made.flags = flags | (_UP | _LOWER_UP if up else 0)
        identity = self._system.board.identity
        if interface.kind in (WIFI, ETHERNET):
            made.hw_address = (identity.mac if interface.kind == WIFI else identity.wire_mac) or b""
        if up:
            _add_address(made, _STATION_ADDRESS)


def _add_address(made: network_pb2.Interface, address: ipaddress.IPv4Interface) -> None:
    config = made.ipv4_config
    added = config.addresses.add(prefix_length=address.network.prefixlen)
    added.address.v4.address = int(address.ip)
    config.source = network_pb2.DHCP
