"""From what the domain says no to, to what goes over the wire.

The real cloud has six bodies for errors, by the age of the service behind a route. Clients match on texts and fields of them, so each
route names its body (`Shape`), and the few errors that look the same everywhere bring their own. Statuses and texts that clients are known
to match: docs/rest-api.md, "Errors".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from types import MappingProxyType
from typing import Any

from emulator.cloud import errors as no
from emulator.cloud.api.faults import Fault, Shape
from emulator.cloud.libraries import LibraryUnknown

TOKEN_MISSING = Fault(400, "The access token was not found", "invalid_request", Shape.OAUTH)
TOKEN_INVALID = Fault(401, "The access token provided is invalid.", "invalid_token", Shape.OAUTH)
TOKEN_EXPIRED = Fault(401, "The access token provided has expired.", "invalid_token", Shape.OAUTH)
NOT_FOR_API_USERS = Fault(400, "API users are not allowed to call this endpoint", "unauthorized", Shape.OAUTH)
PERMISSION_DENIED = Fault(403, "Permission denied", "Permission denied", Shape.INFO)
DEVICE_FORBIDDEN = Fault(
    403,
    "I didn't recognize that device name or ID, try opening /v1/devices?access_token=<access_token>",
    "Permission Denied",
    Shape.INFO,
)
NO_SUCH_PATH = Fault(404, "File not found.", "not_found", Shape.OAUTH)
SERVER_ERROR = Fault(500, "Internal error", "server_error", Shape.OAUTH)
TIMED_OUT = Fault(408, "Timed out.")


def too_large(limit: int) -> Fault:
    """The answer to a body that is longer than that."""
    return Fault(413, f"The request body is too large: at most {limit} bytes are taken.", "too_large", Shape.OAUTH)


NO_OWN: Mapping[type[no.CloudError], Fault] = MappingProxyType({})

FIXED_FAULTS: dict[type[no.CloudError], Fault] = {
    no.TokenMissing: TOKEN_MISSING,
    no.TokenInvalid: TOKEN_INVALID,
    no.TokenExpired: TOKEN_EXPIRED,
    no.ScopeRefused: NOT_FOR_API_USERS,
    no.PermissionDenied: PERMISSION_DENIED,
    no.DeviceForbidden: DEVICE_FORBIDDEN,
    no.UserUnknown: Fault(400, "Unknown user"),
    no.PasswordWrong: Fault(403, "Bad password"),
    no.OtpWrong: Fault(400, "The one-time password is invalid", "invalid_grant"),
    no.ClaimIdMissing: Fault(400, "arg.deviceID is empty"),
    no.DeviceUnknown: Fault(404, "device not found"),
    no.NotOnline: Fault(404, "Core isn't online", entry=["Core isn't online", 404]),
    no.OwnedByOther: Fault(403, "That belongs to someone else. To request a transfer add ?request_transfer=true to the URL."),
    no.NameTaken: Fault(403, "Name already in use"),
    no.UsernameTaken: Fault(400, "username already in use"),
    no.DeviceNotInProduct: Fault(404, "Device not found for this product"),
    no.WebhookUnknown: Fault(404, "Webhook not found"),
    no.SerialUnknown: Fault(404, "Serial number not found."),
    no.DeviceOffline: TIMED_OUT,
    no.NoAnswer: TIMED_OUT,
    no.AccountPaused: Fault(403, "The account is paused: its data operations are used up until the next billing period"),
}


def _refused_sections(error: no.ConfigurationRefused) -> str:
    refused = ", ".join(f"{name}: {result}" for name, result in error.refused.items())
    taken = f", these sections were successful: {', '.join(error.taken)}" if error.taken else ""
    return f"Configuration updates failed for some sections: {{{refused}}}{taken}"


_MADE: dict[type[no.CloudError], Callable[[Any], Fault]] = {
    no.TooManyRequests: lambda error: Fault(
        429,
        f"Too many {error.what}, try again later",
        headers=(("retry-after", str(ceil(error.wait))),) if error.wait else (),
    ),
    no.MfaRequired: lambda error: Fault(403, error.description, error.error, Shape.OAUTH, extra={"mfa_token": error.mfa_token}),
    no.GrantError: lambda error: Fault(400, error.description, error.error, Shape.OAUTH),
    no.DeviceLimitReached: lambda error: Fault(403, f"You have reached the device limit of {error.limit} devices."),
    no.FunctionUnknown: lambda error: Fault(404, f"Function {error.given} not found"),
    no.VariableUnknown: lambda error: Fault(404, f"Unknown Variable: {error.given}"),
    no.UpdateRefused: lambda error: Fault(400, f"The update was refused: {error.reason}"),
    no.DeviceRefused: lambda error: Fault(400, f"The device refused {error.what}: {error.reason}"),
    no.ConfigurationRefused: lambda error: Fault(400, _refused_sections(error), "device_rejected_configuration", Shape.OAUTH),
    no.SimUnknown: lambda error: Fault(404, f"SIM not found: {error.given}"),
    no.SimForeign: lambda error: Fault(403, f"Permission denied: the SIM belongs to another account: {error.iccid}"),
    LibraryUnknown: lambda error: Fault(404, f"Library {error.given} not found"),
    no.NotKept: lambda error: Fault(507, f"Nothing was changed: {error}", "insufficient_storage"),
    no.NotFound: lambda error: Fault(404, f"{error.thing.capitalize()} not found"),
    no.BadImage: lambda error: Fault(400, f"Invalid binary: {error.reason}"),
    no.Conflict: lambda error: Fault(409, str(error)),
    no.ClaimRefused: lambda error: Fault(403, str(error)),
    no.CallerError: lambda error: Fault(403, str(error)),
    no.CloudError: lambda error: Fault(400, str(error)),
}


def fault_of(error: no.CloudError, own: Mapping[type[no.CloudError], Fault] = NO_OWN) -> Fault:
    """The error's answer: what the route has of its own for it, then its own class, then the nearest base that has one."""
    for kind in type(error).__mro__:
        fixed = own.get(kind) or FIXED_FAULTS.get(kind)
        if fixed is not None:
            return fixed
        made = _MADE.get(kind)
        if made is not None:
            return made(error)
    return SERVER_ERROR
