"""The status LED as text in its colour."""

from __future__ import annotations

from rich.text import Text

from harness.cli.output import shown_in
from harness.terminal import visible

_STYLES = {
    "dark blue": "bold blue",
    "blue": "bold blue",
    "cyan": "bold cyan",
    "green": "bold green",
    "magenta": "bold magenta",
    "yellow": "bold yellow",
    "red": "bold red",
    "white": "bold white",
    "orange": "bold dark_orange",
    "gray": "bright_black",
}

LAMP = "●"
"""`*` where the output has no such character."""


def led_text(shown: str | None, encoding: str = "utf-8") -> Text:
    """A lamp in the colour that the LED shows, and its words; nothing where no LED was seen."""
    if not shown:
        return Text()
    style = next((style for colour, style in _STYLES.items() if shown.endswith(colour)), "bright_black")
    return Text.assemble((shown_in(encoding, LAMP, "*"), style), " ", (visible(shown), style))
