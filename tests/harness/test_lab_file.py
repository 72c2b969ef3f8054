"""Lab files: what is in one, and what is wrong with one, by line."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from harness.cloud import WifiNetwork
from harness.rack.lab_building import read_lab
from harness.rack.lab_errors import LabFileWrong
from harness.rack.lab_file import LabMember
from harness.rack.lab_schema import lab_schema
from harness.rack.toml_lines import NotToml, read_toml

ROOT = Path(__file__).parents[2]
ICCID = "89340765000025898700"
TRAY = ["0123456789abcdef01234567", "0123456789abcdef01234568"]

WHOLE = f"""
[[board]]
name = "lamp-1"
hub = "1-1.4"
port = 2

[[board]]
name = "lamp-2"
moniker = "usb:E00FCE680000000000000001"

[[board]]
name = "sim-1"
moniker = "emu:electron?os=2.3.1"
sim = "{ICCID}"
application = "apps.lamp:Lamp"

[wifi.lab]
ssid = "workshop"
password_env = "LAB_WIFI"

[account.qa]
user = "QA@example.com"
password_env = "QA_PASSWORD"

[account.dev]
user = "dev@example.com"

[[sim]]
iccid = "{ICCID}"
form = "mff2"
state = "deactivated"

[[organization]]
slug = "acme"
owner = "qa"

[[product]]
slug = "lamp"
platform = "photon"
owner = "qa"
groups = ["beta"]
members = ["dev", {{ account = "else@example.com", role = "View-only" }}]
firmware = [
    {{ version = 1, file = "one.bin" }},
    {{ version = 2, application = "apps.lamp:Lamp" }},
]
devices = ["ids.txt", "0123456789abcdef01234569", "sim-1"]

[[device]]
id = "0123456789abcdef0123456a"
platform = "photon"
name = "spare"

[[customer]]
product = "lamp"
user = "customer@example.com"

[[project]]
folder = "sources"
application = "apps.lamp:Lamp"
"""


@pytest.fixture
def lab(tmp_path):
    """`lab(text)`: the lab file of a text, in a folder that has what the whole one names."""
    (tmp_path / "one.bin").write_bytes(b"one")
    (tmp_path / "ids.txt").write_text(f"# a tray\r\n{TRAY[0].upper()}\r\n\r\n{TRAY[1]}  # the second\r\n")
    (tmp_path / "sources").mkdir()

    def read(text):
        path = tmp_path / "lab.toml"
        path.write_text(dedent(text))
        return read_lab(path)

    return read


@pytest.fixture
def problems(lab):
    """`problems(text)`: the name of the file, the line, and the sentence, of all that is wrong."""

    def read(text):
        with pytest.raises(LabFileWrong) as caught:
            lab(text)
        assert all(problem.remedy for problem in caught.value.problems), "each has a remedy"
        return [(each.place.file.name, each.place.line, f"{each.what}. {each.remedy}") for each in caught.value.problems]

    return read


def test_what_a_whole_file_says(lab, tmp_path):
    found = lab(WHOLE)
    assert [(board.name, board.moniker, board.port) for board in found.boards] == [
        ("lamp-1", "usb:1-1.4.2", "1-1.4.2"),
        ("lamp-2", "usb:E00FCE680000000000000001", None),
        ("sim-1", "emu:electron?os=2.3.1", None),
    ]
    assert found.account(None).user == "qa@example.com"
    assert found.sim(ICCID).state == "deactivated"
    (product,) = found.products
    assert product.members == (LabMember("dev@example.com"), LabMember("else@example.com", "View-only"))
    assert [(each.version, each.file, each.application) for each in product.firmware] == [
        (1, tmp_path / "one.bin", None),
        (2, None, "apps.lamp:Lamp"),
    ]
    assert [(each.device_id, each.board, each.place.line) for each in product.devices] == [
        (TRAY[0], "", 2),
        (TRAY[1], "", 4),
        ("0123456789abcdef01234569", "", 47),
        ("", "sim-1", 47),
    ]
    assert {name: place.line for name, place in found.secrets.items()} == {"LAB_WIFI": 19, "QA_PASSWORD": 23}
    assert {path.name for path in found.watched} == {"lab.toml", "one.bin", "ids.txt"}
    assert list(found.applications) == ["apps.lamp:Lamp"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[[board]]\nname = 'a'\nmoniker = 'usb:1-2'\nsin = ''", 4, "unknown key 'sin'. Did you mean 'sim'?"),
        ("[[bord]]\nname = 'a'", 1, "unknown key 'bord'. Did you mean 'board'?"),
        ("[[board]]\nname = 'a'", 1, "one of the keys 'moniker' and 'hub' is missing"),
        ("[[board]]\nmoniker = 'emu:photon'", 1, "the key 'name' is missing. Give each board a name"),
        ("[[board]]\nname = 'a'\nmoniker = 'emu:photon'\nport = 2", 4, "'port' needs the key 'hub' beside it"),
        ("[[board]]\nname = 'a'\nhub = '1-1'", 3, "'hub' needs the key 'port' beside it"),
        ("[[board]]\nname = 'a'\nhub = 'left'\nport = 1", 3, "hub cannot be 'left'. Write the hub"),
        ("[[board]]\nname = 'a'\nhub = '1'\nport = '2'", 4, "port is a text, where a whole number belongs"),
        ("[[board]]\nname = 'a'\nmoniker = 'emu:photo'", 3, "photo"),
        ("[[board]]\nname = 'a'\nmoniker = 'emu:photon?mood=dfu'", 3, "has the option 'mood'"),
        ("[[board]]\nname = 'a'\nmoniker = 'usb:1-2'\napplication = 'a:B'", 4, "Only emulated boards run Python classes"),
        ("[[board]]\nname = 'a'\nmoniker = 'usb:1-2'\nhub = '1'\nport = 3", 3, "is another port than hub and port say: 1-3"),
        ("[[board]]\nname = 'a'\nmoniker = 'emu:electron?iccid=8'\nsim = '89340765000025898700'", 3, "contradict each other"),
        ("[wifi.lab]\nssid = 'x'\npassword_env = 'A'\npassword = 'b'", 1, "contradict each other"),
        ("[wifi.'a b']\nssid = 'x'", 1, "cannot be 'a b'. Take letters"),
        ("[wifi.lab]\nssid = 'x'\nsecurity = 'wpa4'", 3, "There are: open, wep, wpa, wpa2"),
        ("[wifi.lab]\nssid = 'x'\nsecurity = 'wep'", 3, "a network with wep has no password. Leave out the one or the other"),
        ("[wifi.lab]\nssid = 'x'\npassword_env = 'A'\nsecurity = 'open'", 4, "an open network has a password"),
        ("[wifi.lab]\nssid = 'x'\nsignal = 3", 3, "signal"),
        ("[wifi.lab]\nssid = 'x'\nhidden = 1", 3, "hidden"),
        ("[account.qa]\nuser = 'nobody'", 2, "user cannot be 'nobody'. Give the e-mail address"),
        ("[[sim]]\niccid = '89340765000025898700'\nstate = 'on'", 3, "There are: inactive, active, deactivated, data-limit, unpaid"),
        ("[[sim]]\niccid = '89340765000025898700'\nstate = 'active'\nowner = 'qa'", 4, "there is no account 'qa'. Add [account.qa]"),
        ("[[product]]\nslug = 'a'\nplatform = 'photn'", 3, "platform cannot be 'photn'. Did you mean 'photon'?"),
        ("[[product]]\nslug = 'a'\nplatform = 'photon'\norganization = 'acme'", 4, "there is no organization 'acme'"),
        ("[[product]]\nslug = 'a'\nplatform = 'photon'\ndevices = ['none.txt']", 4, "there is no such file. Give a device id"),
        ("[[product]]\nslug = 'a'\nplatform = 'photon'\nfirmware = [{ version = 1, file = 'no.bin' }]", 4, "there is no such file. Paths"),
        ("[[device]]\nid = '0123456789abcdef01234567'", 1, "one of the keys 'platform' and 'sku' is missing"),
        ("[[device]]\nids = ['ids.txt']\nplatform = 'photon'\nname = 'x'", 4, "'name' needs the key 'id' beside it"),
        ("[[device]]\nid = '0123456789abcdef01234567'\nsku = 'NONE'", 3, "NONE"),
        ("[[customer]]\nproduct = 'lamp'\nuser = 'a@b'", 2, "there is no product 'lamp'"),
        ("[[project]]\nfolder = 'nowhere'\napplication = 'a:B'", 2, "there is no such folder"),
        ("[[project]]\nfolder = 'sources'\napplication = 'Lamp'", 3, "Name a Python class as module:Class"),
        ("board = 3", 1, "board is a whole number, where a list in [brackets] belongs"),
        ("[[board]]\nname = lamp", 2, "this is no TOML"),
        ("[[board]]\nname = 'a'\n[[board]\n", 3, "this is no TOML"),
        ("x = '''\n", 1, "this is no TOML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_a_remedy(problems, text, line, said):
    found = problems(text)
    assert [where for _, where, _ in found] == [line], found
    assert said in found[0][2]


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("name = 'a'\nmoniker = 'emu:photon'", "name = 'a'\nmoniker = 'emu:photon'", "the name a is that of"),
        ("name = 'a'\nmoniker = 'usb:0123456789abcdef01234567'", "name = 'b'\nmoniker = 'usb:0123456789ABCDEF01234567'", "the device id"),
        (
            "name = 'a'\nmoniker = 'usb:0123456789abcdef01234567'",
            "name = 'b'\nmoniker = 'emu:photon?id=0123456789abcdef01234567'",
            "the device id",
        ),
        ("name = 'a'\nmoniker = 'usb:1-1.2'", "name = 'b'\nhub = '1-1'\nport = 2", "the USB port 1-1.2 is that of"),
        ("name = 'a'\nhub = '1'\nport = 2", "name = 'b'\nhub = '1'\nport = 2", "the USB port 1-2 is that of"),
        (f"name = 'a'\nmoniker = 'emu:electron'\nsim = '{ICCID}'", f"name = 'b'\nmoniker = 'emu:electron'\nsim = '{ICCID}'", "the SIM"),
    ],
)
def test_two_boards_of_one_name_id_port_or_sim_are_refused(problems, first, second, said):
    (found,) = problems(f"[[board]]\n{first}\n[[board]]\n{second}")
    assert found[1] > 3, "the second one is at fault"
    assert said in found[2]
    assert "lab.toml:" in found[2], "and it is told where the first one is"


def test_a_port_has_a_board_or_a_hub(problems):
    (found,) = problems("[[board]]\nname = 'a'\nhub = '1'\nport = 2\n[[board]]\nname = 'b'\nhub = '1-2'\nport = 3\n")
    assert (found[1], "the hub 1-2 is in the port of the board in" in found[2]) == (7, True)


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_lines(problems):
    found = problems("[wifi.lab]\nsid = 'x'\n\n[[board]]\nname = 'a'\nmoniker = 'photon'\n")
    assert [line for _, line, _ in found] == [1, 2, 6]


def test_what_is_wrong_in_a_tray_is_told_with_its_own_line(problems, tmp_path):
    (tmp_path / "ids.txt").write_text(f"{TRAY[0]}\nnonsense\n")
    product = "[[product]]\nslug = 'a'\nplatform = 'photon'\ndevices = ['ids.txt']"
    assert problems(product)[0][:2] == ("ids.txt", 2)
    (tmp_path / "ids.txt").write_text(f"{TRAY[0]}\n{TRAY[1]}\n{TRAY[0]}\n")
    (twice,) = problems(product)
    assert (twice[:2], "ids.txt:1" in twice[2]) == (("ids.txt", 3), True)


def test_a_device_that_has_a_board_is_not_one_without(problems):
    text = "[[board]]\nname = 'a'\nmoniker = 'emu:photon?id=0123456789abcdef01234567'\n[[device]]\nids = ['ids.txt']\nplatform = 'photon'"
    (found,) = problems(text)
    assert (found[0], "lab.toml:3" in found[2]) == ("ids.txt", True)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_password_in_clear_is_taken_only_from_a_file_that_others_cannot_read(lab, problems, tmp_path):
    text = "[account.qa]\nuser = 'qa@example.com'\npassword = 'secret'"
    (found,) = problems(text)
    assert (found[1], f"chmod 600 {tmp_path / 'lab.toml'}" in found[2]) == (3, True)
    (tmp_path / "lab.toml").chmod(0o640)
    problems(text)
    (tmp_path / "lab.toml").chmod(0o600)
    found = lab(text)
    assert found.accounts[0].password.reveal() == "secret"
    assert "secret" not in repr(found)


def test_a_network_is_what_the_file_says_of_it(lab, monkeypatch):
    monkeypatch.setenv("LAB_WIFI", "12345")
    text = "[wifi.old]\nssid = 'old'\npassword_env = 'LAB_WIFI'\nsecurity = 'wep'\nhidden = true\nsignal = -77\nchannel = 3"
    found = lab(text)
    assert found.network() == WifiNetwork("old", "12345", 1)
    (wifi,) = found.wifi
    assert (wifi.hidden, wifi.signal, wifi.channel) == (True, -77, 3)
    monkeypatch.setenv("LAB_WIFI", "1234")
    with pytest.raises(LabFileWrong, match="a WEP key of 4 bytes"):
        found.network()


def test_a_password_comes_from_the_environment_when_it_is_used(lab, monkeypatch):
    password = lab("[account.qa]\nuser = 'qa@example.com'\npassword_env = 'QA'").accounts[0].password
    monkeypatch.setenv("QA", "secret")
    assert password.reveal() == "secret"
    monkeypatch.delenv("QA")
    with pytest.raises(LabFileWrong, match=r"lab\.toml:3: QA is not set in the environment\. Put the password into it: read -rs QA"):
        password.reveal()


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir, os.mkfifo, lambda path: path.write_bytes(b"# caf\xe9")])
def test_what_is_no_file_or_no_text_is_refused(tmp_path, make):
    make(tmp_path / "lab.toml")
    with pytest.raises(LabFileWrong, match=r"lab\.toml:1: .*(no such file|no file|no UTF-8)"):
        read_lab(tmp_path / "lab.toml")


def test_the_shipped_schema_is_current_and_a_schema():
    done = subprocess.run([sys.executable, ROOT / "tools/make_lab_schema.py", "--check"], env={"PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == 0, "run tools/make_lab_schema.py"
    Draft7Validator.check_schema(lab_schema())


def test_the_verbs(program, tmp_path):
    def run(*words):
        done = subprocess.run([*program, "lab", *words], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert "Traceback" not in done.stderr
        return done

    assert json.loads(run("schema").stdout) == lab_schema()
    ids = run("ids", "photon", "3").stdout.split()
    assert (len(set(ids)), {len(each) for each in ids}) == (3, {24})
    assert run("ids", "photn", "3").returncode == 2
    (tmp_path / "ids.txt").write_text("\n".join(ids))
    text = "[[product]]\nslug = 'lamp'\nplatform = 'photon'\ndevices = ['ids.txt']\n"
    text += "[account.qa]\nuser = 'a@b'\npassword_env = 'NOT_SET_AT_ALL'\n"
    (tmp_path / "lab.toml").write_text(text)
    good = run("check", "lab.toml")
    assert (good.returncode, "lamp (photon, 3 devices)" in good.stdout) == (0, True)
    assert "lab.toml:7: NOT_SET_AT_ALL is not set in this environment" in good.stdout
    (tmp_path / "lab.toml").write_text("[[product]]\nslug = 'lamp'\n")
    bad = run("check", "lab.toml")
    assert (bad.returncode, bad.stderr.startswith("particle-hil: lab.toml:1: the key 'platform' is missing.")) == (2, True)
    assert json.loads(run("check", "lab.toml", "--json").stdout)["problems"][0]["line"] == 1


KEYS = st.sampled_from(["a", "b", '"c d"', "e.f"])
VALUES = st.sampled_from(["1", '"x"', "[1, 2]", '[\n"a",\n"]",\n]', '"""\n[x]\na = 1\n"""', "{ p = 1, q = [2] }", "'''\n}\n'''"])
STATEMENTS = st.one_of(
    st.tuples(KEYS, VALUES).map(" = ".join),
    st.sampled_from(["[t]", "[[l]]", "[l.m]", "[[t.n]]", "# [no]", "", "[[l.o]]"]),
)


@given(st.lists(STATEMENTS, max_size=12))
def test_the_line_of_every_key_is_where_it_stands(statements):
    """Each statement gets a line of its own; what a key is found at must be the statement that has it."""
    text = "\n".join(statements)
    try:
        document = read_toml(text)
    except NotToml:
        return
    assert document.data == tomllib.loads(text)
    firsts = {sum(len(each.split("\n")) for each in statements[:place]) + 1: each for place, each in enumerate(statements)}

    def walk(value, path):
        if path:
            statement = firsts[document.line(path)]
            names = [each for each in path if isinstance(each, str)]
            assert any(name in statement for name in names), (path, statement)
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
            walk(inner, (*path, key))

    walk(document.data, ())
