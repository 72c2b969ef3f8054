"""Requests about Wi-Fi on Gen 3: join, known networks, the current one, scan; and the network processor's version.

Device OS 6.2.0, system/src/control/wifi_new.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.board.stored_networks import StoredNetwork
from emulator.clock import Timer
from emulator.device_os.control.handlers import Handler, Refused
from emulator.device_os.wifi import JOIN_FAILURE_TIME, SCAN_TIME, Wifi
from emulator.network import AccessPoint
from particle_protocol.control_requests.codes import RequestType, Result
from particle_protocol.control_requests.device import Request
from particle_protocol.control_requests.generated import system_pb2, wifi_pb2
from particle_protocol.control_requests.messages import decode_message
from particle_protocol.listening.wifi import WifiSecurity

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs

_SECURITY: Final = {
    WifiSecurity.OPEN: wifi_pb2.NO_SECURITY,
    WifiSecurity.WEP: wifi_pb2.WEP,
    WifiSecurity.WPA: wifi_pb2.WPA_PSK,
    WifiSecurity.WPA2: wifi_pb2.WPA2_PSK,
}
_JOIN_TIMEOUT: Final = 3 * (SCAN_TIME + JOIN_FAILURE_TIME)
_LOOK: Final = 0.1


class WifiRequests:
    """The requests of one boot, by type in `handlers`."""

    def __init__(self, system: DeviceOs, wifi: Wifi) -> None:
        self._system = system
        self._wifi = wifi
        self.handlers: dict[int, Handler] = {
            RequestType.WIFI_JOIN_NEW_NETWORK: self._join_new,
            RequestType.WIFI_JOIN_KNOWN_NETWORK: self._join_known,
            RequestType.WIFI_GET_KNOWN_NETWORKS: self._known,
            RequestType.WIFI_REMOVE_KNOWN_NETWORK: self._remove,
            RequestType.WIFI_CLEAR_KNOWN_NETWORKS: self._clear,
            RequestType.WIFI_GET_CURRENT_NETWORK: self._current,
            RequestType.WIFI_SCAN_NETWORKS: self._scan,
        }
        if system.board.ncp_version is not None:
            self.handlers[RequestType.GET_NCP_FIRMWARE_VERSION] = self._ncp_version

    def _join_new(self, request: Request) -> None:
        wanted = decode_message(wifi_pb2.WifiJoinNewNetworkRequest, request.payload)
        if not 0 < len(wanted.ssid.encode()) <= 32:
            raise Refused(Result.INVALID_ARGUMENT)
        before = self._wifi.stored.all
        security = next((ours for ours, theirs in _SECURITY.items() if theirs == wanted.security), WifiSecurity.WPA2)
        self._wifi.stored.add(StoredNetwork(wanted.ssid, security, wanted.credentials.password))
        self._join(request, wanted.ssid, before)

    def _join_known(self, request: Request) -> None:
        wanted = decode_message(wifi_pb2.WifiJoinKnownNetworkRequest, request.payload)
        known = {network.ssid: network for network in self._wifi.stored.all}
        if wanted.ssid not in known:
            raise Refused(Result.NOT_FOUND)
        before = self._wifi.stored.all
        self._wifi.stored.add(known[wanted.ssid])
        self._join(request, wanted.ssid, before)

    def _join(self, request: Request, ssid: str, before: tuple[StoredNetwork, ...]) -> None:
        """Connect, and answer when that has come to an end; what could not be joined is not kept."""
        if self._system.listening.active:
            self._system.listening.leave()
        self._wifi.off()
        self._wifi.connect()
        until = self._system.scope.now + _JOIN_TIMEOUT
        timer: list[Timer] = []

        def look() -> None:
            point = self._wifi.access_point if self._wifi.is_up else None
            if point is not None and point.ssid == ssid:
                request.reply(Result.OK)
            elif self._wifi.failure or self._system.scope.now >= until:
                self._wifi.off()
                self._wifi.stored.replace(before)
                request.reply(Result.NOT_FOUND if "on the air" in self._wifi.failure else Result.NETWORK)
            else:
                timer[:] = [self._system.scope.call_later(_LOOK, look)]

        look()

    def _known(self, request: Request) -> None:
        reply = wifi_pb2.WifiGetKnownNetworksReply()
        for network in self._wifi.stored.all:
            security = _SECURITY.get(WifiSecurity(network.security), wifi_pb2.WPA2_PSK)
            kind = wifi_pb2.PASSWORD if network.password else wifi_pb2.NO_CREDENTIALS
            reply.networks.add(ssid=network.ssid, security=security, credentials_type=kind)
        request.reply(Result.OK, reply.SerializeToString())

    def _remove(self, request: Request) -> None:
        ssid = decode_message(wifi_pb2.WifiRemoveKnownNetworkRequest, request.payload).ssid
        kept = tuple(network for network in self._wifi.stored.all if network.ssid != ssid)
        if len(kept) == len(self._wifi.stored.all):
            raise Refused(Result.NOT_FOUND)
        self._wifi.stored.replace(kept)
        request.reply(Result.OK)

    def _clear(self, request: Request) -> None:
        self._wifi.stored.clear()
        request.reply(Result.OK)

    def _current(self, request: Request) -> None:
        point = self._wifi.access_point if self._wifi.is_up else None
        if point is None:
            raise Refused(Result.INVALID_STATE)
        reply = wifi_pb2.WifiGetCurrentNetworkReply(ssid=point.ssid, bssid=point.bssid, channel=point.channel, rssi=point.rssi)
        request.reply(Result.OK, reply.SerializeToString())

    def _scan(self, request: Request) -> None:
        self._system.scope.call_later(SCAN_TIME, self._scanned, request)

    def _scanned(self, request: Request) -> None:
        reply = wifi_pb2.WifiScanNetworksReply()
        for point in self._wifi.scan():
            reply.networks.add(ssid=point.ssid, bssid=point.bssid, security=_security(point), channel=point.channel, rssi=point.rssi)
        request.reply(Result.OK, reply.SerializeToString())

    def _ncp_version(self, request: Request) -> None:
        version = self._system.board.ncp_version or 0
        reply = system_pb2.GetNcpFirmwareVersionReply(version=f"0.0.{version}", module_version=version)
        request.reply(Result.OK, reply.SerializeToString())


def _security(point: AccessPoint) -> wifi_pb2.WifiSecurity:
    return _SECURITY.get(point.security, wifi_pb2.WPA2_PSK)
