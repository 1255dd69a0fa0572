"""Owns the floor of the disk: one small row, committed and synced, again and again."""

import sqlite3
import time
from array import array
from pathlib import Path

from msgspec import Struct

from linkup.load.measured import latency


class CommitFloor(Struct, frozen=True, kw_only=True):
    commits_per_second: float
    p50_ms: float


def measure(folder: Path, size: int, seconds: float) -> CommitFloor:
    connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT NOT NULL)")
        return _commits(connection, "x" * size, seconds)
    finally:
        connection.close()


def _commits(connection: sqlite3.Connection, text: str, seconds: float) -> CommitFloor:
    taken: array[float] = array("d")
    began = now = time.perf_counter()
    while now < began + seconds:
        connection.execute("INSERT INTO rows (text) VALUES (?)", (text,))
        before, now = now, time.perf_counter()
        taken.append(now - before)
    return CommitFloor(
        commits_per_second=round(len(taken) / (now - began), 1), p50_ms=latency(taken).p50_ms or 0.0
    )
