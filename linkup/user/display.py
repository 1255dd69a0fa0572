"""Owns the display of users and contacts on a terminal."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from linkup.options import foreign

Answer = dict[str, Any]


def users(found: Sequence[Answer]) -> RenderableType:
    if not found:
        return Text("No users.")
    table = _table("id", "name", "e-mail", "last seen")
    for one in found:
        row = (one["user_id"], one["name"], one["email"], time_of(one["last_seen"]))
        table.add_row(*map(foreign, row))
    return table


def contacts(found: Sequence[Answer]) -> RenderableType:
    if not found:
        return Text("No contacts.")
    table = _table("id", "name", "since")
    for one in found:
        row = (one["user_id"], one["name"], time_of(one["created_at"]))
        table.add_row(*map(foreign, row))
    return table


def details(one: Answer) -> RenderableType:
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in one.items():
        if value is not None:
            shown = time_of(value) if name in ("created_at", "last_seen") else str(value)
            table.add_row(Text(name, style="bold"), foreign(shown))
    return table


def time_of(value: str | None) -> str:
    if value is None:
        return ""
    return datetime.fromisoformat(value).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    return table
