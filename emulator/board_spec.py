"""What a board is to be like when a Lab makes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emulator.board.stored_networks import StoredNetwork
from emulator.cloud.sim_records import SimStatus
from particle_protocol.cloud_profiles import Transport
from particle_protocol.dct import ServerAddress
from particle_protocol.functions import ModuleFunction
from particle_protocol.skus import SimForm

MODES = ("normal", "dfu", "safe", "off")
"""The modes to start in; `off` is a board without power."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSpec:
    """One board. What is left out is as a new board of its platform has it.

    Raises:
        ValueError: the mode is unknown.
    """

    platform: str = "photon"
    """Its name, as in `particle_protocol.platforms`."""
    os: str | None = None
    """The Device OS release; the default of its hardware table unless told."""
    modules: Sequence[bytes] | None = None
    """Module binaries to have instead of the built ones, each in its own place."""
    application: str | None = None
    """The name of an application registered with the Lab; Tinker unless told."""
    product: tuple[int, int] | None = None
    """PRODUCT_ID and PRODUCT_VERSION of that application."""
    device_id: str | None = None
    """24 hexadecimal digits; drawn from the seed unless told."""
    networks: Sequence[StoredNetwork] = ()
    """Wi-Fi networks it knows. Without any a Wi-Fi board comes up in listening mode."""
    has_sim: bool = True
    """Whether a SIM is in it, for boards that take one."""
    sim_form: SimForm | None = None
    """How that SIM sits in it; as its hardware table says unless told."""
    iccid: str | None = None
    """The number of that SIM; drawn from the seed unless told."""
    sim_status: SimStatus | None = None
    """How the operator has that SIM at first; unless told, nobody has activated it yet."""
    sku: str | None = None
    """What it was sold as, which decides its SIM; it has to be one of its platform."""
    bootloader: int | None = None
    """The version of its bootloader, where it is another than its release's: how boards get stuck in the field."""
    softdevice: int | None = None
    """The version of its radio stack, likewise, where it has one."""
    ncp: int | None = None
    """The version of its network processor's firmware, likewise, where it has one."""
    has_device_os: bool = True
    """Whether Device OS is in its flash. Without it there is nothing to start, and its bootloader stays in DFU mode."""
    mode: str = "normal"
    """One of `MODES`."""
    unique_key: bool = False
    """Make a new RSA key for it, which costs some 12 ms, instead of taking one from the pool. A served Lab always does."""
    serial_number: bool = True
    """Whether it has one; the oldest boards do not."""
    mobile_secret: str | None = None
    """What is printed on its label after the serial number, on Gen 3; drawn from the seed unless told. It need not be unique."""
    ethernet: bool = False
    """Whether an Ethernet FeatherWing is plugged onto it, for Gen 3; the board is told to look for it."""
    transport: Transport | None = None
    """How it talks to its cloud, on a board that has a choice; the platform's usual way unless told."""
    server: ServerAddress | None = None
    """The cloud it connects to, if it is not the Lab's."""
    server_key: bytes | None = None
    """The public key of that cloud (SubjectPublicKeyInfo, DER)."""

    @property
    def versions(self) -> tuple[tuple[ModuleFunction, int], ...]:
        """The modules whose version is another than the release's."""
        named = ((ModuleFunction.BOOTLOADER, self.bootloader), (ModuleFunction.RADIO_STACK, self.softdevice))
        return tuple((function, version) for function, version in named if version is not None)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"no mode {self.mode!r} to start in; there are {', '.join(MODES)}")
