"""The REST API: from a request to an answer, by the table.

`Api.answer` never raises and never waits. What needs a device gives a coroutine that awaits only replies of the Lab, so that whoever turns
the Lab's clock can run it: in process through `emulator.cloud.api.inline`, or served by `emulator.doors.http`.
"""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Mapping
from inspect import iscoroutine
from typing import TYPE_CHECKING, Any

from emulator.cloud.access import Kind as Who
from emulator.cloud.access import Principal
from emulator.cloud.api.bodies import EMPTY, BodyError, parse_body, parse_form
from emulator.cloud.api.call import Call
from emulator.cloud.api.errors import NO_SUCH_PATH, NOT_FOR_API_USERS, PERMISSION_DENIED, SERVER_ERROR, fault_of
from emulator.cloud.api.faults import Fault, Refused, Shape
from emulator.cloud.api.fields import FieldError, read_fields
from emulator.cloud.api.messages import NO_ANSWER, Answer, BodyLimits, EventStream, Request, Response, to_json
from emulator.cloud.api.route import Auth, Route
from emulator.cloud.api.router import Router
from emulator.cloud.api.routes import ROUTES
from emulator.cloud.errors import CloudError, Invalid, TooManyRequests
from emulator.cloud.rates import Bucket
from emulator.cloud.trouble import OWN_PATHS

if TYPE_CHECKING:
    from emulator.cloud import Cloud

logger = logging.getLogger(__name__)

_NOTHING: dict[str, Any] = {}
_ROUTER = Router(ROUTES)
_MFA_STATUS = 403
"""Of a grant that wants a second factor: neither a success nor a failure yet."""
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Api:
    """The REST API of one cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        settings = cloud.settings
        self.limits = BodyLimits(upload=settings.max_upload, text=settings.max_json, depth=settings.max_json_depth)
        """How much a request may bring; the transport looks at the size."""

    def answer(self, request: Request) -> Answer | Coroutine[Any, Any, Answer]:
        """The answer, or a coroutine of it when a device has to be asked."""
        trouble = self.cloud.trouble
        if not trouble.any or request.path.startswith(OWN_PATHS):
            return self._answer(request)
        if trouble.delay:
            return self._late(request)
        return self._troubled(request)

    def _troubled(self, request: Request) -> Answer | Coroutine[Any, Any, Answer]:
        """The same in a cloud that is in trouble."""
        trouble = self.cloud.trouble
        if trouble.dark:
            return NO_ANSWER
        if trouble.strikes():
            return Fault(trouble.status, "The cloud is in trouble, as whoever runs this lab wanted it", "server_error").answer(Shape.OAUTH)
        return self._answer(request)

    async def _late(self, request: Request) -> Answer:
        await self.cloud.trouble.pause()
        answer = self._troubled(request)
        return await answer if isinstance(answer, Coroutine) else answer

    def _answer(self, request: Request) -> Answer | Coroutine[Any, Any, Answer]:
        found = _ROUTER.find(request.method, request.path)
        if self.cloud.rates.on:
            return self._limited(request, found)
        if isinstance(found, frozenset):
            return _no_route(request, found)
        return self._routed(request, *found)

    def _routed(self, request: Request, route: Route, values: dict[str, str]) -> Answer | Coroutine[Any, Any, Answer]:
        try:
            result = route.handler(self._read(request, route, values))
        except Exception as error:  # noqa: BLE001  # the one place where a handler's failure becomes an answer
            return _refuse(request, route, error)
        if iscoroutine(result):
            return _later(request, route, result)
        return _respond(route, result)

    def _limited(self, request: Request, found: tuple[Route, dict[str, str]] | frozenset[str]) -> Answer | Coroutine[Any, Any, Answer]:
        """The same where who asks too often is refused."""
        rates, peer = self.cloud.rates, request.peer
        shape = Shape.OAUTH if isinstance(found, frozenset) else found[0].shape
        try:
            rates.count(Bucket.ALL, peer)
            if isinstance(found, frozenset):
                return _no_route(request, found)
            route, values = found
            if route.bucket is Bucket.GRANTS:
                rates.check_lock(peer)
            if route.bucket is not None and route.bucket is not Bucket.SERIALS:
                rates.count(route.bucket, peer)
            if route.bucket is Bucket.STREAMS:
                return self._stream(request, route, values)
        except TooManyRequests as error:
            return fault_of(error).answer(shape)
        answer = self._routed(request, route, values)
        if route.bucket is Bucket.GRANTS and isinstance(answer, Response) and answer.status != _MFA_STATUS:
            rates.logged_in(peer, well=answer.status < 400)
        return answer

    def _stream(self, request: Request, route: Route, values: dict[str, str]) -> Answer | Coroutine[Any, Any, Answer]:
        """A stream that counts among those its reader has open, until it ends."""
        rates, peer = self.cloud.rates, request.peer
        rates.open_stream(peer)
        answer = self._routed(request, route, values)
        if isinstance(answer, EventStream):
            answer.source.on_close = lambda: rates.close_stream(peer)
        else:
            rates.close_stream(peer)
        return answer

    def _read(self, request: Request, route: Route, values: dict[str, str]) -> Call:
        """Make the call out of the request: who asks first, then what."""
        query = parse_form(request.query) if request.query else _NOTHING
        who = self._caller(request, route, query, _NOTHING) if "authorization" in request.headers else None
        body = EMPTY
        if request.body and request.method in _WITH_BODY:
            body = parse_body(request.headers.get("content-type", ""), request.body, self.limits.depth)
        if who is None:
            who = self._caller(request, route, query, body.fields)
        args = read_fields(route.fields, query, body.fields, body.files) if route.fields else _NOTHING
        return Call(self.cloud, route, request, values, args, body, who)

    def _caller(self, request: Request, route: Route, query: Mapping[str, Any], fields: Mapping[str, Any]) -> Principal | None:
        """Who asks, when the route takes a token; and whether such a caller may ask this at all."""
        if route.auth is not Auth.TOKEN and route.auth is not Auth.OPTIONAL:
            return None
        token = _token(request, query, fields)
        if token is None and route.auth is Auth.OPTIONAL:
            return None
        who = self.cloud.tokens.principal(token)
        if who.kind not in route.callers:
            raise Refused(NOT_FOR_API_USERS if who.kind is Who.API_USER else PERMISSION_DENIED)
        if who.kind is not Who.USER and route.scope and not who.allows(route.scope):
            raise Refused(NOT_FOR_API_USERS)
        if route.bucket is Bucket.SERIALS:
            self.cloud.rates.count(Bucket.SERIALS, who.account)
        return who


def _token(request: Request, query: Mapping[str, Any], fields: Mapping[str, Any]) -> str | None:
    """The access token: in the header, in the query of a GET or HEAD, or in the fields of a body."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    token = query.get("access_token") if request.method in ("GET", "HEAD") else fields.get("access_token")
    return None if token is None else str(token)


def _respond(route: Route, result: Any) -> Answer:
    if isinstance(result, (Response, EventStream)):
        return result
    if result is None and route.status == 204:
        return Response(204)
    return Response(route.status, to_json({} if result is None else result))


def _refuse(request: Request, route: Route, error: Exception) -> Response:
    """The answer to what went wrong; what nobody foresaw is logged, and is a 500."""
    if isinstance(error, (FieldError, BodyError, Invalid)):
        return _malformed(error, route).answer(route.shape)
    if isinstance(error, CloudError):
        return fault_of(error, route.faults).answer(route.shape)
    if isinstance(error, Refused):
        return error.fault.answer(route.shape)
    logger.error("%s failed", request, exc_info=error)
    return SERVER_ERROR.answer(Shape.OAUTH)


def _malformed(error: FieldError | BodyError | Invalid, route: Route) -> Fault:
    text = f"{error.field} {error.reason}" if isinstance(error, Invalid) else str(error)
    return Fault(400, text, route.malformed)


async def _later(request: Request, route: Route, result: Coroutine[Any, Any, Any]) -> Answer:
    try:
        return _respond(route, await result)
    except Exception as error:  # noqa: BLE001  # as in `Api.answer`
        return _refuse(request, route, error)


_MAY_SEND = "Authorization, *"
"""The headers that a web page may send. The asterisk does not stand for the first one (Fetch standard, 4.9 "CORS-preflight fetch")."""


def _no_route(request: Request, methods: frozenset[str]) -> Response:
    if not methods:
        return NO_SUCH_PATH.answer(Shape.OAUTH)
    allowed = ", ".join(sorted(methods | {"OPTIONS"}))
    if request.method == "OPTIONS":
        headers = (("allow", allowed), ("access-control-allow-methods", allowed), ("access-control-allow-headers", _MAY_SEND))
        return Response(204, headers=headers)
    return Fault(405, f"{request.method} is not allowed here", headers=(("allow", allowed),)).answer(Shape.OAUTH)
