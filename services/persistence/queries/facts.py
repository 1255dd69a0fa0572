"""Owns what happened, once for each fact, as followers other than notifications read it.

The feed has a row of a fact for each member, and these stand together. One of them stands for the
fact: of a message or an edit that of its sender, of a receipt that of its reader, of all else the
first.
"""

from services.persistence.queries.log import ENDS, WRITER
from services.persistence.queries.source import Source, fit, page_size
from shared.commands import MAX_FACT_ROWS, Fact, FactPage, FactPageAnswer, encode

REPORTS = "reports"  # numbered apart: they are in nobody's feed
MAX_REPORTS = 200  # in one page

FACTS = f"""
SELECT '{WRITER}', f.n, f.kind, coalesce(m.conversation_id, f.conversation_id),
       coalesce(m.message_id, f.change_id, 0), coalesce(m.seq, f.read_seq, 0),
       coalesce(m.sender_id, g.actor_id, f.actor_id), '', f.created_at
FROM feed AS f
LEFT JOIN messages AS m ON m.message_id = f.message_id
  AND f.kind IN ('message', 'message_updated', 'message_deleted')
LEFT JOIN group_changes AS g ON g.change_id = f.change_id
WHERE f.n > ?1 AND f.n <= ?2 AND (
  (f.kind IN ('message', 'message_updated') AND m.sender_id = f.user_id)
  OR (f.kind = 'receipt' AND f.read_seq IS NOT NULL)
  OR ((f.change_id IS NOT NULL OR f.kind IN ('begun', 'message_deleted')) AND NOT EXISTS (
    SELECT 1 FROM feed AS p WHERE p.n = f.n - 1 AND p.kind = f.kind
    AND p.conversation_id IS f.conversation_id AND p.message_id IS f.message_id
    AND p.change_id IS f.change_id)))
ORDER BY f.n
"""  # noqa: S608 - constants
LAST_REPORT = "SELECT coalesce(max(number), 0) FROM report_numbers"
NEW_REPORTS = f"""
SELECT '{REPORTS}', n.number, 'report', '', 0, 0, r.reporter_id, r.report_id, r.created_at
FROM report_numbers AS n JOIN reports AS r ON r.report_id = n.report_id
WHERE n.number > ?1 AND n.number <= ?2 ORDER BY n.number
"""  # noqa: S608 - constants


def facts(source: Source, asked: FactPage) -> FactPageAnswer:
    """Return a page of facts. Rows that were pruned are skipped, as in a page of the log."""
    [(first, last)] = source.fetch(ENDS)
    [(last_report,)] = source.fetch(LAST_REPORT)
    ends = {WRITER: last, REPORTS: last_report}
    if asked.at_end:
        return FactPageAnswer(epoch=source.epoch, facts=[], more=False, positions=ends, ends=ends)
    limit = page_size(asked.limit, MAX_FACT_ROWS)
    after = max(asked.positions.get(WRITER, 0), first - 1)
    reached = max(after, min(after + limit, last))
    found = [Fact(*row) for row in source.fetch(FACTS, (after, reached))]
    taken = fit(map(encode, found))
    if len(taken) < len(found):
        reached = found[len(taken)].n - 1
    numbered = asked.positions.get(REPORTS, 0)
    up_to = max(numbered, min(numbered + MAX_REPORTS, last_report))
    reports = [Fact(*row) for row in source.fetch(NEW_REPORTS, (numbered, up_to))]
    return FactPageAnswer(
        epoch=source.epoch,
        facts=[*taken, *reports],
        more=reached < last or up_to < last_report,
        positions={**asked.positions, WRITER: reached, REPORTS: up_to},
        ends=ends,
    )
