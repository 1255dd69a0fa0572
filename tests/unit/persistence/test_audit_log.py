"""The audit log: listed by pages, latest first, and pruned by age and number."""

from typing import Any

import pytest

from services.persistence.decide.state import Limits
from services.persistence.queries import Queries
from services.persistence.store import rows
from shared import commands
from shared.commands import AuditLogAnswer, AuditLogPage, RecordChange
from tests.unit.persistence.log import Log

PUT = "PUT /v1/admin/users/{user_id}"


async def record(log: Log, *targets: str, key: str = "host") -> None:
    """Each in a transaction of its own."""
    for target in targets:
        await log.run(RecordChange(key=key, route=PUT, target=target, status=200))


async def page(queries: Queries, **asked: Any) -> AuditLogAnswer:
    return commands.open_answer(await queries.answer(AuditLogPage(**asked)), AuditLogAnswer)


async def targets(queries: Queries, **asked: Any) -> list[str]:
    return [one.target for one in (await page(queries, **asked)).entries]


async def test_it_is_read_by_pages_latest_first(log: Log, queries: Queries) -> None:
    await record(log, "ann", "bob", "carol")
    first = await page(queries, limit=2)
    assert [(one.target, one.key, one.route, one.status) for one in first.entries] == [
        ("carol", "host", PUT, 200),
        ("bob", "host", PUT, 200),
    ]
    assert first.has_more
    last = await page(queries, limit=2, before=first.entries[-1].entry_id)
    assert ([one.target for one in last.entries], last.has_more) == (["ann"], False)


async def test_it_is_filtered_by_key_target_and_time(log: Log, queries: Queries) -> None:
    await record(log, "ann", "ann/bob", "anna")
    await record(log, "ann", key="admin")
    assert await targets(queries, key="admin") == ["ann"]
    assert await targets(queries, target="ann") == ["ann", "ann/bob", "ann"]
    assert await targets(queries, target="bob") == ["ann/bob"]
    entries = (await page(queries)).entries
    assert await targets(queries, since=entries[1].at) == ["ann", "anna"]


async def test_entries_go_when_they_are_too_old(log: Log, queries: Queries) -> None:
    await record(log, "ann")
    log.store._limits = Limits(1, 0.0, audit_log_keep=1e-6)  # noqa: SLF001 - a year goes by
    await record(log, "bob")
    assert await targets(queries) == ["bob"]


async def test_entries_go_when_there_are_too_many(
    log: Log, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_AUDITED", 2)
    await record(log, "ann", "bob", "carol", "dave")
    assert await targets(queries) == ["dave", "carol"]
