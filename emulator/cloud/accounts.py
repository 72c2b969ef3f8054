"""Developer accounts: passwords, second factor, the name a user logs in with."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from emulator.cloud import otp
from emulator.cloud.access import Kind, Principal
from emulator.cloud.basics import hash_password, password_fits
from emulator.cloud.core import Core
from emulator.cloud.errors import Invalid, InvalidGrant, OtpWrong, PasswordWrong, PermissionDenied, UsernameTaken, UserUnknown
from emulator.cloud.mail import Outbox
from emulator.cloud.records import User

_ADDRESS = re.compile(r"[^\s@\x00-\x1f]+@[^\s@\x00-\x1f]+")
MAX_USERNAME = 254
MAX_PASSWORD = 1024


@dataclass(frozen=True, slots=True)
class PendingSecret:
    """Half of a two-step affair: an offered second factor, a password waiting for its one-time password, a reset."""

    token: str
    user_id: str
    purpose: str
    expires_at: float
    secret: str = ""


@dataclass(frozen=True, slots=True)
class MfaOffer:
    """What an authenticator needs. The second factor counts once `mfa_enable` has seen a right one-time password."""

    mfa_token: str
    secret: str
    qr_url: str


class Accounts:
    """The developer accounts of the cloud."""

    def __init__(self, core: Core, mail: Outbox) -> None:
        self._core = core
        self._mail = mail
        self._users = core.state.table("users", User, lambda user: user.id)
        self._by_name = self._users.index(lambda user: user.username)
        self._pending = core.state.table("pending_secrets", PendingSecret, lambda pending: pending.token)
        self.on_rename: list[Callable[[str, str], None]] = []
        """What other rooms do when a username (old, new) changes: called inside the transaction."""
        self.clear_away: Callable[[User], None]
        """Called inside the transaction when an account goes: what it leaves behind. The cloud says what that is."""

    def create(
        self,
        username: str,
        password: str,
        *,
        first_name: str = "",
        last_name: str = "",
        company_name: str = "",
        business_account: bool = False,
    ) -> User:
        """Make an account. The name is an e-mail address, kept in lower case.

        Raises:
            Invalid: the name is not an address, or the password is empty.
            UsernameTaken: there is one.
        """
        name = clean_username(username)
        check_password(password)
        if self._by_name.count(name):
            raise UsernameTaken(name)
        with self._core.change():
            return self._users.put(
                User(
                    id=self._core.names.object_id(),
                    username=name,
                    password_hash=self.hashed(password),
                    created_at=self._core.now(),
                    first_name=first_name,
                    last_name=last_name,
                    company_name=company_name,
                    business_account=business_account,
                ),
            )

    def hand_out(self, username: str, password: str, *, anyway: bool = False) -> User:
        """The account that whoever runs the cloud lets people in with, made if it is not there, with this password.

        One that its holder has changed since it was handed out is kept, unless `anyway`.

        Raises:
            Invalid: the name is not an address, or the password is empty.
        """
        user = self.find(username)
        if user is not None and user.handed_out != user.password_hash and not anyway:
            return user
        with self._core.change():
            user = self.create(username, password) if user is None else self._set_password(user, password)
            return self._users.put(replace(user, handed_out=user.password_hash))

    def find(self, username: str) -> User | None:
        """The account of a name in any case, or None."""
        return self._users.first(self._by_name, username.strip().lower())

    def by_id(self, user_id: str | None) -> User | None:
        """The account of an id, or None."""
        return self._users.get(user_id)

    def authenticate(self, username: str, password: str, otp_code: str | None = None) -> User:
        """The account, if the password (and, where asked for, the one-time password) is right.

        Raises:
            UserUnknown, PasswordWrong, OtpWrong: as named.
        """
        user = self.find(username)
        if user is None:
            raise UserUnknown(username)
        if not password_fits(password, user.password_hash):
            raise PasswordWrong(user.username)
        if user.mfa and otp_code is not None and not self._otp_fits(user.mfa_secret, otp_code):
            raise OtpWrong
        return user

    def of(self, who: Principal) -> User:
        """The account behind a caller.

        Raises:
            PermissionDenied: the caller is not a developer.
        """
        user = self._users.get(who.account) if who.kind is Kind.USER else None
        if user is None:
            raise PermissionDenied("this is for developer accounts")
        return user

    def update(
        self,
        who: Principal,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        company_name: str | None = None,
        business_account: bool | None = None,
    ) -> User:
        """Change what is said about the account's holder; None keeps."""
        user = self.of(who)
        with self._core.change():
            return self._users.put(
                replace(
                    user,
                    first_name=user.first_name if first_name is None else first_name,
                    last_name=user.last_name if last_name is None else last_name,
                    company_name=user.company_name if company_name is None else company_name,
                    business_account=user.business_account if business_account is None else business_account,
                ),
            )

    def change_username(self, who: Principal, username: str, current_password: str) -> User:
        """Give the account another name.

        Raises:
            PasswordWrong, Invalid, UsernameTaken: as named.
        """
        user = self._confirmed(who, current_password)
        name = clean_username(username)
        holder = self.find(name)
        if holder is not None and holder.id != user.id:
            raise UsernameTaken(name)
        with self._core.change():
            for follow in self.on_rename:
                follow(user.username, name)
            return self._users.put(replace(user, username=name))

    def change_password(self, who: Principal, current_password: str, password: str) -> User:
        """Give the account another password.

        Raises:
            PasswordWrong, Invalid: as named.
        """
        user = self._confirmed(who, current_password)
        return self._set_password(user, password)

    def delete(self, who: Principal, password: str) -> None:
        """End the account: its devices become unclaimed, its tokens invalid.

        Raises:
            PasswordWrong: as named.
        """
        user = self._confirmed(who, password)
        with self._core.change():
            self.clear_away(user)
            self._users.remove(user.id)

    def request_password_reset(self, username: str) -> None:
        """Mail a reset token, if there is such an account; the caller is not told whether there is."""
        user = self.find(username)
        if user is None:
            return
        with self._core.change():
            pending = self._begin(user, "reset", self._core.settings.reset_lifetime)
            self._mail.send(user.username, "password-reset", {"token": pending.token})

    def reset_password(self, token: str, password: str) -> User:
        """Set a password with a token from the mail; the token is used up.

        Raises:
            Invalid: the token is unknown, used or too old; or the password is empty.
        """
        pending = self._take(token, "reset")
        user = None if pending is None else self._users.get(pending.user_id)
        if user is None:
            raise Invalid("token", token, "unknown, used or too old")
        with self._core.change():
            self._pending.remove(token)
            return self._set_password(user, password)

    def mfa_begin(self, who: Principal) -> MfaOffer:
        """Offer a second factor."""
        user = self.of(who)
        secret = otp.new_secret(self._core.rng)
        with self._core.change():
            pending = self._begin(user, "enroll", self._core.settings.mfa_lifetime, secret)
        return MfaOffer(pending.token, secret, otp.provisioning_url(user.username, secret))

    def mfa_enable(self, who: Principal, mfa_token: str, code: str) -> User:
        """Turn the offered second factor on.

        Raises:
            Invalid: no such offer, or too old.
            OtpWrong: the one-time password does not fit.
        """
        user = self.of(who)
        pending = self._take(mfa_token, "enroll")
        if pending is None or pending.user_id != user.id:
            raise Invalid("mfa_token", mfa_token, "unknown or too old")
        if not self._otp_fits(pending.secret, code):
            raise OtpWrong
        with self._core.change():
            self._pending.remove(mfa_token)
            return self._users.put(replace(user, mfa_secret=pending.secret))

    def mfa_disable(self, who: Principal, current_password: str) -> User:
        """Turn the second factor off.

        Raises:
            PasswordWrong: as named.
        """
        user = self._confirmed(who, current_password)
        with self._core.change():
            return self._users.put(replace(user, mfa_secret=""))

    def mfa_challenge(self, user: User) -> str:
        """The token that goes with the one-time password in the second step of a login."""
        with self._core.change():
            return self._begin(user, "login", self._core.settings.mfa_lifetime).token

    def mfa_answer(self, mfa_token: str, code: str) -> User:
        """The account whose password was right before, if the one-time password now is.

        Raises:
            InvalidGrant: the challenge is unknown or too old, or the one-time password is wrong.
        """
        pending = self._take(mfa_token, "login")
        user = None if pending is None else self._users.get(pending.user_id)
        if user is None:
            raise InvalidGrant("The login attempt is unknown or too old")
        if not self._otp_fits(user.mfa_secret, code):
            raise InvalidGrant("The one-time password is invalid")
        with self._core.change():
            self._pending.remove(mfa_token)
        return user

    def hashed(self, password: str) -> str:
        """A password, hashed at this cloud's cost."""
        return hash_password(password, self._core.names.salt(), self._core.settings.password_cost)

    def _confirmed(self, who: Principal, password: str) -> User:
        user = self.of(who)
        if not password_fits(password, user.password_hash):
            raise PasswordWrong(user.username)
        return user

    def _set_password(self, user: User, password: str) -> User:
        check_password(password)
        with self._core.change():
            return self._users.put(replace(user, password_hash=self.hashed(password)))

    def _begin(self, user: User, purpose: str, lifetime: float, secret: str = "") -> PendingSecret:
        return self._pending.put(PendingSecret(self._core.names.token(), user.id, purpose, self._core.now() + lifetime, secret))

    def _take(self, token: str, purpose: str) -> PendingSecret | None:
        pending = self._pending.get(token)
        if pending is None or pending.purpose != purpose or pending.expires_at <= self._core.now():
            return None
        return pending

    def _otp_fits(self, secret: str, code: str) -> bool:
        return otp.fits(secret, code, self._core.now())


def clean_username(username: str) -> str:
    """An e-mail address in lower case.

    Raises:
        Invalid: it is none.
    """
    name = username.strip().lower()
    if len(name) > MAX_USERNAME or not _ADDRESS.fullmatch(name):
        raise Invalid("username", username, "must be an e-mail address")
    return name


def check_password(password: str) -> None:
    """Refuse a password that cannot be one.

    Raises:
        Invalid: it is empty or absurdly long.
    """
    if not password or len(password) > MAX_PASSWORD:
        raise Invalid("password", "...", f"must have 1 to {MAX_PASSWORD} characters")
