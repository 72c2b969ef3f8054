"""Both ends of the TCP protocol once more, written from its description alone: nothing of the package is imported here.

Bytes go in at `receive`, and come out of `sent`. What is not as described raises AssertionError.
"""

import hashlib
import hmac
import struct

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

CON, NON, ACK = 0, 1, 2
GET, POST, PUT = 1, 2, 3
CHANGED, CONTENT = 0x44, 0x45


class Message:
    """A CoAP message, as RFC 7252 writes it down."""

    def __init__(self, kind, code, number, token=b"", options=(), payload=b""):
        self.type, self.code, self.number, self.token, self.options, self.payload = kind, code, number, token, list(options), payload

    @property
    def path(self):
        return [value for option, value in self.options if option == 11]

    @property
    def query(self):
        return [value for option, value in self.options if option == 15]

    def encode(self):
        out = bytearray((0x40 | self.type << 4 | len(self.token), self.code)) + struct.pack(">H", self.number) + self.token
        before = 0
        for option, value in self.options:
            parts = [_extended(option - before), _extended(len(value))]
            out.append(parts[0][0] << 4 | parts[1][0])
            out += parts[0][1] + parts[1][1] + value
            before = option
        return bytes(out + (b"\xff" + self.payload if self.payload else b""))

    @classmethod
    def decode(cls, data):
        assert data[0] >> 6 == 1, "version 1"
        length = data[0] & 15
        made = cls(data[0] >> 4 & 3, data[1], struct.unpack_from(">H", data, 2)[0], data[4 : 4 + length])
        at, option = 4 + length, 0
        while at < len(data):
            if data[at] == 0xFF:
                made.payload = data[at + 1 :]
                break
            delta, size = data[at] >> 4, data[at] & 15
            at += 1
            delta, at = _extension(data, at, delta)
            size, at = _extension(data, at, size)
            option += delta
            made.options.append((option, data[at : at + size]))
            at += size
        return made


def _extended(value):
    if value < 13:
        return value, b""
    return (13, bytes((value - 13,))) if value < 269 else (14, struct.pack(">H", value - 269))


def _extension(data, at, value):
    if value == 13:
        return data[at] + 13, at + 1
    return (struct.unpack_from(">H", data, at)[0] + 269, at + 2) if value == 14 else (value, at)


class Records:
    """Frames: two bytes of length, AES-128-CBC, the first block of a frame is the IV of the next."""

    def __init__(self, blob):
        self.key, self.iv_in, self.iv_out = blob[:16], blob[16:32], blob[16:32]
        self.buffer = b""

    def seal(self, data):
        pad = 16 - len(data) % 16
        box = Cipher(algorithms.AES(self.key), modes.CBC(self.iv_out)).encryptor()
        sealed = box.update(data + bytes((pad,)) * pad)
        self.iv_out = sealed[:16]
        return struct.pack(">H", len(sealed)) + sealed

    def open(self, data):
        self.buffer += data
        while len(self.buffer) >= 2 and len(self.buffer) >= 2 + struct.unpack_from(">H", self.buffer)[0]:
            (length,) = struct.unpack_from(">H", self.buffer)
            sealed, self.buffer = self.buffer[2 : 2 + length], self.buffer[2 + length :]
            assert length % 16 == 0
            plain = Cipher(algorithms.AES(self.key), modes.CBC(self.iv_in)).decryptor().update(sealed)
            self.iv_in = sealed[:16]
            yield plain[: -plain[-1]]


def spki(key):
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


class Device:
    """A device that says Hello, describes itself, and has one function, `add`, which adds two numbers."""

    def __init__(self, device_id, key, server_key_der, platform=6):
        self.id, self.key, self.platform = device_id, key, platform
        self.server_key = serialization.load_der_public_key(server_key_der)
        self.sent, self.buffer, self.state, self.time = [], b"", "nonce", None
        self.signal = []

    def receive(self, data):
        if self.state == "open":
            self._take(data)
            return
        self.buffer += data
        if self.state == "nonce" and len(self.buffer) >= 40:
            nonce, self.buffer = self.buffer[:40], self.buffer[40:]
            self.sent.append(self.server_key.encrypt(nonce + self.id + spki(self.key.public_key()), padding.PKCS1v15()))
            self.state = "session"
        if self.state == "session" and len(self.buffer) >= 384:
            sealed, signature, rest = self.buffer[:128], self.buffer[128:384], self.buffer[384:]
            blob = self.key.decrypt(sealed, padding.PKCS1v15())
            if len(blob) != 40:  # what cannot be read is random bytes to this library
                self.state = "cannot read the session key"
                return
            numbers = self.server_key.public_numbers()
            opened = pow(int.from_bytes(signature), numbers.e, numbers.n).to_bytes(256)
            assert opened == b"\0\1" + b"\xff" * 233 + b"\0" + hmac.new(blob, sealed, hashlib.sha1).digest()
            self.records, self.number = Records(blob), struct.unpack_from("<H", blob, 32)[0]
            self.state = "open"
            self.send(NON, POST, options=[(11, b"h")], payload=struct.pack(">HHBBH", self.platform, 0xFFFF, 0, 0, self.platform))
            self._take(rest)

    def send(self, kind, code, token=b"", options=(), payload=b"", number=None):
        if number is None:
            self.number = number = self.number + 1 & 0xFFFF
        self.sent.append(self.records.seal(Message(kind, code, number, token, options, payload).encode()))

    def ask_time(self):
        self.send(CON, GET, b"T", [(11, b"t")])

    def publish(self, name, data):
        self.send(NON, POST, options=[(11, b"E"), (11, name)], payload=data)

    def _take(self, data):
        for plain in self.records.open(data):
            message = Message.decode(plain)
            kind = message.path[0][:1] if message.path else b""
            if message.code == CONTENT and len(message.payload) == 4:
                (self.time,) = struct.unpack(">I", message.payload)
            elif message.code == 0 and message.type == CON:
                self.send(ACK, 0, number=message.number)
            elif kind == b"s":
                self.signal.append(message.query[0])
                self.send(ACK, CHANGED, message.token, number=message.number)
            elif kind == b"d":
                self.send(ACK, 0, number=message.number)
                told = b'{"f":["add"],"v":{},"p":6,"m":[]}'
                self.send(CON, CONTENT, message.token, payload=told)
            elif kind == b"f":
                self.send(ACK, 0, number=message.number)
                total = sum(map(int, b"".join(message.query).split(b",")))
                self.send(CON, CHANGED, message.token, payload=struct.pack(">i", total))
            elif message.type == CON:
                self.send(ACK, 0, number=message.number)


class Server:
    """A cloud for one device: it lets it in, notes what comes, acknowledges it, tells the time, and calls functions."""

    def __init__(self, key, device_key_der):
        self.key, self.device_key = key, serialization.load_der_public_key(device_key_der)
        self.nonce = bytes(range(40))
        self.blob = hashlib.sha512(b"chosen").digest()[:40]
        self.sent, self.buffer, self.records = [self.nonce], b"", None
        self.hello, self.events, self.answers, self.device_id = None, [], {}, None
        self.number = 0x7000

    def receive(self, data):
        if self.records is not None:
            self._take(data)
            return
        self.buffer += data
        if len(self.buffer) >= 256:
            told, rest = self.key.decrypt(self.buffer[:256], padding.PKCS1v15()), self.buffer[256:]
            assert told[:40] == self.nonce
            assert told[52:] == spki(self.device_key)
            self.device_id = told[40:52]
            sealed = self.device_key.encrypt(self.blob, padding.PKCS1v15())
            block = b"\0\1" + b"\xff" * 233 + b"\0" + hmac.new(self.blob, sealed, hashlib.sha1).digest()
            private = self.key.private_numbers()
            signature = pow(int.from_bytes(block), private.d, private.public_numbers.n).to_bytes(256)
            self.sent.append(sealed + signature)
            self.records = Records(self.blob)
            self._take(rest)

    def send(self, kind, code, token=b"", options=(), payload=b"", number=None):
        if number is None:
            self.number = number = self.number + 1 & 0xFFFF
        self.sent.append(self.records.seal(Message(kind, code, number, token, options, payload).encode()))

    def call(self, name, argument, token):
        self.send(CON, POST, token, [(11, b"f"), (11, name), (15, argument)])

    def read(self, name, token):
        self.send(CON, GET, token, [(11, b"v"), (11, name)])

    def _take(self, data):
        for plain in self.records.open(data):
            message = Message.decode(plain)
            kind = message.path[0] if message.path else b""
            if kind == b"h":
                assert message.number == struct.unpack_from("<H", self.blob, 32)[0] + 1
                self.hello = struct.unpack(">HHHH", message.payload[:8])
                self.send(NON, POST, options=[(11, b"h")])
            elif kind == b"t":
                self.send(ACK, CONTENT, message.token, payload=struct.pack(">I", 1_700_000_000), number=message.number)
            elif kind in (b"E", b"e") and message.code == POST:
                self.events.append((b"/".join(message.path[1:]), message.payload))
                if message.type == CON:
                    self.send(ACK, 0, number=message.number)
            elif message.code in (CHANGED, CONTENT) and message.token in (b"F", b"V"):
                self.answers[message.token] = message.payload
                if message.type == CON:
                    self.send(ACK, 0, number=message.number)
            elif message.type == CON:
                self.send(ACK, CHANGED if message.code == POST else 0, message.token, number=message.number)


def make_key(bits):
    """An RSA key of the shape that fixed offsets in its DER are good for."""
    while True:
        key = rsa.generate_private_key(65537, bits)
        numbers = key.private_numbers()
        longest, half = bits // 8, bits // 16
        if numbers.d.bit_length() > 8 * (longest - 1) and all(
            8 * (half - 1) < each.bit_length() <= 8 * half for each in (numbers.dmp1, numbers.dmq1, numbers.iqmp)
        ):
            return key
