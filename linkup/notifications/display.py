"""Owns the display of notifications on a terminal."""

from collections.abc import Iterable, Mapping

from rich.console import Group, RenderableType
from rich.text import Text

from linkup.installation.terminal import foreign, local_time, table
from shared.commands import DeadDelivery, NotifyStatsAnswer

NUMBERS = ("unread", "all", "deliveries")


def counts(stats: NotifyStatsAnswer) -> RenderableType:
    kinds = table("type", "unread", "all", right=NUMBERS)
    for name, count in sorted(stats.items.items()):
        kinds.add_row(name, str(stats.unread.get(name, 0)), str(count))
    states = table("channel", "state", "deliveries", right=NUMBERS)
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
    rows = table("reason", "deliveries", right=NUMBERS)
    for name, count in sorted(reasons.items(), key=lambda one: -one[1]):
        rows.add_row(Text(name), str(count))
    yield Text()
    yield rows


def deliveries(found: list[DeadDelivery]) -> RenderableType:
    if not found:
        return Text("No delivery has failed, and none is unknown.")
    rows = table("ended", "channel", "state", "reason", "user", "id")
    for one in found:
        rows.add_row(
            *(local_time(one.closed_at), one.channel, one.state, foreign(one.reason)),
            *(foreign(one.user_id), one.delivery_id),
        )
    return rows
