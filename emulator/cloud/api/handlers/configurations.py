"""Configurations of products and devices, and their schemas: the same paths, told apart by the content type `application/schema+json`."""

from __future__ import annotations

from itertools import islice
from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.fields import Field, Kind
from emulator.cloud.api.handlers.documents import place_of
from emulator.cloud.api.messages import Response
from emulator.cloud.documents import DocumentKind, Place

Json = dict[str, Any]
_SCHEMA = "schema"
_DEFAULT_SCHEMA: Json = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}
"""Where neither device nor product has a schema. The real cloud has that of Tracker Edge."""
_MAX_SHOWN = 100
"""Violations that are told."""


def get_configuration(call: Call) -> Json | Response:
    """The configuration of a product or of one of its devices; or, if that is asked for, its schema."""
    if "schema+json" in call.request.headers.get("accept", ""):
        return _schema(call)
    configurations, product = call.cloud.configurations, call.path["product"]
    if "device" not in call.path:
        values = configurations.of_product(call.who, product)
        return Response.of({}, 404) if values is None else {"configuration": values}
    found = configurations.of_device(call.who, product, call.path["device"])
    known = {name: values for name, values in (("current", found.current), ("pending", found.pending)) if values is not None}
    return {"configuration": known} if known else Response.of({}, 404)


def set_product_configuration(call: Call) -> Json | Response:
    """Give a product a configuration, or a schema."""
    if _is_schema(call):
        return _set_schema(call)
    values = _values(call)
    devices = values.pop("deviceIds", None)
    chosen = None if devices is None else Field("deviceIds", Kind.TEXTS).read(devices)
    call.cloud.configurations.set_product(call.who, call.path["product"], values, chosen)
    return Response.of({}, 202)


async def set_device_configuration(call: Call) -> Json | Response:
    """Give a device a configuration of its own, or a schema."""
    if _is_schema(call):
        return _set_schema(call)
    taken = await call.cloud.configurations.set_device(call.who, call.path["product"], call.path["device"], _values(call))
    return Response.of({}, 200 if taken else 202)


def delete_schema(call: Call) -> None:
    """Go back to the schema of the product, or to the default one."""
    place = place_of(call, "configuration:update")
    if call.cloud.documents.find(DocumentKind.CONFIGURATION, place, _SCHEMA) is not None:
        call.cloud.documents.remove(DocumentKind.CONFIGURATION, place, _SCHEMA)


def _is_schema(call: Call) -> bool:
    return "schema+json" in call.request.headers.get("content-type", "")


def _values(call: Call) -> Json:
    return {name: value for name, value in call.body.fields.items() if name != "access_token"}


def _schema(call: Call) -> Json:
    places = [place_of(call, "configuration:get")]
    if "device" in call.path:
        product = call.cloud.access.product(call.who, call.path["product"], "configuration:get")
        places.append(Place.of_product(product.id))
    for place in places:
        document = call.cloud.documents.find(DocumentKind.CONFIGURATION, place, _SCHEMA)
        if document is not None:
            return document.values
    return _DEFAULT_SCHEMA


def _set_schema(call: Call) -> Response:
    place, schema = place_of(call, "configuration:update"), _values(call)
    found = _violations(schema)
    if found:
        description = f"data{found[0]['dataPath']} {found[0]['message']}"
        return Response.of({"message": "Invalid Schema", "description": description, "violations": found}, 422)
    call.cloud.documents.put(call.who.username, DocumentKind.CONFIGURATION, place, _SCHEMA, schema)
    return Response.of(schema)


def _violations(schema: Json) -> list[Json]:
    """What is wrong with a JSON schema of draft 7, as the real cloud shows it; nothing: it is one."""
    from jsonschema import Draft7Validator, exceptions  # takes a tenth of a second, which nobody else should wait

    try:
        errors = Draft7Validator(Draft7Validator.META_SCHEMA).iter_errors(schema)
        found = [exceptions.best_match([error]) or error for error in islice(errors, _MAX_SHOWN)]
    except RecursionError:
        return [_shown("depth", "", "#", "is nested too deeply")]
    return [
        _shown(
            str(error.validator),
            "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path),
            "/".join(("#", *map(str, error.absolute_schema_path))),
            error.message,
        )
        for error in found
    ]


def _shown(keyword: str, place: str, rule: str, message: str) -> Json:
    return {"keyword": keyword, "dataPath": place, "schemaPath": rule, "params": {}, "message": message}
