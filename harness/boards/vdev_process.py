"""A Device OS virtual device as a process: its folder and key files, its start and end, its log line by line.

Its program reads its keys from the folder that it is started in, and keeps there what a board keeps in flash. It writes its log to a
terminal, so that no line waits in a buffer until the program ends; and it ends when that terminal goes away with us, however we end.

Two ways of Device OS are known here, and told where they matter. A program that resets ends (2.3.1) or becomes itself anew (6.2.0), so one
that ended well is started again. And one whose cloud is away looks whether there is an Internet: where `pool.ntp.org` does not resolve it
aborts, so that is no fault of its application's, and it is started again too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from harness.capabilities import LogLine
from harness.errors import hides
from harness.lab import OwnFolder

__tracebackhide__ = hides

DEVICE_KEY, SERVER_KEY = "device_key.der", "server_key.der"
"""The key files, by the names that the program gives them unless told otherwise."""

SOURCE: Final = "virtual device"
"""Whose lines its log's are, in the journal."""

KEPT_LINES: Final = 2000
LAST_WORDS: Final = 3
"""Lines of its log that a message quotes."""

GRACE: Final = 5.0
"""Seconds that it has to end after it was asked to."""
RESTART_DELAY: Final = 1.0
"""Seconds until it is started again."""
MAX_RESTARTS: Final = 5
"""How often it is started again within `RESTART_WINDOW` seconds; then it is left dead."""
RESTART_WINDOW: Final = 60.0

NO_INTERNET: Final = (
    "it aborts when its cloud is away and pool.ntp.org does not resolve, and notices a closed connection only at its next ping, "
    "up to 25 s later"
)

_LAUNCHER: Final = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
"""Makes the terminal its own, then becomes it: when the terminal goes away, so does the program."""


class VirtualDevice:
    """One virtual device. `now` gives the time of the host's clock, which its log lines carry.

    `on()` and `off()` are its power switch; `close()` also removes its folder.
    """

    def __init__(self, program: Path, arguments: Sequence[str], files: dict[str, bytes], now: Callable[[], float]) -> None:
        self.program = program
        self._own = OwnFolder("particle-hil-vdev")
        self.folder = self._own.path
        (self.folder / "tmp").mkdir()
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
            (self.folder / name).chmod(0o600)
        self._arguments = tuple(arguments)
        self._now = now
        self._lines: deque[tuple[float, str]] = deque(maxlen=KEPT_LINES)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: threading.Thread | None = None
        self._switched_off = threading.Event()
        self._switched_off.set()
        self._ended = "it was never started"

    def on(self) -> None:
        """Start it, unless it runs."""
        if not self._switched_off.is_set() and self._keeper is not None and self._keeper.is_alive():
            return
        self.off()
        self._switched_off.clear()
        terminal = self._start()
        self._keeper = threading.Thread(target=self._keep, args=(terminal,), name=f"particle-hil {self.program.name}", daemon=True)
        self._keeper.start()

    def off(self) -> None:
        """End it: politely, then not."""
        self._switched_off.set()
        with self._lock:
            process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
        if self._keeper is not None:
            self._keeper.join()
            self._keeper = None

    def close(self) -> None:
        """End it, and remove its folder."""
        self.off()
        self._own.remove()

    @property
    def runs(self) -> bool:
        """Whether it runs now, or is about to be started again."""
        return self._keeper is not None and self._keeper.is_alive()

    def describe(self) -> str:
        """What it does, and the last lines of its log, in words."""
        with self._lock:
            process, ended = self._process, self._ended
            words = [text for _, text in self._lines if text][-LAST_WORDS:]
        state = f"process {process.pid} runs" if process is not None and process.poll() is None else ended
        return state + (f", its log ends with {' | '.join(words)!r}" if words else ", its log is empty")

    def log(self, since: float) -> list[LogLine]:
        """The lines of its log since a moment of the host's clock."""
        with self._lock:
            return [LogLine(when, SOURCE, text) for when, text in self._lines if when >= since]

    def _start(self) -> int:
        """Start the process; gives our end of its terminal."""
        import pty
        import tty

        ours, its = pty.openpty()
        tty.setraw(its)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VDEV_")}
        command = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(self.program), *self._arguments]
        try:
            with self._lock:
                self._process = subprocess.Popen(  # noqa: S603  # running the user's own program is the purpose
                    command,
                    cwd=self.folder,
                    env=environment | {"TMPDIR": str(self.folder / "tmp")},
                    stdin=its,
                    stdout=its,
                    stderr=its,
                    start_new_session=True,
                )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(its)
        return ours

    def _keep(self, terminal: int) -> None:
        """Gather what it writes; when it ends, start it again where it was to run on."""
        restarts: deque[float] = deque(maxlen=MAX_RESTARTS)
        while True:
            self._gather(terminal)
            with self._lock:
                process = self._process
            assert process is not None
            status = process.wait()
            why = ending(status)
            if self._switched_off.is_set():
                self._note(f"switched off ({why})")
                return
            again = status in (0, -signal.SIGABRT)
            tired = len(restarts) == MAX_RESTARTS and time.monotonic() - restarts[0] < RESTART_WINDOW
            if not again or tired:
                self._note(f"it ended: {why}" + (f", more than {MAX_RESTARTS} times in a minute; it is not started again" if tired else ""))
                return
            restarts.append(time.monotonic())
            self._note(f"it ended: {why}; it is started again" + (f", for {NO_INTERNET}" if status else ", as after a reset"))
            if self._switched_off.wait(RESTART_DELAY):
                return
            terminal = self._start()

    def _gather(self, terminal: int) -> None:
        rest = b""
        try:
            while True:
                try:
                    read = os.read(terminal, 1 << 16)
                except OSError:  # what Linux says when nobody has the other end any more
                    read = b""
                if not read:
                    break
                *lines, rest = (rest + read).split(b"\n")
                self._add(lines)
        finally:
            os.close(terminal)
        if rest:
            self._add([rest])

    def _add(self, lines: Sequence[bytes]) -> None:
        now = self._now()
        with self._lock:
            self._lines.extend((now, line.decode("utf-8", "replace").rstrip("\r")) for line in lines)

    def _note(self, text: str) -> None:
        now = self._now()
        with self._lock:
            self._ended = text
            self._lines.append((now, text))


def ending(status: int) -> str:
    """How a process ended, in words."""
    if status >= 0:
        return f"status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
