"""Owns the display of reports on a terminal."""

from datetime import datetime

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from linkup.options import foreign
from shared import api

COLUMNS = ("filed", "about", "by", "reason", "id")


def listing(found: api.ReportsAnswer) -> RenderableType:
    if not found.reports:
        return Text("No reports.")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in COLUMNS:
        table.add_column(name, no_wrap=name in ("filed", "id"), overflow="fold")
    for one in found.reports:
        row = (_time(one.created_at), one.user_id, one.reporter_id, one.reason, one.report_id)
        table.add_row(*map(foreign, row), style="dim" if one.resolved_at else "")
    return table


def details(one: api.Report) -> RenderableType:
    table = Table(box=None, pad_edge=False, show_header=False)
    known = {
        "filed": _time(one.created_at),
        "about": one.user_id,
        "by": one.reporter_id,
        "reason": one.reason,
        "comment": one.comment,
        "message": str(one.message_id or ""),
        "conversation": one.conversation_id,
        "text": _text(one),
        "resolved": _time(one.resolved_at) if one.resolved_at else "no",
        "notes": one.notes,
    }
    for name, value in known.items():
        if value:
            table.add_row(Text(name, style="bold"), foreign(value))
    return table


def _text(one: api.Report) -> str:
    return "(deleted)" if one.message_id and one.content is None else one.content or ""


def _time(time: datetime) -> str:
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")
