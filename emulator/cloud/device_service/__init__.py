"""The cloud's side of the boards' connections: one `DeviceSession` per connected device, over lightssl (TCP).

`LightSslService.accept(stream)` is what a network calls for every new connection; the cloud hears of it as the `DeviceListener`.
"""

from emulator.cloud.device_service.lightssl_service import LightSslService
from emulator.cloud.device_service.service_settings import DeviceServiceSettings
from emulator.cloud.device_service.session import Session

__all__ = ["DeviceServiceSettings", "LightSslService", "Session"]
