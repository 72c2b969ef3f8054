"""Tokens and developer accounts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from emulator.cloud.access import Kind as Who
from emulator.cloud.api.call import Call
from emulator.cloud.basics import iso
from emulator.cloud.errors import InvalidRequest, MfaRequired, UnsupportedGrant, UserUnknown
from emulator.cloud.records import Organization, Token, User
from emulator.cloud.views import is_cellular

Json = dict[str, Any]


def token_body(call: Call, token: Token) -> Json:
    """The body of a grant. A token that never expires says so with 0 (particle-cli prints *never expires* for a falsy value only)."""
    left = 0 if token.expires_at is None else round(token.expires_at - call.cloud.core.now())
    body: Json = {"token_type": "bearer", "access_token": token.token, "expires_in": left}
    if token.refresh_token is not None:
        body["refresh_token"] = token.refresh_token
    return body


def client_pair(call: Call) -> tuple[str | None, str | None]:
    """The OAuth client that presents itself: by HTTP Basic, or in fields."""
    return call.basic() or (call.get("client_id"), call.get("client_secret"))


def _lifetime(call: Call) -> Json:
    return call.sent("expires_in", "expires_at")


def _by_password(call: Call) -> Token:
    return call.cloud.tokens.password_grant(*client_pair(call), call.get("username"), call.get("password"), **_lifetime(call))


def _by_otp(call: Call) -> Token:
    return call.cloud.tokens.otp_grant(*client_pair(call), call.get("mfa_token"), call.get("otp"), **_lifetime(call))


def _by_refresh(call: Call) -> Token:
    return call.cloud.tokens.refresh_grant(*client_pair(call), call.get("refresh_token"))


def _by_client(call: Call) -> Token:
    scope = call.get("scope") or ""
    customer = scope.removeprefix("customer=") if scope.startswith("customer=") else None
    return call.cloud.tokens.client_grant(*client_pair(call), customer=customer, **_lifetime(call))


_GRANTS: dict[str, Callable[[Call], Token]] = {
    "password": _by_password,
    "urn:custom:mfa-otp": _by_otp,
    "refresh_token": _by_refresh,
    "client_credentials": _by_client,
}


def grant(call: Call) -> Json:
    """Give a token."""
    kind = call.get("grant_type")
    if not kind:
        raise InvalidRequest("Invalid or missing grant_type parameter")
    if kind not in _GRANTS:
        raise UnsupportedGrant("Invalid or missing grant_type parameter")
    return token_body(call, _GRANTS[kind](call))


def _listed(token: Token) -> Json:
    return {"token": token.token, "expires_at": None if token.expires_at is None else iso(token.expires_at), "client": token.client_id}


def list_tokens(call: Call) -> list[Json]:
    """The tokens of whoever knows the password."""
    username, password = call.basic() or ("", "")
    if not username:
        raise UserUnknown(username)
    user = call.cloud.accounts.authenticate(username, password, call.get("otp"))
    if user.mfa and not call.get("otp"):
        raise MfaRequired(call.cloud.accounts.mfa_challenge(user))
    return [_listed(token) for token in call.cloud.tokens.list(user)]


def revoke_token(call: Call) -> Json:
    """End the token that is named: knowing it is enough."""
    call.cloud.tokens.revoke(call.path["token"])
    return {"ok": True}


def revoke_all_tokens(call: Call) -> Json:
    """End every token of the caller."""
    call.cloud.tokens.revoke_all(call.who)
    return {"ok": True}


def current_token(call: Call) -> Json:
    """What the caller's token is."""
    token = call.cloud.tokens.of(call.who.token)
    return {
        "expires_at": None if token.expires_at is None else iso(token.expires_at),
        "client": token.client_id,
        "client_id": token.client_id,
        "scopes": sorted(token.scopes),
        "orgs": [{"id": each.id, "slug": each.slug} for each in organizations(call)],
    }


def organizations(call: Call) -> Sequence[Organization]:
    """The organizations of a developer; none for other callers."""
    return call.cloud.products.organizations(call.who) if call.who.kind is Who.USER else ()


def revoke_current_token(call: Call) -> Json:
    """End the caller's own token."""
    call.cloud.tokens.revoke(call.who.token)
    return {"ok": True}


def get_user(call: Call) -> Json:
    """The caller's account."""
    user = call.cloud.accounts.of(call.who)
    devices = call.cloud.devices.list(call.who)
    cellular = sum(1 for device in devices if is_cellular(device.platform_id))
    return {
        "username": user.username,
        "subscription_ids": [],
        "account_info": _account_info(user),
        "mfa": {"enabled": user.mfa},
        "scim_provisioned": False,
        "no_password": False,
        "wifi_device_count": len(devices) - cellular,
        "cellular_device_count": cellular,
        "tos": 1,
        "memberships": [
            {"product_id": each.product_id, "organization_id": each.organization_id, "role": each.role.title}
            for each in call.cloud.registry.memberships(user.username)
        ],
    }


def _account_info(user: User) -> Json:
    return {
        "first_name": user.first_name,
        "last_name": user.last_name,
        "company_name": user.company_name,
        "business_account": user.business_account,
    }


def _info_of(call: Call) -> Json:
    """Account information as keyword arguments; what is not text (or true, false) where it should be is left out."""
    info = call.get("account_info") or {}
    texts = {name: info[name] for name in ("first_name", "last_name", "company_name") if isinstance(info.get(name), str)}
    business = info.get("business_account")
    return texts if business is None else {**texts, "business_account": business in (True, "true", "1", 1)}


def create_user(call: Call) -> Json:
    """Sign up."""
    call.cloud.accounts.create(call.text("username"), call.text("password"), **_info_of(call))
    return {"ok": True}


def update_user(call: Call) -> Json:
    """Change what is said of the account, its name or its password: all that is asked for, or nothing."""
    accounts, password = call.cloud.accounts, call.get("current_password") or ""
    with call.cloud.core.change():
        if call.has("account_info"):
            accounts.update(call.who, **_info_of(call))
        if call.has("username"):
            accounts.change_username(call.who, call.text("username"), password)
        if call.has("password"):
            accounts.change_password(call.who, password, call.text("password"))
            if call.flag("invalidate_tokens"):
                call.cloud.tokens.revoke_all(call.who)
    return {"ok": True, "message": "User updated"}


def delete_user(call: Call) -> Json:
    """End the account."""
    call.cloud.accounts.delete(call.who, call.text("password"))
    return {"ok": True, "message": "User's account has been deleted."}


def identify(call: Call) -> Json:
    """Who the caller is, for analytics."""
    user = call.cloud.accounts.of(call.who)
    return {"id": user.id, "email": user.username}


def ask_password_reset(call: Call) -> Json:
    """Mail a token with which a new password may be set; the answer does not tell whether there is such an account."""
    call.cloud.accounts.request_password_reset(call.text("username"))
    return {"ok": True, "message": "Password reset email sent."}


def reset_password(call: Call) -> Json:
    """Set a new password with the token from the mail."""
    call.cloud.accounts.reset_password(call.text("token"), call.text("password"))
    return {"ok": True}


def offer_mfa(call: Call) -> Json:
    """Begin to set up a second factor."""
    offer = call.cloud.accounts.mfa_begin(call.who)
    return {"mfa_token": offer.mfa_token, "qr_url": offer.qr_url, "secret": offer.secret}


def enable_mfa(call: Call) -> Json:
    """Turn the second factor on."""
    with call.cloud.core.change():
        user = call.cloud.accounts.mfa_enable(call.who, call.text("mfa_token"), call.text("otp"))
        if call.flag("invalidate_tokens"):
            call.cloud.tokens.revoke_all(call.who)
    return {"ok": True, "enrolled": True, "tokens": [token.token for token in call.cloud.tokens.list(user)]}


def disable_mfa(call: Call) -> Json:
    """Turn the second factor off."""
    call.cloud.accounts.mfa_disable(call.who, call.text("current_password"))
    return {"ok": True}
