"""The root of the `particle-hil` command: its verbs, and what becomes of errors.

Exit statuses: 0 all is well; 1 a check failed; 2 the command line is wrong; 3 a board, host or cloud is not available; 130 interrupted.
A verb that runs a tool gives the tool's own status.
"""

from __future__ import annotations

import sys

import click

from harness.cli.verbs import LazyGroup

OK, FAILED, USAGE, UNAVAILABLE, INTERRUPTED = 0, 1, 2, 3, 130

VERBS = {
    "boards": "harness.cli.boards:boards",
    "check": "harness.cli.check:check",
    "image": "harness.cli.image:image",
    "run": "harness.cli.run:run",
    "serve": "harness.cli.serve:serve",
}


SUMMARIES = {
    "boards": "List the boards on this computer's USB.",
    "check": "Check boards: identity, modes, flashing, provisioning.",
    "image": "Look at firmware images, judge them, change them, make them.",
    "run": "Run a program with emulated boards on its USB bus.",
    "serve": "Serve a cloud, and emulated boards with it, until Ctrl-C.",
}
"""What the help says of each verb, so that it need not import them."""


@click.group(cls=LazyGroup, verbs=VERBS, summaries=SUMMARIES, context_settings={"help_option_names": ["-h", "--help"]})
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
    except Exception as error:
        from harness.errors import Blame, HarnessError

        if not isinstance(error, HarnessError):
            raise
        click.echo(f"particle-hil: {error}", err=True)
        sys.exit(USAGE if error.blame is Blame.REQUEST else UNAVAILABLE)
    sys.exit(status if isinstance(status, int) else OK)
