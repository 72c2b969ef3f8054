"""What is said while something takes long: one line on stderr, which on a terminal is written over and wiped away at the end."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

import click


@contextlib.contextmanager
def waiting_line() -> Iterator[Callable[[str], None]]:
    """Gives what is to be called with a sentence now and then. Where there is no terminal only the first of each kind is printed."""
    terminal = sys.stderr.isatty()
    told: set[str] = set()

    def tell(sentence: str) -> None:
        if terminal:
            click.echo(f"\r\x1b[K{sentence}", err=True, nl=False)
        elif (kind := sentence.partition(":")[0]) not in told:
            click.echo(sentence, err=True)
            told.add(kind)
        told.add(sentence)

    try:
        yield tell
    finally:
        if terminal and told:
            click.echo("\r\x1b[K", err=True, nl=False)
