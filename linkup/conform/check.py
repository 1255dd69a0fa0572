"""Owns what a check is: one promise with a name, how it is tried, and the ways it may not pass."""

import inspect
import json
from collections.abc import Callable, Coroutine
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

if TYPE_CHECKING:
    from linkup.conform.player import Scene

SECONDS = 30.0
SHOWN = 2_000  # characters of one side of a comparison

Attempt = Callable[["Scene"], Coroutine[Any, Any, None]]


class Check(Struct, frozen=True, kw_only=True):
    """One promise. `promise`: C1 to C10, or empty where only the protocol's words are at stake."""

    name: str
    section: str
    promise: str
    sentence: str
    attempt: Attempt
    seconds: float = SECONDS


class Unkept(Exception):
    """The promise was not kept: what was expected, and what was seen instead."""

    def __init__(self, expected: str, saw: str) -> None:
        super().__init__(f"expected {expected}, saw {saw}")
        self.expected = expected[:SHOWN]
        self.saw = saw[:SHOWN]


class Skipped(Exception):
    """The promise could not be tried here; the text says why."""


def checks(noun: str, section: str, *tries: tuple[str, Attempt]) -> tuple[Check, ...]:
    """Functions as checks: the name is the function's, the sentence its docstring."""
    return tuple(
        Check(
            name=f"{noun}/{cast(FunctionType, attempt).__name__.replace('_', '-')}",
            section=section,
            promise=promise,
            sentence=inspect.getdoc(attempt) or "",
            attempt=attempt,
        )
        for promise, attempt in tries
    )


def expect(what: str, saw: Any, wanted: Any) -> None:
    """Both are values of JSON. Raises Unkept where they differ."""
    if saw != wanted:
        raise Unkept(f"{what} to be {_shown(wanted)}", _shown(saw))


def demand(kept: bool, expected: str, saw: Any) -> None:
    """Raises Unkept unless kept."""
    if not kept:
        raise Unkept(expected, _shown(saw))


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
