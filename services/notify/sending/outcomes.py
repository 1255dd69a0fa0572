"""Owns what is told of the attempts of a channel: its health check, counters, errors and log."""

import logging
from collections.abc import Callable, Iterator

from services.notify.ladder.delivery import Delivery, Outcome
from services.notify.sending.ways import Words
from services.notify.store.store import Outlook
from shared.health.endpoints import Check
from shared.health.records import record
from shared.health.taxonomy import Category

logger = logging.getLogger("linkup.notify")

SILENT_AFTER = 5.0  # seconds, of a server with a delivery
STORE = "store_unavailable"


class Outcomes:
    """`count`: called with the name of what is counted."""

    def __init__(self, words: Words, count: Callable[[str], None]) -> None:
        self._words = words
        self._count = count
        self._refusal = ""

    def tell(self, group: Delivery, outcome: Outcome) -> None:
        _note(group, outcome, self._words)
        for name in counted(group, outcome, self._words):
            self._count(name)
        match outcome.kind:
            case "postponed":
                self._refusal = outcome.reason
            case "sent" | "failed":
                self._refusal = ""
        level = logging.DEBUG if outcome.kind in ("sent", "withdrawn") else logging.WARNING
        logger.log(
            level,
            "%s is %s",
            self._words.one,
            outcome.kind,
            extra={"notification_id": group.delivery_id, "reason": outcome.reason},
        )

    def check(self, outlook: Outlook, silent: float) -> Check:
        """Counts those of the last day. An unknown outcome is for a person to look at. `silent`:
        seconds since the server answered last, while it has a delivery."""
        faults = [*self._troubles(outlook.trouble), *self._of_server(silent)]
        told = faults + _suppressed(outlook.suppressed)
        bad = bool(faults) and not self._words.of_users
        unknown = outlook.trouble.get("unknown", 0)
        return Check("warn" if bad else "pass", "; ".join(told), unknown)

    def _troubles(self, trouble: dict[str, int]) -> Iterator[str]:
        many = self._words.many
        if unknown := trouble.get("unknown", 0):
            yield f"{unknown} {many} may or may not have been delivered, not sent again"
        if failed := trouble.get("failed", 0):
            yield f"{failed} {many} were refused"

    def _of_server(self, silent: float) -> Iterator[str]:
        server = self._words.server
        if self._refusal:
            yield f"{server} does not accept: {self._refusal}; tried again later"
        if silent > SILENT_AFTER:
            yield f"{server} has not answered for {silent:.0f} s"


def _suppressed(count: int) -> list[str]:
    return [f"addresses that get no e-mail after many refusals: {count}"] if count else []


def counted(group: Delivery, outcome: Outcome, words: Words) -> Iterator[str]:
    """Yield the names of the counters that an attempt increases."""
    if group.attempts:
        yield f"retries.{words.counter}"
    if outcome.kind == "sent":
        yield f"fallbacks.{group.channel}"
        if group.attempts:
            yield f"retries_succeeded.{words.counter}"


def _note(group: Delivery, outcome: Outcome, words: Words) -> None:
    """Record a delivery that was refused, or of which nobody knows; and a server away."""
    match outcome.kind:
        case "failed" | "unknown":
            category: Category = "delivery_error"
        case "postponed" if outcome.reason != STORE:
            category = "connection_error"
        case _:
            return
    record(
        category,
        f"{words.one} is {outcome.kind}: {{reason}}",
        severity="low" if words.of_users else None,
        notification_id=group.delivery_id,
        reason=outcome.reason,
    )
