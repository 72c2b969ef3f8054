"""Set-up by phone through the harness: `board.softap`, and the claim bit by every way there is."""

import socket
import threading

import pytest

from harness.cloud import Cloud
from harness.errors import Blame, BoardNotAvailable, CapabilityMissing, ChangesNotAllowed, ConversationFailed, HarnessError
from harness.modes import Capability, Mode
from harness.radio import OwnRadio
from harness.softap import SoftAp
from particle_protocol.softap import SERVERS, Close, Send, SoftApServer, names


@pytest.fixture(params=["photon", "p1"])
def rig(open_rig, request):
    return open_rig(f"emu:{request.param}")


@pytest.fixture
def board(rig):
    return rig.boards[0]


@pytest.fixture
def account(rig, board):
    cloud = Cloud(rig.cloud)
    board.account = cloud.login(rig.cloud.username, rig.cloud.password)
    yield board.account
    board.account = None
    cloud.close()


@pytest.mark.parametrize("over_http", [False, True])
def test_a_board_is_set_up_and_claimed_by_code(rig, board, account, over_http):
    board.softap.over_http = over_http
    assert board.softap.version() == 2
    assert board.softap.device_info().device_id == board.device_id
    assert [network.ssid for network in board.softap.scan()] == [rig.wifi.ssid.encode()]
    assert not board.claim_bit()
    board.softap.set_claim_code(account.claim_code())
    board.softap.set_wifi(rig.wifi.ssid, rig.wifi.password)
    board.softap.connect()
    board.wait_for(Mode.ONLINE)
    board.wait_for_code_used()
    assert account.device(board.device_id).owner == account.username
    assert board.claim_bit()
    board.enter_listening()
    assert board.softap.device_info().claimed
    told = "\n".join(map(str, board.journal.entries))
    assert "gave it a claim code over its own network" in told
    assert "its claim bit is set" in told
    assert rig.wifi.password not in told


@pytest.mark.rule("R62", "R64")
def test_the_claim_bit_is_read_by_every_way_there_is_and_unclaiming_clears_it_by_none(rig, board, account):
    board.console.set_claim_code(account.claim_code())
    board.set_wifi(rig.wifi.ssid, rig.wifi.password)
    board.wait_for(Mode.ONLINE)
    board.wait_for_code_used()
    account.unclaim(board.device_id)
    assert board.claim_bit(), "by control request, as it does not listen"
    board.enter_listening()
    assert board.claim_bit(), "over its own network"
    board.softap._radio = OwnRadio()
    assert board.claim_bit(), "by serial, as no program can join that network"
    board.reset()
    board.wait_for(Mode.ONLINE)
    assert board.claim_bit()


def test_a_board_that_opens_no_network_says_what_to_do(board, rig):
    board.set_wifi(rig.wifi.ssid, rig.wifi.password)
    board.wait_for(Mode.ONLINE)
    with pytest.raises(BoardNotAvailable, match=r"cannot be reached; seen: 'particle-hil'. .*enter_listening") as caught:
        board.softap.version()
    assert board.device_id in str(caught.value)


def test_each_board_is_found_among_many_by_its_answer(open_rig):
    boards = open_rig("emu:photon", "emu:p1", "emu:photon").boards
    for board in reversed(boards):
        assert board.softap.device_info().device_id == board.device_id
    assert len({board.softap.network_name() for board in boards}) == 3


def test_a_network_of_another_name_is_found_too(board, rig):
    emulated = board.host.boards["1-1"]
    emulated.settings.write(1826, b"\x04Lamp")
    emulated.settings.write(1852, b"kitchn")
    board.reset()
    board.wait_for(Mode.LISTENING)
    assert board.softap.network_name() == "Lamp-kitchn"


@pytest.mark.parametrize(
    ("wanted", "said", "blame"),
    [
        (("particle-hil", "short"), "the board answered -4: the password is too short", Blame.NETWORK),
        (("elsewhere", "long enough"), "the board answered -2: its scan did not find the network", Blame.NETWORK),
        (("x" * 33, "long enough"), "the SSID has 33 bytes", Blame.REQUEST),
        (("", "long enough"), "needs a name", Blame.REQUEST),
    ],
)
def test_credentials_that_cannot_be_are_refused_with_the_reason(board, wanted, said, blame):
    with pytest.raises(HarnessError, match=said) as caught:
        board.softap.set_wifi(*wanted)
    assert caught.value.blame is blame
    with pytest.raises(HarnessError, match="there is no kind of security 9"):
        board.softap.set_wifi("lab", "secret", security=9)
    assert board.mode() is Mode.LISTENING


def test_a_board_that_never_ends_an_answer_is_not_waited_for_for_ever(board):
    radio = board.host.radio()
    radio.join(board.softap.network_name())

    def begin():
        with pytest.raises(TimeoutError):
            radio.exchange((names.ADDRESS, names.TCP_PORT), b"device-id\n0\n", lambda data: None, timeout=1)

    begin()
    assert board.softap.version() == 2, "who gives up is in nobody's way"
    lab = board.host.lab
    streams = []
    radio._station.connect((names.ADDRESS, names.TCP_PORT), streams.append, streams.append)
    board.host.clock.sleep(1)
    streams[0].write(b"half")
    board.host.clock.sleep(1)
    assert lab.network.hosted
    with pytest.raises(ConversationFailed, match=r"did not answer within 15 s.* one client at a time"):
        board.softap.version()


def test_nothing_is_changed_where_that_was_not_allowed(board):
    board.allow_changes = False
    for change in (lambda: board.softap.set_claim_code("x" * 63), lambda: board.softap.set_wifi("lab", "secret123")):
        with pytest.raises(ChangesNotAllowed):
            change()
    assert board.softap.device_info().device_id == board.device_id


def test_other_boards_have_no_such_thing(open_rig):
    board = open_rig("emu:electron").boards[0]
    assert Capability.SOFTAP not in board.capabilities
    with pytest.raises(CapabilityMissing, match="SoftAP"):
        board.softap.version()
    assert board.claim_bit() is False


class RealBoard:
    """What a board's network looks like to a computer that was joined to it by hand: a socket."""

    def __init__(self, firmware):
        reader, sockets = SERVERS[names.TCP_PORT]
        self.server = SoftApServer(firmware, reader, sockets)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.server.opened("client")
                over = False
                while not over:
                    data = connection.recv(4096)
                    if data:
                        self.server.receive_data("client", data)
                    else:
                        self.server.receive_eof("client")
                    for action in self.server.actions():
                        if isinstance(action, Send):
                            connection.sendall(action.data)
                        over = over or isinstance(action, Close)

    def close(self):
        self.listener.close()
        self.thread.join(timeout=5)


@pytest.fixture
def real(board, monkeypatch):
    class Facts:
        device = board.device_id

        def device_id(self):
            return self.device

        def is_claimed(self):
            return True

    facts = Facts()
    made = RealBoard(facts)
    made.facts = facts

    class Hands(OwnRadio):
        def exchange(self, address, request, received, *, timeout):
            assert address == (names.ADDRESS, names.TCP_PORT)
            super().exchange(made.address, request, received, timeout=timeout)

    made.softap = SoftAp(board, Hands())
    yield made
    made.close()


def test_a_real_board_is_asked_over_this_computers_own_wifi(real, board):
    assert real.softap.device_info().claimed
    assert real.softap.version() == 2
    assert real.softap.network_name() is None
    assert not real.softap.reachable
    real.facts.device = "0" * 24
    with pytest.raises(BoardNotAvailable, match=f"this computer is in that of board {'0' * 24}. Join this computer"):
        real.softap.version()
    real.close()
    with pytest.raises(BoardNotAvailable, match="Join this computer to the board's network by hand"):
        real.softap.version()


def test_a_real_board_that_says_nothing_is_given_up(board, monkeypatch):
    monkeypatch.setattr("harness.softap.ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:

        class Hands(OwnRadio):
            def exchange(self, address, request, received, *, timeout):
                super().exchange(deaf.getsockname(), request, received, timeout=timeout)

        with pytest.raises(ConversationFailed, match=r"did not answer within 0\.2 s"):
            SoftAp(board, Hands()).version()
    with pytest.raises(OSError, match="no program joins"):
        OwnRadio().join("Photon-AB23CD")
