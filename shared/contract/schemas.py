"""Owns the conversion of structs to JSON Schema (2020-12) for the generated documents."""

import inspect
from collections.abc import Iterable
from typing import Any, get_args

import msgspec
from msgspec import Struct

from shared.frames.fields import UNSEEN_ASTRAL

Schema = dict[str, Any]

# No text on the wire holds half of a pair; and above U+FFFF each dialect of patterns has escapes
# of its own: there the server alone refuses what shows nothing.
PYTHON_ONLY = (r"\ud800-\udfff", UNSEEN_ASTRAL)


def components(types: Iterable[Any], ref: str) -> tuple[list[Schema], dict[str, Schema]]:
    """Return a schema for each type, and what they refer to by `ref`, a template with `{name}`."""
    types = list(types)
    schemas, named = msgspec.json.schema_components(types, ref_template=ref)
    for struct in _structs(types):
        if struct.__name__ in named:
            named[struct.__name__] |= _rules(struct)
    return _portable(list(schemas)), _portable(named)


def _structs(types: Iterable[Any]) -> Iterable[type[Struct]]:
    for one in types:
        if isinstance(one, type) and issubclass(one, Struct):
            yield one
        yield from _structs(get_args(one))


def _rules(struct: type[Struct]) -> Schema:
    """Return the rules of a struct about several of its fields."""
    rules: Schema = {}
    if names := getattr(struct, "exactly_one", ()):
        rules["oneOf"] = [_given(name) for name in names]
    if names := getattr(struct, "together", ()):
        rules["dependentRequired"] = {one: [name for name in names if name != one] for one in names}
    return rules


def _given(name: str) -> Schema:
    """Null stands for absent, so being there is not enough."""
    return {"properties": {name: {"type": "string"}}, "required": [name]}


def _portable(schema: Any) -> Any:
    """Return patterns as ECMAScript writes them, and docstrings without their indentation."""
    if isinstance(schema, list):
        return [_portable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _of_keyword(name, value) for name, value in schema.items()}


def _of_keyword(name: str, value: Any) -> Any:
    if name == "pattern" and isinstance(value, str):
        for part in PYTHON_ONLY:
            value = value.replace(part, "")
        return value.replace("\\Z", "$")
    if name == "description" and isinstance(value, str):
        return inspect.cleandoc(value)
    return _portable(value)
