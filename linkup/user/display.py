"""Owns the display of users and contacts on a terminal."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from linkup.installation.terminal import fields, foreign, local_time, table

Answer = dict[str, Any]


def users(found: Sequence[Answer]) -> RenderableType:
    if not found:
        return Text("No users.")
    rows = table("id", "name", "e-mail", "last seen")
    for one in found:
        row = (one["user_id"], one["name"], one["email"], _time(one["last_seen"]))
        rows.add_row(*map(foreign, row))
    return rows


def contacts(found: Sequence[Answer]) -> RenderableType:
    if not found:
        return Text("No contacts.")
    rows = table("id", "name", "since")
    for one in found:
        row = (one["user_id"], one["name"], _time(one["created_at"]))
        rows.add_row(*map(foreign, row))
    return rows


def details(one: Answer) -> RenderableType:
    return fields({name: _shown(name, value) for name, value in one.items()})


def _shown(name: str, value: Any) -> str:
    if name in ("created_at", "last_seen"):
        return _time(value)
    return "" if value is None else str(value)


def _time(value: str | None) -> str:
    return "" if value is None else local_time(datetime.fromisoformat(value))
