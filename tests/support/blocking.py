"""Owns finding what blocks an event loop: such a call of a service raises BlockingError."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blockbuster import BlockBuster

HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: its attributes can be set
ROOT = Path(__file__).parents[2]
# The environment of a product whose services are all watched.
WATCHED = {"PYTHONPATH": os.pathsep.join((str(Path(__file__).parent / "watched"), str(ROOT)))}


def detector() -> BlockBuster:
    """Not yet active. Nobody waits for a service that is starting or stopping."""
    found = BlockBuster(["services", "shared"])
    for name, function in list(found.functions.items()):
        if isinstance(function.module, type) and not function.module.__flags__ & HEAP_TYPE:
            del found.functions[name]  # to change a built-in type can crash the interpreter
    for function in found.functions.values():
        for service in ("gateway", "persistence", "notify"):
            function.can_block_in(f"services/{service}/app.py", "open_app")
    return found


@contextmanager
def watched() -> Iterator[None]:
    """Watch the services that run in this process."""
    found = detector()
    found.activate()
    try:
        yield
    finally:
        found.deactivate()
