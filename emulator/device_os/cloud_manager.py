"""Keeping a board connected to its cloud: when to connect, to whom, with what, and when to try again.

The conversation itself is `emulator.device_os.cloud_connection`. LED and back-off follow Device OS 2.3.1, system/src/system_task.cpp and
system_utilities.cpp:31-42.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emulator.board.board import BootRequest
from emulator.board.status_led import LedSignal, Priority
from emulator.clock import Timer
from emulator.device_os import cloud_facts as facts
from emulator.device_os.cloud_connection import CloudConnection
from emulator.device_os.connection_counters import ConnectionCounters
from emulator.device_os.describe import described, system_describe
from emulator.device_os.device_key import device_key
from emulator.network import Stream
from firmware_images.fields import UNSET
from particle_protocol.control_requests.codes import CloudStatus, Result
from particle_protocol.dct import DctField, ServerAddress
from particle_protocol.lightssl import KeyFault, ServerPublicKey
from particle_protocol.messages.goodbye import CloudReason, Goodbye, ResetReason
from particle_protocol.protocol_errors import ProtocolErrorCode

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs

ERROR_SHOWN = 0.25
"""Seconds that the LED shows that the handshake failed."""
BLINKS_OFFLINE, BLINKS_ONLINE = 2, 3
"""How often the LED blinks when the cloud cannot be reached: without internet, and with it (6.2.0, system/src/system_task.cpp:129-176)."""
COLOURS_UNTIL = (2, 0, 0)
"""Before this release the colour tells why the handshake failed; since, the error has another number than the LED looks for."""
_HANDSHAKE_COLOURS = {ProtocolErrorCode.DECRYPTION: LedSignal.KEY_UNREADABLE, ProtocolErrorCode.AUTHENTICATION: LedSignal.SERVER_UNPROVEN}
_RESET_REQUESTS = {"safe mode": (ResetReason.SAFE_MODE, BootRequest.SAFE_MODE), "dfu": (ResetReason.DFU_MODE, BootRequest.DFU)}


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
        self._stream: Stream | None = None
        self._connection: CloudConnection | None = None
        self._timer: Timer | None = None
        self._give_up: Callable[[], None] | None = None
        self._told_reset = False
        self._scope.on_end(self._vanish)

    @property
    def connected(self) -> bool:
        """Whether a session with the cloud stands."""
        return self.status is CloudStatus.CONNECTED

    def network_changed(self) -> None:
        """The network came up or went down, or somebody changed their mind about wanting the cloud."""
        if self._system.interfaces.path is None:
            if self.connected:
                self.counters.lost(CloudReason.NETWORK_DISCONNECT)
            self._hang_up("the network went down")
        elif self.wanted and self.status is CloudStatus.DISCONNECTED:
            self._connect()

    def disconnect(self, reason: CloudReason, reset: ResetReason = ResetReason.NONE) -> None:
        """End the connection in good order, telling the cloud why."""
        connection, stream = self._connection, self._stream
        if connection is not None and stream is not None and self.connected:
            connection.disconnect(Goodbye(cloud=reason, reset=reset or None), self._scope.now)
            stream.write(connection.data_to_send())
            stream.close()
            self._stream = None
            self.counters.lost(reason)
        self._hang_up("")

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

    def _connect(self) -> None:
        self.status = CloudStatus.CONNECTING
        self.counters.attempts += 1
        self._led.start(LedSignal.CLOUD_CONNECTING, Priority.NORMAL)
        path = self._system.interfaces.path
        if path is not None:
            self._give_up = self._board.network.connect(path, self._server(), self._guarded(self._opened), self._guarded(self._refused))

    def _server(self) -> tuple[str, int]:
        address = ServerAddress.decode(self._board.settings.get(DctField.SERVER_ADDRESS))
        usual = self._board.hardware.server
        if address is None:
            return usual.host, usual.port
        return address.host, usual.port if address.port is None else address.port

    def _opened(self, stream: Stream) -> None:
        self._give_up = None
        self._stream = stream
        self._board.outgoing.append(stream.local)
        self._led.start(LedSignal.CLOUD_HANDSHAKE, Priority.NORMAL)
        try:
            identity = self._identity()
        except KeyFault as fault:
            self._failed(f"a key in the board's flash cannot be read: {fault}", LedSignal.HANDSHAKE_FAILED, ERROR_SHOWN)
            return
        ready = self._system.application_runs
        self._connection = CloudConnection(identity, self._facts(), self._scope.now, application_ready=ready)
        stream.on_data = self._guarded(self._received)
        stream.on_closed = self._guarded(self._closed)
        self._serve()

    def _identity(self) -> facts.CloudIdentity:
        server = self._board.settings.get(DctField.SERVER_PUBLIC_KEY)
        return facts.CloudIdentity(bytes.fromhex(self._board.device_id), device_key(self._board), ServerPublicKey.from_der(server))

    def _facts(self) -> facts.CloudFacts:
        system = self._system
        product_id, product_version = self._product()
        code = self._board.settings.get(DctField.CLAIM_CODE)
        part = system.modules.system
        told = self._told_reset
        return facts.CloudFacts(
            os_version=system.version_numbers,
            system_version=0 if part is None else part.prefix.version,
            platform_id=self._board.platform.id,
            product_id=product_id,
            product_version=product_version,
            system_describe=lambda: system_describe(self._board.platform, system.modules),
            application=system.application,
            safe_mode=system.safe_mode,
            claim_code=b"" if code[0] in (0x00, 0xFF) else code.partition(b"\0")[0],
            last_reset="" if told else system.reset_reason.name.lower(),
            update_succeeded=system.reset_reason is ResetReason.UPDATE and not told,
            max_binary=system.receiver.capacity,
            update_sink=system.receiver,
            received_module=lambda: described(system.receiver.module(), self._board.platform, system.modules),
            diagnostics=system.diagnostics,
        )

    def _product(self) -> tuple[int, int]:
        """What Hello says: the application's product, in safe mode the one last stored (system_cloud_internal.cpp:949-968)."""
        system = self._system
        if system.safe_mode:
            stored = self._board.settings.get(DctField.PRODUCT_STORE)
            product = int.from_bytes(stored[:2], "little"), int.from_bytes(stored[2:4], "little")
        else:
            product = system.product or (UNSET, UNSET)
        return (self._board.platform.id if product[0] == UNSET else product[0]), product[1]

    def _received(self, data: bytes) -> None:
        if self._connection is not None:
            self._connection.receive_data(data, self._scope.now)
            self._serve()

    def _closed(self, reason: str) -> None:
        if self._connection is not None:
            self._connection.receive_eof(self._scope.now)
            self._serve()
        if self._stream is not None:
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
        due = connection.deadline()
        if self._timer is not None and (due is None or self._timer.when != due):
            self._timer.cancel()
            self._timer = None
        if due is not None and self._timer is None:
            self._timer = self._scope.call_at(due, self._due)

    def _flush(self, connection: CloudConnection) -> None:
        data = connection.data_to_send()
        if data and self._stream is not None:
            self._stream.write(data)

    def _do(self, event: facts.CloudEvent) -> None:
        system = self._system
        match event:
            case facts.Connected():
                self._connected()
            case facts.Disconnected(error, why):
                self._disconnected(error, why)
            case facts.ClaimReceived():
                self._board.settings.write(DctField.CLAIM_CODE.offset, b"\0")
                self._board.settings.put(DctField.CLAIMED, b"1")
            case facts.ResetRequested(what):
                self.reset_requested(what)
            case facts.SignalChanged(on):
                system.show_nyan(on=on)
            case facts.UpdateStarted():
                self._led.start(LedSignal.FIRMWARE_UPDATE, Priority.CRITICAL)
            case facts.UpdateEnded():
                system.reset_later(ResetReason.UPDATE)
            case facts.UpdateTimedOut():
                system.reset_later(ResetReason.UPDATE_TIMEOUT)
            case _:
                pass

    def reset_requested(self, what: str) -> None:
        """Do what a reset asked for by the cloud or the application means: `reboot`, `safe mode`, `dfu`, or `network`."""
        if what == "network":
            self._system.interfaces.off()
            self._system.interfaces.connect()
        else:
            self._scope.call_later(0.0, self._system.reset, *_RESET_REQUESTS.get(what, (ResetReason.USER, BootRequest.NONE)))

    def _connected(self) -> None:
        self.status = CloudStatus.CONNECTED
        self._failures = 0
        self._told_reset = True
        self.last_error = ""
        safe = self._system.safe_mode
        self._led.start(LedSignal.SAFE_MODE if safe else LedSignal.CLOUD_CONNECTED, Priority.BACKGROUND)
        self._led.stop(LedSignal.CLOUD_CONNECTING, LedSignal.CLOUD_HANDSHAKE)
        self._system.run_application()
        if self._connection is not None:
            self._connection.application_ready(self._scope.now)

    def _disconnected(self, error: ProtocolErrorCode, why: str) -> None:
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
        if self._stream is not None:
            self._stream.close()
        self._vanish()

    def _vanish(self) -> None:
        """Drop everything. A stream that is still open then just falls silent, as on a power cut."""
        if self._give_up is not None:
            self._give_up()
            self._give_up = None
        self._connection = None
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.abort()

    def _guarded(self, function: Callable[..., None]) -> Callable[..., None]:
        """Run a callback from the network as the board's own code, and only while this boot lives."""
        board, scope = self._board, self._scope

        def call(*args: object) -> None:
            if scope.alive:
                board.enter(function, args)

        return call
