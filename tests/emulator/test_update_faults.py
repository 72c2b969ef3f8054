"""What comes between while a module comes over the air: another update, another mode, a connection that is lost at any chunk."""

from contextlib import contextmanager
from dataclasses import replace

import pytest

from emulator.cloud.errors import UpdateRefused
from emulator.factory import user_part
from particle_protocol.control_requests.codes import RequestType, Result
from particle_protocol.control_requests.errors import RequestError
from particle_protocol.control_requests.generated import storage_pb2
from particle_protocol.dfu import open_session
from particle_protocol.platforms import platform_by_name
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
    """However it stands, the update ends, and the module is there after the next attempt at the latest."""
    bench, board = bringing.bench, bringing.board
    bringing.link.restore()
    while bringing.lab.cloud.updates.running(board.device_id):
        bench.sleep(1)
    bench.sleep(2)
    bringing.settle()
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
    bench, board, image = bringing.bench, bringing.board, bringing.image
    begin = storage_pb2.StartFirmwareUpdateRequest(size=len(image))
    bench.request(board, RequestType.START_FIRMWARE_UPDATE, begin.SerializeToString())
    for at in range(0, len(image), USB_PIECE):
        if at == 4 * USB_PIECE:
            bringing.send()
            bench.sleep(10)
            assert not bringing.lab.cloud.updates.running(board.device_id)
        piece = storage_pb2.FirmwareUpdateDataRequest(data=image[at : at + USB_PIECE])
        bench.request(board, RequestType.FIRMWARE_UPDATE_DATA, piece.SerializeToString())
    boots = board.boots
    bench.request(board, RequestType.FINISH_FIRMWARE_UPDATE)
    bringing.wait(lambda: board.boots > boots and bringing.healthy, "the end of the update")
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
    bringing.link.restore()
    if asked == "request":
        bench.request(board, RequestType.DFU_MODE)
    elif asked == "baudrate":
        board.plug.function.control(Setup(0x21, 0x20, 0, 0, 7), (14400).to_bytes(4, "little") + b"\0\0\x08")
    else:
        board.firmware.cloud.reset_requested("dfu")
    bringing.wait(lambda: bringing.in_dfu, "DFU mode")
    bench.sleep(60)
    assert (bringing.online, bringing.lab.cloud.updates.running(board.device_id)) == (False, False)
    session = bench.run(board, open_session())
    bench.run(board, session.leave())
    bench.sleep(2)
    complete(bringing)


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
    tried(2, 2)


@pytest.mark.soak
@pytest.mark.parametrize("how", WAYS_TO_LOSE)
@pytest.mark.parametrize("board", BOARDS, ids=IDS)
def test_a_connection_lost_at_every_chunk(ready, board, how, tried):
    points = sweep(ready, board, how, range(1000))
    assert points > (3 if board[2] == "fast" else 8)
    tried(points, points)
