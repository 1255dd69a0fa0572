"""Owns reading stored error records, latest first."""

import msgspec

from services.persistence.queries.source import Source, page_size
from services.persistence.store.connections import Row
from shared.commands import ErrorPage, ErrorPageAnswer
from shared.health.taxonomy import Record

MAX_ERRORS = 100  # in one answer

COLUMNS = """error_id, category, severity, service, message, context, user_id, trace,
       first_at, occurred_at, count, resolved_at, notes"""
LIST = f"""
SELECT {COLUMNS} FROM errors
WHERE (?1 IS NULL OR error_id = ?1) AND (?2 IS NULL OR category = ?2)
  AND (?3 IS NULL OR severity = ?3) AND (?4 IS NULL OR service = ?4)
  AND (?5 IS NULL OR (resolved_at IS NOT NULL) = ?5) AND occurred_at >= ?6
  AND (?7 IS NULL OR (occurred_at, error_id) < (?7, ?8))
ORDER BY occurred_at DESC, error_id DESC LIMIT ?9
"""  # noqa: S608 - a list of columns


def errors(source: Source, asked: ErrorPage) -> ErrorPageAnswer:
    limit = page_size(asked.limit, MAX_ERRORS)
    before = (asked.before.occurred_at, asked.before.error_id) if asked.before else (None, None)
    filters = (asked.error_id, asked.category, asked.severity, asked.service, asked.resolved)
    rows = source.fetch(LIST, (*filters, asked.since, *before, limit + 1))
    found = [record_of(row) for row in rows[:limit]]
    return ErrorPageAnswer(records=found, has_more=len(rows) > limit)


def record_of(row: Row) -> Record:
    (error_id, category, severity, service, message, context, user, trace, *rest) = row
    first_at, occurred_at, count, resolved_at, notes = rest
    return Record(
        id=error_id,
        category=category,
        severity=severity,
        service=service,
        message=message,
        context=msgspec.json.decode(context),
        user=user,
        trace=trace,
        first_at=first_at,
        occurred_at=occurred_at,
        count=count,
        resolved=resolved_at is not None,
        resolved_at=resolved_at,
        notes=notes,
    )
