"""Owns the display of webhooks on a terminal."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from linkup.installation.terminal import foreign, local_time, table
from shared.commands import DeadEvent, Webhook


def states(found: Sequence[Webhook]) -> RenderableType:
    if not found:
        return Text("No webhooks.")
    numbers = ("delivered", "waiting", "dead")
    rows = table("webhook", "state", *numbers, "last failure", "url", right=numbers)
    for one in found:
        counts = map(str, (one.delivered, one.waiting, one.dead))
        rows.add_row(one.webhook_id, _state(one), *counts, foreign(one.reason), foreign(one.url))
    return rows


def dead_letters(found: Sequence[DeadEvent]) -> RenderableType:
    if not found:
        return Text("\nNo dead letters.")
    columns = ("event", "type", "attempts", "reason", "given up")
    rows = table(*columns, right=("attempts",), unbroken=("event",))
    for one in found:
        when = local_time(one.closed_at)
        rows.add_row(one.event_id, one.event_type, str(one.attempts), foreign(one.reason), when)
    return rows


def _state(one: Webhook) -> str:
    if one.off:
        return f"off ({one.off})"
    return "on" if one.breaker == "closed" else f"on, breaker {one.breaker.replace('_', ' ')}"
