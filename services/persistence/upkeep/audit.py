"""Owns one pass of the auditor: one page and one snapshot at a time."""

import sqlite3
from collections.abc import Iterator, Sequence

from services.persistence.upkeep.rules import WALKS, Place, Walk
from services.persistence.upkeep.violations import Violation

REMEMBERED = 10_000  # violations of a pass that are told once


class Pass:
    """A pass through the store. With `all_of_it`, it also looks at what takes long: the client ids
    and the index."""

    def __init__(self, all_of_it: bool = True, walks: Sequence[Walk] = WALKS) -> None:
        self._left = [walk for walk in walks if all_of_it or not walk.slow]
        self._place: Place = self._left[0].begin
        self._told: set[Violation] = set()
        self.rows = 0  # gone through so far

    @property
    def walk(self) -> str | None:
        """The name of the walk that is next; None when all are done."""
        return self._left[0].name if self._left else None

    def size(self, connection: sqlite3.Connection) -> int:
        """Return the number of rows that are left. It counts them, which takes its time."""
        return sum(connection.execute(walk.size).fetchone()[0] for walk in self._left)

    def step(self, connection: sqlite3.Connection, rows: int) -> list[Violation]:
        """Go through the next page, of some `rows`; the violations that were not told yet."""
        connection.execute("BEGIN")
        try:
            found = list(self._page(connection, rows))
        finally:
            connection.execute("ROLLBACK")
        self.rows += rows
        fresh = [one for one in dict.fromkeys(found) if one not in self._told]
        self._told.update(fresh[: REMEMBERED - len(self._told)])
        return fresh

    def _page(self, connection: sqlite3.Connection, rows: int) -> Iterator[Violation]:
        walk = self._left[0]
        after = dict(zip(("a1", "a2", "a3"), self._place, strict=True))
        end = connection.execute(walk.page_end, {**after, "rows": rows}).fetchone()
        between = {**after, **dict(zip(("u1", "u2", "u3"), end or walk.behind, strict=True))}
        for rule in walk.rules:
            for kind, conversation_id, user_id, message_id, number in connection.execute(
                rule, between
            ).fetchall():
                yield Violation(
                    kind=kind,
                    conversation_id=conversation_id,
                    user_id=user_id,
                    message_id=message_id,
                    number=number,
                )
        self._move_on(end)

    def _move_on(self, end: Place | None) -> None:
        if end is not None:
            self._place = end
            return
        del self._left[0]
        if self._left:
            self._place = self._left[0].begin
