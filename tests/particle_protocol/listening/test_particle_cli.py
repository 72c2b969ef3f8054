"""What particle-cli looks for in the console's answers, modelled from its patterns (particle-cli 3.49.2, src/cmd/serial.js:710-1195)."""

import re

import pytest

from particle_protocol.listening import WifiCipher, WifiCredentials, WifiSecurity

PROMPTS = {
    "SSID:": "home",
    "Security Cipher": "1",
    "Security 0=unsecured": "3",
    "Password:": "secret pass",
}


def cli_wifi(wire):
    """`particle serial wifi --file wifi.json`: one prompt is looked for in each batch of bytes, every answer ends in LF."""
    batch, sent = wire.send(b"w").decode(), []
    for _ in range(10):
        if re.search(r"(Spark|Particle) <3 you!", batch):
            return sent
        prompt = next(each for each in PROMPTS if each in batch)
        sent.append(prompt)
        batch = wire.send(PROMPTS[prompt].encode() + b"\n").decode()
    raise AssertionError("the dialogue does not end")


@pytest.mark.parametrize(
    ("air", "asked"),
    [
        ({}, ["SSID:", "Security 0=unsecured", "Security Cipher", "Password:"]),
        ({"home": (WifiSecurity.WPA2, WifiCipher.AES)}, ["SSID:", "Password:"]),
    ],
)
def test_the_wifi_command_gets_through(wire, air, asked):
    wire.firmware.air = air
    assert cli_wifi(wire) == asked
    assert wire.firmware.saved == [WifiCredentials("home", "secret pass")]


def test_the_final_words_do_not_come_with_a_prompt_that_needs_an_answer(wire):
    wire.send(b"w")
    for answer in (b"home\n", b"3\n", b"1\n"):
        assert "<3 you!" not in wire.send(answer).decode()


def test_the_short_identity_matches(wire):
    assert re.search(r"Your (core|device) id is\s+(\w+)", wire.send(b"i").decode())[2] == "2d0032000f47343438323536"


def test_the_long_identity_matches(wire):
    wire.firmware.extra = [("imei", "359072060000000"), ("iccid", "8934076500002587657"), ("cellfw", "L0.0.00.00.05.06")]
    text = wire.send(b"i").decode()
    assert re.search(r"Your (core|device) id is\s+(\w+)", text) is None
    assert re.search(r"\s+([a-fA-F0-9]{24})\s+", text)[1] == "2d0032000f47343438323536"
    assert re.search(r"IMEI: (\w+)", text)[1] == "359072060000000"
    assert re.search(r"ICCID: (\w+)", text)[1] == "8934076500002587657"
