"""Owns the settings of a connection that every writing service needs."""

import sqlite3

SYNCED = (  # every commit is on the disk: an ack must survive the power
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA fullfsync=1",  # macOS: reach the platter; elsewhere without effect
)


def put(connection: sqlite3.Connection, *pragmas: str) -> None:
    """Close a connection that cannot be set so: nobody holds one whose `__init__` raises."""
    try:
        for pragma in pragmas:
            connection.execute(pragma)
    except sqlite3.Error:
        connection.close()
        raise
