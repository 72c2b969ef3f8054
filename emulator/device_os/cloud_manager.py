"""Keeping a board connected to its cloud: when to connect, to whom, and when to try again.

The conversation itself is `emulator.device_os.cloud_connection`, what it is given of the board `connection_facts`, and what the cloud asks
the system for `cloud_actions`. LED and back-off follow Device OS 2.3.1, system/src/system_task.cpp and
system_utilities.cpp:31-42.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emulator.board.status_led import LedSignal, Priority
from emulator.clock import Timer
from emulator.device_os import cloud_facts as facts
from emulator.device_os.cloud_actions import act_on
from emulator.device_os.cloud_connection import CloudConnection
from emulator.device_os.cloud_link import CloudLink, datagram_link, stream_link
from emulator.device_os.cloud_socket import CloudSocket, open_socket
from emulator.device_os.cloud_transport import cloud_server, cloud_transport, datagram_identity, stream_identity
from emulator.device_os.connection_counters import ConnectionCounters
from emulator.device_os.connection_facts import ConnectionFacts
from emulator.network import Cell, Path
from particle_protocol import dtls, lightssl
from particle_protocol.cloud_profiles import Network, Transport
from particle_protocol.control_requests.codes import CloudStatus, Result
from particle_protocol.dtls import SavedSession, device_dialect
from particle_protocol.messages.goodbye import CloudReason, Goodbye, ResetReason
from particle_protocol.protocol_errors import ProtocolErrorCode

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs

ERROR_SHOWN = 0.25
"""Seconds that the LED shows that the handshake failed."""
BLINKS_OFFLINE, BLINKS_ONLINE = 2, 3
"""How often the LED blinks when the cloud cannot be reached: without internet, and with it (6.2.0, system/src/system_task.cpp:129-176)."""
CONNECT_LIMITS = {Network.LAN: 60.0, Network.CELLULAR: 540.0}
"""Seconds without reaching the cloud after which a session is given up (6.2.0, hal/src/*/hal_platform_config.h, MAX_CLOUD_CONNECT_TIME)."""
COLOURS_UNTIL = (2, 0, 0)
"""Before this release the colour tells why the handshake failed; since, the error has another number than the LED looks for."""
_HANDSHAKE_COLOURS = {ProtocolErrorCode.DECRYPTION: LedSignal.KEY_UNREADABLE, ProtocolErrorCode.AUTHENTICATION: LedSignal.SERVER_UNPROVEN}


class CloudManager:
    """The cloud connection of one boot."""

    def __init__(self, system: DeviceOs) -> None:
        self.wanted = True
        """Whether to be connected whenever the network is up."""
        self.status = CloudStatus.DISCONNECTED
        self.last_error = ""
        """Why the last attempt or connection ended, in words."""
        self._system = system
        self._board = system.board
        self._scope = system.scope
        self._led = system.led
        self.counters = ConnectionCounters()
        self.rate_limited = 0
        """Events of the application that were refused, because there were too many."""
        self._failures = 0
        self._socket: CloudSocket | None = None
        self._connection: CloudConnection | None = None
        self._timer: Timer | None = None
        self._give_up: Callable[[], None] | None = None
        self._via: Path | None = None
        """The way that the connection goes, or was to go."""
        self.facts = ConnectionFacts(system)
        """What a connection is given of the board."""
        self._connecting_since: float | None = None
        self._leaving: Callable[[], None] | None = None
        """What is to be done once the cloud knows that the board leaves."""
        self._scope.on_end(self._vanish)

    @property
    def connected(self) -> bool:
        """Whether a session with the cloud stands."""
        return self.status is CloudStatus.CONNECTED

    def network_changed(self) -> None:
        """The network came up or went down, or somebody changed their mind about wanting the cloud."""
        interfaces = self._system.interfaces
        if interfaces.path is None or (self._via is not None and not interfaces.leads(self._via)):
            if self.connected:
                self.counters.lost(CloudReason.NETWORK_DISCONNECT)
            self._hang_up("the network went down")
        if interfaces.path is not None and self.wanted and self.status is CloudStatus.DISCONNECTED:
            self._connect()

    def disconnect(
        self,
        reason: CloudReason,
        reset: ResetReason = ResetReason.NONE,
        then: Callable[[], None] = lambda: None,
        *,
        sleep: int | None = None,
        goodbye: bool = True,
    ) -> None:
        """End the connection in good order, telling the cloud why. Over UDP that takes its acknowledgement; `then` comes after it.

        `sleep`: for how many seconds the board will sleep. Without `goodbye` the cloud is not told.
        """
        connection = self._connection
        if self.connected:
            self.counters.lost(reason)
        if self._leaving is not None or connection is None or not self.connected or not goodbye:
            self._hang_up("")
            then()
            return
        self.status = CloudStatus.DISCONNECTING
        self._leaving = then
        connection.disconnect(Goodbye(cloud=reason, reset=reset or None, sleep=sleep), self._scope.now)
        self._serve()

    def publish(self, name: str, data: str | bytes | None, *, ttl: int, public: bool, with_ack: bool) -> bool:
        """Publish an application's event; whether it went out."""
        if self._connection is None or not self.connected:
            return False
        payload = data.encode() if isinstance(data, str) else data
        sent = self._connection.publish(name, payload, self._scope.now, ttl=ttl, public=public, with_ack=with_ack)
        self._serve()
        self.rate_limited += sent is ProtocolErrorCode.BANDWIDTH_EXCEEDED
        return sent is ProtocolErrorCode.NO_ERROR

    def publish_vitals(self) -> bool:
        """Send the vitals of now; whether they went out."""
        if self._connection is None or not self.connected:
            return False
        sent = self._connection.publish_vitals(self._scope.now)
        self._serve()
        return sent

    def ping(self) -> None:
        """Ask the cloud whether it is still there, if there is a connection."""
        if self._connection is not None and self.connected:
            self._connection.ping(self._scope.now)
            self._serve()

    def enable_updates(self, *, enabled: bool) -> None:
        """Take updates over the air, or refuse them; the cloud is told."""
        self._system.update_flags.enabled = enabled
        if self._connection is not None:
            self._connection.enable_updates(self._scope.now, enabled=enabled)
            self._serve()

    def _connect(self) -> None:
        self.status = CloudStatus.CONNECTING
        self.counters.attempts += 1
        self._led.start(LedSignal.CLOUD_CONNECTING, Priority.NORMAL)
        if self._connecting_since is None:
            self._connecting_since = self._scope.now
        self._via = path = self._system.interfaces.path
        if path is not None:
            transport = cloud_transport(self._board)
            self._give_up = open_socket(
                self._board,
                path,
                transport,
                cloud_server(self._board, transport, self._system.version_numbers),
                opened=self._guarded(lambda socket: self._opened(socket, transport)),
                refused=self._guarded(self._refused),
                received=self._guarded(self._received, wakes=True),
                closed=self._guarded(self._closed),
            )

    def _opened(self, socket: CloudSocket, transport: Transport) -> None:
        self._give_up = None
        self._socket = socket
        self._led.start(LedSignal.CLOUD_HANDSHAKE, Priority.NORMAL)
        try:
            link = self._link(transport)
        except (lightssl.KeyFault, dtls.KeyFault) as fault:
            self._failed(f"a key in the board's flash cannot be read: {fault}", LedSignal.HANDSHAKE_FAILED, ERROR_SHOWN)
            return
        ready, token = self._system.application_runs, self._board.rng.randrange(256)
        self._connection = CloudConnection(link, self.facts.gather(), self._scope.now, first_token=token, application_ready=ready)
        self._serve()

    def _link(self, transport: Transport) -> CloudLink:
        """A link over the socket; over UDP the session that was kept goes on, if there is one of these keys.

        Raises:
            KeyFault: a key in the DCT cannot be read.
        """
        board, version, now = self._board, self._system.version_numbers, self._scope.now
        if transport is Transport.TCP:
            return stream_link(stream_identity(board), version, now)
        identity, checksum = datagram_identity(board)
        saved = SavedSession.decode(board.backup.session)
        path = self._system.interfaces.path
        network = Network.CELLULAR if isinstance(path, Cell) else Network.LAN
        tried = now - (now if self._connecting_since is None else self._connecting_since)
        if saved is not None and (saved.fault(checksum, device_dialect(version)) or tried > CONNECT_LIMITS[network]):
            saved = None
        if saved is not None:
            saved = saved.used()
        self._keep(saved)
        return datagram_link(identity, version, network, now, keys_checksum=checksum, saved=saved)

    def _keep(self, session: SavedSession | None) -> None:
        """Keep a session in backup memory, to go on with."""
        self._board.backup.session = b"" if session is None else session.encode()

    def _received(self, data: bytes) -> None:
        if self._connection is not None:
            self._connection.receive_data(data, self._scope.now)
            self._serve()

    def _closed(self, reason: str) -> None:
        if self._connection is not None:
            self._connection.receive_eof(self._scope.now)
            self._serve()
        if self._socket is not None:
            self._failed(reason, LedSignal.HANDSHAKE_FAILED, ERROR_SHOWN)

    def _refused(self, reason: str) -> None:
        self._give_up = None
        self.counters.failed(Result.NETWORK)
        path = self._system.interfaces.path
        blinks = BLINKS_ONLINE if path is not None and path.internet and not path.link.down else BLINKS_OFFLINE
        self._failed(reason, LedSignal.CLOUD_UNREACHABLE, blinks * self._led.theme[LedSignal.CLOUD_UNREACHABLE].period)

    def _due(self) -> None:
        self._timer = None
        if self._connection is not None:
            self._connection.handle_timer(self._scope.now)
            self._serve()

    def _serve(self) -> None:
        """Send what the connection has to say, do what it reports, and come back when it wants to."""
        connection = self._connection
        if connection is None:
            return
        self._flush(connection)
        for event in connection.events():
            self._do(event)
        if self._connection is not connection:
            return
        self._flush(connection)
        self._arm(connection.deadline())

    def _arm(self, due: float | None) -> None:
        """Have a timer not later than the deadline. One that is too early does no harm, and most are put off by every message."""
        if due is None or (self._timer is not None and not self._timer.cancelled and self._timer.when <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._scope.call_at(due, self._due)

    def _flush(self, connection: CloudConnection) -> None:
        pieces = connection.pieces_to_send()
        if pieces and self._socket is not None:
            self._socket.send(pieces)

    def _do(self, event: facts.CloudEvent) -> None:
        match event:
            case facts.Connected():
                self._connected()
            case facts.Disconnected(error, why):
                self._disconnected(error, why)
            case _:
                act_on(self._system, event)

    def _connected(self) -> None:
        self.status = CloudStatus.CONNECTED
        self._failures = 0
        self._connecting_since = None
        self.last_error = ""
        safe = self._system.safe_mode
        self._led.start(LedSignal.SAFE_MODE if safe else LedSignal.CLOUD_CONNECTED, Priority.BACKGROUND)
        self._led.stop(LedSignal.CLOUD_CONNECTING, LedSignal.CLOUD_HANDSHAKE)
        self._system.run_application()
        if self._connection is not None:
            self._connection.application_ready(self._scope.now)

    def _disconnected(self, error: ProtocolErrorCode, why: str) -> None:
        if self._leaving is not None:
            self._hang_up("")
            return
        if self.connected:
            self._failures = 0
            self.counters.lost(CloudReason.ERROR)
        else:
            self.counters.failed(error)
        signal = LedSignal.HANDSHAKE_FAILED
        if self._system.version_numbers < COLOURS_UNTIL:
            signal = _HANDSHAKE_COLOURS.get(error, signal)
        self._failed(f"{why} (error {int(error)})", signal, ERROR_SHOWN)

    def _failed(self, reason: str, signal: LedSignal, shown: float) -> None:
        """An attempt or a connection is over: say so on the LED, and try again later; not before the LED has said it."""
        was_connected = self.connected
        self._hang_up(reason)
        wait = 0.0
        if not was_connected:
            wait = shown
            self._failures += 1
            self._led.start(signal, Priority.IMPORTANT)
            self._scope.call_later(shown, self._led.stop, signal)
        if self.wanted and self._system.interfaces.path is not None:
            self.status = CloudStatus.CONNECTING
            self._led.start(LedSignal.CLOUD_CONNECTING, Priority.NORMAL)
            self._timer = self._scope.call_later(max(wait, self._back_off()), self._connect)

    def _back_off(self) -> float:
        """Five attempts each after 1, 2, 4, ... 64 s, then every 128 s."""
        return float(2 ** min(7, max(0, self._failures - 1) // 5))

    def _hang_up(self, reason: str) -> None:
        """Be disconnected: the socket is closed, the cloud hears no reason."""
        self.last_error = reason
        self.status = CloudStatus.DISCONNECTED
        self._led.stop(LedSignal.CLOUD_CONNECTING, LedSignal.CLOUD_HANDSHAKE, LedSignal.CLOUD_CONNECTED, LedSignal.SAFE_MODE)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._socket is not None:
            self._socket.close()
        if self._connection is not None and self._connection.abandon_update():
            self._led.give_back()
        self._vanish()
        leaving, self._leaving = self._leaving, None
        if leaving is not None:
            leaving()

    def _vanish(self) -> None:
        """Drop everything. A socket that is still open then just falls silent, as on a power cut."""
        if self._give_up is not None:
            self._give_up()
            self._give_up = None
        connection, self._connection = self._connection, None
        if connection is not None and connection.keeps_session:
            self._keep(connection.session)
        self.facts.connection_ended()
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.abandon()

    def _guarded(self, function: Callable[..., None], *, wakes: bool = False) -> Callable[..., None]:
        """Run a callback from the network as the board's own code, and only while this boot lives. `wakes`: it may wake the board."""
        board, scope = self._board, self._scope
        enter = board.receive if wakes else board.enter

        def call(*args: object) -> None:
            if scope.alive:
                enter(function, args)

        return call
