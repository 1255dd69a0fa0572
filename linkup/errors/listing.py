"""Owns the display of errors on a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from linkup.errors.asking import Told
from linkup.installation.terminal import fields, foreign, local_time, table
from shared.health.taxonomy import Record, Severity

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
    unbroken = ("last", "times", "severity", "service", "id")
    rows = table(*unbroken, "what", right=("times",), unbroken=unbroken)
    for one in records:
        style = "dim" if one.resolved else COLOURS[one.severity]
        severity = "resolved" if one.resolved else one.severity
        rows.add_row(
            *(local_time(one.occurred_at)[5:], str(one.count), Text(severity, style=style)),
            *(one.service, one.id, foreign(f"{one.category}\n{one.message}")),
        )
    return rows


def details(one: Record) -> RenderableType:
    known = {
        "what": one.message,
        "category": f"{one.category}, {one.severity}",
        "service": one.service,
        "times": str(one.count),
        "first": local_time(one.first_at),
        "last": local_time(one.occurred_at),
        "user": one.user,
        "trace": one.trace,
        **{name: str(value) for name, value in one.context.items()},
        "resolved": local_time(one.resolved_at) if one.resolved_at else None,
        "notes": one.notes,
    }
    return fields(known)
