"""What the system does when the cloud asks it for something: claim, reset, move to another server, show an update.

Everything but the connection's own beginning and end, which are `emulator.device_os.cloud_manager`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.board.board import BootRequest
from emulator.board.status_led import LedSignal
from emulator.device_os import cloud_facts as facts
from emulator.device_os.cloud_transport import FIELDS, cloud_transport
from emulator.device_os.connection_facts import mover_key
from particle_protocol.cloud_profiles import Transport
from particle_protocol.dct import DctField, ServerAddress
from particle_protocol.messages.goodbye import CloudReason, ResetReason

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs

_RESET_REQUESTS: Final = {"safe mode": (ResetReason.SAFE_MODE, BootRequest.SAFE_MODE), "dfu": (ResetReason.DFU_MODE, BootRequest.DFU)}


def act_on(system: DeviceOs, event: facts.CloudEvent) -> None:
    """Do what an event of the connection asks for."""
    match event:
        case facts.ClaimReceived():
            system.board.settings.write(DctField.CLAIM_CODE.offset, b"\0")
            system.board.settings.put(DctField.CLAIMED, b"1")
        case facts.ResetRequested(what):
            reset_requested(system, what)
        case facts.TimeReceived():
            system.board.backup.clock_set = True
        case facts.ServerMovedTo():
            system.cloud.disconnect(CloudReason.SERVER_MOVED, then=lambda: _move_to(system, event))
        case facts.KeyRestoreRequested():
            system.scope.call_later(0.0, _restore_server, system)
        case facts.SignalChanged(on):
            system.show_nyan(on=on)
        case facts.UpdateStarted() | facts.UpdateProgress() | facts.UpdateAbandoned():
            _show_update(system, event)
        case _:
            _act_on_update(system, event)


def reset_requested(system: DeviceOs, what: str) -> None:
    """Do what a reset asked for by the cloud or the application means: `reboot`, `safe mode`, `dfu`, or `network`."""
    if what == "network":
        system.interfaces.off()
        system.interfaces.connect()
    else:
        system.scope.call_later(0.0, system.reset, *_RESET_REQUESTS.get(what, (ResetReason.USER, BootRequest.NONE)))


def _act_on_update(system: DeviceOs, event: facts.CloudEvent) -> None:
    """What has become of an update; the reset after one waits for nothing but Goodbye, that after a lost one not even for that.

    (Device OS 2.3.1, system/src/system_update.cpp:393-431; main.cpp:378.)
    """
    match event:
        case facts.UpdatesForced(forced):
            system.update_flags.forced = forced
        case facts.UpdatesPending(pending):
            system.update_flags.pending = pending
        case facts.UpdateEnded():
            system.scope.call_later(0.0, system.reset, ResetReason.UPDATE)
        case facts.UpdateTimedOut():
            system.scope.call_later(0.0, system.board.reset, ResetReason.UPDATE_TIMEOUT)
        case _:
            pass


def _show_update(system: DeviceOs, event: facts.UpdateStarted | facts.UpdateProgress | facts.UpdateAbandoned) -> None:
    """An update has the LED for itself, and each piece of it switches that off or on."""
    if isinstance(event, facts.UpdateStarted):
        system.update_flags.pending = False
        system.led.take_over(LedSignal.FIRMWARE_UPDATE)
    elif isinstance(event, facts.UpdateProgress):
        system.led.toggle()
    else:
        system.led.give_back()


def _move_to(system: DeviceOs, server: facts.ServerMovedTo) -> None:
    """Remember another server, and go there after a reset."""
    fields, settings = FIELDS[Transport.UDP], system.board.settings
    settings.write(fields.server.offset, ServerAddress(server.address, server.port).encode())
    settings.write(fields.server_key.offset, server.public_key.ljust(fields.server_key.size, b"\xff"))
    system.board.reset(ResetReason.CONFIG_UPDATE)


def _restore_server(system: DeviceOs) -> None:
    """Hold the key and the address again that the firmware was made with, and reset where firmware knows that reason for a reset."""
    board, transport = system.board, cloud_transport(system.board)
    fields = FIELDS[transport]
    board.settings.write(fields.server_key.offset, board.known_keys.servers[transport].ljust(fields.server_key.size, b"\xff"))
    board.settings.write(fields.server.offset, b"\xff" * fields.server.size)
    if mover_key(board, system.version_numbers) is not None:
        system.reset(ResetReason.CONFIG_UPDATE)
