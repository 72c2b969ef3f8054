"""The registries of the control-request protocol: service requests, statuses, request types, results.

Service layer: Device OS 6.2.0, system/src/usb_control_request_channel.cpp (unchanged since before 2.3.1) and particle-usb 4.2.0,
src/usb-protocol.js:22-101. Request types: Device OS 6.2.0, system/inc/system_control.h:42-133. Results: services/inc/system_error.h:26-127.
"""

from __future__ import annotations

import enum
from typing import Final, Self

SERVICE_LENGTH: Final = 64
"""wLength of INIT, CHECK and RESET, and the most of a raw request; a device stalls anything else."""

CHUNK: Final = 4096
"""Bytes of one SEND or RECV at most: what usbfs lets through in one control transfer (particle-usb 4.2.0, src/usb-device-node.js:17)."""

SMALL_PAYLOAD: Final = 64
"""Payloads up to here have a buffer at once; larger ones wait for one."""

MAX_ACTIVE: Final = 4
"""Requests a device works on at a time (Device OS 6.2.0, system/src/usb_control_request_channel.h:31)."""

MAX_PAYLOAD: Final = 0xFFFF


class ServiceRequest(enum.IntEnum):
    """bRequest of the service requests, which carry the requests proper."""

    INIT = 1
    CHECK = 2
    SEND = 3
    RECV = 4
    RESET = 5


RAW_REQUEST: Final = 0x50
"""bRequest of the raw requests, which are answered within the transfer itself."""


class RawRequestType(enum.IntEnum):
    """wIndex of a raw request (Device OS 6.2.0, system/src/usb_control_request_channel.cpp:503-556)."""

    DEVICE_ID = 20
    SYSTEM_VERSION = 30
    RESET = 40
    CLOUD_DISCONNECT = 302


class Status(enum.IntEnum):
    """What a service reply says of the service request itself."""

    OK = 0
    ERROR = 1
    PENDING = 2
    BUSY = 3
    NO_MEMORY = 4
    NOT_FOUND = 5


class ReplyField(enum.IntFlag):
    """Which fields a service reply has, in this order after the flags."""

    STATUS = 0x01
    ID = 0x02
    SIZE = 0x04
    RESULT = 0x08


class RequestType(enum.IntEnum):
    """What is asked of the board: wIndex of INIT."""

    ECHO = 1
    APP_CUSTOM = 10
    GET_DEVICE_ID = 20
    GET_SERIAL_NUMBER = 21
    GET_SYSTEM_VERSION = 30
    GET_NCP_FIRMWARE_VERSION = 31
    GET_SYSTEM_CAPABILITIES = 32
    SET_FEATURE = 33
    GET_FEATURE = 34
    RESET = 40
    FACTORY_RESET = 41
    DFU_MODE = 50
    SAFE_MODE = 60
    START_LISTENING = 70
    STOP_LISTENING = 71
    GET_DEVICE_MODE = 72
    SET_DEVICE_SETUP_DONE = 73
    IS_DEVICE_SETUP_DONE = 74
    SET_STARTUP_MODE = 75
    GET_PROTECTED_STATE = 76
    SET_PROTECTED_STATE = 77
    LOG_CONFIG = 80
    GET_MODULE_INFO = 90
    GET_ASSET_INFO = 91
    DIAGNOSTIC_INFO = 100
    WIFI_SET_ANTENNA = 110
    WIFI_GET_ANTENNA = 111
    WIFI_SCAN = 112
    WIFI_SET_CREDENTIALS = 113
    WIFI_GET_CREDENTIALS = 114
    WIFI_CLEAR_CREDENTIALS = 115
    NETWORK_SET_CONFIGURATION = 120
    NETWORK_GET_CONFIGURATION = 121
    NETWORK_GET_STATUS = 122
    SET_CLAIM_CODE = 200
    IS_CLAIMED = 201
    SET_SECURITY_KEY = 210
    GET_SECURITY_KEY = 211
    SET_SERVER_ADDRESS = 220
    GET_SERVER_ADDRESS = 221
    SET_SERVER_PROTOCOL = 222
    GET_SERVER_PROTOCOL = 223
    START_NYAN_SIGNAL = 230
    STOP_NYAN_SIGNAL = 231
    SET_SOFTAP_SSID = 240
    START_FIRMWARE_UPDATE = 250
    FINISH_FIRMWARE_UPDATE = 251
    CANCEL_FIRMWARE_UPDATE = 252
    FIRMWARE_UPDATE_DATA = 253
    DESCRIBE_STORAGE = 260
    READ_SECTION_DATA = 261
    WRITE_SECTION_DATA = 262
    CLEAR_SECTION_DATA = 263
    GET_SECTION_DATA_SIZE = 264
    GET_CLOUD_CONNECTION_STATUS = 300
    CLOUD_CONNECT = 301
    CLOUD_DISCONNECT = 302
    GET_INTERFACE_LIST = 400
    GET_INTERFACE = 401
    GET_INTERFACE_STORED_CONFIGURATION = 402
    SET_INTERFACE_STORED_CONFIGURATION = 403
    DELETE_INTERFACE_STORED_CONFIGURATION = 404
    WIFI_JOIN_NEW_NETWORK = 500
    WIFI_JOIN_KNOWN_NETWORK = 501
    WIFI_GET_KNOWN_NETWORKS = 502
    WIFI_REMOVE_KNOWN_NETWORK = 503
    WIFI_CLEAR_KNOWN_NETWORKS = 504
    WIFI_GET_CURRENT_NETWORK = 505
    WIFI_SCAN_NETWORKS = 506
    WIFI_SET_NETWORK_CREDENTIALS = 507
    CELLULAR_SET_ACCESS_POINT = 550
    CELLULAR_GET_ACCESS_POINT = 551
    CELLULAR_SET_ACTIVE_SIM = 552
    CELLULAR_GET_ACTIVE_SIM = 553
    CELLULAR_GET_ICCID = 554
    GET_ENV = 600
    CLEAR_ENV = 601
    ADD_LOG_HANDLER = 1100
    REMOVE_LOG_HANDLER = 1101
    GET_LOG_HANDLERS = 1102


class Result(enum.IntEnum):
    """How a request ended on the board: 0, or a negative error. `text` says it in words."""

    text: str

    def __new__(cls, value: int, text: str = "") -> Self:
        """A member with its words."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.text = text
        return member

    OK = 0, "no error"
    UNKNOWN = -100, "unknown error"
    BUSY = -110, "the resource is busy"
    NOT_SUPPORTED = -120, "not supported"
    NOT_ALLOWED = -130, "not allowed"
    CANCELLED = -140, "cancelled"
    ABORTED = -150, "aborted"
    TIMEOUT = -160, "timed out"
    NOT_FOUND = -170, "not found"
    ALREADY_EXISTS = -180, "exists already"
    TOO_LARGE = -190, "the data is too large"
    LIMIT_EXCEEDED = -200, "a limit is exceeded"
    INVALID_STATE = -210, "not possible in this state"
    FLASH_IO = -219, "the flash could not be read or written"
    IO = -220, "input or output failed"
    NETWORK = -230, "network error"
    PROTOCOL = -240, "protocol error"
    INTERNAL = -250, "internal error"
    NO_MEMORY = -260, "out of memory"
    INVALID_ARGUMENT = -270, "invalid argument"
    BAD_DATA = -280, "the data has a wrong format"
    OUT_OF_RANGE = -290, "out of range"
    OTA_MODULE_NOT_FOUND = -1300, "no such module, or it does not belong there"
    OTA_UNSUPPORTED_MODULE = -1310, "modules of this kind cannot be updated"
    OTA_VALIDATION_FAILED = -1320, "the module is not valid"
    OTA_INTEGRITY_CHECK_FAILED = -1330, "the module is damaged: its CRC is wrong"
    OTA_RESUMED_UPDATE_FAILED = -1331, "the file that was begun in an earlier transfer is damaged"
    OTA_DEPENDENCY_CHECK_FAILED = -1340, "the module needs another one, or a newer one, that is not installed"
    OTA_INVALID_ADDRESS = -1350, "the module lies outside of its place in flash"
    OTA_INVALID_SIZE = -1351, "the module has a wrong size"
    OTA_INVALID_PLATFORM = -1360, "the module is for another platform"
    OTA_INVALID_FORMAT = -1370, "the module's format is not valid"
    OTA_UPDATES_DISABLED = -1380, "updates are disabled"
    OTA_ERROR = -1390, "the update failed"
    PROTECTED = -1801, "the device is protected"
    UNKNOWN_KEY = -1802, "the key is not known"
    BAD_SIGNATURE = -1803, "the signature is not valid"


def result_text(result: int) -> str:
    """A result in words with its number: "not supported (-120)"."""
    try:
        return f"{Result(result).text} ({result})"
    except ValueError:
        return f"error {result}"


def request_name(request_type: int) -> str:
    """A request type with its name where it has one: "GET_DEVICE_ID (20)"."""
    try:
        return f"{RequestType(request_type).name} ({request_type})"
    except ValueError:
        return f"request {request_type}"


class DeviceMode(enum.IntEnum):
    """The answer to control request 72 (Device OS 2.3.1, system/inc/system_control.h:42-133; device-os-protobuf control/config.proto)."""

    NORMAL = 0
    LISTENING = 1

    def __str__(self) -> str:
        return f"{self.name.lower()} (control request 72)"


class CloudStatus(enum.IntEnum):
    """The answer to control request 300 (device-os-protobuf, control/cloud.proto)."""

    DISCONNECTED = 0
    CONNECTING = 1
    CONNECTED = 2
    DISCONNECTING = 3

    def __str__(self) -> str:
        return f"{self.name.lower()} (control request 300)"
