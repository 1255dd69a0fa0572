"""The table of access leaves out no frame, no route, and no field that names a thing."""

import re
import typing
from typing import Any

from shared.frames import ClientFrame
from shared.routes import ROUTES, SOCKETS
from tests.support import matrix
from tests.support.matrix import ELSEWHERE, IT, NOTHING, VERBS, Verb

NAMING = {"to", "peer", "reply_to", "members", "attachments"}  # and whatever ends in `_id`, `_ids`
SIGNED = [
    route for route in ROUTES if route.auth == "signature"
]  # in test_attachments.py and test_unsubscribe.py
OPERATOR = [route for route in ROUTES if route.auth == "operator"]  # in test_admin_routes.py
NAMELESS = [route for route in ROUTES if route.auth == "none" and "{" not in route.path]
BEARER = [route for route in ROUTES if route not in SIGNED + OPERATOR + NAMELESS]
NARROW = {socket.path for socket in SOCKETS if "{" in socket.path}
FRAME_TYPES = {str(struct.__struct_config__.tag): struct for struct in typing.get_args(ClientFrame)}


def missing(names: set[str], rows: tuple[Verb, ...]) -> set[str]:
    return names - {verb.name for verb in rows} - NOTHING.keys()


def test_every_frame_of_a_client_has_a_row() -> None:
    absent = missing(set(FRAME_TYPES), matrix.FRAMES)
    assert not absent, f"add to FRAMES (or NOTHING) of tests/support/matrix.py: {sorted(absent)}"


def test_every_route_that_wants_a_token_has_a_row() -> None:
    absent = missing({route.name for route in BEARER}, matrix.ROUTES)
    assert not absent, f"add to ROUTES (or NOTHING) of tests/support/matrix.py: {sorted(absent)}"


def test_every_socket_that_names_a_thing_has_a_row() -> None:
    absent = {path for path in NARROW if path not in NOTHING}
    assert not absent, f"say in NOTHING of tests/support/matrix.py where it is tried: {absent}"


def test_no_row_is_about_what_is_gone() -> None:
    listed = {verb.name for verb in VERBS} | NOTHING.keys()
    assert listed == set(FRAME_TYPES) | {route.name for route in BEARER} | NARROW


def test_every_field_that_names_a_thing_is_tried() -> None:
    """A verb with several such fields needs a row for each."""
    played = {(verb.name, field) for verb in VERBS for field in tried(verb)}
    named = naming() - played - ELSEWHERE.keys()
    untried = {(verb, field) for verb, field in named if verb not in NOTHING}
    assert not untried, f"add a row to tests/support/matrix.py for each of {sorted(untried)}"


def naming() -> set[tuple[str, str]]:
    """Verb and field, of whatever names a thing in a frame, a body, a query or a path."""
    fields = [(name, field) for name, struct in FRAME_TYPES.items() for field in fields_of(struct)]
    for route in BEARER:
        named = [*fields_of(route.body), *re.findall(r"{(\w+)}", route.path)]
        named += [parameter.name for parameter in route.query]
        fields += [(route.name, field) for field in named]
    return {(verb, field) for verb, field in fields if names_a_thing(field)}


def names_a_thing(field: str) -> bool:
    return field in NAMING or (field.endswith(("_id", "_ids")) and field != "client_id")


def fields_of(struct: Any) -> tuple[str, ...]:
    return getattr(struct, "__struct_fields__", ())


def tried(verb: Verb) -> set[str]:
    """The fields a row puts the thing into."""
    fields = {**verb.fields, **verb.fields.get("body", {}), **verb.fields.get("query", {})}
    return {name for name, value in fields.items() if value in (IT, [IT])}
