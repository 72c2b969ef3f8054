"""What a connection to the cloud is given of its board: product, claim code, keys, why it was reset, and where its updates go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.device_os.cloud_facts import CloudFacts
from emulator.device_os.describe import described, system_describe
from emulator.device_os.installed import bootloader_version
from emulator.device_os.update_rules import unpacks
from emulator.device_os.update_store import UpdateStore
from firmware_images.fields import UNSET
from particle_protocol.dct import DctField
from particle_protocol.dtls import PublicKey
from particle_protocol.messages.goodbye import ResetReason

if TYPE_CHECKING:
    from emulator.board.board import Board
    from emulator.device_os.system import DeviceOs
    from particle_protocol.platforms import OsVersion

UPDATES_V3_SINCE: Final = (3, 0, 0)
NO_PRODUCT_SINCE: Final = (4, 0, 0)
SAFE_MODE_READS_VERSION: Final = (5, 5, 0)


def mover_key(board: Board, version: OsVersion) -> PublicKey | None:
    """Who may say that the server moved: known to firmware of 4.1 and later, but for 5.0 to 5.2 (6.2.0, server_config.cpp)."""
    key = board.known_keys.mover
    knows = (4, 1, 0) <= version < (5, 0, 0) or version >= (5, 3, 0)
    return PublicKey(key) if knows and key else None


class ConnectionFacts:
    """The facts for one connection after the other of the same boot: what the cloud has received once it does not receive again."""

    def __init__(self, system: DeviceOs) -> None:
        self._system = system
        self._board = system.board
        self._last_reset = system.reset_reason.name.lower()
        """The last reset, as the cloud is to receive it; empty once it did."""
        self._update_succeeded = system.reset_reason is ResetReason.UPDATE
        self._given: CloudFacts | None = None
        """What the connection has that there is; it strikes off what it has sent."""

    def connection_ended(self) -> None:
        """The connection is over: what it has not sent is for the next one."""
        if self._given is not None:
            self._last_reset, self._update_succeeded = self._given.last_reset, self._given.update_succeeded
            self._given = None

    def gather(self) -> CloudFacts:
        """What a connection that begins now is given."""
        system, board = self._system, self._board
        product_id, product_version = self._product()
        code = board.settings.get(DctField.CLAIM_CODE)
        part = system.modules.system
        self._given = CloudFacts(
            os_version=system.version_numbers,
            system_version=0 if part is None else part.prefix.version,
            platform_id=board.platform.id,
            product_id=product_id,
            product_version=product_version,
            system_describe=lambda: system_describe(board, system.modules, system.assets),
            application=system.application,
            safe_mode=system.safe_mode,
            claim_code=b"" if code[0] in (0x00, 0xFF) else code.partition(b"\0")[0],
            last_reset=self._last_reset,
            update_succeeded=self._update_succeeded,
            max_binary=system.receiver.capacity,
            updates_enabled=system.update_flags.enabled,
            updates_forced=system.update_flags.forced,
            takes_packed=system.receiver.rules.packed and unpacks(board.platform, bootloader_version(board)),
            update_sink=system.receiver,
            update_store=self._update_store(),
            received_module=lambda: described(system.receiver.module(), board.platform, system.modules),
            diagnostics=system.diagnostics,
            knows_time=board.backup.clock_set,
            iccid=board.sim or "",
            mover_key=mover_key(board, system.version_numbers),
            tells_max_binary=board.hardware.tells_max_binary,
        )
        return self._given

    def _update_store(self) -> UpdateStore | None:
        """Where updates of version 3 go: on boards of generation 3 and later, since Device OS 3.0."""
        speaks = self._board.platform.generation >= 3 and self._system.version_numbers >= UPDATES_V3_SINCE
        return UpdateStore(self._system.receiver, self._board.transfer) if speaks else None

    def _product(self) -> tuple[int, int]:
        """What Hello says: the application's product and version, in safe mode what the board remembers of them.

        Gen 2 has stored both (2.3.1, system_cloud_internal.cpp:949-968). Gen 3 remembers nothing, and since 5.5 reads the version in the
        user part (6.2.0, hal/src/nRF52840/product_store_hal.cpp). Since 4.0 firmware cannot name a product: its id is the platform's.
        """
        system, version = self._system, self._system.version_numbers
        product = system.product or (UNSET, UNSET)
        if system.safe_mode and self._board.platform.generation <= 2:
            stored = self._board.settings.get(DctField.PRODUCT_STORE)
            product = int.from_bytes(stored[:2], "little"), int.from_bytes(stored[2:4], "little")
        elif system.safe_mode and version < SAFE_MODE_READS_VERSION:
            product = UNSET, UNSET
        named = product[0] != UNSET and version < NO_PRODUCT_SINCE
        return product[0] if named else self._board.platform.id, product[1]
