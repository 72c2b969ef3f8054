"""The `particle-hil` command."""

from __future__ import annotations


def main() -> None:
    """Run the command."""
    from harness.cli.main import main as run

    run()
