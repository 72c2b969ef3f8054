"""The Lab's network: Wi-Fi access points, cells, names, servers, and what goes between them.

A `Stream` is one end of an ordered byte stream, as TCP gives it; a `DatagramSocket` sends single messages, as UDP does, which may be lost,
repeated or late. A `Link` adds latency, jitter and loss and can fail altogether; all of it is drawn from the Lab's seed.
"""

from emulator.network.access_points import ENTERPRISE, AccessPoint, Admission
from emulator.network.cells import Cell
from emulator.network.datagrams import Address, DatagramPort, DatagramSocket
from emulator.network.link import Link, Path
from emulator.network.network import Network, Outside
from emulator.network.outlets import Outlet
from emulator.network.stations import CannotJoin, Station
from emulator.network.streams import Stream
from emulator.network.transmitters import Transmitter

__all__ = [
    "ENTERPRISE",
    "AccessPoint",
    "Address",
    "Admission",
    "CannotJoin",
    "Cell",
    "DatagramPort",
    "DatagramSocket",
    "Link",
    "Network",
    "Outlet",
    "Outside",
    "Path",
    "Station",
    "Stream",
    "Transmitter",
]
