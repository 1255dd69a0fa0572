"""Owns cutting items into chunks, as itertools.batched does from Python 3.12 on."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def chunks(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """Yield all items in order, at most that many at a time."""
    iterator = iter(items)
    while chunk := list(islice(iterator, most)):
        yield chunk
