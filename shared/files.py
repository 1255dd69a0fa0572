"""Owns the check that the files of an open SQLite database are still the ones on disk.

What is written into a file that was removed, or that another took the place of, is gone with the
process that has it open; nothing that it asks the file tells it so.
"""

import os
from pathlib import Path

BESIDE = ("-wal", "-shm")  # of the same life as the database while a connection is open

REMEDY = "put back what was open, and it goes on; or restart the service with a backup in its place"


class Displaced(OSError):
    """A file is not the one that is open; the text says which and what to do."""


class Files:
    """The files of the open database at `path`, as they are now. It must have been read from.

    Some connection has to stay open as long as this is asked, or SQLite itself removes them.
    """

    def __init__(self, path: Path) -> None:
        real = os.path.realpath(path)  # beside it SQLite keeps the others, wherever links lead
        paths = [str(path), *(real + suffix for suffix in BESIDE)]
        self._known = [(each, _identity(each)) for each in paths]

    def check(self) -> None:
        """Raises Displaced. Takes some 5 µs: fit for every commit."""
        for path, known in self._known:
            name = os.path.basename(path)
            try:
                found = _identity(path)
            except FileNotFoundError:
                raise Displaced(f"{name} was removed or moved: {REMEDY}") from None
            except OSError as error:
                raise Displaced(f"{name} is out of reach: {error.strerror}") from None
            if found != known:
                raise Displaced(f"{name} is not as it was opened: {REMEDY}")


def _identity(path: str) -> tuple[int, int, bool]:
    """Not used for another file as long as this one is open, even when it was removed; and
    whether something is in it: a database is never empty (its log may be)."""
    found = os.stat(path)
    return found.st_dev, found.st_ino, found.st_size > 0 or path.endswith(BESIDE)
