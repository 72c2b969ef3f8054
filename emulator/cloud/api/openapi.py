"""The OpenAPI document of the API, made from the table. Served at `/openapi.json`, which the real cloud does not have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from emulator.cloud.api.faults import Shape
from emulator.cloud.api.fields import Field, Kind, Where
from emulator.cloud.api.route import Auth, Route
from emulator.cloud.api.schemas import ANYTHING, INTEGER, TEXT, array, one_of, record

Json = dict[str, Any]
_PARAMETER = re.compile(r"\{(\w+)\}")

ERROR_SCHEMAS: dict[str, Json] = {
    "OauthError": record(error=TEXT, error_description=TEXT),
    "InfoError": record(error=TEXT, info=TEXT),
    "PlainError": record(ok={"const": False}, error=TEXT),
    "ErrorList": record(ok={"const": False}, errors=array(ANYTHING)),
    "CodedError": record(ok={"const": False}, code=INTEGER, errors=array(one_of(TEXT, record(error=TEXT)))),
    "MessageList": record(errors=array(record(message=TEXT))),
}
_SHAPE_NAMES = {
    Shape.OAUTH: "OauthError",
    Shape.INFO: "InfoError",
    Shape.ERROR: "PlainError",
    Shape.ERRORS: "ErrorList",
    Shape.CODED: "CodedError",
    Shape.MESSAGES: "MessageList",
}
_SECURITY: dict[Auth, list[Json]] = {
    Auth.NONE: [],
    Auth.TOKEN: [{"token": []}],
    Auth.OPTIONAL: [{}, {"token": []}],
    Auth.BASIC: [{"basic": []}],
    Auth.CLIENT: [{}, {"basic": []}],
}


def openapi(rooms: Mapping[str, Iterable[Route]], *, server: str = "") -> Json:
    """The document for the rooms of routes, whose names become its tags; aliases are left out."""
    paths: dict[str, Json] = {}
    spellings: dict[str, str] = {}
    for name, routes in rooms.items():
        for route in routes:
            if not route.alias:
                path = spellings.setdefault(_PARAMETER.sub("{}", route.path), route.path)
                paths.setdefault(path, {})[route.method.lower()] = {"tags": [name], **_operation(route, path)}
    document: Json = {
        "openapi": "3.1.0",
        "info": {"title": "particle-hil cloud", "version": "1", "description": "The emulated cloud's REST API; see docs/rest-api.md."},
        "paths": dict(sorted(paths.items())),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}, "basic": {"type": "http", "scheme": "basic"}},
            "schemas": ERROR_SCHEMAS,
        },
    }
    if server:
        document["servers"] = [{"url": server}]
    return document


def _operation(route: Route, path: str) -> Json:
    """One method. `path` may name the parameters differently: OpenAPI wants one spelling for all methods of a path."""
    operation: Json = {
        "operationId": route.name,
        "summary": route.about,
        "parameters": [
            *(
                {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
                for name in _PARAMETER.findall(path)
            ),
            *(_query_parameter(field) for field in route.fields if field.where is not Where.BODY),
        ],
        "security": _SECURITY[route.auth],
        "responses": _responses(route),
    }
    body = [field for field in route.fields if field.where is not Where.QUERY]
    if body and route.method != "GET":
        operation["requestBody"] = _request_body(body)
    return operation


def _query_parameter(field: Field) -> Json:
    return {"name": field.name, "in": "query", "required": field.required and field.where is Where.QUERY, "schema": field.schema()}


def _request_body(fields: list[Field]) -> Json:
    """The body in its encodings. A file can only come as multipart; everything else in any."""
    schema = {
        "type": "object",
        "properties": {field.name: field.schema() for field in fields},
        "required": [field.name for field in fields if field.required and field.where is Where.BODY],
    }
    files = [field for field in fields if field.kind is Kind.FILE]
    plain = {**schema, "properties": {field.name: field.schema() for field in fields if field.kind is not Kind.FILE}}
    content: Json = {}
    if not any(field.required for field in files):
        content["application/json"] = {"schema": plain}
        content["application/x-www-form-urlencoded"] = {"schema": plain}
    if files:
        content["multipart/form-data"] = {"schema": schema}
    return {"required": bool(schema["required"]), "content": content}


def _responses(route: Route) -> Json:
    responses: Json = {}
    for status, schema in {route.status: route.answer, **route.others}.items():
        responses[str(status)] = {"description": HTTPStatus(status).phrase}
        if schema is not None:
            responses[str(status)]["content"] = {route.content_type: {"schema": schema}}
    errors = {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in _error_names(route)]}
    responses["4XX"] = {"description": "Refused", "content": {"application/json": {"schema": errors}}}
    if any(fault.status >= 500 for fault in route.faults.values()):
        responses["5XX"] = {"description": "Failed", "content": {"application/json": {"schema": errors}}}
    return responses


def _error_names(route: Route) -> list[str]:
    """The route's own body, and those that some errors bring with them."""
    shapes = {route.shape, Shape.OAUTH}
    if "{" in route.path or route.auth is Auth.TOKEN:
        shapes.add(Shape.INFO)
    shapes.update(fault.shape for fault in route.faults.values() if fault.shape is not None)
    return [_SHAPE_NAMES[shape] for shape in Shape if shape in shapes]
