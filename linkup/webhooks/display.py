"""Owns the display of webhooks on a terminal."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from shared.clock import SECOND
from shared.commands import DeadEvent, Webhook

NUMBERS = ("delivered", "waiting", "dead", "attempts")


def states(found: Sequence[Webhook]) -> RenderableType:
    if not found:
        return Text("No webhooks.")
    table = _table("webhook", "state", "delivered", "waiting", "dead", "last failure", "url")
    for one in found:
        counts = map(str, (one.delivered, one.waiting, one.dead))
        table.add_row(one.webhook_id, _state(one), *counts, one.reason, Text(one.url))
    return table


def dead_letters(found: Sequence[DeadEvent]) -> RenderableType:
    if not found:
        return Text("\nNo dead letters.")
    table = _table("event", "type", "attempts", "reason", "given up")
    for one in found:
        at = datetime.fromtimestamp(one.closed_at / SECOND).astimezone()
        when = at.strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(one.event_id, one.event_type, str(one.attempts), one.reason, when)
    return table


def _state(one: Webhook) -> str:
    if one.off:
        return f"off ({one.off})"
    return "on" if one.breaker == "closed" else f"on, breaker {one.breaker.replace('_', ' ')}"


def _table(*names: str) -> Table:
    """Return an empty table. Numbers are to the right; an event's id stays on one line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        justify: JustifyMethod = "right" if name in NUMBERS else "left"
        table.add_column(name, justify=justify, overflow="fold", no_wrap=name == "event")
    return table
