"""Owns overwriting what was deleted, so that it cannot be read in the files any more.

`secure_delete` overwrites deleted rows where they stood, but not the copies that SQLite leaves in
the unused part of a page when rows move to another one. And the write-ahead log has the pages as
they were before, until it is begun anew, which on a quiet server may take days.
"""

import sqlite3

MOST_BYTES = 64 * 1024 * 1024  # of a database that is written anew: in memory, in about a second

SIZE = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
TIMEOUT = "PRAGMA busy_timeout"
TEMPORARY = "PRAGMA temp_store"


def write_anew(connection: sqlite3.Connection) -> bool:
    """Write the database anew, and return whether this was done: a large one would take long, and
    a full disk has no room for it. No file beside the database sees its content."""
    [(size,)] = connection.execute(SIZE).fetchall()
    if size > MOST_BYTES:
        return False
    [(before,)] = connection.execute(TEMPORARY).fetchall()
    connection.execute(f"{TEMPORARY}=MEMORY")
    try:
        connection.execute("VACUUM")
    except sqlite3.OperationalError:
        return False
    finally:
        connection.execute(f"{TEMPORARY}={before}")
    return True


def empty_the_log(connection: sqlite3.Connection) -> bool:
    """Empty the log, and return whether this worked. A reader may prevent it."""
    [(timeout,)] = connection.execute(TIMEOUT).fetchall()
    connection.execute(f"{TIMEOUT}=0")
    try:
        [(busy, *_)] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.execute(f"{TIMEOUT}={timeout}")
    return not busy
