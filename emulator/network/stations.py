"""Phones and computers with Wi-Fi: they join the networks in the air, those that boards open for their set-up as well."""

from __future__ import annotations

from collections.abc import Callable

from emulator.network.access_points import ENTERPRISE, AccessPoint, Admission
from emulator.network.datagrams import Address
from emulator.network.network import Network
from emulator.network.streams import Stream


class CannotJoin(Exception):
    """A station is not let into a network. The text says why."""


class Station:
    """One phone or computer. It is in at most one network, and out of it when that goes off the air."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._point: AccessPoint | None = None
        self._forget: Callable[[], None] | None = None

    @property
    def point(self) -> AccessPoint | None:
        """The access point that it is joined to."""
        return self._point

    def networks(self) -> list[AccessPoint]:
        """What it sees: the access points in the air that show their name."""
        return [point for point in self._network.in_the_air() if not point.hidden]

    def join(self, ssid: str, password: str = "") -> None:
        """Join a network, and leave the one that it was in.

        Raises:
            CannotJoin: there is none of that name, or the password is not its own.
        """
        self.leave()
        point = next((each for each in self._network.in_the_air() if each.ssid == ssid), None)
        if point is None:
            names = ", ".join(repr(each.ssid) for each in self.networks()) or "none"
            raise CannotJoin(f"there is no network {ssid!r} in the air; in the air: {names}")
        if point.security.enterprise:
            raise CannotJoin(f"{ssid!r} {ENTERPRISE}")
        if point.admit(point.security, password) is not Admission.JOINED:
            raise CannotJoin(f"{ssid!r} refused the password")
        self._point = point
        self._forget = point.lost.subscribe(self.leave)

    def leave(self) -> None:
        """Be in no network. Leaving twice does nothing."""
        forget, self._forget = self._forget, None
        self._point = None
        if forget is not None:
            forget()

    def connect(self, address: Address, opened: Callable[[Stream], None], failed: Callable[[str], None]) -> None:
        """Open a stream to a server on the network, or behind it. Exactly one of `opened(stream)` and `failed(reason)` is called."""
        if self._point is None:
            failed("it is joined to no Wi-Fi network")
        else:
            self._network.connect_on(self._point, address, opened, failed)
