"""Owns the display of notifications on a terminal."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from linkup.options import foreign
from shared.clock import SECOND
from shared.commands import DeadDelivery, NotifyStatsAnswer


def counts(stats: NotifyStatsAnswer) -> RenderableType:
    kinds = _table("type", "unread", "all")
    for name, count in sorted(stats.items.items()):
        kinds.add_row(name, str(stats.unread.get(name, 0)), str(count))
    states = _table("channel", "state", "deliveries")
    for channel, found in sorted(stats.deliveries.items()):
        for state, count in sorted(found.items()):
            states.add_row(channel, state, str(count))
    return Group(
        kinds if stats.items else Text("No notifications."),
        Text(),
        states if stats.deliveries else Text("No deliveries."),
        *_reasons(stats.reasons),
        Text(f"\n{stats.subscriptions} browsers are subscribed to web push."),
        Text(f"{stats.suppressed_addresses} addresses get no e-mail, as mail servers refuse them."),
    )


def _reasons(reasons: Mapping[str, int]) -> Iterable[RenderableType]:
    if not reasons:
        return
    table = _table("reason", "deliveries")
    for name, count in sorted(reasons.items(), key=lambda one: -one[1]):
        table.add_row(Text(name), str(count))
    yield Text()
    yield table


def deliveries(found: list[DeadDelivery]) -> RenderableType:
    if not found:
        return Text("No delivery has failed.")
    table = _table("ended", "channel", "state", "reason", "user", "id")
    for one in found:
        table.add_row(
            *(_time(one.closed_at), one.channel, one.state, foreign(one.reason)),
            *(foreign(one.user_id), one.delivery_id),
        )
    return table


def _table(*names: str) -> Table:
    """Numbers are to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        is_number = name in ("unread", "all", "deliveries")
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    return table


def _time(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / SECOND).astimezone().strftime("%Y-%m-%d %H:%M:%S")
