"""What `particle-hil flash` tells: steps as they happen, then what each board runs; as text or as data."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO, cast

from harness import journal, waits
from harness.cli.bar import Bar
from harness.cli.output import Guarded
from harness.errors import HarnessError
from harness.flashing.installed import installed_version
from harness.journal import Entry, Kind
from harness.modes import SIGNS, Capability, Mode, UsbState
from harness.starting import settled
from harness.terminal import OutputLost, visible
from harness.usb.requests import InstalledModule

if TYPE_CHECKING:
    from harness.board import Board
    from harness.flashing.images import Image

PATIENCE = 10.0
"""Seconds in which a board that was flashed mostly listens or is online, before it is told what it runs. Chosen."""

REHEARSAL = (
    "It is an emulated board, and ends with this command: this was a rehearsal. Boards of `particle-hil serve` and `run` live longer"
)


@dataclass(slots=True)
class Flashed:
    """What became of one board."""

    moniker: str
    name: str = ""
    device_id: str = ""
    images: Sequence[Image] = ()
    os_version: str | None = None
    mode: Mode | None = None
    led: str | None = None
    modules: Sequence[InstalledModule] = ()
    rehearsal: bool = False
    error: HarnessError | None = None
    steps: list[Entry] = field(default_factory=list)

    @property
    def in_safe_mode(self) -> bool:
        """Whether what it has now does not run."""
        return self.mode is Mode.SAFE or any(not module.dependencies_met for module in self.modules)

    @property
    def led_expected(self) -> str | None:
        """What the LED of a board in this mode shows, where no program sees it."""
        signs = None if self.mode is None else SIGNS[self.mode].led
        return " or ".join(sorted(signs)) if signs and self.led is None else None

    def look(self, board: Board, images: Sequence[Image]) -> None:
        """Ask the board what it runs now."""
        self.images, self.rehearsal = images, not board.lasting
        on_usb = Capability.USB in board.capabilities
        in_dfu = on_usb and board.usb.state() is UsbState.DFU
        waits.tell("waiting for it to connect, or to listen")
        self.mode = Mode.DFU if in_dfu else settled(board, PATIENCE) if on_usb else board.mode()
        self.os_version = installed_version(board)
        if on_usb and not in_dfu and board.platform.control_requests:
            self.modules = board.requests.modules()
        self.led = board.led.describe() if Capability.LED in board.capabilities else None

    def as_data(self) -> dict[str, Any]:
        """The same as plain data."""
        error = self.error
        return {
            "board": self.moniker,
            "device_id": self.device_id or None,
            "flashed": [
                {"module": str(image.key), "version": image.version, "file": image.name, "bytes": len(image.data)} for image in self.images
            ],
            "os_version": self.os_version,
            "mode": None if self.mode is None else self.mode.name.lower(),
            "safe_mode": self.in_safe_mode,
            "led": self.led,
            "led_expected": self.led_expected,
            "modules": [
                {"module": str(each.key), "version": each.version, "intact": each.intact, "dependencies_met": each.dependencies_met}
                for each in self.modules
            ],
            "rehearsal": self.rehearsal,
            "error": None if error is None else {"message": str(error), "blame": str(error.blame)},
            "steps": [{"at": round(each.at, 3), "kind": each.kind.value, "text": each.text, "led": each.led} for each in self.steps],
        }


class FlashReport:
    """Gathers what becomes of boards."""

    def __init__(self) -> None:
        self.boards: list[Flashed] = []
        self._now: Flashed | None = None

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Hear of all that happens while the context lasts."""
        with journal.listen_to_all(self._step), waits.listen(self.waiting):
            yield

    def _step(self, entry: Entry) -> None:
        if entry.kind is Kind.PROGRESS:
            self.waiting(entry.text, entry.share)
        elif self._now is not None:
            self._now.steps.append(entry)
            self.stepped(entry)

    def begin(self, board: Board) -> Flashed:
        """A board is flashed now."""
        self._now = Flashed(board.moniker, str(board.label), board.device_id)
        self.boards.append(self._now)
        return self._now

    def end(self, flashed: Flashed) -> None:
        """It is done, or has failed."""
        self._now = None

    def waiting(self, text: str, share: float | None) -> None:
        """Something is waited for."""

    def stepped(self, entry: Entry) -> None:
        """Something was done or seen."""

    def as_data(self) -> dict[str, Any]:
        """The whole report as plain data."""
        return {"boards": [each.as_data() for each in self.boards]}


class FlashText(FlashReport):
    """Tells everything while it happens. The bar is on stdout, below the lines, or on stderr where stdout is no terminal."""

    def __init__(self) -> None:
        from rich.console import Console

        super().__init__()
        self._stream = Guarded(sys.stdout)
        self._console = Console(file=cast("TextIO", self._stream), highlight=False, soft_wrap=True)
        below = self._console
        if not below.is_terminal and sys.stderr is not None:
            below = Console(file=cast("TextIO", Guarded(sys.stderr)), highlight=False, soft_wrap=True)
        self._bar = Bar(below)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """See `FlashReport.listening`.

        Raises:
            OutputLost: stdout cannot be written to.
        """
        try:
            with super().listening():
                yield
        finally:
            self._bar.close()
        self._check()

    def begin(self, board: Board) -> Flashed:
        """See `FlashReport.begin`."""
        from rich.text import Text

        self._console.print(Text(visible(board.moniker), "bold"))
        return super().begin(board)

    def _check(self) -> None:
        lost: OutputLost | None = self._stream.lost
        if lost is not None:
            raise lost

    def waiting(self, text: str, share: float | None) -> None:
        """See `FlashReport.waiting`."""
        self._bar.tell(text, share)

    def stepped(self, entry: Entry) -> None:
        """See `FlashReport.stepped`."""
        from harness.cli.steps import step_line

        self._console.print(step_line(entry, self._console.encoding, indent=2))
        self._bar.tell(entry.text)

    def end(self, flashed: Flashed) -> None:
        """See `FlashReport.end`."""
        from rich.text import Text

        from harness.cli.led import led_text

        super().end(flashed)
        self._bar.close()
        if flashed.error is not None:
            return
        runs = f" and runs Device OS {flashed.os_version}" if flashed.os_version and flashed.mode is not Mode.DFU else ""
        has = f" and has Device OS {flashed.os_version}" if flashed.os_version and flashed.mode is Mode.DFU else ""
        mode = f"in {flashed.mode}" if str(flashed.mode).endswith("mode") else str(flashed.mode)
        line = Text.assemble("\n", (visible(f"{flashed.name} is {mode}{runs}{has}"), "bold"))
        if flashed.led is not None:
            line.append("  ").append_text(led_text(flashed.led, self._console.encoding))
        elif flashed.led_expected is not None:
            line.append(f"; its LED should be {flashed.led_expected}")
        self._console.print(line)
        new = {image.key for image in flashed.images}
        for module in flashed.modules:
            style = "bold" if module.key in new else "dim"
            self._console.print(Text(f"  {module}{'  (flashed now)' if module.key in new else ''}", style))
        for image in flashed.images:
            if image.is_asset:
                self._console.print(Text(f"  {visible(image.name)}  (flashed now)", "bold"))
        if flashed.in_safe_mode:
            self._console.print(Text("Its application does not run: flash what it needs, or wait for its cloud to send it", "bold red"))
        if flashed.rehearsal:
            self._console.print(Text(REHEARSAL, "yellow"))
        self._check()
