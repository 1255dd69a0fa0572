"""Owns what notify keeps: its place in the log, and every notification and its state.

What a transaction decides is a pure function of what it has read; see `ladder`.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from msgspec import Struct

from services.notify import ladder, rows
from services.notify.database import Held, open_database
from services.notify.ladder import Notification, Waits, Watch
from shared.commands import LogRow, NotificationSteps
from shared.probe import Probe

NAME = "notify"  # under which the position is kept, here and by persistence


class Progress(Struct, frozen=True):
    """How far the log has been followed. `epoch` is empty before the first page."""

    epoch: str = ""
    positions: dict[str, int] = {}


class Store:
    def __init__(self, held: Held) -> None:
        self._held = held
        self.writes = Probe("the store", self.touch)

    async def touch(self) -> None:
        """Find out whether it can be written, by a transaction that changes nothing. Raises
        Unavailable."""

        async def work(connection: Any) -> None:
            await connection.execute(rows.TOUCH)

        await self._held.transaction(work)

    async def progress(self) -> Progress:
        async def work(connection: Any) -> Progress:
            row = await connection.fetch_one(rows.LOAD_PROGRESS, {"follower": NAME})
            if row is None:
                return Progress()
            return Progress(row["epoch"], msgspec.json.decode(row["positions"]))

        return await self._held.transaction(work)

    async def follow(self, progress: Progress, page: list[LogRow], now: int, waits: Waits) -> None:
        """A page of the log and the position after it, together or not at all."""
        concerned = sorted((row for row in page if ladder.concerns(row)), key=ladder.order)

        async def work(connection: Any) -> None:
            watches = await rows.watches_of(connection, {ladder.key(row) for row in concerned})
            for row in concerned:
                key = ladder.key(row)
                watches[key] = ladder.fold(watches[key], row, now, waits)
            await rows.save(connection, watches.values())
            await connection.execute(
                rows.SAVE_PROGRESS,
                {
                    "follower": NAME,
                    "epoch": progress.epoch,
                    "positions": msgspec.json.encode(progress.positions).decode(),
                },
            )

        await self._held.transaction(work)
        self.writes.proved()

    async def claim(self, now: int, limit: int) -> list[Notification]:
        async def work(connection: Any) -> list[Notification]:
            due = await connection.fetch_all(rows.LOAD_DUE, {"now": now, "limit": limit})
            claimed = [ladder.claim(rows.notification(row), now) for row in due]
            await rows.save_notifications(connection, claimed)
            return claimed

        return await self._held.transaction(work)

    async def change(
        self, held: Notification, decide: Callable[[Watch, Notification], Watch]
    ) -> bool:
        """Move on a group that this claim still holds; False when it does not any more."""

        async def work(connection: Any) -> bool:
            row = await connection.fetch_one(
                rows.LOAD_HELD, {"notification_id": held.notification_id, "claims": held.claims}
            )
            if row is None:
                return False
            watches = await rows.watches_of(connection, {held.key})
            await rows.save(connection, [decide(watches[held.key], rows.notification(row))])
            return True

        return await self._held.transaction(work)

    async def recover(self, now: int, waits: Waits) -> int:
        """Before anything else: what the process before left behind. How many are unknown."""

        async def work(connection: Any) -> int:
            left = [
                rows.notification(row) for row in await connection.fetch_all(rows.LOAD_IN_FLIGHT)
            ]
            watches = await rows.watches_of(connection, {group.key for group in left})
            await rows.save(
                connection, [ladder.recover(watches[g.key], g, now, waits) for g in left]
            )
            return sum(group.state == "sending" for group in left)

        return await self._held.transaction(work)

    async def of_message(self, asked: NotificationSteps) -> list[Notification]:
        """The group that this message is in, of each of those users who has one."""
        values = {
            "user_ids": msgspec.json.encode(asked.user_ids).decode(),
            "conversation_id": asked.conversation_id,
            "seq": asked.seq,
        }

        async def work(connection: Any) -> list[Notification]:
            found = await connection.fetch_all(rows.LOAD_OF_MESSAGE, values)
            return [rows.notification(row) for row in found]

        return await self._held.transaction(work)

    async def next_due(self) -> int | None:
        async def work(connection: Any) -> int | None:
            row = await connection.fetch_one(rows.NEXT_DUE)
            return None if row is None else row["due_at"]

        return await self._held.transaction(work)

    async def trouble(self, since: int) -> dict[str, int]:
        """How many ended as `failed` and `unknown` since then."""

        async def work(connection: Any) -> dict[str, int]:
            found = await connection.fetch_all(rows.TROUBLE, {"since": since})
            return {row["state"]: row["number"] for row in found}

        return await self._held.transaction(work)


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[Store]:
    """Raises SettingError, StartError."""
    async with open_database(url) as held:
        yield Store(held)
