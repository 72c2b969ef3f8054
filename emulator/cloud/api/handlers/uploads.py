"""Binaries that come with a request."""

from __future__ import annotations

from emulator.cloud.api.call import Call
from emulator.cloud.api.faults import Fault, Refused

NO_COMPILER = "This cloud does not compile; build the binary elsewhere"
_SOURCE = (".ino", ".cpp", ".c", ".h", ".hpp", ".properties")


def is_source(call: Call) -> bool:
    """Whether source code was sent, which this cloud does not compile."""
    return any(file.filename.lower().endswith(_SOURCE) for file in call.body.files.values())


def read_upload(call: Call) -> bytes:
    """The first file's content.

    Raises:
        Refused: there is none, it is empty, or it is source code.
    """
    upload = call.upload()
    if upload is None:
        raise Refused(Fault(400, "Send the binary as a file"))
    if is_source(call):
        raise Refused(Fault(400, NO_COMPILER))
    if not upload.content:
        raise Refused(Fault(400, "The file is empty"))
    return upload.content
