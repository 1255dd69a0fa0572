"""Owns the OpenAPI 3.1 document, generated from the table of routes and its structs."""

import re
from typing import Any

from msgspec import Struct

from shared import api
from shared.contract.schemas import Schema, components
from shared.errors import Forbidden, LinkupError, RateLimited, Unauthorized
from shared.route import PATH_TYPES, SCOPES, Answer, Parameter, Route
from shared.routes import ROUTES
from shared.settings import variable

REF = "#/components/schemas/{name}"
IN_BRACES = re.compile(r"\{(\w+)\}")
PROBLEM = "application/problem+json"


SCHEMES: Schema = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A JSON Web Token signed by your app.",
    },
    "admin_key": {
        "type": "http",
        "scheme": "bearer",
        "description": "The operator's key, LINKUP_ADMIN_KEY.",
    },
    "host_key": {
        "type": "http",
        "scheme": "bearer",
        "description": "The key of your app's server, LINKUP_HOST_KEY.",
    },
}


def document(version: str) -> Schema:
    """Raises KeyError for a name in a path that route.PATH_TYPES does not know."""
    known = [api.Problem, api.WebhookEvent, *dict.fromkeys(api.EVENT_DATA.values())]
    types = [*known, *(kind for route in ROUTES for kind in _types(route))]
    schemas, named = components(types, REF)
    given = iter(schemas[len(known) :])
    paths: dict[str, Schema] = {}
    for route in ROUTES:
        own = [next(given) for _ in _types(route)]
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, own)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "LinkUp messaging",
            "version": version,
            "summary": "Real-time messaging to put beside your own web app.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "webhooks": {kind: {"post": _event(kind, data)} for kind, data in api.EVENT_DATA.items()},
        "components": {
            "schemas": named,
            "securitySchemes": SCHEMES,
        },
    }


def _event(kind: str, data: type[Struct]) -> Schema:
    """Return a request of LinkUp to a webhook."""
    own = {"type": {"const": kind}, "data": _named(data)}
    body = {"allOf": [_named(api.WebhookEvent), {"properties": own}]}
    return {
        "summary": f"Tells a webhook of an event of the type `{kind}`.",
        "tags": ["webhooks"],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            "2XX": {"description": "The event is accepted."},
            "default": {"description": "The event is sent again later."},
        },
    }


def path_names(path: str) -> list[str]:
    return IN_BRACES.findall(path)


def _types(route: Route) -> list[Any]:
    """Return every type of the route: path, query, body, answers, in the order `_operation`
    takes."""
    return [
        *(PATH_TYPES[name] for name in path_names(route.path)),
        *(parameter.kind for parameter in route.query),
        *([] if route.body is None else [route.body]),
        *(answer.body for answer in route.answers if answer.body is not None),
    ]


def _operation(route: Route, schemas: list[Schema]) -> Schema:
    given = iter(schemas)
    operation: Schema = {
        "operationId": re.sub(r"\W+", "_", route.name.lower()).strip("_"),
        "summary": route.summary,
        "tags": [_tag(route.path)],
        "security": _security(route),
        "parameters": [
            *(_in_path(name, next(given)) for name in path_names(route.path)),
            *(_in_query(parameter, next(given)) for parameter in route.query),
        ],
    }
    if route.body is not None:
        content = {route.body_media_type: {"schema": next(given)}}
        operation["requestBody"] = {"required": True, "content": content}
    answers = {str(answer.status): _answer(answer, given) for answer in route.answers}
    operation["responses"] = answers | _errors(route) | {"default": _problem("Any other error.")}
    if route.rule or route.switches:
        operation["description"] = " ".join(filter(None, (route.rule, _condition(route))))
    return operation


def _security(route: Route) -> list[Schema]:
    if route.auth == "bearer":
        return [{"bearer": []}]
    return [{f"{name}_key": []} for name in route.keys]


def _condition(route: Route) -> str:
    names = " or ".join(f"`{variable(name)}`" for name in route.switches)
    return f"Available only if {names} is set." if names else ""


def _tag(path: str) -> str:
    parts = path.strip("/").split("/")
    return parts[1] if parts[0] == "v1" else "service"


def _in_path(name: str, schema: Schema) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(parameter: Parameter, schema: Schema) -> Schema:
    if parameter.default is not None:
        schema = schema | {"default": parameter.default}
    between_commas = {"style": "form", "explode": False} if schema.get("type") == "array" else {}
    return between_commas | {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.summary,
        "schema": schema,
    }


def _answer(answer: Answer, given: Any) -> Schema:
    if answer.body is None:
        return {"description": answer.summary}
    return {
        "description": answer.summary,
        "content": {answer.media_type: {"schema": next(given)}},
    }


def _errors(route: Route) -> dict[str, Schema]:
    """Return one answer a status: two errors may share it, and differ in their `code`."""
    by_status: dict[str, list[type[LinkupError]]] = {}
    limited = (RateLimited,) if route.limit else ()
    for error in dict.fromkeys((*_refusals(route), *route.errors, *limited)):
        by_status.setdefault(str(error.status), []).append(error)
    return {status: _problem(_codes(errors)) for status, errors in sorted(by_status.items())}


def _refusals(route: Route) -> tuple[type[LinkupError], ...]:
    """Return the errors for a key that is wrong, or does not open the route."""
    if not route.keys:
        return ()
    return (Unauthorized,) if len(route.keys) == len(SCOPES) else (Unauthorized, Forbidden)


def _codes(errors: list[type[LinkupError]]) -> str:
    return " or ".join(f"`{error.code}`" for error in errors)


def _problem(description: str) -> Schema:
    return {"description": description, "content": {PROBLEM: {"schema": _named(api.Problem)}}}


def _named(kind: type[Struct]) -> Schema:
    return {"$ref": REF.format(name=kind.__name__)}
