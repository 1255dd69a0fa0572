"""Owns the display of reports on a terminal."""

from rich.console import RenderableType
from rich.text import Text

from linkup.installation.terminal import fields, foreign, local_time, table
from shared import api


def listing(found: api.ReportsAnswer) -> RenderableType:
    if not found.reports:
        return Text("No reports.")
    rows = table("filed", "about", "by", "reason", "id", unbroken=("filed", "id"))
    for one in found.reports:
        row = (local_time(one.created_at), one.user_id, one.reporter_id, one.reason, one.report_id)
        rows.add_row(*map(foreign, row), style="dim" if one.resolved_at else "")
    return rows


def details(one: api.Report) -> RenderableType:
    known = {
        "filed": local_time(one.created_at),
        "about": one.user_id,
        "by": one.reporter_id,
        "reason": one.reason,
        "comment": one.comment,
        "message": str(one.message_id or ""),
        "conversation": one.conversation_id,
        "text": _text(one),
        "resolved": local_time(one.resolved_at) if one.resolved_at else "no",
        "notes": one.notes,
    }
    return fields(known)


def _text(one: api.Report) -> str:
    return "(deleted)" if one.message_id and one.content is None else one.content or ""
