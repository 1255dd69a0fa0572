"""Owns the allowed values of a setting in words, derived from its type."""

from collections.abc import Sequence
from functools import cache

from msgspec import Struct, inspect


def allowed(settings: type[Struct], name: str) -> str:
    """Return the words for what to write: `a whole number from 1 to 64`."""
    match _types(settings)[name]:
        case inspect.BoolType():
            return "1 or 0"
        case inspect.LiteralType(values=values):
            return _either([str(value) for value in values])
        case inspect.IntType() as number:
            return "a whole number" + _bounds(number)
        case inspect.FloatType() as number:
            return "a number" + _bounds(number)
        case inspect.VarTupleType():
            return "texts, separated by commas"
        case _:
            return "a text"


@cache
def _types(settings: type[Struct]) -> dict[str, inspect.Type]:
    found = inspect.type_info(settings)
    assert isinstance(found, inspect.StructType)
    return {field.name: field.type for field in found.fields}


def _bounds(number: inspect.IntType | inspect.FloatType) -> str:
    match number.gt, number.ge, number.le:
        case None, low, high if low is not None and high is not None:
            return f" from {low:g} to {high:.15g}"
        case None, low, None if low is not None:
            return f", {low:g} or more"
        case low, None, high if low is not None and high is not None:
            return f" above {low:g}, at most {high:.15g}"
        case low, None, None if low is not None:
            return f" above {low:g}"
        case _:
            return ""


def _either(values: Sequence[str]) -> str:
    *first, last = values
    return f"{', '.join(first)} or {last}"
