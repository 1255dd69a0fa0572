"""Owns the audit of notify's store, which finds notifications that never end.

One that is on its way holds up all that follow for the same recipient and conversation, and one
that is due in an age is as good as lost.
"""

import argparse
import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from services.notify.database import WHAT, lock_of
from services.notify.ladder.delivery import LONGEST_PAUSE
from services.notify.store.store import Store
from shared import audit, clock
from shared.clock import SECOND
from shared.errors import StartError, Unavailable
from shared.health.counters import Counters
from shared.health.records import record
from shared.settings import Settings
from shared.settings.addresses import path_of
from shared.sqlite import copies, lock

logger = logging.getLogger("linkup.notify.audit")

KIND = "notification_without_end"
FIRST = 60.0  # seconds after the start
ENDED_LONG_AGO = 3600 * SECOND  # the lease of who was to send it
REMEDY = "Restart notify: it settles what an earlier process left behind, without a second e-mail."

ON_THE_WAY = """
SELECT delivery_id, user_id, thread, state FROM deliveries
WHERE state IN ('claimed', 'sending') AND due_at < :ended
"""
# What is collected waits for a digest, or is on its way in one.
NO_DIGEST = """
SELECT delivery_id, user_id, thread, state FROM deliveries AS n
WHERE state = 'collected' AND NOT EXISTS (
    SELECT 1 FROM deliveries AS d WHERE d.user_id = n.user_id AND d.channel = n.channel
    AND d.thread = 'digest:' AND d.state IN ('waiting', 'claimed', 'sending')
)
"""
NEVER_DUE = """
SELECT delivery_id, user_id, thread, state FROM deliveries
WHERE state IN ('waiting', 'claimed') AND due_at > :latest
"""


class Endless(Struct, frozen=True):
    notification_id: str
    user_id: str
    conversation_id: str
    state: str


class Audit:
    """`every`: seconds from one to the next; 0: none is made."""

    def __init__(
        self, store: Store, counters: Counters, settings: Settings, now: Callable[[], int]
    ) -> None:
        self._store = store
        self._counters = counters
        self._settings = settings
        self._now = now

    async def run(self) -> None:
        every = self._settings.audit_every
        pause = min(FIRST, every) or float("inf")
        while True:
            await asyncio.sleep(pause)
            pause = every
            try:
                await self.once()
            except Unavailable as error:
                logger.warning("notifications are not audited: %s", error)

    async def once(self) -> list[Endless]:
        """Raises Unavailable."""
        now, settings = self._now(), self._settings
        found = await self._store.between(lambda raw: endless(raw, settings, now))
        for one in found:
            self._counters.add(f"invariant.{KIND}")
            record(
                "invariant_violation",
                f"a notification is {one.state} and comes to no end; restart notify",
                user=one.user_id,
                conversation_id=one.conversation_id,
                notification_id=one.notification_id,
            )
        return found


def endless(
    connection: sqlite3.Connection, settings: Settings, now: int, running: bool = True
) -> list[Endless]:
    """Yield the notifications that never end. A send ends when notify starts, hence `running`."""
    wait = int(settings.notify_email_after * SECOND)
    between = {"ended": now - ENDED_LONG_AGO, "latest": now + wait + 2 * LONGEST_PAUSE}
    statements = (ON_THE_WAY, NEVER_DUE, NO_DIGEST) if running else (NEVER_DUE, NO_DIGEST)
    return [Endless(*row) for sql in statements for row in connection.execute(sql, between)]


def command(settings: Settings, arguments: Sequence[str]) -> int:
    """`python -m services.notify audit`: read-only, beside a running notify or on a stopped one."""
    argparse.ArgumentParser(prog="python -m services.notify audit").parse_args(arguments)
    running = lock.is_held(lock_of(Path(path_of(settings.notify_store_url))))
    with reading(settings) as connection:
        found = endless(connection, settings, clock.now(), running)
    for one in found:
        audit.tell(_told(one))
    return 0


@contextmanager
def reading(settings: Settings) -> Iterator[sqlite3.Connection]:
    """The database, read-only. Raises StartError."""
    path = Path(path_of(settings.notify_store_url))
    try:
        with copies.reading(path) as connection:
            yield connection
    except sqlite3.Error as error:
        raise StartError(f"cannot read {WHAT} {path}: {error}") from None


def _told(one: Endless) -> audit.Found:
    return audit.Found(
        kind=KIND,
        text=f"Notification {one.notification_id} to user {one.user_id} about conversation "
        f"{one.conversation_id} is {one.state} and comes to no end.",
        remedy=REMEDY,
        user_id=one.user_id,
        conversation_id=one.conversation_id,
        notification_id=one.notification_id,
    )
