"""Owns the form of a check: a name, a promise, and the function that tests it."""

import inspect
from collections.abc import Callable, Coroutine
from types import FunctionType
from typing import Any, cast

from msgspec import Struct

from linkup.conform.scene import Scene

SECONDS = 30.0

Attempt = Callable[[Scene], Coroutine[Any, Any, None]]


class Check(Struct, frozen=True, kw_only=True):
    """One promise. `promise`: C1 to C10, or empty where only the protocol's words are at stake."""

    name: str
    section: str
    promise: str
    sentence: str
    attempt: Attempt
    seconds: float = SECONDS


def checks(noun: str, section: str, *tries: tuple[str, Attempt]) -> tuple[Check, ...]:
    """Return functions as checks: the name is the function's, the sentence its docstring."""
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
