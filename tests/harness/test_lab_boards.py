"""A lab file opened: its boards, and the cloud around them, as clients of that cloud see it."""

import json
import signal
import subprocess
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from textwrap import dedent

import httpx
import pytest

from harness.boards import OpenOptions, Serving, moniker_of, open_boards
from harness.boards.emu import KIND
from harness.cli.lab_watch import LabWatch, left_out, served_words
from harness.cloud import Cloud
from harness.errors import BoardNotAvailable, CloudRefused, HarnessError
from harness.kit.faults import StandingFaults
from harness.modes import Mode
from harness.rack.lab_building import read_lab
from harness.rack.lab_errors import LabFileWrong

ICCID, CARD = "89340765000025898700", "89340765000025898701"
BOARD = "00aa00aa0047343432333536"
LAMP = """
from harness.lab.applications import Application, function, variable

class Lamp(Application):
    level = 0

    @function
    def dim(self, argument: str) -> int:
        self.level = int(argument)
        return self.level

    @variable
    def brightness(self) -> int:
        return self.level
"""

WHOLE = f"""
[[board]]
name = "lamp-1"
moniker = "emu:photon?mode=online&claimed=1&id={BOARD}"
application = "lab_apps.lamp:Lamp"

[[board]]
name = "meter"
moniker = "emu:electron"
sim = "{ICCID}"
hub = "1-2"
port = 3

[wifi.lab]
ssid = "workshop"
password_env = "LAB_WIFI"

[wifi.guests]
ssid = "guests"

[account.qa]
user = "qa@example.com"
password_env = "LAB_QA"

[account.dev]
user = "dev@example.com"

[[sim]]
iccid = "{ICCID}"
state = "active"

[[sim]]
iccid = "{CARD}"
form = "4ff"
state = "data-limit"
owner = "dev"

[[organization]]
slug = "acme"
name = "Acme Lighting"

[[product]]
slug = "lamp"
name = "The Lamp"
platform = "photon"
id = 20123
groups = ["beta"]
members = ["dev", {{ account = "else@example.com", role = "View-only" }}]
firmware = [{{ version = 2, application = "lab_apps.lamp:Lamp" }}]
devices = ["ids.txt", "lamp-1"]

[[product]]
slug = "meter"
platform = "electron"
organization = "acme"
devices = ["meter"]

[[device]]
id = "0123456789abcdef0123456a"
platform = "photon"
name = "spare"
owner = "dev"

[[customer]]
product = "meter"
user = "customer@example.com"
devices = ["meter"]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with an application and a tray."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("LAB_WIFI", "a password of it")
    monkeypatch.setenv("LAB_QA", "secret of qa")
    (tmp_path / "lab_apps").mkdir()
    (tmp_path / "lab_apps/lamp.py").write_text(LAMP)
    (tmp_path / "ids.txt").write_text("".join(f"0123456789abcdef0123{number:04x}\n" for number in range(3)))
    return tmp_path


@pytest.fixture
def lab(folder):
    """`lab(text)`: the lab file of a text."""

    def write(text):
        (folder / "lab.toml").write_text(dedent(text))
        return read_lab(folder / "lab.toml")

    return write


@pytest.fixture
def opened(lab):
    """`opened(text)`: the emulated boards of a lab file, and who the run logs in as."""
    rigs, clouds = [], []

    def open_one(text, **options):
        file = lab(text)
        (rig,) = open_boards([board.name for board in file.boards], OpenOptions(lab=file, **options))
        rigs.append(rig)
        cloud = Cloud(rig.cloud)
        clouds.append(cloud)
        return rig, cloud.own_account()

    yield open_one
    for each in (*clouds, *rigs):
        each.close()


def get(account, path):
    return account.cloud.request("GET", path, token=account.token)


def test_a_whole_lab(opened):
    rig, account = opened(WHOLE)
    lamp, meter = rig.boards
    assert (account.username, rig.wifi.ssid, lamp.device_id, meter.port) == ("qa@example.com", "workshop", BOARD, "1-2.3")
    assert account.call(BOARD, "dim", "7") == 7
    assert get(account, "/v1/devices/" + BOARD)["variables"] == {"brightness": "int32"}

    (product,) = [each for each in get(account, "/v1/products")["products"] if each["slug"] == "lamp"]
    assert (product["id"], product["name"], product["user"], product["groups"]) == (20123, "The Lamp", "qa@example.com", ["beta"])
    devices = get(account, "/v1/products/lamp/devices")["devices"]
    assert {each["id"][-4:]: each["online"] for each in devices} == {"0000": False, "0001": False, "0002": False, BOARD[-4:]: True}
    team = get(account, "/v1/products/lamp/team")["team"]
    assert [(each["username"], each["role"]["name"]) for each in team[1:]] == [
        ("dev@example.com", "Developer"),
        ("else@example.com", "View-only"),
    ]
    (firmware,) = get(account, "/v1/products/lamp/firmware")
    assert (firmware["version"], firmware["name"]) == (2, "lamp-2.bin")

    assert get(account, "/v1/orgs")["organizations"][0]["name"] == "Acme Lighting"
    customers = get(account, "/v1/products/meter/customers")
    assert [(each["username"], each["devices"]) for each in customers["customers"]] == [("customer@example.com", [meter.device_id])]
    assert {each["iccid"]: each["status"] for each in get(account, "/v1/sims")["sims"]} == {ICCID: "active"}


def test_every_test_finds_it_as_it_was(opened):
    rig, account = opened(WHOLE)
    before = rig.snapshot()
    account.call(BOARD, "dim", "9")
    account.unclaim(BOARD)
    rig.restore(before)
    assert rig.boards[0].mode() is Mode.ONLINE
    assert account.read(BOARD, "brightness") == 0


def test_a_board_is_named_as_the_file_names_it(lab):
    file = lab(WHOLE)
    moniker = moniker_of("meter", file)
    assert (str(moniker), moniker.kind, moniker.options) == ("meter", "emu", {"iccid": ICCID})
    assert str(moniker_of("emu:p1", file)) == "emu:p1"
    with pytest.raises(BoardNotAvailable, match=r"has no board 'lamb'. There are: lamp-1, meter"):
        moniker_of("lamb", file)


TRAY = "[[product]]\nslug = 'full'\nplatform = 'photon'\ndevices = ['tray.txt']\n"


def test_the_limit_of_a_free_plan_counts_for_a_tray(opened, folder):
    ids = [f"0123456789abcdef0123{number:04x}" for number in range(101)]
    (folder / "tray.txt").write_text("\n".join(ids[:100]))
    board = "[[board]]\nname = 'a'\nmoniker = 'emu:photon'\n"
    _, account = opened(board + TRAY)
    assert get(account, "/v1/products/full/devices?perPage=100")["meta"]["total_pages"] == 1
    (folder / "tray.txt").write_text("\n".join(ids))
    with pytest.raises(LabFileWrong, match=r"lab\.toml:4: too many devices: .* device limit of 100.*plan = .growth"):
        opened(board + TRAY)
    opened(board + TRAY + "plan = 'growth'\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[[product]]\nslug = 'p'\nplatform = 'photon'\ndevices = ['a']\n[[product]]\nslug = 'q'\nplatform = 'p1'\ndevices = ['b']",
            "b is of another",
        ),
        ("[[product]]\nslug = 'p'\nplatform = 'photon'\nfirmware = [{ version = 1, file = 'ids.txt' }]", "not a module binary"),
        (
            "[[customer]]\nproduct = 'p'\nuser = 'a@b'\ndevices = ['a']\n[[product]]\nslug = 'p'\nplatform = 'photon'",
            "has to be in the product p",
        ),
        ("[[device]]\nid = '0123456789abcdef01234567'\nplatform = 'photon'\nserial_number = 'x'", "serial_number"),
        ("[account.a]\nuser = 'a@b'\npassword_env = 'NOT_SET_ANYWHERE'", "NOT_SET_ANYWHERE is not set in the environment"),
        ("[[project]]\nfolder = '.'\napplication = 'lab_apps.lamp:Lamb'", "has no Lamb. It has: Lamp"),
        ("[[project]]\nfolder = '.'\napplication = 'lab_apps.lump:Lamp'", "there is no module lab_apps.lump. Put it into"),
        ("[[project]]\nfolder = '.'\napplication = 'os:sep'", "this is no application"),
    ],
)
def test_what_a_lab_cannot_be_is_told(opened, text, said):
    boards = "[[board]]\nname = 'a'\nmoniker = 'emu:photon'\n[[board]]\nname = 'b'\nmoniker = 'emu:photon'\n"
    with pytest.raises(HarnessError) as caught:
        opened(boards + text)
    assert said in str(caught.value)


def test_a_module_that_cannot_be_imported_is_one_sentence(opened, folder):
    (folder / "lab_apps/broken.py").write_text("1 / 0")
    with pytest.raises(HarnessError, match=r"importing lab_apps\.broken fails: ZeroDivisionError"):
        opened("[[board]]\nname = 'a'\nmoniker = 'emu:photon'\napplication = 'lab_apps.broken:Lamp'")


def test_an_application_needs_firmware_that_is_built(opened):
    text = "[[board]]\nname = 'a'\nmoniker = 'emu:photon?firmware=real'\napplication = 'lab_apps.lamp:Lamp'"
    with pytest.raises(BoardNotAvailable, match="contradict each other"):
        opened(text)


def names(boards):
    return [board.moniker for board in boards]


def test_a_lab_follows_its_file(opened, lab, folder):
    rig, account = opened(WHOLE)
    lamp = rig.boards[0]
    changed = WHOLE.replace('state = "active"', 'state = "unpaid"').replace('name = "meter"\nmoniker', 'name = "gauge"\nmoniker')
    changed = changed.replace('"meter"]', '"gauge"]').replace('ssid = "guests"', 'ssid = "friends"')
    changed += "[[device]]\nid = '0123456789abcdef0123456b'\nsku = 'E404XTRAY50'\n"
    done = rig.reload(lab(changed))
    assert (names(done.added), done.removed, done.problems) == (["gauge"], ["meter"], [])
    assert (names(rig.boards), rig.boards[0] is lamp) == (["lamp-1", "gauge"], True), "boards that are as they were are left alone"
    assert rig.boards[1].port == "1-2.3", "the port of the one that is gone"
    (sim,) = get(account, "/v1/sims")["sims"]
    assert sim["status"] == "inactive_invalid_payment_method"

    (folder / "ids.txt").write_text("0123456789abcdef01230003\n")
    done = rig.reload(read_lab(folder / "lab.toml"))
    assert (done.added, done.removed, done.problems) == ([], [], [])
    listed = [each["id"] for each in get(account, "/v1/products/lamp/devices")["devices"]]
    assert len(listed) == 5, "what is off the list stays, what is on it has come"
    assert account.call(BOARD, "dim", "3") == 3


def test_networks_are_what_the_file_says_and_boards_join_and_lose_them(opened, lab, monkeypatch):
    monkeypatch.setenv("LAB_WEP", "12345")
    text = "[[board]]\nname = 'a'\nmoniker = 'emu:photon?mode=online'\n[wifi.old]\nssid = 'old'\npassword_env = 'LAB_WEP'\n"
    text += "security = 'wep'\nhidden = true\nsignal = -60\n"
    rig, _ = opened(text)
    (board,) = rig.boards
    assert board.mode() is Mode.ONLINE
    assert [(each.name, each.security, each.signal) for each in board.surroundings.places() if each.name == "old"] == [("old", 1, -60)]
    assert rig.reload(lab(text.replace("-60", "-95"))).problems == []
    board.wait_for(Mode.CONNECTING_NETWORK, timeout=60)
    assert rig.reload(lab(text.replace("signal = -60", ""))).problems == []
    board.wait_for(Mode.ONLINE)
    monkeypatch.setenv("LAB_WEP", "1234")
    (problem,) = rig.reload(lab(text.replace("ssid = 'old'", "ssid = 'older'"))).problems
    assert "a WEP key of 4 bytes" in str(problem)


def test_a_board_whose_entry_has_changed_is_the_same_device_made_anew(opened, lab):
    text = "[[board]]\nname = 'a'\nmoniker = 'emu:photon'\n[[board]]\nname = 'b'\nmoniker = 'emu:photon'\n"
    rig, _ = opened(text)
    ids = {board.moniker: board.device_id for board in rig.boards}
    done = rig.reload(lab(text.replace("photon'\n[[", "photon?mode=dfu'\n[[")))
    assert (names(done.added), done.removed, done.problems) == (["a"], [], [])
    assert (done.added[0].mode(), {board.moniker: board.device_id for board in rig.boards}) == (Mode.DFU, ids)


def test_boards_that_were_left_out_of_a_run_stay_out(lab):
    text = "[[board]]\nname = 'a'\nmoniker = 'emu:photon'\n[[board]]\nname = 'b'\nmoniker = 'emu:photon'\n"
    file = lab(text)
    (rig,) = open_boards(["a"], OpenOptions(lab=file))
    done = rig.reload(lab(text + "[[board]]\nname = 'c'\nmoniker = 'emu:photon'\n"))
    assert (names(done.added), names(rig.boards)) == (["c"], ["a", "c"])
    rig.close()


def test_what_a_changed_file_cannot_have_is_told_and_the_rest_is_made(opened, lab):
    rig, account = opened("[[board]]\nname = 'a'\nmoniker = 'emu:photon'\n")
    text = "[[board]]\nname = 'a'\nmoniker = 'emu:photon'\n[[board]]\nname = 'b'\nmoniker = 'emu:photon?os=99.0.0'\n"
    done = rig.reload(
        lab(text + "[[product]]\nslug = 'p'\nplatform = 'photon'\ndevices = ['a']\n[[product]]\nslug = 'q'\nplatform = 'p1'\n")
    )
    assert (done.added, done.removed) == ([], [])
    (problem,) = done.problems
    assert "lab.toml:4: " in problem
    assert {each["slug"] for each in get(account, "/v1/products")["products"]} == {"p", "q"}


def test_a_file_is_read_again_once_it_has_changed_and_rests(opened, lab, folder):
    rig, _ = opened("[[board]]\nname = 'a'\nmoniker = 'emu:photon'\n[[device]]\nids = ['ids.txt']\nplatform = 'photon'")
    watch = LabWatch(read_lab(folder / "lab.toml"), rig, StandingFaults(0))
    assert list(watch.poll()) == []
    (folder / "ids.txt").write_text("0123456789abcdef0123000a\n")
    assert list(watch.poll()) == [], "it may go on changing"
    ((line, data),) = watch.poll()
    assert (line, data["lab"]["problems"]) == (f"read again: {folder / 'lab.toml'}", [])
    assert list(watch.poll()) == []
    (folder / "lab.toml").write_text("[[board]]\nnme = 'x'")
    ((_, data),) = [*watch.poll(), *watch.poll()]
    assert any("lab.toml:2: unknown key 'nme'. Did you mean 'name'?" in problem for problem in data["lab"]["problems"])
    assert names(rig.boards) == ["a"], "it goes on with what it had"


def test_an_application_that_has_changed_runs_from_the_next_reset_on(opened, folder):
    module = folder / "lab_apps/changing.py"
    module.write_text(LAMP)
    rig, account = opened(BOARDS.replace("lamp:Lamp", "changing:Lamp").replace("emu:photon", "emu:photon?mode=online&claimed=1", 1))
    watch, (lamp, _) = LabWatch(read_lab(folder / "lab.toml"), rig, StandingFaults(0)), rig.boards
    lamp.account = account
    assert account.call(lamp.device_id, "dim", "7") == 7
    module.write_text(LAMP.replace("return self.level", "return self.level + 1"))
    ((_, data),) = [*watch.poll(), *watch.poll()]
    assert (data["lab"]["boards"], data["lab"]["problems"]) == ([], [])
    assert account.call(lamp.device_id, "dim", "7") == 7
    lamp.reset()
    lamp.wait_for(Mode.ONLINE)
    assert account.call(lamp.device_id, "dim", "7") == 8
    module.write_text("1 / 0")
    ((_, data),) = [*watch.poll(), *watch.poll()]
    assert "importing lab_apps.changing fails: ZeroDivisionError" in data["lab"]["problems"][0]
    assert account.call(lamp.device_id, "dim", "7") == 8


def test_a_state_file_wins_over_the_lab_file(lab, folder):
    file, serving = lab(WHOLE), Serving(state=str(folder / "cloud.db"))

    @contextmanager
    def served():
        rig = KIND.open([], OpenOptions(served=True, serving=serving, lab=file))
        cloud = Cloud(rig.cloud)
        yield cloud.own_account()
        cloud.close()
        rig.close()

    removed = "0123456789abcdef01230000"
    with served() as account:
        account.cloud.request("PUT", f"/v1/sims/{ICCID}", token=account.token, json={"action": "deactivate"})
        account.cloud.request("DELETE", f"/v1/products/lamp/devices/{removed}", token=account.token)
    with served() as account:
        listed = [each["id"] for each in get(account, "/v1/products/lamp/devices")["devices"]]
        assert (len(listed), removed in listed) == (2, False), "who has removed it meanwhile is right"
        assert get(account, f"/v1/sims/{ICCID}")["last_status_change_action"] == "deactivate"


def test_serve_takes_a_lab_file_and_follows_it(program, folder):
    (folder / "lab.toml").write_text("[account.qa]\nuser = 'qa@example.com'\npassword_env = 'LAB_QA'\n")
    command = [*program, "serve", "--device-port", "0", "--json", "--lab", str(folder / "lab.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        told = json.loads(process.stdout.readline())
        assert (told["username"], told["password"], told["password_in"]) == ("qa@example.com", None, "$LAB_QA")
        form = {"username": told["username"], "password": "secret of qa", "grant_type": "password"}
        assert httpx.post(f"{told['api']}/oauth/token", data=form, auth=("particle", "particle")).status_code == 200
        with (folder / "lab.toml").open("a") as file:
            file.write("[[board]]\nname = 'lamp'\nmoniker = 'emu:photon'\n")
        assert names_in(json.loads(process.stdout.readline())) == ["lamp"]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0, process.stderr.read()


def names_in(said):
    return [board["moniker"] for board in said["lab"]["boards"]]


def test_real_boards_of_the_file_are_not_served(lab):
    file = lab("[[board]]\nname = 'real'\nmoniker = 'usb:1-1'\n[[board]]\nname = 'made'\nmoniker = 'emu:photon'\n")
    assert served_words((), file) == ["made"]
    (line,) = left_out((), file)
    assert line.endswith("lab.toml:1: real is usb:1-1: not served")
    assert served_words(("real",), file) == ["real"], "which is refused then"


PLUGIN = """
import pytest

def test_it(board, account, wifi):
    assert board.moniker in ("lamp", "spare"), board.moniker
    assert (account.username, wifi.ssid) == ("qa@example.com", "workshop")

@pytest.mark.start(mode="online", claimed=True)
def test_its_application(board, account):
    if board.moniker != "lamp":
        pytest.skip("another board")
    assert account.call(board.device_id, "dim", "4") == 4
"""

BOARDS = """
[[board]]
name = "lamp"
moniker = "emu:photon"
application = "lab_apps.lamp:Lamp"
[[board]]
name = "spare"
moniker = "emu:photon"
[account.qa]
user = "qa@example.com"
password_env = "LAB_QA"
[wifi.lab]
ssid = "workshop"
password_env = "LAB_WIFI"
"""


def test_the_documented_file_is_one(folder, lab):
    text = (Path(__file__).parents[2] / "docs/lab-file.md").read_text()
    example = text.split("```toml\n")[1].split("```")[0]
    (folder / "firmware/meter").mkdir(parents=True)
    (folder / "lamp-1.bin").touch()
    found = lab(example)
    assert [board.moniker for board in found.boards] == ["usb:1-1.4.2", "usb:e00fce680000000000000001", "emu:electron?os=2.3.1"]
    assert all(getattr(found, each.name) for each in fields(found)), "every table there is"


def test_pytest_takes_a_lab_file(run_inside, folder):
    (folder / "lab.toml").write_text(BOARDS)
    status, text = run_inside(PLUGIN, "-v", f"--lab={folder / 'lab.toml'}")
    assert (status, "particle-hil: lamp, spare" in text, "test_it[lamp] PASSED" in text) == (0, True, True), text
    assert "test_its_application[lamp] PASSED" in text
    status, text = run_inside(PLUGIN, "-v", "--board", "spare", PARTICLE_HIL_LAB=str(folder / "lab.toml"))
    assert (status, "test_it[spare] PASSED" in text, "[lamp]" in text) == (0, True, False), text


def test_pytest_refuses_a_lab_file_that_is_wrong(run_inside, folder):
    (folder / "lab.toml").write_text("[[board]]\nname = 'a'\n")
    status, text = run_inside(PLUGIN, f"--lab={folder / 'lab.toml'}")
    assert (status, "lab.toml:1: one of the keys 'moniker' and 'hub' is missing" in text, "Traceback" in text) == (4, True, False), text
    status, text = run_inside(PLUGIN, "--lab=nowhere.toml")
    assert (status, "nowhere.toml:1: there is no such file. Name a lab file" in text) == (4, True), text


def test_check_takes_a_lab_file(program, folder):
    (folder / "lab.toml").write_text(BOARDS)

    def check(*words):
        command = [*program, "check", "-k", "who_it_is", "--json", *words]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)

    done = check("--lab", "lab.toml")
    assert [each["board"] for each in json.loads(done.stdout)["checks"]] == ["lamp", "spare"], done.stdout + done.stderr
    bad = check("--lab", "lab.toml", "--board", "lamb")
    assert (bad.returncode, "has no board 'lamb'. There are: lamp, spare" in bad.stderr) == (2, True), bad.stderr
    assert "Name a board with --board, or a lab file with --lab" in check().stderr


PROJECT = BOARDS.replace("emu:photon", "emu:photon?mode=online&claimed=1", 1) + (
    "[[project]]\nfolder = 'sources'\napplication = 'lab_apps.lamp:Lamp'\n"
    "[[project]]\nfolder = 'others'\napplication = 'lab_apps.lamp:Lamp'\n"
)


@pytest.fixture
def sources(folder):
    (folder / "others").mkdir()
    (folder / "sources/src").mkdir(parents=True)
    (folder / "sources/project.properties").write_text("name=lamp\n")
    (folder / "sources/src/lamp.ino").write_text("void setup() {}\n")
    return {"file": ("src/lamp.ino", b"void setup() {}\n"), "file1": ("project.properties", b"name=lamp\n")}


def test_sources_of_a_project_compile_to_its_application(opened, sources):
    rig, account = opened(PROJECT)
    lamp, cloud = rig.boards[0], account.cloud
    made = cloud.request("POST", "/v1/binaries", token=account.token, files=sources, form={"platform_id": "6", "latest": "true"})
    assert "run on emulated boards only" in made["sizeInfo"]
    flat = {"file": ("lamp.ino", sources["file"][1])}
    cloud.request("PUT", f"/v1/devices/{lamp.device_id}", token=account.token, files=flat, form={"build_target_version": "2.3.1"})
    with account.events("spark/status") as events:
        events.wait_for("spark/status", timeout=60, where=lambda event: event.data == "online")
    assert account.call(lamp.device_id, "dim", "6") == 6


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("src/lamp.ino", b"void loop() {}\n", "sources: its src/lamp.ino is another one"),
        ("src/lump.ino", b"void setup() {}\n", "sources: it has no src/lump.ino"),
        ("../../lab.toml", b"", "it has no ../../lab.toml"),
        ("/", b"", "it has no /"),
    ],
)
def test_other_sources_are_refused_with_what_differs(opened, sources, name, content, said):
    _, account = opened(PROJECT)
    with pytest.raises(CloudRefused) as caught:
        account.cloud.request("POST", "/v1/binaries", token=account.token, files={"file": (name, content)}, form={"platform_id": "6"})
    assert (caught.value.status, said in caught.value.text) == (406, True), caught.value.text
