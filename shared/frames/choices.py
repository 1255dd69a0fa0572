"""Owns which values a field may have, of those that have few: what a fault names beside the wrong
one."""

import functools
import re
from collections.abc import Iterator
from typing import Any

from msgspec import inspect

_STEP = re.compile(r"\.(\w+)|\[[^\]]*\]")


def choices(kind: Any, path: str) -> list[str]:
    """Return the values that `path`, as in `$.events[0]`, may have in that kind; none if they are
    not listed, or several lists are possible."""
    found = _known(kind)
    for step in _STEP.finditer(path):
        found = [one for each in found for one in _within(each, step[1])]
    listed = {tuple(map(str, one.values)) for one in found if isinstance(one, inspect.LiteralType)}
    return list(*listed) if len(listed) == 1 else []


@functools.cache
def _known(kind: Any) -> list[inspect.Type]:
    return list(_members(inspect.type_info(kind)))


def _within(kind: inspect.Type, name: str | None) -> Iterator[inspect.Type]:
    """Yield what that kind has under a name, or as items."""
    match kind:
        case inspect.StructType(fields=fields):
            kinds = [field.type for field in fields if field.encode_name == name]
        case inspect.ListType(item_type=item) | inspect.DictType(value_type=item):
            kinds = [item]
        case _:
            kinds = []
    for one in kinds:
        yield from _members(one)


def _members(kind: inspect.Type) -> Iterator[inspect.Type]:
    """Yield a kind, without what is noted of it; of a union, each of its kinds."""
    match kind:
        case inspect.Metadata(type=inner):
            yield from _members(inner)
        case inspect.UnionType(types=kinds):
            for one in kinds:
                yield from _members(one)
        case _:
            yield kind
