"""Owns the display of errors on a terminal."""

from datetime import datetime
from typing import Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from linkup.errors.asking import Told
from linkup.options import foreign
from shared.clock import SECOND
from shared.health.taxonomy import Record, Severity

Justify = Literal["left", "right"]

COLOURS: dict[Severity, str] = {
    "low": "dim",
    "medium": "yellow",
    "high": "red",
    "critical": "bold red",
}
MEMORY = "The store does not answer: this is what the services have in memory."


def listing(told: Told) -> RenderableType:
    parts: list[RenderableType] = []
    if not told.stored:
        parts.append(Text(MEMORY, style="yellow"))
    if told.silent:
        parts.append(Text(f"No answer from: {', '.join(told.silent)}.", style="yellow"))
    parts.append(_table(told.records) if told.records else Text("No errors."))
    return Group(*parts)


def _table(records: list[Record]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("last", "times", "severity", "service", "id", "what"):
        justify: Justify = "right" if name == "times" else "left"
        table.add_column(name, no_wrap=name != "what", justify=justify, overflow="fold")
    for one in records:
        style = "dim" if one.resolved else COLOURS[one.severity]
        severity = "resolved" if one.resolved else one.severity
        table.add_row(
            *(_time(one.occurred_at)[5:], str(one.count), Text(severity, style=style)),
            *(one.service, one.id, foreign(f"{one.category}\n{one.message}")),
        )
    return table


def details(one: Record) -> RenderableType:
    table = Table(box=None, pad_edge=False, show_header=False)
    known = {
        "what": one.message,
        "category": f"{one.category}, {one.severity}",
        "service": one.service,
        "times": str(one.count),
        "first": _time(one.first_at),
        "last": _time(one.occurred_at),
        "user": one.user,
        "trace": one.trace,
        **{name: str(value) for name, value in one.context.items()},
        "resolved": _time(one.resolved_at) if one.resolved_at else None,
        "notes": one.notes,
    }
    for name, value in known.items():
        if value:
            table.add_row(Text(name, style="bold"), foreign(value))
    return table


def _time(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / SECOND).astimezone().strftime("%Y-%m-%d %H:%M:%S")
