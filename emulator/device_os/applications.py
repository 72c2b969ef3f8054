"""Which application a user part is.

The emulator does not run machine code. It recognises a user part by what its binary carries, and runs the Python class that stands for it:

* a marker `particle-hil application: NAME` (images made for tests carry it) names a class registered with the Lab;
* the four function names that Tinker registers make it Tinker;
* anything else is an application without functions, variables or subscriptions of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from emulator.board.board import Board
from emulator.device_os.application import Application
from emulator.device_os.modules import ModuleTable
from emulator.device_os.tinker import Tinker

_MARKER = re.compile(rb"particle-hil application: ([\w.-]+)\0")
_TINKER = (b"digitalread", b"digitalwrite", b"analogread", b"analogwrite")


def marker(name: str) -> bytes:
    """What the body of a user part must contain to be run as the application registered under `name`."""
    return b"particle-hil application: " + name.encode() + b"\0"


def recognise(content: bytes, registered: Mapping[str, Callable[[], Application]]) -> Callable[[], Application]:
    """The class that stands for a user part."""
    named = _MARKER.search(content)
    if named is not None:
        name = named.group(1).decode()
        if name in registered:
            return registered[name]
    if all(function in content for function in _TINKER):
        return Tinker
    return Application


def load_application(board: Board, modules: ModuleTable) -> Application | None:
    """A new run of the board's user part; None when it has none."""
    module = modules.user
    if module is None:
        return None
    return recognise(modules.content(module), board.applications)()
