"""A set-up program's end, against the board's."""

import pytest

from particle_protocol.lightssl import DevicePublicKey
from particle_protocol.lightssl.test_keys import lab_device_key
from particle_protocol.listening.wifi import EapType, WifiCipher, WifiCredentials, WifiSecurity
from particle_protocol.softap import Exchange, SoftApError, client
from particle_protocol.softap.credentials import NO_NUMBER, WRONG_PADDING

PEM = "-----BEGIN CERTIFICATE-----\nüßé\n-----END CERTIFICATE-----\r\n"
HOME = WifiCredentials("café", "a long secret")


@pytest.fixture(params=["tcp", "http"])
def ask(request, line, web):
    wire = web if request.param == "http" else line

    def run(call):
        exchange = Exchange(call, over_http=request.param == "http")
        exchange.receive(wire.ask(exchange.request))
        assert wire.closed == {"client"}
        return exchange.result()

    return run


def test_every_question_has_its_answer(ask, firmware):
    assert ask(client.version()) == 2
    firmware.claimed = True
    assert ask(client.device_info()) == client.DeviceInfo("5100d7000547343438373634", claimed=True)
    assert ask(client.scan()) == firmware.heard
    assert ask(client.public_key()).der == firmware.key.public_der
    ask(client.set_claim_code("B" * 63))
    assert firmware.code == b"B" * 63
    ask(client.connect())
    assert firmware.left == 1


@pytest.mark.parametrize(
    "credentials",
    [
        HOME,
        WifiCredentials("open", security=WifiSecurity.OPEN),
        WifiCredentials("x", "\N{SNOWMAN} secret", WifiSecurity.WPA, WifiCipher.TKIP),
        WifiCredentials(
            "corp", "hunter22", WifiSecurity.WPA2_ENTERPRISE, eap=EapType.PEAP, identity="ann", outer_identity="a", root_ca=PEM
        ),
    ],
)
def test_the_board_reads_what_it_was_given(ask, firmware, credentials):
    ask(client.configure(credentials, ask(client.public_key())))
    (wanted, _) = firmware.saved[0]
    assert wanted.credentials == WifiCredentials(
        credentials.ssid,
        credentials.password,
        credentials.security,
        WifiCipher.NOT_SET,
        credentials.eap,
        credentials.identity,
        credentials.outer_identity,
        root_ca=credentials.root_ca,
    )


def test_the_private_key_of_a_tls_client_goes_under_a_key_of_its_own(ask, firmware):
    private = "-----BEGIN RSA PRIVATE KEY-----\n" + "x" * 1500
    wanted = WifiCredentials("corp", "", WifiSecurity.WPA2_ENTERPRISE, eap=EapType.TLS, client_certificate=PEM, private_key=private)
    ask(client.configure(wanted, ask(client.public_key())))
    got = firmware.saved[0][0].credentials
    assert got.private_key.rstrip("".join(map(chr, range(1, 17)))) == private
    assert got.client_certificate == PEM


def test_a_password_for_another_board_is_refused_with_its_number(ask, firmware):
    other = DevicePublicKey.from_der(lab_device_key(1).public_der)
    with pytest.raises(SoftApError, match="encrypted for another key") as caught:
        ask(client.configure(HOME, other))
    assert caught.value.result in (WRONG_PADDING, NO_NUMBER)
    assert firmware.saved == []


@pytest.mark.parametrize("digits", ["00" * 128, "zz" * 128, "12"])
def test_a_password_that_is_no_block_of_the_key_is_refused(line, firmware, digits):
    body = b'{"ssid":"lab","sec":4194308,"pwd":"%s"}' % digits.encode()
    assert line.ask(b"configure-ap\n%d\n\n%s" % (len(body), body)) == b'\n\n{"r":-16640}'
    body = body.replace(digits.encode(), b"ff" * 128)
    assert line.ask(b"configure-ap\n%d\n\n%s" % (len(body), body)) == b'\n\n{"r":-17156}', "a number above the key's"


@pytest.mark.parametrize("result", [1, -1, -2, -3, -4, -7])
def test_a_refusal_says_what_it_means(ask, firmware, result):
    firmware.result = result
    with pytest.raises(SoftApError, match=f"configure-ap: the board answered {result}") as caught:
        ask(client.configure(HOME, ask(client.public_key())))
    assert caught.value.result == result


def test_a_board_without_a_key_says_so(ask, firmware):
    firmware.readable = False
    with pytest.raises(SoftApError, match="public-key: the board answered 1"):
        ask(client.public_key())


@pytest.mark.parametrize("over_http", [False, True])
@pytest.mark.parametrize(
    "answer", [b"", b"\n\n", b"\n\n{", b"\n\n[]", b'\n\n{"v":"x"}', b"HTTP/1.1 404 Not Found\r\n\r\n", b"\xff\xfe", b"{}" * 10]
)
def test_anything_else_is_an_error_that_names_the_command(over_http, answer):
    exchange = Exchange(client.version(), over_http)
    exchange.receive(answer)
    with pytest.raises(SoftApError, match="SoftAP command version"):
        exchange.result()


def test_an_answer_has_its_bounds():
    exchange = Exchange(client.version())
    for _ in range(3):
        exchange.receive(bytes(1 << 20))
    with pytest.raises(SoftApError, match="more than"):
        exchange.result()


def test_what_no_board_could_take_is_not_sent(firmware):
    key = DevicePublicKey.from_der(firmware.key.public_der)
    for wrong in (WifiCredentials(""), WifiCredentials("x" * 33), WifiCredentials("x", "y" * 65)):
        with pytest.raises(ValueError):
            client.configure(wrong, key)
