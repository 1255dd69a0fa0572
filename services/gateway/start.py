"""Owns what the gateway checks of itself at start: its routes and frames against the contract."""

import ast
import inspect
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, get_args

from starlette.routing import BaseRoute

from services.gateway import page
from services.gateway.contract import is_on
from services.gateway.handlers import Handlers
from shared import openapi, start, subjects
from shared.asyncapi import tag_of
from shared.frames import ClientFrame
from shared.health import Health
from shared.route import PATH_TYPES
from shared.route import Route as Listed
from shared.routes import ROUTES, SOCKETS
from shared.settings import Settings

# Where the `match` on a client frame may stand.
HANDLERS: tuple[type, ...] = (Handlers,)


def check(health: Health, routes: Sequence[BaseRoute], settings: Settings) -> None:
    listed = [route for route in ROUTES if is_on(route, settings)]
    start.hold(
        health,
        "routes",
        [
            *start.route_faults(routes),
            *listing_faults(start.names(routes), listed),
            *table_faults(ROUTES),
        ],
    )
    start.hold(health, "frames", frame_faults(get_args(ClientFrame), HANDLERS))
    start.hold(health, "subjects", start.subject_faults(subjects.PATTERNS))


def listing_faults(served: Iterable[str], listed: Iterable[Listed]) -> Iterator[str]:
    """What is served without being in the contract, and the other way round."""
    served, names = set(served), {route.name for route in listed}
    names |= {socket.path for socket in SOCKETS}
    for name in sorted(served - names - page.NAMES):
        yield f"the route {name} is not in the table of shared/routes.py"
    for name in sorted(names - served):
        yield f"the route {name} of shared/routes.py has no endpoint"


def table_faults(listed: Iterable[Listed]) -> Iterator[str]:
    """A document can be made of it."""
    for route in listed:
        for name in openapi.path_names(route.path):
            if name not in PATH_TYPES:
                yield f"the route {route.name}: PATH_TYPES has no {{{name}}}"


def frame_faults(frames: Sequence[type[Any]], handlers: Iterable[type]) -> Iterator[str]:
    """A frame that nobody takes would be answered with nothing; one that is none, never comes."""
    cases = {name for handler in handlers for name in handled(handler)}
    known = {frame.__name__ for frame in frames}
    for frame in frames:
        if frame.__name__ not in cases:
            yield f"the frame `{tag_of(frame)}` ({frame.__name__}) has no case in a handler"
    for name in sorted(cases - known):
        yield f"a handler takes {name}, which is no frame of a client"


def handled(handler: type) -> Iterator[str]:
    """The X of every `case frames.X():` in the source of a class."""
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(handler)))):
        match node:
            case ast.MatchClass(cls=ast.Attribute(value=ast.Name(id="frames"), attr=name)):
                yield name
