"""What ends a DTLS session: one exception for each alert, whichever end found the fault, and the faults that no alert names.

An alert is raised by the end that finds a fault, which sends it too, and by the end that receives it; `by_peer` tells which. The text
names the cause, as far as the alert and the role of the end that received it give it away.

Source: RFC 5246, 7.2; which alert Device OS sends when, additions of mbedTLS 2.22 (library/ssl_cli.c, ssl_srv.c).
"""

from __future__ import annotations

import enum
from typing import ClassVar

from particle_protocol.protocol_errors import ProtocolErrorCode
from particle_protocol.secure_channel import ChannelError


class Role(enum.Enum):
    """Which end of a session."""

    CLIENT = "client"
    SERVER = "server"


class AlertLevel(enum.IntEnum):
    """How grave an alert is. A session does not outlive a fatal one."""

    WARNING = 1
    FATAL = 2


class AlertDescription(enum.IntEnum):
    """Alerts (RFC 5246, A.3, and the IANA registry)."""

    CLOSE_NOTIFY = 0
    UNEXPECTED_MESSAGE = 10
    BAD_RECORD_MAC = 20
    RECORD_OVERFLOW = 22
    HANDSHAKE_FAILURE = 40
    BAD_CERTIFICATE = 42
    UNSUPPORTED_CERTIFICATE = 43
    CERTIFICATE_REVOKED = 44
    CERTIFICATE_EXPIRED = 45
    CERTIFICATE_UNKNOWN = 46
    ILLEGAL_PARAMETER = 47
    UNKNOWN_CA = 48
    ACCESS_DENIED = 49
    DECODE_ERROR = 50
    DECRYPT_ERROR = 51
    PROTOCOL_VERSION = 70
    INSUFFICIENT_SECURITY = 71
    INTERNAL_ERROR = 80
    USER_CANCELED = 90
    NO_RENEGOTIATION = 100
    UNSUPPORTED_EXTENSION = 110


class DtlsError(ChannelError):
    """The session cannot begin or go on."""


class HandshakeTimeout(DtlsError):
    """The other end did not answer, however often it was asked."""

    def __init__(self, why: str) -> None:
        super().__init__(ProtocolErrorCode.MESSAGE_TIMEOUT, why)


class Alert(DtlsError):
    """A session that ends in an alert. `by_peer`: the other end sent it; else this end does."""

    description: ClassVar[AlertDescription]

    def __init__(self, why: str, *, by_peer: bool = False, code: ProtocolErrorCode = ProtocolErrorCode.ESTABLISH) -> None:
        self.by_peer = by_peer
        super().__init__(code, why)


class CloseNotify(Alert):
    """The other end has closed the session in good order."""

    description = AlertDescription.CLOSE_NOTIFY


class UnexpectedMessage(Alert):
    """A handshake message that has no place here."""

    description = AlertDescription.UNEXPECTED_MESSAGE


class BadRecordMac(Alert):
    """A record that was not made with the session's keys."""

    description = AlertDescription.BAD_RECORD_MAC


class RecordOverflow(Alert):
    """A record that is longer than the end can take."""

    description = AlertDescription.RECORD_OVERFLOW


class HandshakeFailure(Alert):
    """Nothing that both ends can do."""

    description = AlertDescription.HANDSHAKE_FAILURE


class BadCertificate(Alert):
    """A public key that cannot be read."""

    description = AlertDescription.BAD_CERTIFICATE


class UnsupportedCertificate(Alert):
    """A public key of another kind than P-256, or an X.509 certificate."""

    description = AlertDescription.UNSUPPORTED_CERTIFICATE


class CertificateRevoked(Alert):
    """A public key that was valid once."""

    description = AlertDescription.CERTIFICATE_REVOKED


class CertificateExpired(Alert):
    """A public key that is no longer valid."""

    description = AlertDescription.CERTIFICATE_EXPIRED


class CertificateUnknown(Alert):
    """A public key that is not known."""

    description = AlertDescription.CERTIFICATE_UNKNOWN


class IllegalParameter(Alert):
    """A field with a value that it cannot have."""

    description = AlertDescription.ILLEGAL_PARAMETER


class UnknownCa(Alert):
    """A certificate of somebody who is not trusted."""

    description = AlertDescription.UNKNOWN_CA


class AccessDenied(Alert):
    """A public key that is known, and not let in."""

    description = AlertDescription.ACCESS_DENIED


class DecodeError(Alert):
    """A message that cannot be read."""

    description = AlertDescription.DECODE_ERROR


class DecryptError(Alert):
    """A signature, or a Finished message, that does not verify."""

    description = AlertDescription.DECRYPT_ERROR


class ProtocolVersion(Alert):
    """Another version than DTLS 1.2."""

    description = AlertDescription.PROTOCOL_VERSION


class InsufficientSecurity(Alert):
    """Ciphers that are too weak for the other end."""

    description = AlertDescription.INSUFFICIENT_SECURITY


class InternalError(Alert):
    """A fault that has nothing to do with the other end."""

    description = AlertDescription.INTERNAL_ERROR


class UserCanceled(Alert):
    """Somebody broke the handshake off."""

    description = AlertDescription.USER_CANCELED


class NoRenegotiation(Alert):
    """A second handshake in a session was refused."""

    description = AlertDescription.NO_RENEGOTIATION


class UnsupportedExtension(Alert):
    """An answer to an extension that nobody offered."""

    description = AlertDescription.UNSUPPORTED_EXTENSION


class UnknownAlert(Alert):
    """The other end sent an alert that has no name here; its number is in the text."""


ALERTS: dict[int, type[Alert]] = {each.description: each for each in Alert.__subclasses__() if each is not UnknownAlert}

_CAUSES: dict[tuple[Role, AlertDescription], str] = {
    (Role.SERVER, AlertDescription.DECRYPT_ERROR): (
        "the device holds the public key of another server: write this server's key into it, or serve with the key that it holds"
    ),
    (Role.SERVER, AlertDescription.UNEXPECTED_MESSAGE): (
        "the device expected another message: Device OS takes no Certificate from its server, stock DTLS wants one"
    ),
    (Role.SERVER, AlertDescription.HANDSHAKE_FAILURE): "the device found nothing in this server's choice that it can do",
    (Role.CLIENT, AlertDescription.DECRYPT_ERROR): (
        "the server could not verify this device's signature: its private key does not belong to the public key that it shows"
    ),
    (Role.CLIENT, AlertDescription.CERTIFICATE_UNKNOWN): "the server does not know this device's public key: register it there",
    (Role.CLIENT, AlertDescription.ACCESS_DENIED): "the server knows this device's public key, and does not let it in",
    (Role.CLIENT, AlertDescription.HANDSHAKE_FAILURE): "the server found nothing in this device's offer that it can do",
}


def received_alert(description: int, role: Role, during: str, code: ProtocolErrorCode) -> Alert:
    """The exception for an alert that has come. `role` is the end that received it, `during` what it was waiting for.

    The cause is read out of the alert only during a handshake; later no alert has a meaning of its own.
    """
    sender = "server" if role is Role.CLIENT else "device"
    kind = ALERTS.get(description)
    if kind is None:
        return UnknownAlert(f"the {sender} sent alert {description} while this end {during}", by_peer=True, code=code)
    if kind is CloseNotify:
        return CloseNotify(f"the {sender} closed the session", by_peer=True, code=ProtocolErrorCode.REMOTE_CLOSED)
    cause = _CAUSES.get((role, kind.description)) if code is ProtocolErrorCode.ESTABLISH else None
    name = kind.description.name.lower()
    return kind(f"the {sender} sent {name} while this end {during}{f': {cause}' if cause else ''}", by_peer=True, code=code)
