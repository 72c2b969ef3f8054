"""An end of a DTLS session in OpenSSL, for `test_openssl.py`: a process of its own, as this libssl must not meet another one.

`openssl_worker.py LIBSSL client|server OWN_PRIVATE_DER_HEX PEER_PUBLIC_DER_HEX MTU`; then each line `in HEX` (a datagram came), `say HEX`
(send a message) or `go` is answered by lines `out HEX`, `message HEX`, `open`, `error TEXT`, and a dot.
"""

import ctypes
import sys

# Numbers of openssl/ssl.h and openssl/dtls1.h.
RAW_PUBLIC_KEY, VERIFY_PEER, FAIL_IF_NO_PEER_CERT, NO_QUERY_MTU = b"\x02", 1, 2, 1 << 12
CTRL_SET_MTU, CTRL_SET_GROUPS_LIST, CTRL_SET_MIN_PROTO = 17, 92, 123
DTLS1_2, WANT_READ = 0xFEFD, 2


def pointers(library, *names):
    for name in names:
        getattr(library, name).restype = ctypes.c_void_p


class Session:
    def __init__(self, path, role, private, peer, mtu):
        ssl = self.ssl = ctypes.CDLL(path)
        crypto = self.crypto = ssl  # libssl brings libcrypto along, and its names are found through it
        pointers(ssl, "SSL_CTX_new", "SSL_new", "DTLS_method")
        pointers(crypto, "BIO_new", "BIO_s_dgram_mem", "d2i_AutoPrivateKey", "d2i_PUBKEY")
        context = self.context = ctypes.c_void_p(ssl.SSL_CTX_new(ctypes.c_void_p(ssl.DTLS_method())))
        ssl.SSL_CTX_ctrl.argtypes = ssl.SSL_ctrl.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_char_p)
        self.check(ssl.SSL_CTX_ctrl(context, CTRL_SET_MIN_PROTO, DTLS1_2, None))
        self.check(ssl.SSL_CTX_set_cipher_list(context, b"ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"))
        self.check(ssl.SSL_CTX_ctrl(context, CTRL_SET_GROUPS_LIST, 0, b"P-256"))
        self.check(ssl.SSL_CTX_set1_client_cert_type(context, RAW_PUBLIC_KEY, ctypes.c_size_t(1)))
        self.check(ssl.SSL_CTX_set1_server_cert_type(context, RAW_PUBLIC_KEY, ctypes.c_size_t(1)))
        self.check(ssl.SSL_CTX_use_PrivateKey(context, self.key(crypto.d2i_AutoPrivateKey, private)))
        ssl.SSL_CTX_set_verify(context, VERIFY_PEER | FAIL_IF_NO_PEER_CERT, None)
        self.check(ssl.SSL_CTX_dane_enable(context))
        self.session = ctypes.c_void_p(ssl.SSL_new(context))
        self.check(ssl.SSL_dane_enable(self.session, None))
        self.check(ssl.SSL_add_expected_rpk(self.session, self.key(crypto.d2i_PUBKEY, peer)))
        self.incoming, self.outgoing = (ctypes.c_void_p(crypto.BIO_new(ctypes.c_void_p(crypto.BIO_s_dgram_mem()))) for _ in range(2))
        ssl.SSL_set_bio(self.session, self.incoming, self.outgoing)
        ssl.SSL_set_options(self.session, ctypes.c_uint64(NO_QUERY_MTU))
        ssl.SSL_ctrl(self.session, CTRL_SET_MTU, mtu, None)
        (ssl.SSL_set_connect_state if role == "client" else ssl.SSL_set_accept_state)(self.session)
        self.is_open = False

    @staticmethod
    def key(read, der):
        pointer = ctypes.c_char_p(der)
        key = read(None, ctypes.byref(pointer), ctypes.c_long(len(der)))
        assert key, "a key that cannot be read"
        return ctypes.c_void_p(key)

    def check(self, code):
        if code != 1:
            raise SystemExit(f"error {code} {self.reason()} at {sys._getframe(1).f_lineno}")

    def reason(self):
        text = ctypes.create_string_buffer(256)
        self.crypto.ERR_get_error.restype = ctypes.c_ulong
        self.crypto.ERR_error_string_n(ctypes.c_ulong(self.crypto.ERR_get_error()), text, ctypes.c_size_t(256))
        return text.value.decode()

    def go(self):
        code = self.ssl.SSL_do_handshake(self.session)
        if code == 1:
            if not self.is_open:
                self.is_open = True
                print("open")
            buffer = ctypes.create_string_buffer(4096)
            while (size := self.ssl.SSL_read(self.session, buffer, 4096)) > 0:
                print("message", buffer.raw[:size].hex())
        elif self.ssl.SSL_get_error(self.session, code) != WANT_READ:
            print("error", self.reason())

    def flush(self):
        buffer = ctypes.create_string_buffer(4096)
        while (size := self.crypto.BIO_read(self.outgoing, buffer, 4096)) > 0:
            print("out", buffer.raw[:size].hex())


def main():
    path, role, private, peer, mtu = sys.argv[1:]
    session = Session(path, role, bytes.fromhex(private), bytes.fromhex(peer), int(mtu))
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        data = bytes.fromhex(argument)
        if command == "in":
            session.crypto.BIO_write(session.incoming, data, len(data))
        elif command == "say":
            session.ssl.SSL_write(session.session, data, len(data))
        session.go()
        session.flush()
        print(".", flush=True)


main()
