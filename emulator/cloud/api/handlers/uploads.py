"""Binaries that come with a request."""

from __future__ import annotations

from emulator.cloud.api.call import Call
from emulator.cloud.api.faults import Fault, Refused


def read_upload(call: Call) -> bytes:
    """The first file's content.

    Raises:
        Refused: there is none, it is empty, or it is source code, which this cloud does not compile.
    """
    upload = call.upload()
    if upload is None:
        raise Refused(Fault(404, "The application is not known here; send the binary as a file"))
    if upload.filename.lower().endswith((".ino", ".cpp", ".c", ".h", ".properties")):
        raise Refused(Fault(400, "This cloud does not compile; send a binary"))
    if not upload.content:
        raise Refused(Fault(400, "The file is empty"))
    return upload.content
