"""The DCT, the board's settings in flash: which field lies where, and the record of a cloud server's address.

One layout serves every generation up to offset 8134 (Device OS 2.3.1, platform/MCU/STM32F2xx/SPARK_Firmware_Driver/inc/dct.h; 6.2.0,
platform/MCU/nRF52840/inc/dct.h, where the offsets are asserted). The DFU alternate "DCT Flash" shows exactly these offsets.
"""

from __future__ import annotations

import enum
import ipaddress
import struct
from dataclasses import dataclass

DCT_SIZE = 8391
"""Bytes that fields occupy."""

FACTORY_RESET_ASKED = 0xAAAA

DCT_IMAGE_SIZE = 0x4000
"""Bytes of the image that the DFU alternate shows; the rest is 0xFF."""


class DctField(enum.Enum):
    """A field of the DCT: (offset, size), in bytes."""

    SYSTEM_FLAGS = (0, 32)
    VERSION = (32, 2)
    DEVICE_PRIVATE_KEY = (34, 1216)
    """RSA key, PKCS #1 DER: the board's own, for the cloud over TCP. Host tools read and write its first 612 bytes."""
    DEVICE_PUBLIC_KEY = (1250, 384)
    STATIC_IP_CONFIG = (1634, 24)
    OTA_UPDATE_FLAG = (1753, 1)
    """0xA5: an update is staged and is to be applied."""
    FEATURE_FLAGS = (1754, 4)
    COUNTRY_CODE = (1758, 4)
    CLAIM_CODE = (1762, 63)
    """Not terminated; a first byte of 0x00 or 0xFF means there is none."""
    CLAIMED = (1825, 1)
    """ASCII "1" when the board has been told that it is claimed."""
    SSID_PREFIX = (1826, 26)
    DEVICE_CODE = (1852, 6)
    VERSION_STRING = (1858, 32)
    DNS_NAMES = (1890, 128)
    RESERVED = (2018, 64)
    SERVER_PUBLIC_KEY = (2082, 768)
    """DER of the cloud's RSA key; holds SERVER_ADDRESS."""
    SERVER_ADDRESS = (2466, 128)
    FLASH_MODULES = (2852, 100)
    """Five slots of 20 bytes: what the bootloader is to copy, from where to where."""
    PRODUCT_STORE = (2952, 24)
    """u16 product id, u16 product version."""
    ANTENNA = (2976, 1)
    CLOUD_TRANSPORT = (2977, 1)
    """0 forces TCP on an Electron; 0xFF is the platform's own."""
    ALT_DEVICE_PUBLIC_KEY = (2978, 128)
    ALT_DEVICE_PRIVATE_KEY = (3106, 192)
    """P-256 key, SEC 1 DER: the board's own, for the cloud over DTLS."""
    ALT_SERVER_PUBLIC_KEY = (3298, 192)
    ALT_SERVER_ADDRESS = (3490, 128)
    DEVICE_ID = (3618, 12)
    RADIO_FLAGS = (3630, 1)
    MODE_BUTTON_MIRROR = (3631, 32)
    LED_MIRROR = (3663, 96)
    LED_THEME = (3759, 64)
    EAP_CONFIG = (3823, 4296)
    DEVICE_SECRET = (8119, 15)
    """The mobile secret."""
    GEN2_POWER_CONFIG = (8134, 32)
    GEN2_EXTERNAL_LSE_DISABLE = (8166, 4)
    SETUP_DONE = (8134, 1)
    """Generation 3 on: 0x01 done. Not looked at since Device OS 4.0.0."""
    NCP_ID = (8135, 4)
    POWER_CONFIG = (8139, 32)
    RADIO_ANTENNA = (8171, 1)

    def __init__(self, offset: int, size: int) -> None:
        self.offset = offset
        self.size = size

    @property
    def end(self) -> int:
        """First offset after the field."""
        return self.offset + self.size

    def read(self, image: bytes | bytearray | memoryview) -> bytes:
        """The field's bytes in a DCT image."""
        return bytes(image[self.offset : self.end])


class SystemFlag(enum.Enum):
    """A flag within `DctField.SYSTEM_FLAGS`: (offset in the DCT, size), little endian.

    Device OS 2.3.1, platform/MCU/STM32F2xx/SPARK_Firmware_Driver/inc/dct.h.
    """

    BOOTLOADER_VERSION = (4, 2)
    NVMEM_RESET = (6, 2)
    FLASH_OTA_UPDATE = (8, 2)
    OTA_FLASHED_STATUS = (10, 2)
    FACTORY_RESET = (12, 2)
    """`FACTORY_RESET_ASKED`: the bootloader is to restore the factory image."""
    IWDG_ENABLE = (14, 2)
    DFU_ON_NO_FIRMWARE = (16, 1)
    FACTORY_RESET_DONE = (17, 1)
    STARTUP_MODE = (18, 1)
    """1: safe mode at the next start."""
    FEATURES_ENABLED = (19, 1)
    RCC_CSR = (20, 4)

    def __init__(self, offset: int, size: int) -> None:
        self.offset = offset
        self.size = size


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where the board finds its cloud: a 128-byte record of the DCT (Device OS 6.2.0, hal/shared/parse_server_address.h)."""

    host: str
    """A domain name, or an IPv4 address in dotted form."""
    port: int | None = None
    """None: the protocol's usual port, 5683 for TCP, 5684 for UDP."""

    SIZE = 128
    MAX_HOST = 64

    def encode(self) -> bytes:
        """The record: type, length, host, filler, port (big endian) at 66, filler to 128 bytes.

        Raises:
            ValueError: the host is empty, longer than 64 bytes or not ASCII, or the port is not in 1-65534.
        """
        if self.port is not None and not 0 < self.port < 0xFFFF:
            raise ValueError(f"port {self.port} does not fit a server address: 1 to 65534")
        try:
            kind, host = 0, ipaddress.IPv4Address(self.host).packed
        except ValueError:
            kind, host = 1, self.host.encode("ascii", "strict") if self.host.isascii() else b""
        if not 0 < len(host) <= self.MAX_HOST:
            raise ValueError(f"{self.host!r} does not fit a server address: 1 to {self.MAX_HOST} ASCII characters")
        head = bytes((kind, len(host))) + host
        return head.ljust(66, b"\xff") + struct.pack(">H", 0xFFFF if self.port is None else self.port) + b"\xff" * 60

    @classmethod
    def decode(cls, record: bytes) -> ServerAddress | None:
        """Read a record. None when it is blank or unreadable: the board then uses its built-in server."""
        if len(record) < 68:
            return None
        kind, length = record[0], record[1]
        raw = record[2 : 2 + length]
        port = int.from_bytes(record[66:68], "big")
        if kind == 0 and length == 4:
            host = str(ipaddress.IPv4Address(raw))
        elif kind == 1 and 0 < length <= cls.MAX_HOST and raw.isascii():
            host = raw.decode("ascii").rstrip("\0")
        else:
            return None
        return cls(host, None if port in (0, 0xFFFF) else port) if host else None

    def __str__(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"
