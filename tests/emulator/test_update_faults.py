"""What comes between while a module comes over the air: another update, another mode, a connection that is lost at any chunk."""

from contextlib import contextmanager
from dataclasses import replace

import pytest

from emulator.cloud.errors import UpdateRefused
from emulator.device_os.cloud_actions import reset_requested
from emulator.factory import user_part
from firmware_images.edit import Changes, edit_module
from firmware_images.module import read_module
from particle_protocol.control_requests.codes import RequestType, Result
from particle_protocol.control_requests.errors import RequestError
from particle_protocol.control_requests.generated import storage_pb2
from particle_protocol.dfu import open_session
from particle_protocol.ota import ChunkedSender, UpdateChunk, UpdateSender
from particle_protocol.platforms import platform_by_name
from particle_protocol.updates import Chunk
from particle_protocol.usb import Setup

BOARDS = [
    ("photon", "1.5.2", "slow"),
    ("photon", "2.3.1", "fast"),
    ("electron", "2.3.1", "fast"),
    ("boron", "2.3.1", "slow"),
    ("boron", "4.0.2", "windows"),
    ("argon", "6.2.0", "windows"),
]
"""Over TCP and UDP, updates in versions 1 to 3. To a fast stream all chunks go in one write."""
IDS = [" ".join(each) for each in BOARDS]
USB_PIECE = 1024
INTERFERING = [
    (RequestType.START_FIRMWARE_UPDATE, storage_pb2.StartFirmwareUpdateRequest(size=500)),
    (RequestType.FIRMWARE_UPDATE_DATA, storage_pb2.FirmwareUpdateDataRequest(data=b"\0" * 100)),
    (RequestType.FINISH_FIRMWARE_UPDATE, storage_pb2.FinishFirmwareUpdateRequest()),
]


@pytest.fixture
def ready(bring):
    """A board that is online, and an application that is to come to it."""

    @contextmanager
    def make(name, os, speed):
        with bring(name, os, "over the air", user_part(platform_by_name(name), os, body=b"\xa5" * 9_000)) as bringing:
            service = bringing.lab.device_service
            for session in service.sessions:
                session.settings = replace(session.settings, fast_updates=speed != "slow")
            service.settings = replace(service.settings, fast_updates=speed != "slow")
            yield bringing

    return make


@pytest.fixture(params=BOARDS, ids=IDS)
def bringing(request, ready):
    with ready(*request.param) as made:
        yield made


def break_off(bringing, pieces):
    """The cloud begins, and the link fails when so many pieces are on their way; whether it came to that."""
    bringing.link.left = pieces
    bringing.send()
    while not bringing.link.down and bringing.lab.cloud.updates.running(bringing.board.device_id):
        bringing.bench.sleep(0.05)
    bringing.link.left = None
    return bringing.link.down


def complete(bringing):
    """The update ends and leaves an application that runs, and the module is there after the next attempt at the latest."""
    bench, board = bringing.bench, bringing.board
    bringing.link.restore()
    while bringing.lab.cloud.updates.running(board.device_id):
        bench.sleep(1)
    bench.sleep(2)
    bringing.settle()
    assert bringing.healthy
    if not bringing.there:
        bringing.bring()
    bringing.wait(lambda: bringing.healthy, "the application")
    assert bringing.there


def test_an_update_over_usb_does_not_get_into_one_over_the_air(bringing):
    """Whoever began first goes on, and requests that come out of turn change nothing of what comes over the air."""
    assert break_off(bringing, 2)
    for kind, message in INTERFERING:
        with pytest.raises(RequestError) as refused:
            bringing.bench.request(bringing.board, kind, message.SerializeToString())
        assert refused.value.result == Result.INVALID_STATE
    bringing.bench.request(bringing.board, RequestType.CANCEL_FIRMWARE_UPDATE)
    boots = bringing.board.boots
    bringing.link.restore()
    bringing.wait(lambda: bringing.board.boots > boots and bringing.healthy, "the end of the update")
    assert bringing.there


def test_an_update_over_the_air_does_not_get_into_one_over_usb(bringing):
    for at in bringing.by_usb(bringing.image):
        if at == 4 * USB_PIECE:
            bringing.send()
            bringing.bench.sleep(10)
            assert not bringing.lab.cloud.updates.running(bringing.device.id)
    bringing.wait(lambda: bringing.healthy, "the application")
    assert bringing.there


def test_a_second_update_over_the_air_is_refused_and_the_first_goes_on(bringing):
    assert break_off(bringing, 2)
    with pytest.raises(UpdateRefused, match="another update is under way"):
        bringing.send()
    complete(bringing)


@pytest.mark.parametrize("asked", ["request", "baudrate", "cloud"])
def test_dfu_mode_asked_for_while_an_update_comes(bringing, asked):
    """It is there in time, the cloud knows that the device is away and the update over, and what has come harms nothing."""
    bench, board = bringing.bench, bringing.board
    assert break_off(bringing, 2)

    def ask():
        if asked == "request":
            bench.request(board, RequestType.DFU_MODE)
        elif asked == "baudrate":
            board.plug.function.control(Setup(0x21, 0x20, 0, 0, 7), (14400).to_bytes(4, "little") + b"\0\0\x08")
        else:
            reset_requested(board.firmware, "dfu")

    boots = board.boots
    bringing.link.restore()
    ask()
    bringing.wait(lambda: board.boots > boots, "a reset")
    bench.sleep(0.5)
    if not bringing.in_dfu:
        ask()  # the update ended before that second was over which a board takes to do what it was asked for
    bringing.wait(lambda: bringing.in_dfu, "DFU mode")
    bench.sleep(60)
    assert (bringing.online, bringing.lab.cloud.updates.running(board.device_id)) == (False, False)
    session = bench.run(board, open_session())
    bench.run(board, session.leave())
    bench.sleep(2)
    complete(bringing)


def spoilt_images(name, os):
    """Files that this board is not to run, by what is wrong with them."""
    platform = platform_by_name(name)
    mine = user_part(platform, os, body=b"\xa5" * 3_000)
    module = read_module(mine)
    yield "hash", mine[:1000] + bytes((mine[1000] ^ 1,)) + mine[1001:]
    yield "platform", edit_module(module, Changes(platform_id=8 if name == "photon" else 6))
    yield "index", edit_module(module, Changes(index=9))
    yield "no module", bytes(range(256)) * 12
    yield "size", bytes(1 << 22)


def lose(bringing, pieces, how):
    """One point: the connection is lost when so many pieces are on their way. False: there are fewer."""
    if not break_off(bringing, pieces):
        return False
    bench, board = bringing.bench, bringing.board
    if how == "radio":
        bringing.path.switch_off()
        bench.sleep(20)
        bringing.path.switch_on()
    elif how == "reset":
        board.buttons.press_reset()
        bench.sleep(0.1)
        board.buttons.release_reset()
    else:
        bench.sleep({"outage": 5, "long outage": 500}[how])
    complete(bringing)
    return True


@pytest.mark.parametrize("board", BOARDS, ids=IDS)
def test_a_file_that_a_board_is_not_to_run_leaves_it_as_it_was(ready, board, monkeypatch):
    with ready(*board) as bringing:
        said, cloud, before = [], bringing.lab.cloud, bringing.board.firmware.modules.user
        monkeypatch.setattr(cloud.updates, "_tell", lambda _, status: said.append(status))
        for what, image in spoilt_images(*board[:2]):
            cloud.updates.by_hand(bringing.device, image)
            bringing.bench.sleep(30)
            bringing.settle()
            assert (bringing.healthy, bringing.board.firmware.modules.user) == (True, before), what
            assert not cloud.updates.running(bringing.device.id), what
            assert said == ["started", "failed"], what
            said.clear()
        complete(bringing)


WAYS_TO_LOSE = ("outage", "long outage", "radio", "reset")


def sweep(ready, board, how, numbers):
    """Every point of `numbers` as long as there are pieces; how many there were."""
    for tried, pieces in enumerate(numbers):
        with ready(*board) as bringing:
            if not lose(bringing, pieces, how):
                return tried
    return len(numbers)


@pytest.mark.parametrize("how", WAYS_TO_LOSE)
@pytest.mark.parametrize("board", BOARDS, ids=IDS)
def test_a_connection_lost_at_some_chunks(ready, board, how, tried):
    assert sweep(ready, board, how, (1, 2)) == 2
    tried(2)


@pytest.mark.soak
@pytest.mark.parametrize("how", WAYS_TO_LOSE)
@pytest.mark.parametrize("board", BOARDS, ids=IDS)
def test_a_connection_lost_at_every_chunk(ready, board, how, tried):
    points = sweep(ready, board, how, range(1000))
    assert points > (3 if board[2] == "fast" else 8)
    tried(points, points)


def corrupted(pieces, n):
    pieces[n] = replace(pieces[n], data=bytes(byte ^ 0x55 for byte in pieces[n].data))


def repeated(pieces, n):
    pieces.insert(n, pieces[n])


def repeated_later(pieces, n):
    pieces.append(pieces[n])


def missing(pieces, n):
    del pieces[n]


def out_of_order(pieces, n):
    pieces.insert(0, pieces.pop(n))


def beyond_the_end(pieces, n):
    pieces.insert(n, replace(pieces[n], index=(pieces[n].index or 0) + 1000))


FAULTS = (corrupted, repeated, repeated_later, missing, out_of_order, beyond_the_end)


@pytest.fixture
def spoil(monkeypatch):
    """`spoil(fault, n)`: once, the chunk that is sent after `n` others goes wrong. What is given tells, when called, whether it did."""

    def arm(fault, n):
        left = [n]
        for sender in (ChunkedSender, UpdateSender):
            monkeypatch.setattr(sender, "messages_to_send", _spoilt(sender.messages_to_send, fault, left))
        return lambda: left[0] is None

    def _spoilt(messages_to_send, fault, left):
        def sent(self):
            out = messages_to_send(self)
            chunks = [place for place, each in enumerate(out) if isinstance(each, (Chunk, UpdateChunk))]
            if left[0] is not None and left[0] < len(chunks):
                fault(out, chunks[left[0]])
                left[0] = None
            elif left[0] is not None:
                left[0] -= len(chunks)
            return out

        return sent

    with monkeypatch.context() as monkeypatch:
        yield arm


def go_wrong(ready, spoil, board, fault, n):
    """One point. False: there are fewer chunks."""
    with ready(*board) as bringing:
        happened = spoil(fault, n)
        bringing.send()
        complete(bringing)
        return happened()


def wrong_chunks(ready, spoil, board, fault, numbers):
    for done, n in enumerate(numbers):
        if not go_wrong(ready, spoil, board, fault, n):
            return done
    return len(numbers)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("board", BOARDS, ids=IDS)
def test_some_chunks_that_go_wrong(ready, spoil, board, fault, tried):
    assert wrong_chunks(ready, spoil, board, fault, (0, 17)) == 2
    tried(2)


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("board", BOARDS, ids=IDS)
def test_every_chunk_that_goes_wrong(ready, spoil, board, fault, tried):
    points = wrong_chunks(ready, spoil, board, fault, range(1000))
    assert points >= 18
    tried(points, points)
