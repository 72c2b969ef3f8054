"""The host's end of the console, as generators.

A conversation yields `Write` (send these bytes; it is sent `b""`) and `Read` (let up to so many seconds pass for bytes to come; it is
sent them as soon as there are any, or `b""` when none came). Its return value is the result. So the same conversation runs over a
serial port, in process, or against its twin in a test:

    def run(port, steps):
        received = b""
        while True:
            step = steps.send(received or None)         # StopIteration.value is the result
            ...

Nothing is typed ahead: an answer goes out only when the whole prompt has come.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from particle_protocol.identifiers import CLAIM_CODE_LENGTH
from particle_protocol.listening import texts
from particle_protocol.listening.answers import (
    ConsoleIdentity,
    parse_claimed,
    parse_identity,
    parse_mac_address,
    parse_object,
    parse_version,
)
from particle_protocol.listening.wifi import EapType, WifiCredentials, from_wire, to_wire
from particle_protocol.ymodem.blocks import CAN
from particle_protocol.ymodem.sender import TransferFailed, YmodemSender

T = TypeVar("T")

ANSWER_SECONDS: Final = 5.0
"""How long a host waits for the first byte of an answer (npm particle-cli 3.49.2, src/cmd/serial.js)."""
QUIET_SECONDS: Final = 0.25
"""A silence after which an answer of unknown length is complete (particle-cli, src/lib/serial-batch-parser.js)."""
SCAN_SECONDS: Final = 15.0
"""How long the board may scan for the network, or take to save the credentials."""
BLOCK_SECONDS: Final = 10.0
"""How long the board may take to store a block; the first one makes it erase flash."""
_MOST: Final = 65536
_WAITING: Final = frozenset(b"C\x15")
"""What the receiver of a file by YModem says while none comes."""


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes that the conversation wants to send."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Read:
    """Bytes that the conversation waits for, `seconds` at most."""

    seconds: float


ConsoleSteps: TypeAlias = Generator[Write | Read, bytes, T]
"""A conversation with the console; its return value is the result."""


class ConsoleError(Exception):
    """The console did not say what was awaited. Has `awaited` and `seen`, the last of what it said."""

    def __init__(self, awaited: str, seen: bytes, remedy: str = "") -> None:
        self.awaited = awaited
        self.seen = from_wire(seen)
        what = repr(self.seen[-200:]) if seen else "nothing"
        super().__init__(f"waited for {awaited} from the serial console; seen: {what}{'; ' + remedy if remedy else ''}")


class CredentialsRefused(ConsoleError):
    """The board could not save the Wi-Fi credentials, or would not."""


def identify() -> ConsoleSteps[ConsoleIdentity]:
    """`i`: the device id, and what else the board tells about itself."""
    text = yield from _answer(b"i", "the device id", lambda seen: seen.startswith(texts.DEVICE_ID_SHORT.encode()) and seen.endswith(b"\n"))
    return parse_identity(text)


def mac_address() -> ConsoleSteps[str]:
    """`m`: the MAC address, lower case with colons."""
    text = yield from _answer(b"m", "the MAC address", lambda seen: seen.count(b"\r\n") >= 2)
    return parse_mac_address(text)


def system_version() -> ConsoleSteps[str]:
    """`v`: the Device OS version."""
    text = yield from _answer(b"v", "the Device OS version", lambda seen: seen.endswith(b"\n\r\n"))
    return parse_version(text)


def module_info() -> ConsoleSteps[dict[str, Any]]:
    """`s`: the platform (`p`) and the modules (`m`), as the board describes itself to the cloud."""
    text = yield from _answer(b"s", "the module information", lambda seen: seen.endswith(b"}\r\n"))
    return parse_object(text)


def diagnostics() -> ConsoleSteps[dict[str, Any]]:
    """`d`: diagnostics by name; a value that could not be read is `{"err": number}`."""
    text = yield from _answer(b"d", "the diagnostics", lambda seen: seen.endswith(b"}\r\n"))
    return parse_object(text)


def is_claimed() -> ConsoleSteps[bool]:
    """`c`: whether the board was ever claimed."""
    text = yield from _answer(b"c", "whether the board is claimed", lambda seen: seen.endswith(b"\r\n"))
    return parse_claimed(text)


def leave_listening() -> ConsoleSteps[None]:
    """`x`: listening mode ends. The console says nothing to it."""
    yield Write(b"x")


def set_claim_code(code: str) -> ConsoleSteps[None]:
    """`C`: store a claim code of 63 characters.

    Raises:
        ValueError: it has another length.
        ConsoleError: the board did not take it.
    """
    if len(to_wire(code)) != CLAIM_CODE_LENGTH:
        raise ValueError(f"a claim code has {CLAIM_CODE_LENGTH} characters, not {len(code)}")
    talk = _Talk()
    yield from talk.say(b"C")
    yield from talk.until([texts.CLAIM_CODE], "the question for the claim code", ANSWER_SECONDS)
    yield from talk.answer(to_wire(code))
    ended = yield from talk.until(
        [f"{texts.CLAIM_CODE_SET}{code}\r\n", f"{texts.CLAIM_CODE_WRONG}\r\n"], "word that the claim code is stored", ANSWER_SECONDS
    )
    if not ended.startswith(texts.CLAIM_CODE_SET):
        raise ConsoleError("word that the claim code is stored", to_wire(ended))


def send_update(name: str, data: bytes) -> ConsoleSteps[None]:
    """`f`: send a module by YModem. The board judges it, and restarts to install it.

    Raises:
        ValueError: the name cannot be one.
        ConsoleError: the board did not take it.
    """
    awaited = "word that the file was received"
    sender = YmodemSender(to_wire(name), data, eager=True)
    talk = _Talk()
    yield from talk.say(b"f")
    yield from talk.until([texts.UPDATE], "the word that the board waits for a file", ANSWER_SECONDS)
    said = came = b""
    try:
        while not sender.done:
            yield Write(sender.data_to_send())
            came = yield Read(BLOCK_SECONDS)
            said = sender.receive(came) if came else b""
            if not came:
                sender.timed_out()
    except TransferFailed as failure:
        said = yield from _rest(came)
        raise ConsoleError(awaited, said.lstrip(bytes((CAN,))), str(failure)) from None
    said = yield from _rest(said)
    if to_wire(texts.UPDATE_RECEIVED) not in said:
        raise ConsoleError(awaited, said)


def _rest(said: bytes) -> ConsoleSteps[bytes]:
    """What the board has said, and says until it falls silent."""
    while came := (yield Read(QUIET_SECONDS)):
        said += came
    return said


def configure_wifi(credentials: WifiCredentials) -> ConsoleSteps[None]:
    """`w`: give the board the credentials of an access point. Listening mode ends when it took them.

    `security` and `cipher` are used only if the board asks: where its own scan finds the network, it does not.

    Raises:
        ValueError: the console could not take these credentials.
        CredentialsRefused: the board did not save them, or needs a secret that is not among them.
        ConsoleError: it said something else than awaited.
    """
    credentials.check()
    talk = _Talk()
    yield from talk.say(b"w")
    prompt = yield from talk.until([texts.SSID], "the question for the SSID", ANSWER_SECONDS)
    answers = _wifi_answers(credentials)
    asked: set[str] = set()
    missing = ""
    while prompt in answers:
        if prompt in asked:
            raise ConsoleError("the next question", talk.last, f"the board did not take the answer to {prompt.strip()!r}")
        asked.add(prompt)
        if prompt == texts.PASSWORD and not credentials.password:
            missing = "the board asks for a password, and there is none"
        elif prompt == texts.EAP_TYPE and credentials.eap is None:
            missing = "the network is an enterprise one, and the credentials are not"
        awaited = f"what follows {prompt.strip()!r}"
        if prompt.endswith("\r\n"):
            yield from talk.answer_lines(answers[prompt])
        else:
            yield from talk.answer(answers[prompt], secret=prompt == texts.PASSWORD)
        prompt = yield from talk.until([*answers, *texts.FAREWELLS, texts.NOT_SAVED], awaited, SCAN_SECONDS)
    if prompt == texts.NOT_SAVED:
        raise CredentialsRefused("word that the credentials are saved", talk.last, missing or f"these were {credentials}")
    yield from talk.quiet()


def _wifi_answers(it: WifiCredentials) -> Mapping[str, bytes]:
    """Every question that may come, with the answer to it."""
    security = str(int(it.security)).encode()
    return {
        texts.SSID: to_wire(it.ssid),
        texts.SECURITY: security,
        texts.SECURITY_ENTERPRISE: security,
        texts.CIPHER: str(int(it.cipher) or 1).encode(),
        texts.PASSWORD: to_wire(it.password),
        texts.EAP_TYPE: str(int(it.eap if it.eap is not None else EapType.PEAP)).encode(),
        texts.USERNAME: to_wire(it.identity),
        texts.OUTER_IDENTITY: to_wire(it.outer_identity),
        texts.CLIENT_CERTIFICATE: to_wire(it.client_certificate),
        texts.PRIVATE_KEY: to_wire(it.private_key),
        texts.ROOT_CA: to_wire(it.root_ca),
    }


def _answer(command: bytes, awaited: str, complete: Callable[[bytes], bool]) -> ConsoleSteps[str]:
    """Send a command and gather its answer, until it is complete or the board falls silent."""
    yield Write(command)
    seen = b""
    while not complete(seen) and len(seen) < _MOST:
        came = yield Read(QUIET_SECONDS if seen else ANSWER_SECONDS)
        if not came:
            break
        seen += came
    if not seen:
        raise ConsoleError(awaited, b"", "is the board in listening mode (blinking dark blue)?")
    busy = "" if complete(seen) else _busy(seen, command)
    if busy:
        raise ConsoleError(awaited, seen, busy)
    return from_wire(seen)


def _busy(seen: bytes, command: bytes) -> str:
    """What to do about a console that did not answer a command because it is at something else; empty when it is not.

    Nothing ends a dialogue that was begun and left, neither time nor another program.
    """
    if texts.UPDATE.encode() in seen or (set(seen) <= _WAITING and not seen.startswith(command)):
        return "it waits for a file by YModem, which somebody has begun to send; reset the board"
    if seen.startswith(command):
        return "the console echoes: it is in the middle of another dialogue; reset the board"
    if any(to_wire(each) in seen for each in texts.QUESTIONS):
        return "it is in the middle of another dialogue; reset the board"
    return ""


class _Talk:
    """A dialogue of questions and answers. `last` is what was heard since the last answer."""

    def __init__(self) -> None:
        self.last = b""
        self._heard = b""
        self._echo = b""
        self._secret = False
        self._command = b""
        self._answered = False
        """Whether this dialogue has come to its first answer."""

    def say(self, command: bytes) -> ConsoleSteps[None]:
        """Send a command; it is not echoed."""
        self._heard, self._echo, self._secret = b"", b"", False
        self._command, self._answered = command, False
        yield Write(command)

    def answer(self, text: bytes, *, secret: bool = False) -> ConsoleSteps[None]:
        """Answer a question. The board echoes the text and ends the line; what it asks next comes after that. No error shows a secret."""
        self._heard, self._echo, self._secret = b"", text + b"\r\n", secret
        self._answered = True
        yield Write(text + b"\n")

    def answer_lines(self, text: bytes) -> ConsoleSteps[None]:
        """Answer with a text of several lines, each sent when the one before was echoed; an empty line ends it."""
        lines = [line for line in text.splitlines() if line]
        for line in lines:
            yield from self.answer(line)
            yield from self.until([""], "the echo of a line", ANSWER_SECONDS)
        yield from self.answer(b"")

    def until(self, ends: list[str], awaited: str, seconds: float) -> ConsoleSteps[str]:
        """Listen until the board has said one of `ends`, and nothing after it; returns which.

        Raises:
            ConsoleError: it fell silent before, or talks without end.
        """
        while True:
            after = self._after_echo()
            if after is not None:
                self.last = after
                for end in ends:
                    if after.endswith(to_wire(end)):
                        return end
            seen = after if after is not None else b"not all of the password" if self._secret and self._heard else self._heard
            if len(self._heard) > _MOST:
                raise ConsoleError(awaited, seen, "the board talks without end")
            came = yield Read(seconds)
            if not came:
                raise ConsoleError(awaited, seen, self._remedy())
            self._heard += came

    def _remedy(self) -> str:
        if not self._heard:
            return "is the board in listening mode (blinking dark blue)?"
        return "" if self._answered else _busy(self._heard, self._command)

    def quiet(self) -> ConsoleSteps[None]:
        """Hear the rest out."""
        while (yield Read(QUIET_SECONDS)):
            continue

    def _after_echo(self) -> bytes | None:
        """What came after the echo of the answer, or None while the echo is not complete."""
        at = self._heard.find(self._echo)
        return None if at < 0 else self._heard[at + len(self._echo) :]
