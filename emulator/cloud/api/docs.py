"""docs/rest-api.md, made from the table: `python -m emulator.cloud.api.docs > docs/rest-api.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from emulator.cloud.access import Kind as Who
from emulator.cloud.api.errors import FIXED_FAULTS
from emulator.cloud.api.faults import Shape
from emulator.cloud.api.fields import Field, Kind
from emulator.cloud.api.route import Auth, Route
from emulator.cloud.api.routes import ROOMS
from emulator.cloud.settings import RateLimits

_PREFACE = """# The REST API of the emulated cloud

This page is made from the route table (`python -m emulator.cloud.api.docs`); a test keeps it up to date. The same table drives routing, the
reading of fields, the OpenAPI document at `/openapi.json`, and the test of who may do what.

## What holds everywhere

- Fields may come as JSON, as a form (`a[b]=c`, `a[]=c`) or as multipart; numbers and booleans may be text. What is not declared is ignored.
- The access token stands in `Authorization: Bearer`, in `?access_token=` of a GET, or in the field `access_token` of a body.
- Device ids are found in any case; a developer may say the name of an own device instead. Products go by number or slug.
- Every answer but 204 and 205 has a JSON body, errors too. A body of more than 16 MiB is refused with 413.
- Event streams send an empty line after nine seconds of silence. A reader that leaves more than 1 MiB unread is dropped.
- Times are ISO 8601 in UTC. `product_id` of a device in no product is the number of its platform.

## Choices where public sources are silent

- Integrations are webhooks; other types are refused (400). `activation_code` of a claim code is read and has no effect.
- A claim beyond the free plan's limit: 403. An import beyond it: 403, and nothing is imported.
- What exists already (a product's name, a group, a customer, a firmware version, an active SIM): 409.
- A wrong password where the caller has a token: 403, because clients take 401 for an expired token.
- Cellular traffic is not metered: data usage is 0. Nothing is compiled: what a lab file names as a project has a binary that
  stands for it, all else is 406. No JavaScript is run (logic functions are only kept).
- No library is there from the start, and none is official. Of Device OS there are the releases of which the cloud's library
  (`cloud.library.add(image)`) holds every module; others are not listed, and 404. Stand-ins are among them only when that was asked for.
- Source code instead of a binary is answered as a build that failed. A bundle (.zip) counts as the application in it;
  its assets follow, to devices that lack them.
- Products, too, have ledgers and logic functions of their own. Of a ledger instance twenty older versions are kept. What only Tachyon has
  answers 404.
"""

_WHO = {Who.USER: "developers", Who.CUSTOMER: "customers", Who.API_USER: "API users", Who.PRODUCT: "products' clients"}


def rest_api() -> str:
    """The whole page."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _PREFACE
    yield from _limits()
    yield "## Errors"
    yield ""
    yield "An error has one of six bodies. Each route has its own; the errors below with a body of their own have it on every route."
    yield ""
    for shape in Shape:
        yield f"- {shape.name.title()}: `{shape.value}`"
    yield ""
    yield "| Case | Status | Text | Body |"
    yield "|---|---|---|---|"
    for kind, fault in FIXED_FAULTS.items():
        yield f"| {kind.__name__} | {fault.status} | {fault.text} | {'own' if fault.shape is None else fault.shape.name.title()} |"
    yield ""
    for room, routes in ROOMS.items():
        yield f"## {room}"
        yield ""
        yield "| Route | | Who | Scope | Fields | Answer | Errors |"
        yield "|---|---|---|---|---|---|---|"
        for route in routes:
            if not route.alias:
                yield _row(route)
        yield ""
        old = [str(route) for route in routes if route.alias]
        if old:
            yield f"Also reached as: {', '.join(f'`{each}`' for each in old)}."
            yield ""


def _limits() -> Iterator[str]:
    limits = RateLimits()
    yield "## Rate limits"
    yield ""
    yield (
        "Off, unless `CloudSettings(rate_limits=RateLimits(...))` or `particle-hil serve --rate-limits` switches them on. Who asks too "
        "often gets 429, in the body of the route, and `Retry-After` in seconds. A window is fixed: it begins with the first request of an "
        "address (of an account, for serial numbers), and what is refused does not lengthen it. A refused login counts as failed, unless "
        "it is refused for want of a second factor; one that succeeds begins the count again."
    )
    yield ""
    yield "| What | How often |"
    yield "|---|---|"
    minutes = f"in {limits.window / 60:.0f} minutes"
    yield f"| everything together | {limits.requests} {minutes} |"
    lock = f"{limits.failed_logins} failures in a row: locked for {limits.lock / 60:.0f} minutes"
    yield f"| `POST /oauth/token` | {limits.logins} {minutes}; {lock} |"
    yield f"| access tokens | {limits.tokens} {minutes} |"
    yield f"| accounts | {limits.accounts} {minutes} |"
    yield f"| password resets | {limits.password_resets} {minutes} |"
    yield f"| event streams | {limits.streams} opened {minutes}, {limits.open_streams} open at once |"
    yield f"| `GET /v1/serial_numbers/{{serial}}` | {limits.serial_numbers} in {limits.serial_window / 60:.0f} minutes and account |"
    yield ""


def _row(route: Route) -> str:
    fields = "<br>".join(_field(field) for field in route.fields) or ""
    answer = ", ".join(str(status) for status in (route.status, *route.others))
    scope = f"`{route.scope}`" if route.scope else ""
    return f"| `{route}` | {route.about} | {_callers(route)} | {scope} | {fields} | {answer} | {route.shape.name.title()} |"


def _callers(route: Route) -> str:
    if route.auth in (Auth.NONE, Auth.BASIC, Auth.CLIENT):
        return {Auth.NONE: "anybody", Auth.BASIC: "HTTP Basic", Auth.CLIENT: "OAuth clients"}[route.auth]
    names = "all" if len(route.callers) == len(Who) else ", ".join(name for kind, name in _WHO.items() if kind in route.callers)
    return f"anybody, or {names}" if route.auth is Auth.OPTIONAL else names


def _field(field: Field) -> str:
    names = ", ".join(f"`{name}`" for name in (field.name, *field.aliases))
    kind = "" if field.kind is Kind.TEXT else f" {field.kind.name.lower()}"
    return f"{names}{kind}{' (required)' if field.required else ''}"


if __name__ == "__main__":
    sys.stdout.write(rest_api())
