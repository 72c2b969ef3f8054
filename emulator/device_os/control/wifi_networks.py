"""Requests about Wi-Fi on Gen 3: join, known networks, the current one.

Device OS 6.2.0, system/src/control/wifi_new.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.board.stored_networks import StoredNetwork
from emulator.clock import Timer
from emulator.device_os.control.handlers import Handler, Refused
from emulator.device_os.control.wifi_radio import SECURITY
from emulator.device_os.wifi import JOIN_FAILURE_TIME, SCAN_TIME, Wifi
from particle_protocol.control_requests.codes import RequestType, Result
from particle_protocol.control_requests.device import Request
from particle_protocol.control_requests.generated import wifi_pb2
from particle_protocol.control_requests.messages import decode_message
from particle_protocol.listening.wifi import WifiSecurity
from particle_protocol.platforms import OsVersion

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs

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
        }
        if _has_set_credentials(system.version_numbers):
            self.handlers[RequestType.WIFI_SET_NETWORK_CREDENTIALS] = self._set_credentials

    def _join_new(self, request: Request) -> None:
        before = self._wifi.stored.all
        self._join(request, self._store(request), before)

    def _set_credentials(self, request: Request) -> None:
        """The same message, to be kept and not joined now."""
        self._store(request)
        request.reply(Result.OK)

    def _store(self, request: Request) -> str:
        """Keep the network that a message describes; gives its name."""
        wanted = decode_message(wifi_pb2.WifiJoinNewNetworkRequest, request.payload)
        if not 0 < len(wanted.ssid.encode()) <= 32:
            raise Refused(Result.INVALID_ARGUMENT)
        security = next((ours for ours, theirs in SECURITY.items() if theirs == wanted.security), WifiSecurity.WPA2)
        self._wifi.stored.add(StoredNetwork(wanted.ssid, security, wanted.credentials.password))
        return wanted.ssid

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
            security = SECURITY.get(WifiSecurity(network.security), wifi_pb2.WPA2_PSK)
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


def _has_set_credentials(version: OsVersion) -> bool:
    """507 came with 5.8.2, was not in 6.0 and 6.1, and is back."""
    return (5, 8, 2) <= version < (6, 0, 0) or version >= (6, 2, 0)
