"""The root of the `particle-hil` command: its verbs, and what becomes of errors.

Exit statuses: 0 all is well; 1 a check failed; 2 the command line is wrong; 3 a board, host or cloud is not available; 130 interrupted.
A verb that runs a tool gives the tool's own status.
"""

from __future__ import annotations

import importlib
import sys

import click

from harness.errors import Blame, HarnessError

OK, FAILED, USAGE, UNAVAILABLE, INTERRUPTED = 0, 1, 2, 3, 130

VERBS = {
    "boards": "harness.cli.boards:boards",
    "check": "harness.cli.check:check",
    "image": "harness.cli.image:image",
    "run": "harness.cli.run:run",
    "serve": "harness.cli.serve:serve",
}


class Verbs(click.Group):
    """A group whose verbs are imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the verbs."""
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of that name, None if there is none."""
        target = VERBS.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="particle-hil", prog_name="particle-hil")
def cli() -> None:
    """Test and emulate Particle boards.

    Try it without any board: particle-hil check --board emu:photon
    """


def main() -> None:
    """Run the command, and turn errors into one line on stderr and an exit status."""
    try:
        status = cli.main(standalone_mode=False, prog_name="particle-hil")
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    except HarnessError as error:
        click.echo(f"particle-hil: {error}", err=True)
        sys.exit(USAGE if error.blame is Blame.REQUEST else UNAVAILABLE)
    sys.exit(status if isinstance(status, int) else OK)
