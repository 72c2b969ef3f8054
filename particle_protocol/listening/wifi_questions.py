"""The board's end of the Wi-Fi dialogue, `w` (Device OS 2.3.1, system/src/system_setup.cpp:453-653).

Each question is a method that asks, and one that takes the answer and goes on. A one-digit question is repeated until the answer is
in range. The network's security and cipher are asked for only when the scan did not find it; the cipher also when the dry run of saving
says so, or when the scan found none, as for an open network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

from particle_protocol.listening import texts
from particle_protocol.listening.events import ConsoleEvent, CredentialsSaved, LeaveListening, ScanRequested
from particle_protocol.listening.wifi import (
    MAX_CERTIFICATE,
    MAX_IDENTITY,
    MAX_PASSWORD,
    MAX_PRIVATE_KEY,
    MAX_SSID,
    EapType,
    WifiCipher,
    WifiCredentials,
    WifiSecurity,
    from_wire,
)

CIPHER_REQUIRED: Final = -2
"""WLAN_SET_CREDENTIALS_CIPHER_REQUIRED (Device OS 2.3.1, hal/inc/wlan_hal.h:262-267)."""

_PLACEHOLDER: Final = "1"
"""The password of the dry run, so that a protected network is not taken for an open one."""

_LAST_BYTES: Final = 3
"""A text of several lines ends by itself when it has no more room than this."""


class _Settings(Protocol):
    @property
    def enterprise(self) -> bool: ...
    @property
    def wpa3(self) -> bool: ...


class _Firmware(Protocol):
    def check_credentials(self, credentials: WifiCredentials) -> int: ...
    def save_credentials(self, credentials: WifiCredentials) -> int: ...


class Console(Protocol):
    """What the questions need of the console they are asked on."""

    @property
    def settings(self) -> _Settings:
        """What the platform offers."""

    @property
    def firmware(self) -> _Firmware:
        """Who saves the credentials."""

    def print(self, text: str | bytes) -> None:
        """Send text to the host."""

    def tell(self, event: ConsoleEvent) -> None:
        """Add an event."""

    def ask(self, prompt: str, limit: int, then: Callable[[bytes], None], *, drains: bool = True) -> None:
        """Print a prompt and read a line."""

    def rest(self) -> None:
        """Leave the input alone."""

    def carry_on(self) -> None:
        """Read the input again."""

    def discard_input(self) -> None:
        """Throw the input away."""


class WifiQuestions:
    """The questions of `w`, one after the other."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._credentials = WifiCredentials("")
        self._lines = b""
        self._scanning = False

    def start(self) -> None:
        """The user pressed `w`."""
        self._credentials = WifiCredentials("", security=WifiSecurity.OPEN, cipher=WifiCipher.NOT_SET)
        self._console.ask(texts.SSID, MAX_SSID, self._got_ssid)

    def scan_done(self, security: WifiSecurity | None, cipher: WifiCipher) -> None:
        """What the scan found: the network's security and cipher, or None."""
        if not self._scanning:
            return
        self._scanning = False
        if security is None:
            self._ask_security()
        else:
            self._credentials = replace(self._credentials, security=security, cipher=cipher)
            self._dry_run()
        self._console.carry_on()

    def _got_ssid(self, line: bytes) -> None:
        if not line:
            self.start()
            return
        self._credentials = replace(self._credentials, ssid=from_wire(line))
        self._scanning = True
        self._console.rest()
        self._console.tell(ScanRequested(self._credentials.ssid))

    def _ask_security(self) -> None:
        prompt = texts.SECURITY_ENTERPRISE if self._console.settings.enterprise else texts.SECURITY
        self._console.ask(prompt, 1, self._got_security)

    def _got_security(self, line: bytes) -> None:
        offered = b"012345" if self._console.settings.enterprise else b"0123"
        if self._console.settings.wpa3:
            offered += b"6"
        if line and line in offered:
            self._credentials = replace(self._credentials, security=WifiSecurity(int(line)))
            self._dry_run()
        else:
            self._ask_security()

    def _dry_run(self) -> None:
        it = self._credentials
        tried = it if it.security is WifiSecurity.OPEN else it.with_password(_PLACEHOLDER)
        if self._console.firmware.check_credentials(tried) == CIPHER_REQUIRED or it.cipher is WifiCipher.NOT_SET:
            self._ask_cipher()
        else:
            self._ask_secrets()

    def _ask_cipher(self) -> None:
        self._console.ask(texts.CIPHER, 1, self._got_cipher)

    def _got_cipher(self, line: bytes) -> None:
        if line and line in b"123":
            self._credentials = replace(self._credentials, cipher=WifiCipher(int(line)))
            self._ask_secrets()
        else:
            self._ask_cipher()

    def _ask_secrets(self) -> None:
        security = self._credentials.security
        if security is WifiSecurity.OPEN:
            self._save()
        elif not security.enterprise:
            self._console.ask(texts.PASSWORD, MAX_PASSWORD, partial(self._got_text, "password", self._save))
        elif self._console.settings.enterprise:
            self._ask_eap()
        else:
            self._save()

    def _ask_eap(self) -> None:
        self._console.ask(texts.EAP_TYPE, 1, self._got_eap)

    def _got_eap(self, line: bytes) -> None:
        if line == b"0":
            self._credentials = replace(self._credentials, eap=EapType.PEAP)
            self._console.ask(texts.USERNAME, MAX_IDENTITY, partial(self._got_text, "identity", self._ask_inner_password))
        elif line == b"1":
            self._credentials = replace(self._credentials, eap=EapType.TLS)
            self._ask_lines(texts.CLIENT_CERTIFICATE, MAX_CERTIFICATE, partial(self._got_text, "client_certificate", self._ask_private_key))
        else:
            self._ask_eap()

    def _ask_inner_password(self) -> None:
        self._console.ask(texts.PASSWORD, MAX_PASSWORD, partial(self._got_text, "password", self._ask_outer_identity))

    def _ask_private_key(self) -> None:
        self._ask_lines(texts.PRIVATE_KEY, MAX_PRIVATE_KEY, partial(self._got_text, "private_key", self._ask_outer_identity))

    def _ask_outer_identity(self) -> None:
        self._console.ask(texts.OUTER_IDENTITY, MAX_IDENTITY, partial(self._got_text, "outer_identity", self._ask_root_ca))

    def _ask_root_ca(self) -> None:
        self._ask_lines(texts.ROOT_CA, MAX_CERTIFICATE, partial(self._got_text, "root_ca", self._save))

    def _got_text(self, field: str, then: Callable[[], None], line: bytes) -> None:
        self._credentials = replace(self._credentials, **{field: from_wire(line)})  # type: ignore[arg-type]  # all of these are str
        then()

    def _ask_lines(self, prompt: str, limit: int, then: Callable[[bytes], None]) -> None:
        """A text of several lines, joined by CR LF; an empty line ends it. What comes between the lines is not thrown away."""
        self._lines = b""
        self._console.ask(prompt, limit, partial(self._got_one_line, limit, then), drains=False)

    def _got_one_line(self, room: int, then: Callable[[bytes], None], line: bytes) -> None:
        room -= len(line)  # the line ends between are not counted, as on the board
        self._lines += line
        if not line:
            then(self._lines)
        elif room > _LAST_BYTES:
            self._lines += b"\r\n"
            self._console.ask("", room, partial(self._got_one_line, room, then), drains=False)
        else:
            self._console.discard_input()
            then(self._lines)

    def _save(self) -> None:
        self._console.print(texts.SAVING)
        if self._console.firmware.save_credentials(self._credentials) == 0:
            self._console.print(texts.SAVED)
            self._console.tell(CredentialsSaved(self._credentials))
            self._console.tell(LeaveListening())
        else:
            self._console.print(texts.NOT_SAVED)
