"""Where the requests of webhooks may go: to public addresses, and to what the user has opened.

Whoever has an account writes webhooks, and the request leaves from this computer. So it reaches what only this computer can reach: services
that listen on loopback, the router, the metadata of a cloud machine. What counts is the address that a name turns out to have, and the
connection goes to that very address: a name that is looked up twice can mean something else the second time.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Iterable, Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
ANYWHERE = "*"
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""Carries an IPv4 address in its last 32 bits (RFC 6052, 2.1)."""


class Destinations:
    """What is open: public addresses, and each of `opened`: HOST, HOST:PORT, a network such as 10.0.0.0/8, or * for everything.

    Raises:
        ValueError: one of them is none of these.
    """

    def __init__(self, opened: Iterable[str] = ()) -> None:
        self._anywhere = False
        self._networks: list[tuple[Network, int | None]] = []
        self._names: set[tuple[str, int | None]] = set()
        for text in opened:
            self._open(text)

    def reachable(self, host: str, port: int, found: Sequence[str]) -> list[str]:
        """Those of the addresses that a host has which may be connected to.

        Raises:
            PermissionError: none of them.
        """
        if self._anywhere or self._names & {(host, None), (host, port)}:
            return list(found)
        open_ones = [text for text in found if self._is_open(ipaddress.ip_address(text.partition("%")[0]), port)]
        if not open_ones:
            named = host if host in found else f"{host} ({found[0]})"
            raise PermissionError(
                f"webhooks may not go to {named}, which is no public address; `--allow-webhook {_written(host, port)}` opens it"
            )
        return open_ones

    def _open(self, text: str) -> None:
        if text == ANYWHERE:
            self._anywhere = True
            return
        name, port = _split(text)
        try:
            self._networks.append((ipaddress.ip_network(name), port))
        except ValueError:
            if not name or any(letter in name for letter in ":/*@?#[] ") or not name.isprintable():
                raise ValueError(f"{text!r} is no destination; write HOST, HOST:PORT, a network such as 10.0.0.0/8, or * for all") from None
            self._names.add((name.lower().removesuffix("."), port))

    def _is_open(self, address: Address, port: int) -> bool:
        meant = meant_address(address)
        if is_public(meant):
            return True
        return any(meant in network and wanted in (None, port) for network, wanted in self._networks)


def meant_address(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, where it does; else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo is not None else None) or address


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet: not loopback, private, link-local, shared, reserved, or a group's."""
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


async def lookup(host: str, port: int) -> list[str]:
    """The addresses of a host, looked up in a thread that nobody has to wait for: a name server may take its time.

    Raises:
        OSError: there is no such host.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def settle(addresses: list[str], error: OSError | None) -> None:
        if not found.done():
            if error is None:
                found.set_result(addresses)
            else:
                found.set_exception(error)

    def look() -> None:
        addresses, wrong = [], None
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
        except (OSError, UnicodeError) as error:
            wrong = ConnectionError(f"there is no host {host}: {error.strerror if isinstance(error, OSError) else error}")
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, addresses, wrong)

    threading.Thread(target=look, name="particle-hil-lookup", daemon=True).start()
    return await found


def _split(text: str) -> tuple[str, int | None]:
    """What stands before the port, and the port."""
    name, colon, port = text.rpartition(":")
    if text.startswith("[") and text.endswith("]"):
        return text[1:-1], None
    if colon and port.isascii() and port.isdigit() and int(port) < 1 << 16 and (":" not in name or name.startswith("[")):
        return name.removeprefix("[").removesuffix("]"), int(port)
    return text, None


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
