"""Applications as Python classes: from a test, by a moniker, with `serve`, and what they say on the serial port."""

import pytest

from emulator.cloud.images import read_image
from harness.boards import OpenOptions
from harness.boards.emu import KIND
from harness.cloud import Cloud
from harness.errors import BoardNotAvailable, CapabilityMissing, HarnessError
from harness.modes import Mode
from particle_hil import Application, every, function, variable


class Lamp(Application):
    """It is called, read, and told things over serial."""

    level = 0

    @function
    def dim(self, argument: str) -> int:
        self.level = int(argument)
        self.print(f"level {self.level}")
        return self.level

    @variable
    def brightness(self) -> int:
        return self.level

    @every(60)
    def tick(self) -> None:
        self.publish("lamp/level", str(self.level))

    def serial_received(self, data: bytes) -> None:
        self.print(f"heard {data.decode()}")


@pytest.fixture
def lamp(open_rig):
    """A board that runs it, and the account that has claimed it."""
    rig = open_rig("emu:photon?mode=online&claimed=1")
    cloud = Cloud(rig.cloud)
    (board,) = rig.boards
    account = board.account = cloud.own_account()
    board.flash(board.build(Lamp))
    board.wait_for(Mode.ONLINE)
    yield board, account
    cloud.close()


def test_one_call_makes_firmware_of_a_class(lamp):
    board, account = lamp
    with account.events("lamp/") as events:
        assert account.call(board.device_id, "dim", "7") == 7
        assert account.read(board.device_id, "brightness") == 7
        assert events.wait_for("lamp/level", timeout=120).data == "7"


def test_it_talks_over_the_serial_port(lamp):
    board, account = lamp
    (entry,) = [each for each in board.host.serial_entries() if each.serial == board.device_id]
    with board.host.open_serial(entry) as port:
        account.call(board.device_id, "dim", "3")
        assert port.readline() == b"level 3\r\n"
        port.write(b"hello")
        assert port.readline() == b"heard hello\r\n"
        board.enter_listening()
    assert board.console.identify().device_id == board.device_id, "in listening mode the console has the port"
    board.leave_listening()
    board.wait_for(Mode.ONLINE)
    with board.host.open_serial(entry) as port:
        port.write(b"again")
        assert port.readline() == b"heard again\r\n", "and gives it back"


def test_what_it_prints_while_nobody_listens_is_lost(lamp):
    board, account = lamp
    assert account.call(board.device_id, "dim", "5") == 5
    (entry,) = [each for each in board.host.serial_entries() if each.serial == board.device_id]
    with board.host.open_serial(entry) as port:
        port.timeout = 0.5
        assert port.readline() == b""


def test_two_classes_of_one_name_are_two_applications(lamp):
    board, account = lamp

    def made(answer):
        class Local(Application):
            @function
            def ask(self, argument: str) -> int:
                return answer

        return Local

    first, second = board.build(made(1)), board.build(made(2))
    board.flash(first)
    board.wait_for(Mode.ONLINE)
    assert account.call(board.device_id, "ask") == 1
    board.flash(second)
    board.wait_for(Mode.ONLINE)
    assert account.call(board.device_id, "ask") == 2


def test_it_has_the_product_that_it_is_given(board):
    facts = read_image(board.build(Lamp, product=(20123, 4)))
    assert (facts.product_id, facts.product_version) == (20123, 4)


def test_what_is_no_application_is_refused(board):
    with pytest.raises(HarnessError, match=r"is no application. Derive the class from particle_hil.Application"):
        board.build(int)


def test_a_real_board_runs_no_class(board):
    board._build = None
    with pytest.raises(CapabilityMissing, match="no firmware that runs Python classes"):
        board.build(Lamp)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """`own_app:One` and `own_app:Two`, in the current folder."""
    text = "from particle_hil import Application, function\n\n"
    for name, answer in (("One", 1), ("Two", 2)):
        text += f"class {name}(Application):\n    @function\n    def ask(self, argument: str) -> int:\n        return {answer}\n\n"
    (tmp_path / "own_app.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)


def test_boards_run_the_first_application_of_the_run_unless_they_name_one(open_rig, module):
    rig = open_rig(
        "emu:photon?mode=online&claimed=1",
        "emu:photon?mode=online&claimed=1&application=own_app:Two",
        applications=("own_app:One",),
    )
    cloud = Cloud(rig.cloud)
    account = cloud.own_account()
    first = rig.boards[0]
    assert [account.call(board.device_id, "ask") for board in rig.boards] == [1, 2]
    form = {"app_id": "Two"}
    cloud.request("PUT", f"/v1/devices/{first.device_id}", token=account.token, form=form)
    with account.events("spark/status") as events:
        events.wait_for("spark/status", timeout=60, where=lambda event: event.data == "online")
    assert account.call(first.device_id, "ask") == 2, "the application that was flashed by its name"
    cloud.close()


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("own_app", "this is no module:Class"),
        ("own_app:Three", "has no Three. It has: One, Two"),
        ("no_app:One", "there is no module no_app"),
    ],
)
def test_an_application_that_is_not_there_is_told(module, spec, said):
    with pytest.raises(HarnessError) as caught:
        KIND.open([], OpenOptions(applications=(spec,)))
    assert said in str(caught.value)


def test_real_firmware_runs_no_class(open_rig, module):
    with pytest.raises(BoardNotAvailable, match="contradict each other"):
        open_rig("emu:photon?firmware=real&application=own_app:One")


def test_serve_takes_an_application(served, login, module):
    with served("--board", "emu:photon?mode=online&claimed=1", "--application", "own_app:Two") as told, login(told) as client:
        answer = client.post(f"/v1/devices/{told['boards'][0]['device_id']}/ask", data={"arg": ""})
        assert answer.json()["return_value"] == 2
