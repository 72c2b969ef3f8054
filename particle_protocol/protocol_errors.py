"""The numbers by which Device OS names what went wrong in its cloud connection."""

from __future__ import annotations

import enum


class ProtocolErrorCode(enum.IntEnum):
    """Protocol errors (Device OS 6.2.0, communication/inc/protocol_defs.h:24-64)."""

    NO_ERROR = 0
    PING_TIMEOUT = 1
    INVALID_STATE = 3
    INSUFFICIENT_STORAGE = 4
    MALFORMED_MESSAGE = 5
    DECRYPTION = 6
    ENCRYPTION = 7
    AUTHENTICATION = 8
    BANDWIDTH_EXCEEDED = 9
    MESSAGE_TIMEOUT = 10
    MISSING_MESSAGE_ID = 11
    MESSAGE_RESET = 12
    SESSION_RESUMED = 13
    BAD_SERVER_KEY = 16
    ESTABLISH = 17
    RECEIVE = 18
    SEND = 19
    SSL_WRITE = 20
    DISCARD_SESSION = 21
    LIGHTSSL_BLOCKING_SEND = 22
    LIGHTSSL_BLOCKING_RECEIVE = 23
    LIGHTSSL_RECEIVE = 24
    NONCE_NOT_RECEIVED = 25
    SESSION_KEY_NOT_RECEIVED = 26
    NOT_IMPLEMENTED = 27
    MISSING_REQUEST_TOKEN = 28
    NOT_FOUND = 29
    NO_MEMORY = 30
    INTERNAL = 31
    OTA_UPDATE = 32
    SOCKET_SEND_FAILED = 33
    SOCKET_RECEIVE_FAILED = 34
    REMOTE_CLOSED = 35
    COAP = 36
