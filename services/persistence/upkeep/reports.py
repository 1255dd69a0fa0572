"""Owns the resolution of reports about users and messages."""

import sqlite3
from collections.abc import Callable

from services.persistence.queries.reports import ONE, shown
from services.persistence.store.connections import transaction
from services.persistence.store.store import Store
from services.persistence.upkeep.requests import Requests
from shared import api, clock, commands
from shared.bus import Bus
from shared.commands import ResolveReport, Snapshot
from shared.errors import NotFound

RESOLVE = """
UPDATE reports SET resolved_at = coalesce(resolved_at, ?2),
  notes = CASE WHEN ?3 = '' THEN notes ELSE ?3 END WHERE report_id = ?1
"""


class Reports:
    def __init__(self, store: Store, bus: Bus, now: Callable[[], int] = clock.now) -> None:
        self._store = store
        self._now = now
        self.requests = Requests(bus, self._resolved)

    async def _resolved(self, payload: bytes) -> Snapshot:
        asked = commands.decode(payload, ResolveReport)
        now = self._now()
        report = await self._store.between(lambda connection: _resolve(connection, asked, now))
        if report is None:
            raise NotFound("There is no such report")
        return Snapshot(body=api.encode(report))


def _resolve(connection: sqlite3.Connection, asked: ResolveReport, now: int) -> api.Report | None:
    with transaction(connection):
        connection.execute(RESOLVE, (asked.report_id, now, asked.notes))
        rows = connection.execute(ONE, (asked.report_id,)).fetchall()
    return shown(rows[0]) if rows else None
