"""A stand-in for a Device OS virtual device: the same command line, files and habits, with the emulated Device OS's connection on real
sockets. What it does is what such programs were seen to do: it writes its log through a buffer unless to a terminal, refuses `VDEV_`
variables that it does not know, knows no other ports than the usual ones, aborts where its cloud is away, and notices a closed connection
only when it sends the next time.
"""

import argparse
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path

from emulator.device_os.application import variable
from emulator.device_os.cloud_connection import CloudConnection
from emulator.device_os.cloud_facts import CloudFacts, Connected, Disconnected, FunctionCalled, ResetRequested
from emulator.device_os.cloud_link import StreamIdentity, datagram_link, stream_link
from emulator.device_os.cloud_transport import FIELDS
from emulator.device_os.tinker import Tinker
from particle_protocol import dtls, lightssl
from particle_protocol.cloud_profiles import PORT_NUMBERS, Network, Transport
from particle_protocol.dct import ServerAddress
from particle_protocol.describe import SystemDescribe

PLATFORM, SERVER_KEY_SIZES = 3, {"tcp": 294, "udp": 91}
VERSION, NUMBER = (2, 3, 1), 2302
KNOWN = {"VDEV_VERBOSITY"}
CLOCK_START = time.monotonic()


class Application(Tinker):
    @variable
    def starts(self) -> int:
        return int(Path("eeprom.bin").read_text())

    @variable
    def level(self) -> float:
        return 2.5

    @variable
    def armed(self) -> bool:
        return True

    @variable
    def where(self) -> str:
        return str(Path.cwd())


class Context:
    """What the application may ask of its firmware: it asks for nothing here."""

    now = 0.0
    connected = True


def log(level, text):
    print(f"{int((time.monotonic() - CLOCK_START) * 1000):010d} [system] {level}: {text}")


def parsed():
    unknown = sorted(name for name in os.environ if name.startswith("VDEV_") and name not in KNOWN)
    if unknown:
        sys.exit(f"unrecognised option '{unknown[0]}'")
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("-v", "--verbosity", type=int, default=40)
    parser.add_argument("--device_id", required=True)
    parser.add_argument("--platform_id", type=int, default=PLATFORM)
    parser.add_argument("--device_key", default="device_key.der")
    parser.add_argument("--server_key", default="server_key.der")
    parser.add_argument("--product_version", type=int, default=0xFFFF)
    parser.add_argument("--describe")
    parser.add_argument("-p", "--protocol", choices=["tcp", "udp"], default="tcp")
    return parser.parse_args()


def count_start():
    """An EEPROM outlives a reset: this one counts the starts."""
    kept = Path("eeprom.bin")
    kept.write_text(str(int(kept.read_text()) + 1 if kept.exists() else 1))


def connected_to(record, transport):
    key, address = FIELDS[transport].server_key, FIELDS[transport].server
    at = address.offset - key.offset
    found = ServerAddress.decode(record[at : at + ServerAddress.SIZE])
    if found is None:
        sys.exit("no server address in the server key file")
    log("INFO", f"Cloud: connecting to {found.host}, port: 0")
    try:
        if transport is Transport.TCP:
            return socket.create_connection((found.host, PORT_NUMBERS[transport]), timeout=5)
        wire = socket.socket(type=socket.SOCK_DGRAM)
        wire.connect((found.host, PORT_NUMBERS[transport]))
        return wire
    except OSError as error:
        log("ERROR", f"Cloud socket connection failed: {error}")
        log("ERROR", "Failed to resolve pool.ntp.org")
        sys.stdout.flush()
        signal.raise_signal(signal.SIGABRT)


def link_of(options, record, transport):
    device_id, private = bytes.fromhex(options.device_id), Path(options.device_key).read_bytes()
    server, now = record[: SERVER_KEY_SIZES[transport.value]], time.monotonic()
    if transport is Transport.TCP:
        identity = StreamIdentity(device_id, lightssl.DeviceKey.from_der(private), lightssl.ServerPublicKey.from_der(server))
        return stream_link(identity, VERSION, now)
    identity = dtls.DeviceIdentity(device_id, dtls.PrivateKey.from_der(private), dtls.PublicKey.from_der(server))
    return datagram_link(identity, VERSION, Network.LAN, now)


def run(options, record, application):
    """One connection, until it ends."""
    transport = Transport(options.protocol)
    platform = options.platform_id if transport is Transport.UDP else PLATFORM
    facts = CloudFacts(
        os_version=VERSION,
        system_version=NUMBER,
        platform_id=platform,
        product_id=platform,
        product_version=options.product_version,
        system_describe=lambda: SystemDescribe(platform, ()),
        application=application,
    )
    wire = connected_to(record, transport)
    connection = CloudConnection(link_of(options, record, transport), facts, time.monotonic())
    open_for_reading = True
    while True:
        for event in connection.events():
            if isinstance(event, Connected):
                log("INFO", "Cloud connected")
            elif isinstance(event, FunctionCalled):
                log("TRACE", f"function {event.name}({event.argument})")
            elif isinstance(event, ResetRequested):
                log("INFO", "reset: " + event.what)
                sys.exit(0)
            elif isinstance(event, Disconnected):
                log("ERROR", f"Cloud connection failed: {event.error.value} {event.why}")
                wire.close()
                return
        try:
            for piece in connection.pieces_to_send():
                wire.sendall(piece)
        except OSError as error:
            log("ERROR", f"send failed: {error}")
            wire.close()
            return
        due = connection.deadline()
        wait = None if due is None else max(0.0, due - time.monotonic())
        readable, _, _ = select.select([wire] if open_for_reading else [], [], [], wait)
        if readable:
            received = wire.recv(1 << 16)
            open_for_reading = bool(received)
            connection.receive_data(received, time.monotonic())
        else:
            connection.handle_timer(time.monotonic())


def main():
    options = parsed()
    count_start()
    record = Path(options.server_key).read_bytes()
    log("INFO", f"device id {options.device_id}, arguments {sys.argv[1:]}")
    application = Application()
    application.start(Context())
    while True:
        run(options, record, application)
        time.sleep(0.5)


if __name__ == "__main__":
    main()
