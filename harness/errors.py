"""What can go wrong between a test and a board, as one tree of exceptions.

    HarnessError
    ├── BoardNotAvailable     reason: Unavailable      it cannot be opened, or is gone
    ├── NotReached                                     what was awaited did not come
    ├── CapabilityMissing     capability               this kind of board has no such thing (a test skips)
    ├── InTheWay                                       what keeps a board from the state in which a test starts
    ├── NeedNotMet                                     no board of the run meets what a test needs (it skips)
    ├── ChangesNotAllowed                              a real board or cloud, and no --allow-changes
    ├── ImageRefused          reason: Refusal          an image that must not be written; nothing was erased
    ├── RequestRefused        result                   the board answered a control request with an error
    ├── NotServed                                      boards in virtual time were used from a second thread
    ├── ConversationFailed                             a transfer or dialogue ended in a way the protocol does not allow
    │   └── LinkBroken                                 a transfer failed, or had no answer: asked again it may do better
    ├── NotInstalled                                   what was flashed is not what the board has afterwards
    ├── CloudRefused          status                   the cloud answered with an error
    └── CloudUnreachable                               the cloud did not answer

Every one of them tells which board it is about, what was awaited, what was seen and what to do, as far as there is an answer, and
which part is to blame (`Blame`).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from harness.hiding import hides as hides


class Blame(enum.Enum):
    """Which part of the bench a failure points at."""

    BOARD = "the board"
    RACK = "the rack (host, cable, hub, permissions)"
    NETWORK = "the network"
    CLOUD = "the cloud"
    REQUEST = "the request (wrong file, name or option)"

    def __str__(self) -> str:
        return self.value


class Unavailable(enum.Enum):
    """Why a board, or a way to it, is not available."""

    UNKNOWN_KIND = "no such kind of board"
    BAD_MONIKER = "the moniker cannot be read"
    NOT_FOUND = "not attached"
    AMBIGUOUS = "more than one board matches"
    NO_PERMISSION = "no permission to open it"
    BUSY = "in use by another program"
    UNPLUGGED = "it went away"
    UNREADABLE = "its serial number cannot be read"
    NO_USB_LIBRARY = "no USB library"
    NO_SERIAL_PORT = "no serial port"
    NO_NETWORK = "its own network for its set-up cannot be reached"
    NO_DRIVER = "no driver lets programs open it"
    SET_ASIDE = "set aside, for it failed repeatedly"
    NONE_LEFT = "no board of this run can be used"
    NOT_SERVED = "the emulated boards that this program was to see are not served any more"


class Refusal(enum.Enum):
    """Why an image was refused before anything was erased."""

    NOT_A_MODULE = "not a module"
    BAD_CHECKSUM = "its CRC does not match"
    WRONG_PLATFORM = "made for another platform"
    OUT_OF_RANGE = "its address is outside of what may be written there"
    UNREADABLE = "the file cannot be read"
    NO_SUCH_VERSION = "no files of that Device OS version"
    STAND_IN = "a stand-in, for emulated boards only"
    DEPENDENCY = "the board has not got what that needs"
    OLDER = "older than what the board has"
    OTHER_PRODUCT = "made for another product"
    TWICE = "two images for one place"


@dataclass(frozen=True, slots=True)
class BoardLabel:
    """How messages name a board: by device id and by the port it is plugged into."""

    device_id: str
    port: str = ""
    platform: str = ""

    def __str__(self) -> str:
        name = f"{self.platform} {self.device_id}".strip()
        return f"{name} at USB port {self.port}" if self.port else name


class HarnessError(Exception):
    """The root of the tree. `str()` is one sentence per fact: what happened, what was seen, what to do."""

    blame: Blame = Blame.BOARD
    tells_what_happened: bool = True

    def __init__(
        self,
        what: str,
        *,
        board: BoardLabel | None = None,
        seen: str = "",
        remedy: str = "",
        blame: Blame | None = None,
    ) -> None:
        self.what = what
        self.board = board
        self.seen = seen
        self.remedy = remedy
        if blame is not None:
            self.blame = blame
        super().__init__(what)

    def __str__(self) -> str:
        text = f"{self.board}: {self.what}" if self.board is not None else self.what
        if self.seen:
            text += f"; seen: {self.seen}"
        if self.remedy:
            text += f". {self.remedy}"
        return text


class BoardNotAvailable(HarnessError):
    """A board cannot be opened, or went away."""

    blame = Blame.RACK

    def __init__(self, reason: Unavailable, what: str = "", *, board: BoardLabel | None = None, seen: str = "", remedy: str = "") -> None:
        self.reason = reason
        what = f"{reason.value}: {what}" if what else reason.value
        blame = Blame.REQUEST if reason in (Unavailable.UNKNOWN_KIND, Unavailable.BAD_MONIKER) else None
        super().__init__(what, board=board, seen=seen, remedy=remedy, blame=blame)


class NotReached(HarnessError):
    """What was awaited did not come within its time, or could not come any more."""

    def __init__(
        self,
        awaited: str,
        seconds: float,
        *,
        seen: str,
        board: BoardLabel | None = None,
        remedy: str = "",
        stalled: bool = False,
        blame: Blame | None = None,
    ) -> None:
        self.awaited = awaited
        self.seconds = seconds
        self.stalled = stalled
        end = "but nothing more can happen" if stalled else f"but not within {seconds:g} s"
        super().__init__(f"waited for {awaited}, {end}", board=board, seen=seen or "nothing", remedy=remedy, blame=blame)


class CapabilityMissing(HarnessError):
    """The board, or its kind, has no such capability. The pytest plugin turns this into a skip with the reason."""

    def __init__(self, capability: enum.Enum, *, board: BoardLabel | None = None, remedy: str = "") -> None:
        self.capability = capability
        super().__init__(f"this board has no {capability.value}", board=board, remedy=remedy)


class InTheWay(HarnessError):
    """Something keeps a board from the state in which a test starts, and only people can remove it."""


class NeedNotMet(HarnessError):
    """No board that a test might run on meets what it needs, whatever state that board is in. The test is skipped with the reason."""

    blame = Blame.REQUEST


class ChangesNotAllowed(HarnessError):
    """Something would change a real board, or a real cloud, for good, and nobody said that this is wanted."""

    blame = Blame.REQUEST

    def __init__(self, change: str, *, board: BoardLabel | None = None, of: str = "a real board") -> None:
        super().__init__(
            f"refused to {change}: that changes {of}",
            board=board,
            remedy="Give --allow-changes to let this run flash, claim and rewrite it",
        )


class ImageRefused(HarnessError):
    """An image must not be written to this board. Nothing was erased."""

    blame = Blame.REQUEST

    def __init__(self, reason: Refusal, what: str, *, board: BoardLabel | None = None, remedy: str = "") -> None:
        self.reason = reason
        super().__init__(f"{what}: {reason.value}; nothing was erased", board=board, remedy=remedy)


class RequestRefused(HarnessError):
    """The board answered a control request with a result other than 0."""

    def __init__(self, request: str, result: int, text: str, *, board: BoardLabel | None = None, remedy: str = "") -> None:
        self.request = request
        self.result = result
        super().__init__(f"{request} was answered with {result} ({text})", board=board, remedy=remedy)


class NotServed(HarnessError):
    """Emulated boards in virtual time were used from a second thread: time passes there only while the thread that opened them waits."""

    blame = Blame.REQUEST

    def __init__(self, thread: str) -> None:
        super().__init__(
            "emulated boards in virtual time can be used only from the thread that opened them",
            seen=f"a call from the thread {thread!r}",
            remedy="Give --served (in a program: OpenOptions(served=True)), so that they live in real time",
        )


class ConversationFailed(HarnessError):
    """A USB or serial conversation ended in a way its protocol does not allow."""


class LinkBroken(ConversationFailed):
    """A transfer failed on the bus, or had no answer in time. The board may be there, and do better when it is asked again."""


class NotInstalled(HarnessError):
    """What was flashed is not what the board has afterwards."""


class CloudRefused(HarnessError):
    """The cloud answered a request with an error status."""

    blame = Blame.CLOUD

    def __init__(self, request: str, status: int, text: str, *, body: object = None, remedy: str = "", blame: Blame | None = None) -> None:
        self.request = request
        self.status = status
        self.text = text
        self.body = body
        super().__init__(f"{request} was answered with HTTP {status}: {text}", remedy=remedy, blame=blame)


class CloudUnreachable(HarnessError):
    """The cloud did not answer at all."""

    blame = Blame.CLOUD
