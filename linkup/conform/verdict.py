"""Owns the verdicts of a check, failed or skipped, and the comparisons that lead to them."""

import json
from typing import Any

SHOWN = 2_000  # characters of one side of a comparison


class Unkept(Exception):
    """The promise was not kept: what was expected, and what was seen instead."""

    def __init__(self, expected: str, saw: str) -> None:
        super().__init__(f"expected {expected}, saw {saw}")
        self.expected = expected[:SHOWN]
        self.saw = saw[:SHOWN]


class Skipped(Exception):
    """The promise could not be tried here; the text says why."""


def expect(what: str, saw: Any, wanted: Any) -> None:
    """Compare two values of JSON. Raises Unkept where they differ."""
    if saw != wanted:
        raise Unkept(f"{what} to be {_shown(wanted)}", _shown(saw))


def demand(kept: bool, expected: str, saw: Any) -> None:
    """Raises Unkept unless kept."""
    if not kept:
        raise Unkept(expected, _shown(saw))


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
