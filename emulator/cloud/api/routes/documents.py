"""Environment variables, secrets, configurations, ledgers and logic functions."""

from __future__ import annotations

from typing import Any

from emulator.cloud.access import Kind as Who
from emulator.cloud.api import schemas as s
from emulator.cloud.api.faults import Shape
from emulator.cloud.api.fields import Field, Kind, Where
from emulator.cloud.api.handlers import configurations, ledgers
from emulator.cloud.api.handlers import documents as do
from emulator.cloud.api.route import TEAM, USERS, USERS_AND_PROGRAMS, Handler, Route
from emulator.cloud.api.routes.fleet import PAGE
from emulator.cloud.ledgers import DIRECTIONS, SCOPES

Callers = frozenset[Who]

_OWN = s.texts_to(s.record(value=s.TEXT))
_INHERITED = s.texts_to(s.fields_of({"from": {"enum": ["Owner", "Product"]}, "value": s.TEXT}))
_LATEST = s.record(
    own=_OWN,
    inherited=_INHERITED,
    created_at=s.nullable(s.TIME),
    updated_at=s.nullable(s.TIME),
    created_by=s.nullable(s.TEXT),
    updated_by=s.nullable(s.TEXT),
)
_SNAPSHOT = s.record(own=_OWN, inherited=_INHERITED, rollout_at=s.nullable(s.TIME), rollout_by=s.nullable(s.TEXT))
_ENVIRONMENT = s.record(last_snapshot=s.nullable(_SNAPSHOT), latest=_LATEST)
_RENDERED = s.record(
    env=s.texts_to(s.TEXT), last_updated_at=s.nullable(s.TIME), rollout_at=s.nullable(s.TIME), rollout_by=s.nullable(s.TEXT)
)
_REVIEW = s.record(from_snapshot=s.record(changes=s.array(s.EMPTY), unchanged=s.texts_to(s.TEXT)))


def _environment(base: str, callers: Callers) -> tuple[Route, ...]:
    def route(method: str, path: str, handler: Handler, about: str, answer: s.Schema, *fields: Field) -> Route:
        scope = "env:get" if method == "GET" else "env:update"
        return Route(method, path, handler, about, fields=fields, callers=callers, scope=scope, answer=answer)

    when = Field("when", choices=("Immediate", "Connect"))
    return (
        route("GET", base, do.list_environment, "List environment variables", _ENVIRONMENT),
        route(
            "PATCH", base, do.change_environment, "Set and unset environment variables", _ENVIRONMENT, Field("ops", Kind.ANY, required=True)
        ),
        route("GET", f"{base}/render", do.render_environment, "Environment variables as a device gets them", _RENDERED),
        route("GET", f"{base}/rollout", do.review_rollout, "What a roll-out of environment variables would change", _REVIEW),
        route("POST", f"{base}/rollout", do.start_rollout, "Roll environment variables out", s.record(success=s.TRUE), when),
        route("PUT", f"{base}/{{key}}", do.set_variable, "Set an environment variable", _ENVIRONMENT, Field("value", required=True)),
        route("DELETE", f"{base}/{{key}}", do.unset_variable, "Unset an environment variable", _ENVIRONMENT),
    )


_SECRET = s.record(
    name=s.TEXT,
    created_at=s.TIME,
    updated_at=s.TIME,
    last_accessed_at=s.nullable(s.TIME),
    integrations=s.array(s.ANYTHING),
    logic_functions=s.array(s.ANYTHING),
)


def _secrets(base: str, callers: Callers) -> tuple[Route, ...]:
    one, answer = f"{base}/{{name}}", s.record(secret=_SECRET)
    value = Field("secret", Kind.OBJECT, required=True, about="value")
    return (
        Route(
            "GET", base, do.list_secrets, "List secrets", callers=callers, scope="secrets:list", answer=s.record(secrets=s.array(_SECRET))
        ),
        Route("GET", one, do.get_secret, "Get a secret, without its value", callers=callers, scope="secrets:get", answer=answer),
        Route("PUT", one, do.set_secret, "Set a secret", fields=(value,), callers=callers, scope="secrets:update", answer=answer),
        Route("DELETE", one, do.delete_secret, "Delete a secret", callers=callers, scope="secrets:remove", answer=s.OK),
    )


_VIOLATIONS = s.record(message=s.TEXT, description=s.TEXT, violations=s.array(s.EMPTY))


def _configuration(path: str, what: str, setter: Handler, status: int) -> tuple[Route, ...]:
    about = "a schema, if the content type is application/schema+json"

    def route(method: str, handler: Handler, about: str, scope: str, **more: Any) -> Route:
        return Route(method, path, handler, about, callers=TEAM, scope=f"configuration:{scope}", shape=Shape.OAUTH, **more)

    return (
        route(
            "GET",
            configurations.get_configuration,
            f"Get the configuration of {what}; {about}",
            "get",
            answer=s.one_of(s.record(configuration=s.EMPTY), s.EMPTY),
            others={404: s.EMPTY},
        ),
        route(
            "PUT",
            setter,
            f"Give {what} a configuration; {about}",
            "update",
            status=status,
            answer=s.EMPTY,
            others={200: s.EMPTY, 202: s.EMPTY, 422: _VIOLATIONS},
        ),
        route("DELETE", configurations.delete_schema, f"Take the schema of {what} away", "update", status=204),
    )


_LEDGER = s.record(
    scope={"enum": list(SCOPES)},
    name=s.TEXT,
    description=s.TEXT,
    direction={"enum": list(DIRECTIONS)},
    created_at=s.TIME,
    updated_at=s.TIME,
    archived_at=s.nullable(s.TIME),
)
_INSTANCE = s.record(
    name=s.TEXT, scope=s.record(type=s.TEXT, value=s.TEXT), size_bytes=s.INTEGER, data=s.EMPTY, created_at=s.TIME, updated_at=s.TIME
)
_VERSION = s.fields_of({**_INSTANCE["properties"], "replaced_at": s.TIME}, "replaced_at")
_FUNCTION = s.record(
    id=s.TEXT,
    owner_id=s.TEXT,
    version=s.INTEGER,
    enabled=s.FLAG,
    name=s.TEXT,
    description=s.TEXT,
    template_slug=s.nullable(s.TEXT),
    source=s.record(type=s.TEXT, code=s.TEXT),
    logic_triggers=s.array(s.EMPTY),
    created_at=s.TIME,
    updated_at=s.TIME,
    created_by=s.TEXT,
    updated_by=s.TEXT,
)


def _ledgers(base: str, callers: Callers) -> tuple[Route, ...]:
    one = f"{base}/{{ledger}}"
    instances = f"{one}/instances"
    instance = f"{instances}/{{value}}"
    definition = (
        Field("ledger", Kind.OBJECT, about="name, scope, direction, description; or these flat"),
        Field("definition", Kind.OBJECT, about="the same"),
    )

    def route(
        method: str, path: str, handler: Handler, about: str, scope: str, answer: s.Schema | None, *fields: Field, status: int = 200
    ) -> Route:
        return Route(method, path, handler, about, fields=fields, callers=callers, scope=f"ledger.{scope}", status=status, answer=answer)

    return (
        route(
            "GET",
            base,
            ledgers.list_ledgers,
            "List ledgers",
            "definitions:list",
            s.record(ledgers=s.array(_LEDGER), meta=s.META),
            Field("scope", where=Where.QUERY, choices=SCOPES),
            Field("archived", Kind.FLAG, where=Where.QUERY),
            *PAGE,
        ),
        route(
            "POST", base, ledgers.create_ledger, "Create a ledger", "definitions:create", s.record(ledger=_LEDGER), *definition, status=201
        ),
        route("GET", one, ledgers.get_ledger, "Get a ledger", "definitions:get", s.record(ledger=_LEDGER)),
        route("PUT", one, ledgers.update_ledger, "Change a ledger", "definitions:update", s.record(ledger=_LEDGER), *definition),
        route("DELETE", one, ledgers.archive_ledger, "Archive a ledger", "definitions:archive", None, status=204),
        route(
            "GET",
            instances,
            ledgers.list_instances,
            "List the instances of a ledger",
            "instances:list",
            s.record(instances=s.array(_INSTANCE), meta=s.META),
            *PAGE,
        ),
        route("GET", instance, ledgers.get_instance, "Get an instance of a ledger", "instances:get", s.record(instance=_INSTANCE)),
        route(
            "PUT",
            instance,
            ledgers.set_instance,
            "Set an instance of a ledger",
            "instances:set",
            s.record(instance=_INSTANCE),
            Field("instance", Kind.OBJECT, about="data; or data flat"),
            Field("data", Kind.OBJECT),
            Field("set_mode", where=Where.QUERY, choices=("Replace", "Merge")),
        ),
        route("DELETE", instance, ledgers.delete_instance, "Delete an instance of a ledger", "instances:remove", None, status=204),
        route(
            "GET",
            f"{instance}/versions",
            ledgers.list_versions,
            "List the versions of an instance, the newest first",
            "instances.versions:list",
            s.record(versions=s.array(_VERSION), meta=s.record(has_more=s.FLAG)),
            Field("replaced_before", Kind.TIME, where=Where.QUERY),
            Field("replaced_after", Kind.TIME, where=Where.QUERY),
        ),
        route(
            "GET",
            f"{instance}/versions/{{version}}",
            ledgers.get_version,
            "Get a version of an instance, by its time",
            "instances.versions:get",
            s.record(version=_VERSION, instance=_VERSION),
        ),
    )


def _logic(base: str, callers: Callers) -> tuple[Route, ...]:
    functions = f"{base}/functions"
    one, answer = f"{functions}/{{logic}}", s.record(logic_function=_FUNCTION)
    body = Field("logic_function", Kind.OBJECT, required=True, about="name, description, source.code, enabled, logic_triggers")

    def route(
        method: str, path: str, handler: Handler, about: str, scope: str, answer: s.Schema | None, *fields: Field, status: int = 200
    ) -> Route:
        return Route(method, path, handler, about, fields=fields, callers=callers, scope=f"logic.{scope}", status=status, answer=answer)

    flag = Field("today_stats", Kind.FLAG, where=Where.QUERY, aliases=("todayStats",))
    ran = s.record(result=s.record(status=s.TEXT, logs=s.array(s.EMPTY)))
    runs = s.record(logic_runs=s.array(s.EMPTY))
    stats = s.record(logic_function_stats=s.array(s.EMPTY))
    listed = s.record(logic_functions=s.array(_FUNCTION))
    return (
        route("GET", functions, ledgers.list_functions, "List logic functions", "functions:list", listed, flag),
        route("POST", functions, ledgers.create_function, "Create a logic function", "functions:create", answer, body, status=201),
        route("GET", one, ledgers.get_function, "Get a logic function", "functions:get", answer),
        route("PUT", one, ledgers.update_function, "Replace a logic function", "functions:update", answer, body),
        route("DELETE", one, ledgers.delete_function, "Delete a logic function", "functions:remove", None, status=204),
        route("GET", f"{one}/stats", ledgers.list_stats, "How often a logic function ran", "stats:list", stats),
        route("GET", f"{one}/runs", ledgers.list_runs, "List the runs of a logic function", "runs:list", runs),
        route("GET", f"{one}/runs/{{run}}", ledgers.no_run, "Get a run of a logic function", "runs:get", s.EMPTY),
        route("GET", f"{one}/runs/{{run}}/logs", ledgers.no_run, "Get the logs of a run", "runs:get", s.EMPTY),
        route("POST", f"{base}/execute", ledgers.execute, "Execute logic once", "functions:execute", ran),
    )


ROUTES: tuple[Route, ...] = (
    *_environment("/v1/env", USERS),
    *_environment("/v1/products/{product}/env", TEAM),
    *_environment("/v1/orgs/{org}/env", USERS_AND_PROGRAMS),
    *_environment("/v1/env/{device}", TEAM),
    *_secrets("/v1/secrets", USERS),
    *_secrets("/v1/orgs/{org}/secrets", USERS_AND_PROGRAMS),
    *_configuration("/v1/products/{product}/config", "a product", configurations.set_product_configuration, 202),
    *_configuration("/v1/products/{product}/config/{device}", "a device", configurations.set_device_configuration, 200),
    *_ledgers("/v1/ledgers", USERS),
    *_ledgers("/v1/products/{product}/ledgers", TEAM),
    *_ledgers("/v1/orgs/{org}/ledgers", USERS_AND_PROGRAMS),
    *_logic("/v1/logic", USERS),
    *_logic("/v1/products/{product}/logic", TEAM),
    *_logic("/v1/orgs/{org}/logic", USERS_AND_PROGRAMS),
)
