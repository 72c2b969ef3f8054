"""How the command ends: what becomes of errors, on stderr and, where JSON was asked for, on stdout too."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import click

from harness.cli.output import finish, let_go, say, say_json
from harness.terminal import OutputLost

OK, FAILED, USAGE, UNAVAILABLE, INFRASTRUCTURE, INTERRUPTED, UNREAD = 0, 1, 2, 3, 4, 130, 141
"""Exit statuses: all is well; a check failed, or a board refused; the command line or a file is wrong; a board, host or cloud is not
available; a check could not be made because of that; interrupted; nobody reads the output any more (what a shell gives for a program that a
closed pipe ended)."""


class Unchecked(Exception):
    """Nothing could be checked, for want of a board; tells why."""

    def __init__(self, error: HarnessError) -> None:
        self.error = error
        super().__init__(str(error))


if TYPE_CHECKING:
    from harness.errors import HarnessError

Told: TypeAlias = dict[str, Any]
_INTERRUPTED: Final = "interrupted"


def ended(command: Callable[[], object], *, wants_json: Callable[[], bool]) -> int:
    """Run the command; gives its exit status. An error is told in a sentence, not in a traceback.

    Args:
        command: gives its own status, or anything else for OK.
        wants_json: whether the user asked for JSON; an error is then an object too: `{"error": {"message", "status", "blame"}}`.
    """
    try:
        try:
            status = command()
            finish()
        except (SystemExit, OutputLost):
            raise
        except BaseException as error:
            told = _told(error)
            if wants_json():
                say_json({"error": told or _object(f"internal error: {error!r}", FAILED)})
            if told is None:
                raise
            return int(told["status"])
    except OutputLost as lost:
        let_go()
        if lost.closed:
            return UNREAD
        say(f"particle-hil: {lost}", err=True)
        return UNAVAILABLE
    return status if isinstance(status, int) else OK


def _told(error: BaseException) -> Told | None:
    """Say on stderr what went wrong; gives what JSON says of it, None for an error of this program itself."""
    if isinstance(error, click.ClickException):
        _show(error)
        return _object(error.format_message(), error.exit_code)
    if isinstance(error, click.Abort | KeyboardInterrupt):
        say(_INTERRUPTED, err=True)
        return _object(_INTERRUPTED, INTERRUPTED)
    from firmware_images.errors import ImageError
    from harness.errors import HarnessError
    from harness.image_files import FileUnusable

    if isinstance(error, ImageError | FileUnusable):
        say(f"particle-hil image: {error}", err=True)
        return _object(str(error), USAGE)
    if isinstance(error, Unchecked):
        say(*f"particle-hil: {error}".split("\n"), err=True)
        return _object(str(error), INFRASTRUCTURE, str(error.error.blame))
    if isinstance(error, HarnessError):
        say(*f"particle-hil: {error}".split("\n"), err=True)
        return _object(str(error), status_of(error), str(error.blame))
    if isinstance(error, OSError):
        say(f"particle-hil: {error}", err=True)
        return _object(str(error), UNAVAILABLE)
    return None


def status_of(error: HarnessError) -> int:
    """The exit status for an error: the board refused, the user asked for what cannot be, or something is not available."""
    from harness.errors import Blame, NotInstalled, RequestRefused

    if isinstance(error, NotInstalled | RequestRefused):
        return FAILED
    return USAGE if error.blame is Blame.REQUEST else UNAVAILABLE


def _object(message: str, status: int, blame: str | None = None) -> Told:
    return {"message": message, "status": status, "blame": blame}


def _show(error: click.ClickException) -> None:
    """What click says of an error, which has words of the command line in it."""
    import io

    text = io.StringIO()
    error.show(text)
    say(*text.getvalue().rstrip("\n").split("\n"), err=True)
