"""Binaries that come with a request."""

from __future__ import annotations

from emulator.cloud.api.call import Call
from emulator.cloud.api.faults import Fault, Refused
from emulator.cloud.compiler import Source

_SOURCE = (".ino", ".cpp", ".c", ".h", ".hpp", ".properties")


def is_source(call: Call) -> bool:
    """Whether source code was sent, which this cloud compiles only where its lab says what it compiles to."""
    return any(file.filename.lower().endswith(_SOURCE) for file in call.body.files.values())


def sources_of(call: Call) -> list[Source]:
    """The files that were sent, as sources."""
    return [Source(file.filename, file.content) for file in call.body.files.values()]


def read_upload(call: Call) -> bytes:
    """The first file's content.

    Raises:
        Refused: there is none, it is empty, or it is source code.
    """
    upload = call.upload()
    if upload is None:
        raise Refused(Fault(400, "Send the binary as a file"))
    if is_source(call):
        raise Refused(Fault(400, "This is source code; send the binary that it compiles to"))
    if not upload.content:
        raise Refused(Fault(400, "The file is empty"))
    return upload.content
