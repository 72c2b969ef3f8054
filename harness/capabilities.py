"""What a kind of board may have or lack: things that a program can press, see, switch or ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from harness.cloud import WifiNetwork
    from harness.errors import CapabilityMissing
    from harness.surroundings import Surroundings


class Buttons(Protocol):
    """The buttons of a board, where a program can press them."""

    def press_mode(self) -> None:
        """Push MODE down."""

    def release_mode(self) -> None:
        """Let MODE go."""

    def press_reset(self) -> None:
        """Push RESET down."""

    def release_reset(self) -> None:
        """Let RESET go."""


@dataclass(frozen=True, slots=True)
class LedChange:
    """From `time` on, in seconds of the host's clock, the LED showed `text`."""

    time: float
    text: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that somebody else, the `source`, noted of a board. `time` in seconds of the host's clock."""

    time: float
    source: str
    text: str


class Led(Protocol):
    """The RGB LED of a board, where a program can see it."""

    def describe(self) -> str:
        """What it shows, as in "breathing cyan"."""

    def timeline(self) -> list[LedChange]:
        """The last changes, oldest first."""


class Power(Protocol):
    """The power supply of a board, where a program can switch it."""

    def on(self) -> None:
        """Give power."""

    def off(self) -> None:
        """Take power away."""


class SimSlot(Protocol):
    """The slot for a SIM card of a board, where a program can reach it."""

    def insert(self, iccid: str | None = None) -> str:
        """Put a SIM in, in place of the one that is there: that of a number, or a spare one, which is nobody's. Gives its number."""

    def remove(self) -> None:
        """Take the SIM out."""


class Network(Protocol):
    """The interface through which a board reaches its cloud."""

    kind: str
    """What it is called: "Wi-Fi", "cellular"."""
    step: str
    """What joining is called among the steps of a flow."""
    in_listening: bool
    """Whether the board has to listen to be joined."""

    def lacks(self, wifi: WifiNetwork | None) -> CapabilityMissing | None:
        """What a run has not that the board needs to join; asks nobody. None: it has all."""

    def offer(self, wifi: WifiNetwork | None) -> str:
        """What `join` would do to the board, as the beginning of a sentence."""

    def join(self, wifi: WifiNetwork | None = None) -> str | None:
        """Give the board what it needs to connect, whatever mode it is in; it then connects by itself.

        Returns what was done, or None when there was nothing to do.

        Raises:
            CapabilityMissing: see `lacks`.
            ChangesNotAllowed: it is a real board.
            HarnessError: it could not be given that; tells why.
        """


class Releases(Protocol):
    """Where the firmware of a kind of boards comes from, if not from Particle's releases."""

    def device_os(self, version: str) -> Sequence[bytes | Path]:
        """The modules of a Device OS version."""

    def application(self) -> bytes | Path:
        """Tinker, or what stands for it."""


@dataclass(frozen=True, slots=True)
class Extras:
    """What one board has, as its kind supplies it. None: no program can reach it."""

    buttons: Buttons | None = None
    led: Led | None = None
    power: Power | None = None
    sim_slot: SimSlot | None = None
    releases: Releases | None = None
    """The kind's own Device OS releases; real ones are used without it."""
    refusal: Callable[[float], str] | None = None
    """Tells why the cloud turned this board away last since a moment, or an empty string, where the cloud's log can be read."""
    log: Callable[[float], Sequence[LogLine]] | None = None
    """What others noted of this board since a moment, where that can be read."""
    takes_stand_ins: bool = False
    """Whether it was made here, with modules that only stand for real ones. No other board may get such."""
    build: Callable[[type[Any], tuple[int, int] | None], bytes] | None = None
    """Makes the user part that runs an application written as a Python class, with a product's id and version, where that can be run."""
    lasting: bool = True
    """Whether it goes on when this process ends, so that what was changed in it has to be put back then, too."""
    usb: bool = True
    """Whether it is on its host's USB."""
    serial: bool = True
    """Whether it has a serial port on its host."""
    state: Callable[[], str] | None = None
    """Tells in words what can be seen on the host of a board that is on no USB."""
    surroundings: Surroundings | None = None
    """What is around it that a program can change; boards that are in the same place have the same one."""
    network: Network | None = None
    """The kind's own way to the network; without it that of the platform (`harness.networks`)."""


NOTHING = Extras()
