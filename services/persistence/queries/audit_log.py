"""Owns reading the audit log, latest first."""

from services.persistence.queries.source import Source, page_size
from shared.commands import AuditLogAnswer, AuditLogEntry, AuditLogPage
from shared.frames import MAX_INT

LIST = """
SELECT entry_id, at, key, route, target, status FROM audit_log
WHERE entry_id < ?1 AND at >= ?2 AND (?3 IS NULL OR key = ?3)
  AND (?4 IS NULL OR instr('/' || target || '/', '/' || ?4 || '/'))
ORDER BY entry_id DESC LIMIT ?5
"""


def audit_log(source: Source, asked: AuditLogPage) -> AuditLogAnswer:
    limit = page_size(asked.limit)
    before = MAX_INT if asked.before is None else asked.before
    rows = source.fetch(LIST, (before, asked.since, asked.key, asked.target, limit + 1))
    entries = [AuditLogEntry(*row) for row in rows[:limit]]
    return AuditLogAnswer(entries=entries, has_more=len(rows) > limit)
