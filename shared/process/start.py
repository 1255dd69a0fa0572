"""Owns the checks of the wiring at start. A fault makes the service unready.

Each check is a pure function that says every fault in a sentence; `require` puts them where an
operator looks: the log and /readyz.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Sequence

from starlette.routing import BaseRoute, Match, Mount, Route, WebSocketRoute
from starlette.types import Scope

from shared.health.endpoints import Check, Health
from shared.health.records import record

logger = logging.getLogger("linkup.start")

IN_BRACES = re.compile(r"\{\w+(?::(\w+))?\}")
SUBJECT = re.compile(r"linkup(\.([a-z0-9_]+|\*))*(\.([a-z0-9_]+|\*|>))")
SAMPLES = {"int": "7", "float": "7.5", "uuid": "00000000-0000-4000-8000-000000000000"}


def require(health: Health, name: str, faults: Iterable[str]) -> None:
    """Make the service ready only without faults, each of which is logged once."""
    found = list(faults)
    for fault in found:
        logger.error("%s: %s", name, fault)
        record("routing_error", f"{name}: {{reason}}", reason=fault)
    check = Check("fail", "; ".join(found)) if found else Check("pass")
    health.checks[name] = lambda: check


def route_faults(routes: Sequence[BaseRoute]) -> Iterator[str]:
    """Yield the routes that are there twice, or that an earlier pattern catches first."""
    for index, route in enumerate(routes):
        for name, scope in _scopes(route):
            first = next((r for r in routes[:index] if r.matches(scope)[0] is Match.FULL), None)
            if first is None:
                continue
            if _shape(first) == _shape(route):
                yield f"the route {name} is defined twice"
            else:
                yield f"the route {name} is never reached: {_path(first)} comes first"


def names(routes: Sequence[BaseRoute]) -> list[str]:
    """Return `METHOD /path` of every HTTP route, and the path of every other one."""
    return [name for route in routes for name, _ in _scopes(route)]


def subject_faults(patterns: Sequence[str]) -> Iterator[str]:
    """Yield the subjects that NATS would not take, or of which a listener of one would hear
    another's."""
    for index, pattern in enumerate(patterns):
        if not SUBJECT.fullmatch(pattern):
            yield f"the subject {pattern} is malformed"
        for earlier in patterns[:index]:
            if earlier == pattern:
                yield f"the subject {pattern} is defined twice"
            elif _meet(earlier.split("."), pattern.split(".")):
                yield f"the subjects {earlier} and {pattern} overlap"


def _meet(one: list[str], other: list[str]) -> bool:
    """Some subject fits both; `>` stands for all that follows."""
    for a, b in zip(one, other, strict=False):
        if ">" in (a, b):
            return True
        if a != b and "*" not in (a, b):
            return False
    return len(one) == len(other)


def _scopes(route: BaseRoute) -> Iterator[tuple[str, Scope]]:
    """Yield a request that the route is meant for, for each of its methods."""
    path = IN_BRACES.sub(lambda found: SAMPLES.get(found[1], "~"), _path(route))
    scope = {"type": "http", "path": path, "root_path": "", "headers": [], "method": "GET"}
    match route:
        case Route():
            for method in sorted((route.methods or {"GET"}) - {"HEAD"}):
                yield f"{method} {route.path}", {**scope, "method": method}
        case WebSocketRoute():
            yield route.path, {**scope, "type": "websocket"}
        case Mount():
            yield route.path, {**scope, "path": f"{path}/~"}


def _shape(route: BaseRoute) -> str:
    """Return the path whatever its parameters are called."""
    return IN_BRACES.sub(lambda found: f"{{{found[1] or ''}}}", _path(route))


def _path(route: BaseRoute) -> str:
    return route.path if isinstance(route, Route | WebSocketRoute | Mount) else ""
