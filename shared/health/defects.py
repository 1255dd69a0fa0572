"""Owns the records of unexpected exceptions, with their type and place."""

import traceback
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

from shared.health.records import record

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = tuple(f"{ROOT / part}/" for part in ("services", "shared", "linkup"))


class Unencodable(TypeError):
    """A value that cannot be encoded. It is recorded where this is raised."""


def unencodable(value: object, error: Exception) -> Unencodable:
    """Note it, and return what to raise. No value is named, only types."""
    kind = type(value).__name__
    record(
        "json_serialization_error",
        f"{kind} cannot be encoded: {{error}}",
        error=type(error).__name__,
    )
    return Unencodable(f"{kind} cannot be encoded")


def unexpected(error: BaseException, message: str) -> None:
    """Record an exception that nobody handles, which is a defect of the product."""
    if isinstance(error, Unencodable):
        return
    file, line = place(reversed(list(traceback.walk_tb(error.__traceback__))))
    record(
        "async_context_violation",
        f"{message}: {type(error).__name__} in {file}:{line}",
        error=type(error).__name__,
        file=file,
        line=line,
    )


def place(frames: Iterable[tuple[FrameType, int]]) -> tuple[str, int]:
    """Return the file and line of the product's innermost frame. `frames` has the innermost
    first."""
    first = ("?", 0)
    for frame, line in frames:
        file = frame.f_code.co_filename
        if file.startswith(PRODUCT):
            return file.removeprefix(f"{ROOT}/"), line
        if first[0] == "?":
            first = Path(file).name, line
    return first
