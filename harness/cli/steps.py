"""A step of a board's journal as a line for a person."""

from __future__ import annotations

from rich.text import Text

from harness.cli.led import led_text
from harness.journal import Entry
from harness.terminal import visible


def step_line(entry: Entry, encoding: str, *, indent: int = 6) -> Text:
    """What was done or seen, with the LED in its colour."""
    line = Text.assemble(" " * indent, (f"{entry.kind.value:3}", "dim"), f"  {visible(entry.text)}")
    if entry.led:
        line.append("  ").append_text(led_text(entry.led, encoding))
    return line
