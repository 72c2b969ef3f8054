"""Requests about Wi-Fi on Gen 2 up to Device OS 1.x: antenna, scan, credentials.

Device OS 1.5.2, system/src/control/wifi.cpp; 2.3.1 has them no more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from emulator.device_os import wifi_credentials
from emulator.device_os.control.handlers import Handler, Refused
from emulator.device_os.wifi import SCAN_TIME, Wifi, heard
from emulator.device_os.wifi_credentials import GivenNetwork
from particle_protocol.control_requests.codes import RequestType, Result
from particle_protocol.control_requests.device import Request
from particle_protocol.control_requests.generated import wifi_old_pb2
from particle_protocol.control_requests.messages import decode_message
from particle_protocol.dct import DctField
from particle_protocol.listening.wifi import WifiCipher, WifiCredentials, WifiSecurity, from_wire
from particle_protocol.softap.security import eap_of

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs

OLD_WIFI_UNTIL: Final = (2, 0, 0)
"""Chosen: 1.5.2 has them, 2.3.1 has not."""
_ANTENNAS: Final = {wifi_old_pb2.INTERNAL_ANTENNA: 0, wifi_old_pb2.EXTERNAL_ANTENNA: 1, wifi_old_pb2.AUTOMATIC_ANTENNA: 3}
"""Each with its number in the DCT (hal/inc/wlan_hal.h)."""


class OldWifiRequests:
    """The requests of one boot, by type in `handlers`."""

    def __init__(self, system: DeviceOs, wifi: Wifi) -> None:
        self._board = system.board
        self._scope = system.scope
        self._wifi = wifi
        self.handlers: dict[int, Handler] = {
            RequestType.WIFI_SET_ANTENNA: self._set_antenna,
            RequestType.WIFI_GET_ANTENNA: self._get_antenna,
            RequestType.WIFI_SCAN: lambda request: self._after_scan(self._scanned, request),
            RequestType.WIFI_SET_CREDENTIALS: self._set_credentials,
            RequestType.WIFI_GET_CREDENTIALS: self._get_credentials,
            RequestType.WIFI_CLEAR_CREDENTIALS: self._clear_credentials,
        }

    def _set_antenna(self, request: Request) -> None:
        wanted = decode_message(wifi_old_pb2.WifiSetAntennaRequest, request.payload).antenna
        if wanted not in _ANTENNAS:
            raise Refused(Result.INVALID_ARGUMENT)
        self._board.settings.put(DctField.ANTENNA, bytes((_ANTENNAS[wanted],)))
        request.reply(Result.OK)

    def _get_antenna(self, request: Request) -> None:
        stored = self._board.settings.get(DctField.ANTENNA)[0]
        antenna = next((theirs for theirs, ours in _ANTENNAS.items() if ours == stored), wifi_old_pb2.INTERNAL_ANTENNA)
        request.reply(Result.OK, wifi_old_pb2.WifiGetAntennaReply(antenna=antenna).SerializeToString())

    def _scanned(self, request: Request) -> None:
        reply = wifi_old_pb2.WifiScanReply()
        for point in heard(self._board):
            facts = {"channel": point.channel, "max_data_rate": point.max_rate, "rssi": point.rssi}
            reply.list.aps.add(ssid=point.ssid, bssid=point.bssid, security=int(point.security), cipher=int(point.cipher), **facts)
        request.reply(Result.OK, reply.SerializeToString())

    def _set_credentials(self, request: Request) -> None:
        given = _given(decode_message(wifi_old_pb2.WifiSetCredentialsRequest, request.payload).ap)
        if given.needs_scan:
            self._after_scan(self._store, request, given)
        else:
            self._store(request, given)

    def _store(self, request: Request, given: GivenNetwork) -> None:
        seen = {point.ssid: (point.security, point.cipher) for point in heard(self._board)}
        request.reply(Result.UNKNOWN if wifi_credentials.store(self._board, given, seen) else Result.OK)

    def _get_credentials(self, request: Request) -> None:
        """The passwords stay on the board."""
        reply = wifi_old_pb2.WifiGetCredentialsReply()
        for network in self._wifi.stored.all:
            reply.list.aps.add(ssid=network.ssid.encode("utf-8", "replace").decode(), security=network.security, cipher=network.cipher)
        request.reply(Result.OK, reply.SerializeToString())

    def _clear_credentials(self, request: Request) -> None:
        self._wifi.clear_credentials()
        request.reply(Result.OK)

    def _after_scan(self, then: Callable[..., None], *args: object) -> None:
        self._scope.call_later(SCAN_TIME, then, *args)


def _given(point: wifi_old_pb2.WifiAccessPoint) -> GivenNetwork:
    """The credentials of a request; a number that stands for no kind of security leaves that to a scan."""
    security = WifiSecurity(point.security) if point.security in _SECURITIES else None
    eap = eap_of(point.eap_type)
    credentials = WifiCredentials(
        point.ssid,
        point.password,
        WifiSecurity.OPEN if security is None else security,
        WifiCipher(point.cipher) if point.cipher in set(WifiCipher) else WifiCipher.NOT_SET,
        eap,
        point.inner_identity,
        point.outer_identity,
        *(from_wire(text) for text in (point.client_certificate, point.private_key, point.ca_certificate)),
    )
    return GivenNetwork(credentials, security, eap is not None)


_SECURITIES: Final = frozenset(WifiSecurity) - {WifiSecurity.WPA3}
