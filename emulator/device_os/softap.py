"""SoftAP on a Photon or P1: in listening mode the board opens a Wi-Fi network of its own, where set-up programs find its two servers.

The protocol is `particle_protocol.softap`; this connects it to a board and to the Lab's network. The network is open, and whoever is
in it may send commands. It ends with listening mode, and everybody in it is cut off.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from emulator.device_os import wifi_credentials
from emulator.device_os.application import Application
from emulator.device_os.device_key import device_key, device_public_key
from emulator.device_os.wifi import SCAN_TIME, heard
from emulator.device_os.wifi_credentials import GivenNetwork, Seen
from emulator.network import AccessPoint, Stream
from particle_protocol.dct import DctField
from particle_protocol.lightssl import KeyFault
from particle_protocol.listening.wifi import WifiCipher, WifiSecurity, from_wire, to_wire
from particle_protocol.softap import (
    SERVERS,
    Close,
    Configuration,
    Heard,
    HeardNetwork,
    Send,
    SetupPage,
    SoftApServer,
    cipher_of,
    decrypted,
    names,
    security_mask,
    security_of,
)
from particle_protocol.softap.credentials import WRONG_PADDING

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs

LEAVE_TIME: Final = 0.1
"""Seconds from the answer to `connect-ap` to the end of the network. Chosen: it goes "right after"."""
_RSSI: Final = -40
"""How others hear the board's network, in dBm. Chosen."""


class SoftAp:
    """The board's network during one stay in listening mode; `leave` ends that."""

    def __init__(self, system: DeviceOs, leave: Callable[[], None]) -> None:
        self._system = system
        self._board = system.board
        self._leave = leave
        self._point: AccessPoint | None = None
        self._streams: set[Stream] = set()
        self._scanning = False

    def start(self) -> None:
        """Open the network."""
        mac = self._board.identity.mac or bytes(6)
        point = AccessPoint(
            self._name(),
            security=WifiSecurity.OPEN,
            cipher=WifiCipher.NOT_SET,
            channel=names.CHANNEL,
            rssi=_RSSI,
            bssid=bytes((mac[0] | 2,)) + mac[1:],
            internet=False,
        )
        for port, (reader, sockets) in SERVERS.items():
            server = SoftApServer(_Facts(self._system, self._complete), reader, sockets)
            point.servers[(names.ADDRESS, port)] = self._guarded(partial(self._accept, server))
        self._point = point
        self._board.network.hosted[self._board.device_id] = point
        self._board.scope.on_end(self.stop)

    def stop(self) -> None:
        """Close it: who is in it is in no network any more. Closing twice does nothing."""
        point, self._point = self._point, None
        if point is None:
            return
        self._board.network.hosted.pop(self._board.device_id, None)
        point.switch_off()
        streams, self._streams = self._streams, set()
        for stream in streams:
            stream.abort()

    def _name(self) -> str:
        """The network's name; what the DCT lacks of it is stored."""
        settings = self._board.settings
        prefix = names.stored_prefix(settings.get(DctField.SSID_PREFIX))
        if prefix is None:
            prefix = names.DEFAULT_PREFIX
            settings.write(DctField.SSID_PREFIX.offset, bytes((len(prefix),)) + prefix)
        code = names.stored_code(settings.get(DctField.DEVICE_CODE))
        if code is None:
            code = names.make_device_code(self._board.rng.getrandbits(32), self._system.version_numbers).encode()
            settings.write(DctField.DEVICE_CODE.offset, code)
        return names.network_name(prefix, code)

    def _accept(self, server: SoftApServer, stream: Stream) -> None:
        if self._point is None or not server.opened(stream):
            stream.abort() if self._point is None else stream.close()
            return
        self._streams.add(stream)
        stream.on_data = self._guarded(partial(self._received, server, stream))
        stream.on_closed = self._guarded(partial(self._closed, server, stream))

    def _received(self, server: SoftApServer, stream: Stream, data: bytes) -> None:
        server.receive_data(stream, data)
        self._act(server)

    def _closed(self, server: SoftApServer, stream: Stream, _: str) -> None:
        server.receive_eof(stream)
        self._act(server)

    def _act(self, server: SoftApServer) -> None:
        for action in server.actions():
            if isinstance(action, Send):
                self._stream(action.connection).write(action.data)
            elif isinstance(action, Close):
                stream = self._stream(action.connection)
                self._streams.discard(stream)
                stream.close()
            elif self._scanning:
                self._board.scope.call_later(0.0, self._scanned, server, None)
            else:
                self._scanning = True
                self._board.scope.call_later(SCAN_TIME, self._scan_done, server)

    def _scan_done(self, server: SoftApServer) -> None:
        self._scanning = False
        wifi = self._system.interfaces.wifi
        self._scanned(server, None if wifi is None else [_heard(point) for point in heard(self._board)])

    def _scanned(self, server: SoftApServer, heard: Heard) -> None:
        if self._point is not None:
            server.scan_done(heard)
            self._act(server)

    def _complete(self) -> None:
        self._board.scope.call_later(LEAVE_TIME, self._leave)

    def _guarded(self, function: Callable[..., None]) -> Callable[..., None]:
        """Run a callback from the network as the board's own code, and only while the network is open."""
        board, scope = self._board, self._board.scope

        def call(*args: object) -> None:
            if scope.alive:
                board.enter(function, args)

        return call

    @staticmethod
    def _stream(connection: object) -> Stream:
        assert isinstance(connection, Stream)
        return connection


class _Facts:
    """What the commands ask of the board (`SoftApFirmware`)."""

    def __init__(self, system: DeviceOs, complete: Callable[[], None]) -> None:
        self._system = system
        self._board = system.board
        self.leave = complete

    def device_id(self) -> str:
        return self._board.device_id

    def is_claimed(self) -> bool:
        return self._board.settings.get(DctField.CLAIMED) == b"1"

    def public_key(self) -> bytes | None:
        try:
            return device_public_key(self._board)
        except KeyFault:
            return None

    def decrypt(self, data: bytes) -> bytes | int:
        try:
            return decrypted(device_key(self._board), data)
        except KeyFault:
            return WRONG_PADDING

    def set_claim_code(self, code: bytes) -> int:
        field = DctField.CLAIM_CODE
        self._board.settings.put(field, code.ljust(field.size, b"\0"))
        return 0

    def select_antenna(self, *, external: bool) -> None:
        self._board.settings.put(DctField.ANTENNA, bytes((external,)))

    def page(self, path: str, body: bytes) -> SetupPage | None:
        application = self._system.application
        if application is None or type(application).setup_page is Application.setup_page:
            return None
        return application.setup_page(path, body) or SetupPage(status=404)

    def needs_scan(self, wanted: Configuration) -> bool:
        return self._given(wanted).needs_scan

    def save_credentials(self, wanted: Configuration, heard: Heard) -> int:
        seen: Seen = {from_wire(each.ssid): (security_of(each.security), cipher_of(each.security)) for each in heard or ()}
        return wifi_credentials.store(self._board, self._given(wanted), seen)

    @staticmethod
    def _given(wanted: Configuration) -> GivenNetwork:
        return GivenNetwork(wanted.credentials, wanted.security, wanted.enterprise)


def _heard(point: AccessPoint) -> HeardNetwork:
    mask = security_mask(point.security, point.cipher)
    return HeardNetwork(to_wire(point.ssid), point.rssi, mask, point.channel, point.max_rate)
