"""Products, organizations, their teams and OAuth clients."""

from __future__ import annotations

from emulator.cloud.access import Kind as Who
from emulator.cloud.api import schemas as s
from emulator.cloud.api.faults import Shape
from emulator.cloud.api.fields import Field, Kind
from emulator.cloud.api.handlers import clients, products
from emulator.cloud.api.route import TEAM, USERS, USERS_AND_PROGRAMS, Route

PRODUCT = s.record(
    id=s.INTEGER,
    platform_id=s.INTEGER,
    name=s.TEXT,
    slug=s.TEXT,
    description=s.TEXT,
    subscription_id=s.nullable(s.INTEGER),
    user=s.TEXT,
    organization_id=s.nullable(s.TEXT),
    groups=s.array(s.TEXT),
    settings=s.record(location=s.record(opt_in=s.FLAG), known_application=s.record(opt_in=s.FLAG), quarantine=s.FLAG),
    requires_activation_codes=s.FLAG,
    device_protection=s.ANYTHING,
)
_PRODUCTS = s.record(products=s.array(PRODUCT))
_PRODUCT_FIELDS = (
    Field("product", Kind.OBJECT, about="name, platform_id, description, settings"),
    Field("name", longest=200),
    Field("platform_id", Kind.INTEGER, least=0, most=65_535),
    Field("description", longest=2000),
    Field("settings", Kind.OBJECT),
    Field("requires_activation_codes", Kind.FLAG),
)
_CREATED = s.record(ok=s.TRUE, product=PRODUCT)
_CLIENT = s.record(
    id=s.TEXT,
    name=s.TEXT,
    type={"enum": ["installed", "web"]},
    redirect_uri=s.nullable(s.TEXT),
    scope=s.TEXT,
    secret=s.TEXT,
    optional="secret",
)
_API_USER = s.record(
    _id=s.TEXT,
    username=s.TEXT,
    is_programmatic=s.TRUE,
    friendly_name=s.TEXT,
    scopes=s.array(s.TEXT),
    tokens=s.array(s.record(token=s.HEX40)),
)
_API_USER_MADE = s.record(ok=s.TRUE, created=_API_USER, updated=_API_USER)
_INVITED = s.record(ok=s.TRUE, invited=s.record(username=s.TEXT))
_TEAM = s.record(
    ok=s.TRUE,
    team=s.array(
        s.record(
            _id=s.TEXT,
            username=s.TEXT,
            role=s.nullable(s.record(id=s.TEXT, name=s.TEXT)),
            no_mfa=s.FLAG,
            is_programmatic=s.FLAG,
            friendly_name=s.TEXT,
            scopes=s.array(s.TEXT),
            product_id=s.nullable(s.INTEGER),
        )
    ),
)


def _clients(base: str, callers: frozenset[Who]) -> tuple[Route, ...]:
    one = f"{base}/{{client}}"
    return (
        Route(
            "GET",
            base,
            clients.list_clients,
            "List OAuth clients",
            callers=callers,
            scope="clients:list",
            answer=s.record(ok=s.TRUE, clients=s.array(_CLIENT)),
        ),
        Route(
            "POST",
            base,
            clients.create_client,
            "Create an OAuth client",
            fields=(
                Field("name", required=True, longest=200),
                Field("type", about="installed or web"),
                Field("redirect_uri", longest=2000),
                Field("scope", about="*:* or customers:create"),
            ),
            callers=callers,
            scope="clients:create",
            answer=s.record(ok=s.TRUE, client=_CLIENT),
        ),
        Route(
            "PUT",
            one,
            clients.update_client,
            "Change an OAuth client",
            fields=(Field("name", longest=200), Field("scope")),
            callers=callers,
            scope="clients:update",
            answer=s.record(ok=s.TRUE, client=_CLIENT),
        ),
        Route("DELETE", one, clients.delete_client, "Delete an OAuth client", callers=callers, scope="clients:remove", status=204),
    )


def _team(base: str, callers: frozenset[Who]) -> tuple[Route, ...]:
    one = f"{base}/{{username}}"
    scopes = Field("scopes", Kind.TEXTS, about="of an API user")
    return (
        Route("GET", base, products.list_team, "List the team", callers=callers, scope="teams.users:list", answer=_TEAM),
        Route(
            "POST",
            base,
            products.add_to_team,
            "Invite somebody, or create an API user",
            fields=(Field("username", longest=254), Field("role", longest=40), Field("friendly_name", longest=200), scopes),
            callers=callers,
            scope="teams.users:invite",
            answer=s.one_of(_INVITED, _API_USER_MADE),
        ),
        *(
            Route(
                method,
                one,
                products.update_team_member,
                "Change the scopes of an API user, or somebody's role",
                fields=(scopes, Field("friendly_name", longest=200), Field("role", longest=40)),
                callers=callers,
                scope="teams.users:update",
                answer=s.one_of(_INVITED, _API_USER_MADE),
                alias=method == "POST",
            )
            for method in ("PUT", "POST")
        ),
        *(
            Route(
                method,
                f"{one}/token",
                products.rotate_token,
                "Give an API user another token",
                callers=callers,
                scope="teams.users:update",
                answer=_API_USER_MADE,
                alias=method == "POST",
            )
            for method in ("PUT", "POST")
        ),
        Route(
            "DELETE",
            one,
            products.remove_from_team,
            "Remove somebody from the team",
            callers=callers,
            scope="teams.users:remove",
            answer=s.OK,
        ),
    )


def _lists(path: str, about: str, callers: frozenset[Who], *, alias: bool = False) -> Route:
    return Route("GET", path, products.list_products, about, callers=callers, scope="products:list", answer=_PRODUCTS, alias=alias)


def _creates(path: str, about: str) -> Route:
    return Route("POST", path, products.create_product, about, fields=_PRODUCT_FIELDS, callers=USERS, shape=Shape.ERROR, answer=_CREATED)


ROUTES: tuple[Route, ...] = (
    _lists("/v1/user/products", "List products", USERS),
    _lists("/v1/products", "List products", TEAM),
    _lists("/v1/orgs/{org}/products", "List the products of an organization", USERS_AND_PROGRAMS),
    _creates("/v1/user/products", "Create a product"),
    _creates("/v1/orgs/{org}/products", "Create a product of an organization"),
    Route(
        "GET",
        "/v1/products/{product}",
        products.get_product,
        "Get a product",
        callers=TEAM,
        scope="products:get",
        answer=s.record(product=PRODUCT),
    ),
    Route(
        "PUT",
        "/v1/products/{product}",
        products.update_product,
        "Change a product and its settings",
        fields=_PRODUCT_FIELDS,
        callers=TEAM,
        scope="products:update",
        answer=_CREATED,
    ),
    Route(
        "GET",
        "/v1/orgs",
        products.list_organizations,
        "List organizations",
        answer=s.record(organizations=s.array(s.record(id=s.TEXT, slug=s.TEXT, name=s.TEXT))),
    ),
    Route(
        "GET",
        "/v1/orgs/{org}",
        products.get_organization,
        "Get an organization",
        callers=USERS_AND_PROGRAMS,
        scope="products:list",
        answer=s.record(organization=s.record(id=s.TEXT, slug=s.TEXT, name=s.TEXT)),
    ),
    *_team("/v1/products/{product}/team", TEAM),
    *_team("/v1/orgs/{org}/team", USERS_AND_PROGRAMS),
    *_clients("/v1/clients", USERS),
    *_clients("/v1/products/{product}/clients", TEAM),
)
