"""Requests to the Wi-Fi radio of a Gen 3 board: look around, say your version. A Tracker has that and no more.

Device OS 6.2.0, system/src/control/wifi_new.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.device_os.control.handlers import Handler, Refused
from emulator.device_os.wifi import SCAN_TIME, scan
from particle_protocol.control_requests.codes import RequestType, Result
from particle_protocol.control_requests.device import Request
from particle_protocol.control_requests.generated import system_pb2, wifi_pb2
from particle_protocol.listening.wifi import WifiSecurity

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs

SECURITY: Final = {
    WifiSecurity.OPEN: wifi_pb2.NO_SECURITY,
    WifiSecurity.WEP: wifi_pb2.WEP,
    WifiSecurity.WPA: wifi_pb2.WPA_PSK,
    WifiSecurity.WPA2: wifi_pb2.WPA2_PSK,
}
"""Kinds of security as the requests number them."""


class WifiRadioRequests:
    """The requests of one boot, by type in `handlers`."""

    def __init__(self, system: DeviceOs) -> None:
        self._board = system.board
        self._scope = system.scope
        self.handlers: dict[int, Handler] = {RequestType.WIFI_SCAN_NETWORKS: self._scan}
        if system.board.ncp_version is not None:
            self.handlers[RequestType.GET_NCP_FIRMWARE_VERSION] = self._ncp_version

    def _scan(self, request: Request) -> None:
        self._scope.call_later(SCAN_TIME, self._scanned, request)

    def _scanned(self, request: Request) -> None:
        reply = wifi_pb2.WifiScanNetworksReply()
        for point in scan(self._board):
            security = SECURITY.get(point.security, wifi_pb2.WPA2_PSK)
            reply.networks.add(ssid=point.ssid, bssid=point.bssid, security=security, channel=point.channel, rssi=point.rssi)
        request.reply(Result.OK, reply.SerializeToString())

    def _ncp_version(self, request: Request) -> None:
        version = self._board.ncp_version or 0
        reply = system_pb2.GetNcpFirmwareVersionReply(version=f"0.0.{version}", module_version=version)
        request.reply(Result.OK, reply.SerializeToString())


class NoNetworks:
    """What a radio that only looks around answers about networks: it knows none, and is in none. By type in `handlers`.

    Chosen: such boards have these requests, and nowhere is it told what they answer.
    """

    def __init__(self) -> None:
        self.handlers: dict[int, Handler] = {
            RequestType.WIFI_GET_KNOWN_NETWORKS: lambda request: request.reply(Result.OK),
            RequestType.WIFI_REMOVE_KNOWN_NETWORK: _no_such_network,
            RequestType.WIFI_CLEAR_KNOWN_NETWORKS: lambda request: request.reply(Result.OK),
            RequestType.WIFI_JOIN_KNOWN_NETWORK: _no_such_network,
            RequestType.WIFI_GET_CURRENT_NETWORK: _in_no_network,
        }


def _no_such_network(request: Request) -> None:
    raise Refused(Result.NOT_FOUND)


def _in_no_network(request: Request) -> None:
    raise Refused(Result.INVALID_STATE)
