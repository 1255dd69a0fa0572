"""Owns reading the reports of users, latest first, with the text that was reported."""

from services.persistence.queries.source import Source, fit, page_size
from services.persistence.store.connections import Row
from shared import api, frames
from shared.commands import OneReport, ReportPage, Snapshot
from shared.errors import NotFound

_REPORT = """
SELECT r.report_id, r.reporter_id, r.user_id, r.message_id, m.conversation_id, r.reason, r.comment,
  CASE WHEN m.deleted_at IS NULL THEN coalesce(v.content, m.content) END,
  r.created_at, r.resolved_at, r.notes
FROM reports AS r
LEFT JOIN messages AS m ON m.message_id = r.message_id
LEFT JOIN versions AS v ON v.message_id = r.message_id AND v.version = r.version
"""
LIST = f"""{_REPORT}
WHERE r.created_at >= ?1 AND (?2 IS NULL OR (r.resolved_at IS NOT NULL) = ?2)
  AND (?3 IS NULL OR r.user_id = ?3)
  AND (?4 IS NULL OR (r.created_at, r.report_id) < (?4, ?5))
ORDER BY r.created_at DESC, r.report_id DESC LIMIT ?6
"""
ONE = f"{_REPORT} WHERE r.report_id = ?1"


def reports(source: Source, asked: ReportPage) -> Snapshot:
    limit = page_size(asked.limit)
    before = asked.before or (None, None)
    filters = (asked.since, asked.resolved, asked.user_id)
    rows = source.fetch(LIST, (*filters, *before, limit + 1))
    page = fit(api.encode(shown(row)) for row in rows[:limit])
    last = rows[len(page) - 1] if len(page) < len(rows) else None
    answer = api.ReportsAnswer(reports=page, next=f"{last[8]}-{last[0]}" if last else None)
    return Snapshot(body=api.encode(answer))


def report(source: Source, asked: OneReport) -> Snapshot:
    """Raises NotFound."""
    rows = source.fetch(ONE, (asked.report_id,))
    if not rows:
        raise NotFound("There is no such report")
    return Snapshot(body=api.encode(shown(rows[0])))


def shown(row: Row) -> api.Report:
    report_id, reporter_id, user_id, message_id, conversation_id, *said, at, resolved_at, notes = (
        row
    )
    reason, comment, content = said
    return api.Report(
        report_id=report_id,
        reporter_id=reporter_id,
        user_id=user_id,
        message_id=message_id,
        conversation_id=conversation_id,
        reason=reason,
        comment=comment,
        content=content,
        created_at=frames.time_of(at),
        resolved_at=None if resolved_at is None else frames.time_of(resolved_at),
        notes=notes,
    )
