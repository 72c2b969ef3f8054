"""Everything that the cloud may answer "no" with: one tree, each error naming the case and carrying its facts.

The domain names the case; which of the six bodies of the REST API tells it, and with what status, is decided per endpoint in
`emulator.cloud.api`. So nothing here knows HTTP.

    CloudError
      CallerError             who asks: TokenMissing TokenInvalid TokenExpired, GrantError, PermissionDenied, TooManyRequests ...
      Invalid                 what is asked is malformed
      NotFound                what is asked about does not exist, one class per kind of thing
      DeviceForbidden         a device the caller may not know of: unknown and foreign look the same
      ClaimRefused            ClaimIdMissing OwnedByOther NotOnline DeviceLimitReached
      DeviceFailure           DeviceOffline NoAnswer DeviceRefused UpdateRefused ...: the device could not do it
      Conflict                NameTaken ... : it would break a rule of uniqueness or order
      NotKept                 the state cannot be written, so nothing of it has happened
"""

from __future__ import annotations

from typing import Any

from firmware_images.fields import UNSET


class CloudError(Exception):
    """The root of what the domain raises. `str()` is a sentence for a log; the attributes are the facts."""


class NotKept(CloudError):
    """The state file takes nothing any more (its disk is full ...): the change was undone."""


class CallerError(CloudError):
    """The caller is not who may do this."""


class TokenMissing(CallerError):
    """The request carried no token."""

    def __init__(self) -> None:
        super().__init__("no token was given")


class TokenInvalid(CallerError):
    """The token was never issued, or was revoked."""

    def __init__(self) -> None:
        super().__init__("the token is unknown or was revoked")


class TokenExpired(CallerError):
    """The token was valid once."""

    def __init__(self, expired_at: float) -> None:
        self.expired_at = expired_at
        super().__init__(f"the token expired at {expired_at:.0f}")


class GrantError(CallerError):
    """`POST /oauth/token` refuses. `error` is the OAuth word for it."""

    error = "invalid_request"

    def __init__(self, description: str) -> None:
        self.description = description
        super().__init__(f"{self.error}: {description}")


class InvalidRequest(GrantError):
    """A field of the grant is missing or malformed."""


class InvalidGrant(GrantError):
    """Wrong user, password, one-time password or refresh token."""

    error = "invalid_grant"


class InvalidClient(GrantError):
    """The OAuth client is unknown or its secret is wrong."""

    error = "invalid_client"


class UnsupportedGrant(GrantError):
    """The grant type is not one of ours."""

    error = "unsupported_grant_type"


class UnauthorizedClient(GrantError):
    """The OAuth client is known, but this grant is not for it."""

    error = "unauthorized_client"


class MfaRequired(GrantError):
    """The password was right; a one-time password must follow, together with `mfa_token`."""

    error = "mfa_required"

    def __init__(self, mfa_token: str) -> None:
        self.mfa_token = mfa_token
        super().__init__("Multifactor authentication required")


class UserUnknown(CallerError):
    """No such user (Basic authentication)."""

    def __init__(self, username: str) -> None:
        self.username = username
        super().__init__(f"no user {username!r}")


class PasswordWrong(CallerError):
    """The user exists; the password is another."""

    def __init__(self, username: str) -> None:
        self.username = username
        super().__init__(f"wrong password for {username!r}")


class OtpWrong(CallerError):
    """The one-time password does not fit the moment."""

    def __init__(self) -> None:
        super().__init__("wrong one-time password")


class TooManyRequests(CallerError):
    """Asked too often. In `wait` seconds it may be asked again; 0: as soon as something of the caller's has ended."""

    def __init__(self, what: str, wait: float) -> None:
        self.what = what
        self.wait = wait
        super().__init__(f"too many {what}")


class PermissionDenied(CallerError):
    """The caller may not do this here. An unknown product looks the same, so that nothing leaks."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"not permitted: {what}")


class RoleTooLow(PermissionDenied):
    """A member of the team whose role does not include the scope."""

    def __init__(self, role: str, scope: str) -> None:
        self.role = role
        self.scope = scope
        super().__init__(f"role {role} does not include {scope}")


class ScopeRefused(CallerError):
    """An API user, or a product's client, whose list of scopes does not hold this one."""

    def __init__(self, scope: str) -> None:
        self.scope = scope
        super().__init__(f"scope {scope} was not granted")


class Invalid(CloudError):
    """A value is malformed."""

    def __init__(self, field: str, value: Any, reason: str) -> None:
        self.field = field
        self.value = value
        self.reason = reason
        super().__init__(f"{field}={value!r}: {reason}")


class NotFound(CloudError):
    """Something that is named does not exist (or not for this caller)."""

    thing = "thing"

    def __init__(self, given: object) -> None:
        self.given = given
        super().__init__(f"no {self.thing} {given!r}")


class DeviceUnknown(NotFound):
    """A malformed or never manufactured device id, in a claim."""

    thing = "device"


class DeviceNotInProduct(NotFound):
    """The device is not (or no longer) a member of the product, nor on its list of quarantined and denied ones."""

    thing = "device of this product"

    def __init__(self, given: object, product_id: int) -> None:
        self.product_id = product_id
        super().__init__(given)


class GroupUnknown(NotFound):
    """No such device group in the product."""

    thing = "group"


class FirmwareUnknown(NotFound):
    """No such version was uploaded to the product."""

    thing = "firmware version"


class CustomerUnknown(NotFound):
    """No such customer in the product."""

    thing = "customer"


class SimUnknown(NotFound):
    """No such SIM."""

    thing = "SIM"


class WebhookUnknown(NotFound):
    """No such webhook of this owner."""

    thing = "webhook"


class TransferUnknown(NotFound):
    """No such open request for a transfer."""

    thing = "transfer"


class ClientUnknown(NotFound):
    """No such OAuth client of this owner."""

    thing = "OAuth client"


class SerialUnknown(NotFound):
    """No device has this serial number."""

    thing = "serial number"


class MemberUnknown(NotFound):
    """Nobody of that name is in the team."""

    thing = "team member"


class OrganizationUnknown(NotFound):
    """No such organization, or not the caller's."""

    thing = "organization"


class FunctionUnknown(NotFound):
    """The device does not expose this function."""

    thing = "function"


class VariableUnknown(NotFound):
    """The device does not expose this variable."""

    thing = "variable"


class ReportUnknown(NotFound):
    """No such usage report."""

    thing = "usage report"


class LocationUnknown(NotFound):
    """The device has not told where it is (or was, in that time)."""

    thing = "location"


class NoDiagnostics(NotFound):
    """The device has not sent any vitals yet."""

    thing = "diagnostics of device"


class DeviceForbidden(CloudError):
    """The device is unknown, or belongs to somebody else: a caller is not told which."""

    def __init__(self, given: object) -> None:
        self.given = given
        super().__init__(f"device {given!r} is unknown to this caller")


class AccountPaused(CloudError):
    """The data operations of a free plan are used up; nothing moves until the next month."""

    def __init__(self) -> None:
        super().__init__("the account is paused: its data operations are used up until the next billing period")


class ClaimRefused(CloudError):
    """A claim does not happen."""


class ClaimIdMissing(ClaimRefused):
    """A claim without a device id."""

    def __init__(self) -> None:
        super().__init__("a claim needs a device id")


class OwnedByOther(ClaimRefused):
    """Somebody else owns the device; a transfer may be asked for."""

    def __init__(self, device_id: str) -> None:
        self.device_id = device_id
        super().__init__(f"device {device_id} belongs to someone else")


class NotOnline(ClaimRefused):
    """A claim by id needs the device online, and it is not."""

    def __init__(self, device_id: str) -> None:
        self.device_id = device_id
        super().__init__(f"device {device_id} is not online")


class DeviceLimitReached(ClaimRefused):
    """The free plan is full."""

    def __init__(self, username: str, limit: int) -> None:
        self.username = username
        self.limit = limit
        super().__init__(f"{username} has reached the device limit of {limit}")


class DeviceFailure(CloudError):
    """The device could not do what it was asked to."""

    def __init__(self, device_id: str, message: str) -> None:
        self.device_id = device_id
        super().__init__(f"device {device_id}: {message}")


class DeviceOffline(DeviceFailure):
    """The device is not connected."""

    def __init__(self, device_id: str) -> None:
        super().__init__(device_id, "is offline")


class NoAnswer(DeviceFailure):
    """The device is connected, and did not answer in time."""

    def __init__(self, device_id: str, what: str) -> None:
        self.what = what
        super().__init__(device_id, f"did not answer {what}")


class DeviceRefused(DeviceFailure):
    """The device is connected, and said no."""

    def __init__(self, device_id: str, what: str, reason: str) -> None:
        self.what = what
        self.reason = reason
        super().__init__(device_id, f"refuses {what}: {reason}")


class UpdateRefused(DeviceFailure):
    """A rule refuses an update over the air."""

    def __init__(self, device_id: str, reason: str) -> None:
        self.reason = reason
        super().__init__(device_id, f"refuses the update: {reason}")


class ConfigurationRefused(DeviceFailure):
    """The device said no to some sections of its configuration: `refused` has what it answered for each."""

    def __init__(self, device_id: str, refused: dict[str, int], taken: list[str]) -> None:
        self.refused = refused
        self.taken = taken
        super().__init__(device_id, f"refuses {', '.join(refused)} of its configuration")


class BadImage(CloudError):
    """A file that was uploaded is not a module binary that can be used here."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class WrongPlatform(BadImage):
    """The module was built for another platform."""

    def __init__(self, image_platform: int, platform_id: int) -> None:
        self.image_platform = image_platform
        self.platform_id = platform_id
        super().__init__(f"built for platform {image_platform}, needed is platform {platform_id}")


class VersionMismatch(BadImage):
    """The version named at the upload is not the PRODUCT_VERSION inside the binary."""

    def __init__(self, given: int, embedded: int | None) -> None:
        self.given = given
        self.embedded = embedded
        if embedded is not None:
            text = f"the binary says {embedded}"
        elif given == UNSET:
            text = "the binary has no product id of its own, where 65535 and a version that is not set are the same bytes: use 1 to 65534"
        else:
            text = "the binary has none: set it with PRODUCT_VERSION in the application"
        super().__init__(f"uploaded as version {given}, but {text}")


class Conflict(CloudError):
    """It would break a rule of uniqueness or of order."""

    def __init__(self, what: object, message: str) -> None:
        self.what = what
        super().__init__(message)


class NameTaken(Conflict):
    """Another device of the same owner has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(name, f"another device of this owner is named {name!r}")


class UsernameTaken(Conflict):
    """There is an account of this name."""

    def __init__(self, username: str) -> None:
        super().__init__(username, f"username {username!r} is taken")


class ProductNameTaken(Conflict):
    """Product names are unique in the whole cloud."""

    def __init__(self, name: str) -> None:
        super().__init__(name, f"a product named {name!r} exists")


class GroupExists(Conflict):
    """The product has a group of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(name, f"group {name!r} exists")


class CustomerExists(Conflict):
    """The product has a customer of this name."""

    def __init__(self, username: str) -> None:
        super().__init__(username, f"customer {username!r} exists")


class FirmwareExists(Conflict):
    """The version was uploaded before."""

    def __init__(self, version: int) -> None:
        super().__init__(version, f"firmware version {version} exists")


class FirmwareReleased(Conflict):
    """The version was released, so it cannot be deleted."""

    def __init__(self, version: int) -> None:
        super().__init__(version, f"firmware version {version} was released")


class FirmwareNeverRun(Conflict):
    """No device of the product has run the version yet, so it cannot be released."""

    def __init__(self, version: int) -> None:
        super().__init__(version, f"no device of the product has run firmware version {version} yet")


class OwnerStays(Conflict):
    """The owner of a product cannot be taken from its team."""

    def __init__(self, username: str) -> None:
        super().__init__(username, f"{username} owns the product and cannot be removed")


class SimForeign(CallerError):
    """The SIM belongs to somebody else."""

    def __init__(self, iccid: str) -> None:
        self.iccid = iccid
        super().__init__(f"SIM {iccid} belongs to somebody else")


class SimRefused(Conflict):
    """The SIM is in a state that does not allow this."""

    def __init__(self, iccid: str, reason: str) -> None:
        self.iccid = iccid
        self.reason = reason
        super().__init__(iccid, f"SIM {iccid}: {reason}")
