"""The root of the `particle-hil` command: its verbs.

Exit statuses are those of `harness.cli.ending`; a verb that runs a tool gives the tool's own status.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from harness.cli.output import prepare
from harness.cli.verbs import LazyGroup

VERBS = {
    "boards": "harness.cli.boards:boards",
    "check": "harness.cli.check:check",
    "flash": "harness.cli.flash:flash",
    "image": "harness.cli.image:image",
    "lab": "harness.cli.lab:lab",
    "run": "harness.cli.run:run",
    "serve": "harness.cli.serve:serve",
    "served": "harness.cli.served:served",
}


SUMMARIES = {
    "boards": "List the boards on this computer's USB.",
    "check": "Check boards: identity, modes, flashing, provisioning.",
    "flash": "Flash FILES onto a board, in whatever mode it is, and tell what it runs then.",
    "image": "Look at firmware images, judge them, change them, make them.",
    "lab": "Boards, and the cloud around them, as one file: lab.toml.",
    "run": "Run a program with emulated boards on its USB bus.",
    "served": "Lay hands on the boards of a running `particle-hil serve`.",
    "serve": "Serve a cloud, and emulated boards with it, until Ctrl-C.",
}
"""What the help says of each verb, so that it need not import them."""


@click.group(cls=LazyGroup, verbs=VERBS, summaries=SUMMARIES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="particle-hil", prog_name="particle-hil")
def cli() -> None:
    """Test and emulate Particle boards.

    Try it without any board: particle-hil check --board emu:photon
    """


def main(words: Sequence[str] | None = None) -> None:
    """Run the command, with the words of the command line unless told, and exit."""
    prepare()
    cli.main(words, prog_name="particle-hil")
