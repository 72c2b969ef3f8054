"""Setting a Photon or a P1 up as a phone does: over the Wi-Fi network that the board opens in listening mode (SoftAP).

The board's network is found by its answer: whichever of the networks in the air is a board's, the one that gives this board's device id is
its own. No board is acted on before it has named itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from harness.changes import note
from harness.errors import Blame, BoardNotAvailable, ConversationFailed, HarnessError, RequestRefused, Unavailable, hides
from harness.follow_ups import code_given
from harness.modes import Capability, DeviceMode, Mode, no_such
from harness.radio import Radio
from particle_protocol.listening.wifi import WifiCipher, WifiCredentials, WifiSecurity
from particle_protocol.softap import Call, DeviceInfo, Exchange, HeardNetwork, SoftApError, client, names

if TYPE_CHECKING:
    from harness.board import Board

__tracebackhide__ = hides

T = TypeVar("T")

ANSWER_SECONDS = 15.0
"""How long a board may take to answer: a scan takes it some seconds."""
_LISTEN = "A board opens its network in listening mode: use enter_listening()"
_BY_HAND = f"Join this computer to the board's network by hand (its name ends with the device code). {_LISTEN}"


class SoftAp:
    """The set-up network of one board. Every method needs the board in listening mode, and names it in its errors."""

    def __init__(self, board: Board, radio: Radio) -> None:
        self._board = board
        self._radio = radio
        self._ssid: str | None = None
        self.over_http = False
        """Whether to ask the board's HTTP server, as set-up pages do, rather than by the line protocol on port 5609."""

    @property
    def reachable(self) -> bool:
        """Whether a program can join the board's network by itself."""
        return self._radio.networks() is not None

    def version(self) -> int:
        """The version of the protocol: 2."""
        return self._ask(client.version())

    def device_info(self) -> DeviceInfo:
        """Who the board is, and its claim bit."""
        return self._ask(client.device_info())

    def scan(self) -> list[HeardNetwork]:
        """The networks that the board hears."""
        return self._ask(client.scan())

    def set_claim_code(self, code: str) -> None:
        """Store a claim code, for the board to bring along when it connects. It keeps the first 63 characters."""
        board = self._board
        board.must_allow_changes("store a claim code", Capability.SOFTAP)
        board.code_given = code_given(board)
        board.journal.did("gave it a claim code over its own network")
        self._ask(client.set_claim_code(code), changes="a claim code was given")

    def set_wifi(self, ssid: str, password: str = "", *, security: int | None = None) -> None:
        """Store the credentials of a network, encrypted for the board; it goes on listening until `connect`.

        `security` is a `WifiSecurity`, WPA2 unless told and unsecured without a password. Of a protected network the board takes security
        and cipher from its own scan.
        """
        kind = (WifiSecurity.WPA2 if password else WifiSecurity.OPEN) if security is None else security
        if kind not in set(WifiSecurity):
            wrong = no_such("kind of security", security, [f"{each.value} ({each.name.lower()})" for each in WifiSecurity])
            raise HarnessError(str(wrong), board=self._board.label, blame=Blame.REQUEST)
        self.configure(WifiCredentials(ssid, password, WifiSecurity(kind), WifiCipher.AES))

    def configure(self, credentials: WifiCredentials) -> None:
        """The same with any credentials, those of an enterprise network among them."""
        board = self._board
        board.must_allow_changes("store Wi-Fi credentials", Capability.SOFTAP)
        board.journal.did(f"gave it the credentials of the network {credentials.ssid!r} over its own network")
        key = self._ask(client.public_key())
        try:
            call = client.configure(credentials, key)
        except ValueError as error:
            raise HarnessError(str(error), board=board.label, blame=Blame.REQUEST) from error
        self._ask(call, changes="Wi-Fi credentials were given")

    def connect(self) -> None:
        """End set-up: the board leaves listening mode, and joins the network that it was given."""
        board = self._board
        board.journal.did("ended its set-up")
        self._ask(client.connect(), changes="its set-up was ended")
        board.begin_epoch("set-up over its own network was ended")

    def network_name(self) -> str | None:
        """The name of the board's network, in which the radio is then; None where no program can tell.

        Raises:
            BoardNotAvailable: the board has none in the air.
        """
        seen = self._radio.networks()
        if seen is None:
            return None
        if self._ssid is not None and self._ssid in seen:
            self._radio.join(self._ssid)
            return self._ssid
        for ssid in sorted(seen, key=lambda name: not names.may_be_a_board(name)):
            try:
                self._radio.join(ssid)
                if self._exchange(client.device_info()).device_id == self._board.device_id:
                    self._ssid = ssid
                    return ssid
            except (OSError, HarnessError):
                continue
        in_the_air = ", ".join(map(repr, seen)) or "no network at all"
        raise BoardNotAvailable(Unavailable.NO_NETWORK, board=self._board.label, seen=in_the_air, remedy=_LISTEN)

    def _ask(self, call: Call[T], *, changes: str = "") -> T:
        """Ask the board, in its own network, after it has named itself. `changes` says what that changes; empty: nothing.

        Raises:
            ConversationFailed: it did not answer as it should, or refused.
            BoardNotAvailable: its network cannot be reached.
        """
        if self.network_name() is None:
            found = self._exchange(client.device_info()).device_id
            if found != self._board.device_id:
                raise BoardNotAvailable(
                    Unavailable.NO_NETWORK, board=self._board.label, seen=f"this computer is in that of board {found}", remedy=_BY_HAND
                )
        if changes:
            note(changes)
        return self._exchange(call)

    def _exchange(self, call: Call[T]) -> T:
        exchange, label = Exchange(call, self.over_http), self._board.label
        try:
            self._radio.exchange((names.ADDRESS, exchange.port), exchange.request, exchange.receive, timeout=ANSWER_SECONDS)
            return exchange.result()
        except SoftApError as error:
            raise ConversationFailed(str(error), board=label, blame=None if error.result is None else Blame.NETWORK) from error
        except TimeoutError as error:
            raise ConversationFailed(
                f"SoftAP command {call.name}: it did not answer within {ANSWER_SECONDS:g} s",
                board=label,
                remedy="It serves one client at a time: end other set-up programs, and those that have begun a command and wait",
            ) from error
        except OSError as error:
            remedy = _LISTEN if self.reachable else _BY_HAND
            raise BoardNotAvailable(Unavailable.NO_NETWORK, board=label, seen=str(error), remedy=remedy) from error


def claim_bit(board: Board) -> bool:
    """The bit with which a board says that it was claimed once, asked as a set-up program asks for it.

    That is over the board's own network while it has one in the air, over the serial console while it listens without one, and by
    control request (201) otherwise. The cloud never clears the bit, so only the cloud knows whether the board is claimed now.

    Raises:
        CapabilityMissing: there is no way to ask it.
    """
    listens = Capability.USB not in board.capabilities or _listens(board)
    if listens and Capability.SOFTAP in board.capabilities and board.softap.reachable:
        bit = board.softap.device_info().claimed
    elif listens and Capability.SERIAL in board.capabilities:
        bit = board.console.is_claimed()
    else:
        bit = board.requests.is_claimed()
    board.saw(f"its claim bit is {'set' if bit else 'not set'}")
    return bit


def _listens(board: Board) -> bool:
    """Whether the board says that it listens, or where it cannot tell, whoever sees it."""
    try:
        return board.requests.device_mode() is DeviceMode.LISTENING
    except RequestRefused:
        return board.mode() is Mode.LISTENING
