"""How a version of Device OS talks to the cloud over a transport: what its device does, and what its cloud may expect.

The data is `cloud_profiles.toml`, next to this file, with its sources. A device asks `cloud_profile` with the version that it runs; a cloud
asks with what `version_told` makes of its Hello.
"""

from __future__ import annotations

import enum
import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from particle_protocol.messages.hello import Hello, HelloFlag
from particle_protocol.os_versions import os_version_name
from particle_protocol.platforms import Feature, OsVersion, UnknownPlatform, parse_os_version, platform_by_id


class Transport(enum.Enum):
    """How a board talks to its cloud."""

    TCP = "tcp"
    """The handshake with RSA keys, over TCP."""
    UDP = "udp"
    """DTLS with P-256 keys, over UDP."""


PORT_NUMBERS: Final = {Transport.TCP: 5683, Transport.UDP: 5684}
"""Where boards expect their cloud (Device OS 6.2.0, communication/src/server_config.cpp:100-104)."""


class Network(enum.Enum):
    """What a board reaches its cloud through, where that matters."""

    LAN = "lan"
    """Wi-Fi or Ethernet."""
    CELLULAR = "cellular"


@dataclass(frozen=True, slots=True)
class CloudProfile:
    """The ways of one version over one transport. Sizes in bytes, times in seconds."""

    flags: HelloFlag
    """What Hello says that the device can do."""
    long_hello: bool
    """Hello ends with version and limits (3.0.0); before, two events tell the limits."""
    posts_describe: bool
    """The device describes itself unasked (2.0.0); before, it subscribes during the handshake and waits to be asked."""
    describe_tokens: bool
    """Descriptions that come unasked carry a token (3.0.0)."""
    describe_needs_query: bool
    """A describe request must say which part it wants, and only one (3.0.0)."""
    tells_updates: bool
    """The device says whether updates are enabled and forced (1.2.1)."""
    says_goodbye: bool
    """A graceful end is announced (2.0.0)."""
    old_describe: bool
    """Empty slots and empty attributes are in the description (up to 0.7.0)."""
    old_refusal: bool
    """A refused update is answered 4.00 without a token (up to 0.7.0)."""
    numeric_verdict: bool
    """The verdict on an update is a number (2.0.0); before, a word and the module."""
    binary_describe: bool
    """The system's part of a description is binary (5.5.0)."""
    marks_empty_data: bool
    """An event whose data is the empty string ends with a bare payload marker (up to 2.3.1; recorded)."""
    buffer_size: int
    """PROTOCOL_BUFFER_SIZE, which bounds every message; a device that says in Hello what it takes is believed."""
    text_limit: int
    """Longest function argument and event data."""
    block_size: int
    """Longer descriptions are sent in blocks of this size (3.0.0); 0: in one message, however long."""
    tells_identity: bool
    """A cellular device tells its SIM's number by an event (up to 5.8, and 6.0 to 6.1.1)."""
    asks_time_early: bool
    """The time is asked for before the other events of the start-up, not after them (6.2.0)."""
    tells_reset_again: bool
    """The last reset is told on a session that goes on, too (6.0.0)."""
    scopes_subscriptions: bool
    """A subscription says whether it is for events of the owner's devices only (up to 6.1)."""
    confirms_subscriptions: bool
    """Subscriptions are confirmable; over TCP no longer since 6.2.0."""
    confirms_hello: bool
    """Hello is confirmable, and says the device's id, which the handshake does not."""
    awaits_hello: bool
    """The device waits for the cloud's Hello; else an acknowledgement is enough."""
    own_ids_in_acks: bool
    """Acknowledgements of pings, signals and changes of key carry the device's own next message id (2.3.1, coap_channel.h:67-87)."""
    acknowledges_events: bool
    """The device acknowledges events, so they can be confirmable (2.3.1, communication/src/subscriptions.h:120-133)."""
    forgets_session_on_reset: bool
    """A Reset makes the device forget its session (6.2.0, coap_channel.cpp:156), so nothing is rejected with one."""
    ping_interval: float
    """When nothing was received for so long, the device pings,"""
    ping_timeout: float
    """and gives up when nothing comes for so long then."""
    idle_limit: float
    """When nothing came for so long, the cloud takes the device for gone."""


@functools.lru_cache(maxsize=256)
def cloud_profile(version: OsVersion, transport: Transport = Transport.TCP, network: Network = Network.LAN) -> CloudProfile:
    """The ways of one version of Device OS."""
    values: dict[str, Any] = {}
    for row in _rows():
        if row.holds_for(version, transport, network):
            values |= row.values
    values["flags"] = functools.reduce(HelloFlag.__or__, (HelloFlag[name] for name in values["flags"]), HelloFlag(0))
    return CloudProfile(**values)


@functools.lru_cache(maxsize=256)
def network_of(platform_id: int) -> Network:
    """What boards of a platform usually reach their cloud through; an id that nobody knows is taken for Wi-Fi."""
    try:
        return Network.CELLULAR if platform_by_id(platform_id).has(Feature.CELLULAR) else Network.LAN
    except UnknownPlatform:
        return Network.LAN


def version_told(hello: Hello) -> OsVersion:
    """The version of Device OS as far as a Hello says it: since 3.0.0 by its module's number, before by what the device can do."""
    return _version_told(hello.flags) if hello.limits is None else _version_of(hello.limits.system_version)


@functools.lru_cache(maxsize=256)
def _version_of(number: int) -> OsVersion:
    name = os_version_name(number)
    return (number // 1000, number // 100 % 10, 0) if name is None else parse_os_version(name)


@functools.lru_cache(maxsize=256)
def _version_told(flags: HelloFlag) -> OsVersion:
    return next((version for flag, version in _FLAG_MEANS if flags & flag), (0, 7, 0))


_FLAG_MEANS: Final = (
    (HelloFlag.DEVICE_INITIATED_DESCRIBE, (2, 3, 1)),
    (HelloFlag.IMMEDIATE_UPDATES, (1, 5, 2)),
    (HelloFlag.DIAGNOSTICS, (1, 0, 0)),
)
"""What firmware before 3.0.0 that has a flag is taken for."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of the table: what it holds for (None: for all), and what it says."""

    transport: Transport | None
    network: Network | None
    since: OsVersion | None
    until: OsVersion | None
    values: Mapping[str, Any]

    def holds_for(self, version: OsVersion, transport: Transport, network: Network) -> bool:
        return (
            self.transport in (None, transport)
            and self.network in (None, network)
            and (self.since is None or version >= self.since)
            and (self.until is None or version < self.until)
        )


@functools.cache
def _rows() -> tuple[_Row, ...]:
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return tuple(map(_read_row, table["profile"]))


def _read_row(row: Mapping[str, Any]) -> _Row:
    known = {field.name for field in fields(CloudProfile)}
    values = {name: value for name, value in row.items() if name in known}
    conditions = {name: value for name, value in row.items() if name not in known}
    since, until = conditions.pop("since", None), conditions.pop("until", None)
    transport, network = conditions.pop("transport", None), conditions.pop("network", None)
    if conditions:
        raise ValueError(f"cloud_profiles.toml: unknown {', '.join(conditions)}")
    return _Row(
        transport=None if transport is None else Transport(transport),
        network=None if network is None else Network(network),
        since=None if since is None else parse_os_version(since),
        until=None if until is None else parse_os_version(until),
        values=values,
    )
