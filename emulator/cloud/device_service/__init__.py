"""The cloud's side of the boards' connections: one `DeviceSession` per connected device.

A `DeviceService` with its ports: a network calls `StreamPort.accept(stream)` for every new connection, and `DatagramPort.receive` for every
datagram. The cloud hears of it all as the `DeviceListener`.
"""

from emulator.cloud.device_service.datagram_port import DatagramPort
from emulator.cloud.device_service.introduction import Introduction
from emulator.cloud.device_service.service import DeviceService, Port
from emulator.cloud.device_service.service_settings import DeviceServiceSettings
from emulator.cloud.device_service.session import Session
from emulator.cloud.device_service.stream_port import StreamPort

__all__ = ["DatagramPort", "DeviceService", "DeviceServiceSettings", "Introduction", "Port", "Session", "StreamPort"]
