"""Owns the gateway's checks of its routes against the contract, at start."""

from collections.abc import Iterable, Iterator, Sequence

from starlette.routing import BaseRoute

from services.gateway import page
from services.gateway.contract import is_on
from shared import subjects
from shared.contract import openapi
from shared.health.endpoints import Health
from shared.process import start
from shared.route import PATH_TYPES
from shared.route import Route as Listed
from shared.routes import ROUTES, SOCKETS
from shared.settings import Settings

PRIVATE = frozenset({"GET /metrics", "GET /errors"})  # of the operator, and no part of the contract


def check(health: Health, routes: Sequence[BaseRoute], settings: Settings) -> None:
    listed = [route for route in ROUTES if is_on(route, settings)]
    start.require(
        health,
        "routes",
        [
            *start.route_faults(routes),
            *listing_faults(start.names(routes), listed),
            *table_faults(ROUTES),
        ],
    )
    start.require(health, "subjects", start.subject_faults(subjects.PATTERNS))


def listing_faults(served: Iterable[str], listed: Iterable[Listed]) -> Iterator[str]:
    """Yield the routes that are served but not in the contract, and the other way round."""
    served, names = set(served), {route.name for route in listed}
    names |= {socket.path for socket in SOCKETS}
    for name in sorted(served - names - page.NAMES - PRIVATE):
        yield f"the route {name} is not in the table of shared/routes"
    for name in sorted(names - served):
        yield f"the route {name} of shared/routes has no endpoint"


def table_faults(listed: Iterable[Listed]) -> Iterator[str]:
    """Yield why no document can be made of the table."""
    for route in listed:
        for name in openapi.path_names(route.path):
            if name not in PATH_TYPES:
                yield f"the route {route.name}: PATH_TYPES has no {{{name}}}"
