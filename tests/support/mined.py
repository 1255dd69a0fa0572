"""Owns the store of a simulation: the real one, on real files, in which a process may die anywhere.

Virtual time has no threads, so that the driver's is left out.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from services.persistence.decide.changes import Decision
from services.persistence.decide.state import Limits
from services.persistence.store import statements
from services.persistence.store.connections import WriterConnection
from services.persistence.store.store import Store
from shared.commands import Batch, Results
from shared.sqlite.held import Held
from tests.support.device import POISON
from tests.support.fuse import FIRED, Fuse

T = TypeVar("T")


class MinedConnection(WriterConnection):
    """Breaks where its fuse says."""

    fuse: Fuse | None = None

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if sql != "COMMIT" or self.fuse is None:
            return super().execute(sql, parameters)
        self.fuse.reach("before commit")
        if self.fuse.fills_up():
            raise sqlite3.OperationalError("database or disk is full")
        done = super().execute(sql)
        self.fuse.reach("after commit")
        return done

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        given = list(parameters)
        broken = sql == statements.ADD_MESSAGE and self.fuse is not None and self.fuse.poison
        if broken and any(POISON in str(value) for row in given for value in row):
            FIRED["poison"] += 1
            raise sqlite3.IntegrityError("the store breaks on this message")
        return super().executemany(sql, given)


class InlineHeld(Held):
    """A real connection to the real file, without the driver's thread."""

    fuse: Fuse | None = None

    async def open(self) -> None:
        path = self._url.removeprefix("sqlite:///")
        factory = MinedConnection if self._factory is WriterConnection else self._factory
        self._raw = sqlite3.connect(path, isolation_level=None, factory=factory)
        if isinstance(self._raw, MinedConnection):
            self._raw.fuse = self.fuse

    async def close(self) -> None:
        raw, self._raw = self._raw, None
        if raw is not None:
            raw.close()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._raw is None:
            await self.open()
        return work(self._raw)


class MinedStore(Store):
    def __init__(self, url: str, limits: Limits, fuse: Fuse) -> None:
        super().__init__(url, limits)
        self._fuse = fuse

    async def open(self) -> None:
        """Open the store, and then arm its connections: nothing fails while it opens."""
        await super().open()
        assert isinstance(self._held, InlineHeld)
        self._held.fuse = self._held._raw.fuse = self._fuse  # noqa: SLF001

    async def commit(self, batches: Sequence[Batch]) -> Decision:
        if "/" in batches[0].lane:  # one command of a batch that is run apart
            self._fuse.reach("in an isolated batch")
        return await super().commit(batches)

    async def fence(self, lane: str, number: int, results: Results) -> None:
        self._fuse.reach("before the fence")
        await super().fence(lane, number, results)
