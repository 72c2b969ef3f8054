"""Verbs of a command, each in a module of its own that is imported when the verb is named."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import click


class LazyGroup(click.Group):
    """A group that imports a verb when it is named, and tells of its verbs without importing any.

    Args:
        verbs: for each name, in the order of the help, the module and the command in it: `module:attribute`.
        summaries: what the help says of each; a verb that is not there is imported to be asked.
    """

    def __init__(self, *args: Any, verbs: Mapping[str, str], summaries: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._verbs = verbs
        self._summaries = summaries

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **more: Any) -> NoReturn:  # type: ignore[override]
        """Run the command of these words, else of the command line's, and exit; see `harness.cli.ending`."""
        from harness.cli.ending import ended

        words = list(sys.argv[1:] if args is None else args)
        run = super().main
        more["standalone_mode"] = False
        sys.exit(ended(lambda: run(words, prog_name, **more), wants_json=lambda: self._asks_for_json(words)))

    def _asks_for_json(self, words: Sequence[str]) -> bool:
        """Whether these words name a verb that can print JSON, and ask it to. They may be words that no verb takes."""
        context = click.Context(self)
        command: click.Command | None = self
        for word in words:
            if isinstance(command, click.Group):
                if not word.startswith("-"):
                    command = command.get_command(context, word)
            elif command is None or word == "--":
                return False
            elif word == "--json":
                return any(parameter.name == "as_json" for parameter in command.params)
        return False

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the verbs."""
        return list(self._verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of that name, None if there is none."""
        target = self._verbs.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs and what each is for."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._summaries.get(name) or self._asked(ctx, name)) for name in self._verbs])

    def _asked(self, ctx: click.Context, name: str) -> str:
        command = self.get_command(ctx, name)
        return "" if command is None else command.get_short_help_str(200)
