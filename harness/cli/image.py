"""`particle-hil image`: look at firmware, judge it, change it, make it.

Each verb is in a module of its own kind and imported when it is named; rich is loaded only to draw on a terminal.
"""

from __future__ import annotations

import importlib
import sys

import click

VERBS = {
    "inspect": "image_inspect:inspect",
    "check": "image_look:check",
    "diff": "image_look:diff",
    "edit": "image_change:edit",
    "build": "image_make:build",
    "hex": "image_convert:to_hex",
    "bundle": "image_convert:bundle",
    "compress": "image_convert:compress",
    "combine": "image_convert:combine_files",
    "split": "image_convert:split_file",
    "fetch": "image_fetch:fetch",
}
UNREADABLE = 2


class ImageVerbs(click.Group):
    """A group whose verbs are imported when they are named, and whose errors are sentences, not tracebacks."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the verbs."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of that name, None if there is none."""
        target = VERBS.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command: click.Command = getattr(importlib.import_module(f"harness.cli.{module}"), attribute)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the verb; what it cannot do with a file becomes a line on stderr and exit status 2."""
        from firmware_images.errors import ImageError
        from harness.image_files import FileUnusable

        try:
            return super().invoke(ctx)
        except (ImageError, FileUnusable) as reason:
            click.echo(f"particle-hil image: {reason}", err=True)
            sys.exit(UNREADABLE)


@click.group(name="image", cls=ImageVerbs, context_settings={"help_option_names": ["-h", "--help"]})
def image_group() -> None:
    """Look at firmware images, judge them, change them, make them.

    Exit status: 0 all is well, 1 something was found, 2 a file cannot be read as an image.
    """


image = image_group
