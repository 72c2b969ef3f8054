"""The stock dialect against GnuTLS: its library as client and as server, in memory, and its program as a client."""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import shutil
import socket
import subprocess
from collections import deque

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from particle_protocol.dtls import (
    STOCK,
    ClientEnd,
    DeviceIdentity,
    EndSettings,
    Established,
    KeyProved,
    Listener,
    MessageReceived,
    PrivateKey,
    ServerEnd,
    device_dialect,
    errors,
)

OUR_KEY, THEIR_KEY = PrivateKey.from_number(0x5E17), PrivateKey.from_number(0x6E07)
PRIORITY = (
    "NORMAL:-VERS-ALL:+VERS-DTLS1.2:-KX-ALL:+ECDHE-ECDSA:-CIPHER-ALL:+AES-128-CCM-8:-GROUP-ALL:+GROUP-SECP256R1"
    ":-CTYPE-ALL:+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK"
)
HOW = "apt-get install gnutls-bin"

# Registry of gnutls/gnutls.h.
SERVER, CLIENT, DATAGRAM, NONBLOCK, ENABLE_RAWPK = 1, 2, 4, 8, 1 << 18
CRD_CERTIFICATE, CERT_REQUIRE, FMT_DER = 1, 2, 0
E_AGAIN = -28

PUSH = ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
PULL = PUSH
PULL_TIMEOUT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_uint)


class Datum(ctypes.Structure):
    _fields_ = (("data", ctypes.c_char_p), ("size", ctypes.c_uint))


class RawDatum(ctypes.Structure):
    _fields_ = (("data", ctypes.c_void_p), ("size", ctypes.c_uint))


@pytest.fixture(scope="module")
def gnutls():
    name = ctypes.util.find_library("gnutls") or "libgnutls.so.30"
    try:
        library = ctypes.CDLL(name)
    except OSError:
        pytest.skip(f"needs GnuTLS: {HOW}")
    library.gnutls_strerror.restype = ctypes.c_char_p
    library.gnutls_certificate_get_peers.restype = ctypes.POINTER(RawDatum)
    library.gnutls_record_recv.restype = library.gnutls_record_send.restype = ctypes.c_ssize_t
    for function in ("gnutls_record_recv", "gnutls_record_send"):
        getattr(library, function).argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)
    return library


class GnuTls:
    """One end of a session in GnuTLS, which takes and gives datagrams in memory."""

    def __init__(self, library, role, key, *, mtu=1200, priority=PRIORITY):
        self.library, self.inbox, self.outbox = library, deque(), []
        self.session, self.credentials = ctypes.c_void_p(), ctypes.c_void_p()
        self.check(library.gnutls_init(ctypes.byref(self.session), role | DATAGRAM | NONBLOCK | ENABLE_RAWPK))
        self.check(library.gnutls_priority_set_direct(self.session, priority.encode(), None))
        self.check(library.gnutls_certificate_allocate_credentials(ctypes.byref(self.credentials)))
        public, private = key.public_der, key.der
        self.check(
            library.gnutls_certificate_set_rawpk_key_mem(
                self.credentials,
                ctypes.byref(Datum(public, len(public))),
                ctypes.byref(Datum(private, len(private))),
                FMT_DER,
                None,
                0,
                None,
                0,
                0,
            )
        )
        self.check(library.gnutls_credentials_set(self.session, CRD_CERTIFICATE, self.credentials))
        if role == SERVER:
            library.gnutls_certificate_server_set_request(self.session, CERT_REQUIRE)
        self.callbacks = PUSH(self.push), PULL(self.pull), PULL_TIMEOUT(lambda _ptr, _ms: bool(self.inbox))
        library.gnutls_transport_set_push_function(self.session, self.callbacks[0])
        library.gnutls_transport_set_pull_function(self.session, self.callbacks[1])
        library.gnutls_transport_set_pull_timeout_function(self.session, self.callbacks[2])
        library.gnutls_dtls_set_mtu(self.session, mtu)

    def close(self):
        self.library.gnutls_deinit(self.session)
        self.library.gnutls_certificate_free_credentials(self.credentials)

    def check(self, code):
        assert code >= 0, self.library.gnutls_strerror(code).decode()
        return code

    def push(self, _ptr, data, size):
        self.outbox.append(ctypes.string_at(data, size))
        return size

    def pull(self, _ptr, buffer, size):
        if not self.inbox:
            self.library.gnutls_transport_set_errno(self.session, errno.EAGAIN)
            return -1
        datagram = self.inbox.popleft()[:size]
        ctypes.memmove(buffer, datagram, len(datagram))
        return len(datagram)

    def handshake(self):
        """Go on; whether the handshake is over."""
        code = self.library.gnutls_handshake(self.session)
        assert code in (0, E_AGAIN), self.library.gnutls_strerror(code).decode()
        return code == 0

    def sent(self):
        sent, self.outbox = self.outbox, []
        return sent

    def peer_key(self):
        count = ctypes.c_uint()
        datum = self.library.gnutls_certificate_get_peers(self.session, ctypes.byref(count)).contents
        return ctypes.string_at(datum.data, datum.size)

    def say(self, message):
        self.check(self.library.gnutls_record_send(self.session, message, len(message)))

    def receive(self):
        buffer = ctypes.create_string_buffer(2048)
        size = self.check(self.library.gnutls_record_recv(self.session, buffer, len(buffer)))
        return buffer.raw[:size]


@pytest.fixture
def make_gnutls(gnutls):
    made = []

    def make(role, **more):
        made.append(GnuTls(gnutls, role, THEIR_KEY, **more))
        return made[-1]

    yield make
    for each in made:
        each.close()


def shake_hands(ours, theirs):
    """Carry datagrams until both say that the handshake is over."""
    over = False
    for _ in range(20):
        for datagram in ours.pieces_to_send():
            theirs.inbox.append(datagram)
        over = over or theirs.handshake()
        for datagram in theirs.sent():
            ours.receive_data(datagram, 0.0)
            if isinstance(ours, ServerEnd):
                for event in ours.events():
                    if isinstance(event, KeyProved):
                        ours.accept(0.0)
        if over and ours.is_open:
            for datagram in ours.pieces_to_send():
                theirs.inbox.append(datagram)
            return
    raise AssertionError("the handshake does not end")


def talk(ours, theirs):
    ours.events()
    for size in (1, 100, 1000):
        ours.send(b"o" * size)
        theirs.inbox.extend(ours.pieces_to_send())
        assert theirs.receive() == b"o" * size
        theirs.say(b"t" * size)
        for datagram in theirs.sent():
            ours.receive_data(datagram, 0.0)
        assert ours.events() == [MessageReceived(b"t" * size)]


def our_client(dialect=STOCK, key=THEIR_KEY):
    return ClientEnd(DeviceIdentity(bytes(12), OUR_KEY, key.public), dialect, 0.0, settings=EndSettings(max_datagram=400))


@pytest.mark.tool("gnutls")
@pytest.mark.parametrize("mtu", [200, 1200])
def test_our_client_and_gnutls_as_a_server(make_gnutls, mtu):
    theirs, ours = make_gnutls(SERVER, mtu=max(mtu, 1100)), our_client()
    theirs.library.gnutls_dtls_set_mtu(theirs.session, mtu)
    shake_hands(ours, theirs)
    theirs.library.gnutls_dtls_set_mtu(theirs.session, 1200)
    assert ours.events() == [Established(THEIR_KEY.public, b"")]
    assert theirs.peer_key() == OUR_KEY.public_der
    talk(ours, theirs)


@pytest.mark.tool("gnutls")
@pytest.mark.parametrize("mtu", [200, 1200])
def test_our_server_and_gnutls_as_a_client(make_gnutls, mtu):
    theirs = make_gnutls(CLIENT, mtu=mtu)
    ours = ServerEnd(OUR_KEY, 0.0, dialect=STOCK, settings=EndSettings(max_datagram=mtu))
    shake_hands(ours, theirs)
    theirs.library.gnutls_dtls_set_mtu(theirs.session, 1200)
    assert theirs.peer_key() == OUR_KEY.public_der
    assert ours.events() == [Established(THEIR_KEY.public, b"")]
    talk(ours, theirs)


@pytest.mark.tool("gnutls")
def test_gnutls_will_not_have_a_server_that_does_not_show_its_key(make_gnutls):
    """Boards want such a server: stock programs cannot stand in for one, nor for a board."""
    theirs, ours = make_gnutls(CLIENT), ServerEnd(OUR_KEY, 0.0)
    with pytest.raises(AssertionError, match="unexpected"):
        shake_hands(ours, theirs)
    for datagram in theirs.sent():
        with pytest.raises(errors.UnexpectedMessage, match="stock DTLS wants one"):
            ours.receive_data(datagram, 0.0)


@pytest.mark.tool("gnutls")
def test_a_board_will_not_have_gnutls_as_its_server(make_gnutls):
    theirs, ours = make_gnutls(SERVER), our_client(device_dialect((2, 3, 1)))
    with pytest.raises(errors.UnexpectedMessage, match="Certificate came while this end waits for ServerKeyExchange"):
        shake_hands(ours, theirs)


@pytest.mark.tool("gnutls")
def test_gnutls_with_another_key_than_expected_is_refused(make_gnutls):
    with pytest.raises(errors.BadCertificate, match="another public key"):
        shake_hands(our_client(key=OUR_KEY), make_gnutls(SERVER))


@pytest.mark.tool("gnutls")
def test_ciphers_that_do_not_meet_are_refused(make_gnutls):
    theirs = make_gnutls(CLIENT, priority=PRIORITY.replace("CCM-8", "GCM"))
    ours = ServerEnd(OUR_KEY, 0.0, dialect=STOCK)
    with pytest.raises(errors.HandshakeFailure, match="offers cipher suites"):
        shake_hands(ours, theirs)
    theirs.inbox.extend(ours.pieces_to_send())
    assert "fatal alert" in theirs.library.gnutls_strerror(theirs.library.gnutls_handshake(theirs.session)).decode()


def serve(door, listener, until):
    """Serve until an event comes for which `until` holds; all events."""
    events = []
    while not any(map(until, events)):
        datagram, address = door.recvfrom(65536)
        end = listener.receive_datagram(datagram, address, 0.0)
        for answer, where in listener.datagrams_to_send():
            door.sendto(answer, where)
        if end is not None:
            for event in end.events():
                events.append(event)
                if isinstance(event, KeyProved):
                    listener.accept(end, 0.0)
                if isinstance(event, MessageReceived):
                    end.send(b"you said " + event.data)
            for answer in end.pieces_to_send():
                door.sendto(answer, end.address)
            if end.error is not None:
                events.append(end.error)
    return events


@pytest.mark.tool("gnutls")
@pytest.mark.skipif(not shutil.which("gnutls-cli"), reason=f"needs gnutls-cli: {HOW}")
def test_gnutls_cli_through_a_port_with_cookies(tmp_path):
    private = load_der_private_key(THEIR_KEY.der, None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = load_der_public_key(THEIR_KEY.public_der).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(public)
    (tmp_path / "private.pem").write_bytes(private)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        door.settimeout(20.0)
        command = ["gnutls-cli", "--udp", "--insecure", "--priority", PRIORITY, "-p", str(door.getsockname()[1]), "127.0.0.1"]
        command += ["--rawpkkeyfile", str(tmp_path / "private.pem"), "--rawpkfile", str(tmp_path / "public.pem")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as program:
            try:
                program.stdin.write(b"forty-two\n")
                program.stdin.close()
                events = serve(door, Listener(OUR_KEY, dialect=STOCK), lambda event: isinstance(event, errors.CloseNotify))
                program.stdin = None
                shown, _ = program.communicate(timeout=20)
            finally:
                program.kill()
    assert events[0] == KeyProved(THEIR_KEY.public)
    assert events[-2] == MessageReceived(b"forty-two\n")
    assert b"(DTLS1.2-Raw Public Key)-(ECDHE-SECP256R1)-(ECDSA-SHA256)-(AES-128-CCM-8)" in shown
    assert b"Handshake was completed" in shown
