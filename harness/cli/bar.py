"""A progress bar, for a person who waits: drawn once the wait has taken a while, below whatever is printed on the same console meanwhile.

Where there is no terminal nothing is drawn.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from harness.terminal import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

PATIENCE = 2.0
"""Seconds for which nothing is drawn."""


class Bar:
    """The bar of one console. It runs from left to right where it is known how far something is, and to and fro where it is not."""

    def __init__(self, console: Console, patience: float | None = None) -> None:
        self._console = console
        self._patience = PATIENCE if patience is None else patience
        self._lock = threading.Lock()
        self._text = ""
        self._share: float | None = None
        self._drawn: Progress | None = None
        self._timer: threading.Timer | None = None
        self._late = False

    def tell(self, text: str, share: float | None = None) -> None:
        """Say what is waited for, and how much of it is done, from 0 to 1; None: nobody can tell."""
        with self._lock:
            self._text, self._share = text, share
            if self._late:
                self._draw()
            elif self._timer is None:
                self._timer = threading.Timer(self._patience, self._run_out)
                self._timer.daemon = True
                self._timer.start()

    def close(self) -> None:
        """Nothing is waited for any more: the bar is wiped away."""
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            self._timer, self._late, drawn, self._drawn = None, False, self._drawn, None
        if drawn is not None:
            drawn.stop()

    def _run_out(self) -> None:
        with self._lock:
            if self._timer is threading.current_thread():
                self._late = True
                self._draw()

    def _draw(self) -> None:
        if not self._console.is_terminal:
            return
        total = None if self._share is None else 1.0
        if self._drawn is None:
            self._drawn = _made_for(self._console)
            self._drawn.add_task(visible(self._text), total=total, completed=self._share or 0)  # type: ignore[arg-type]  # a share is no int
            self._drawn.start()
            return
        self._drawn.tasks[0].total = total
        self._drawn.update(self._drawn.task_ids[0], description=visible(self._text), completed=self._share or 0.0)


def _made_for(console: Console) -> Progress:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, transient=True)
