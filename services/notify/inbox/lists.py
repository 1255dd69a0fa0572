"""Owns the answers about the list of a user: pages of it, and reading."""

import sqlite3
from collections.abc import Callable
from itertools import accumulate, takewhile
from typing import TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from services.notify.database import Between
from services.notify.inbox import rows
from services.notify.inbox.fold import Changes
from services.notify.inbox.grouping import Item
from services.notify.inbox.render import Words
from services.notify.inbox.rows import Place
from services.notify.ladder.preferences import Table, check_type
from services.notify.questions import Questions
from shared import frames
from shared.commands import (
    MAX_NOTICES,
    DeliveredNotice,
    Notice,
    Notices,
    NoticesAnswer,
    ReadAnswer,
    ReadNotice,
    ReadNotices,
    notification,
)
from shared.errors import InvalidRequest, NotFound
from shared.frames import MAX_INT

T = TypeVar("T")

TOP: Place = (MAX_INT, "")
PAGE_BYTES = 96 * 1024  # of JSON: a page is one frame, and must leave room before a slow client


class Lists:
    """`known`: the types that there are. `told`: called with what a question has changed."""

    def __init__(
        self,
        between: Between,
        words: Words,
        known: Table,
        clock: Callable[[], int],
        told: Callable[[Changes], None],
    ) -> None:
        self._between = between
        self._words = words
        self._known = known
        self._clock = clock
        self._told = told

    def answer(self, questions: Questions) -> None:
        questions.on(Notices, self.notices)
        questions.on(ReadNotice, self.read)
        questions.on(DeliveredNotice, self.delivered)
        questions.on(ReadNotices, self.read_all)

    async def notices(self, asked: Notices) -> NoticesAnswer:
        """Raises InvalidRequest, and Unavailable when persistence does not answer."""
        self._check(asked)
        limit = max(1, min(asked.limit, MAX_NOTICES))
        place = _place(asked.before) if asked.before else TOP

        def work(connection: sqlite3.Connection) -> tuple[list[Item], int]:
            found = rows.page(connection, asked, place, limit + 1)
            return found, rows.unread_of(connection, asked.user_id)

        found, unread = await self._between(work)
        page = found[:limit]
        notices = [notice for _, notice in await self._words.of(page)]
        kept = _fitting(notices)
        if len(kept) < len(notices):
            after = _next(kept[-1].updated_at, kept[-1].notification_id)
        else:
            after = _next(page[-1].updated_at, page[-1].item_id) if len(found) > limit else ""
        return NoticesAnswer(notices=kept, next=after, unread_count=unread)

    async def read(self, asked: ReadNotice) -> ReadAnswer:
        """Raises NotFound."""
        answer = await self._mark(asked, "read_at")
        if answer.count:
            read = [(asked.user_id, asked.notification_id, answer.at)]
            self._told(Changes(read=read, user_ids={asked.user_id}))
        return answer

    async def delivered(self, asked: DeliveredNotice) -> ReadAnswer:
        """Raises NotFound."""
        return await self._mark(asked, "delivered_at")

    async def _mark(self, asked: ReadNotice | DeliveredNotice, mark: str) -> ReadAnswer:
        now = self._clock()

        def work(connection: sqlite3.Connection) -> tuple[Item | None, int]:
            item = rows.one(connection, asked.user_id, asked.notification_id)
            if item is not None and not getattr(item, mark):
                rows.save(connection, [replace(item, **{mark: now})])
            return item, rows.unread_of(connection, asked.user_id)

        item, unread = await self._between(work)
        at = getattr(_there(item), mark)
        return ReadAnswer(count=0 if at else 1, unread_count=unread, at=at or now)

    async def read_all(self, asked: ReadNotices) -> ReadAnswer:
        """Raises InvalidRequest and NotFound."""
        self._check(asked)
        now = self._clock()

        def work(connection: sqlite3.Connection) -> tuple[int | None, int]:
            last = rows.one(connection, asked.user_id, asked.up_to) if asked.up_to else None
            if asked.up_to and last is None:
                return None, 0
            place = (last.updated_at, last.item_id) if last else TOP
            count = rows.read_all(connection, asked, place, now)
            return count, rows.unread_of(connection, asked.user_id)

        found, unread = await self._between(work)
        count = _there(found)
        if count:
            frame = _all_read(asked, count, unread, now)
            self._told(Changes(frames=[(asked.user_id, frame)]))
        return ReadAnswer(count=count, unread_count=unread, at=now)

    def _check(self, asked: Notices | ReadNotices) -> None:
        if asked.notification_type:
            check_type(self._known, asked.notification_type)


def _there(found: T | None) -> T:
    """Raises NotFound for None: a notification of another user is treated like none at all."""
    if found is None:
        raise NotFound("There is no such notification")
    return found


def _all_read(asked: ReadNotices, count: int, unread: int, now: int) -> frames.NotificationsRead:
    return frames.NotificationsRead(
        count=count,
        notification_type=asked.notification_type or UNSET,
        up_to=asked.up_to or UNSET,
        read_at=frames.time_of(now),
        unread_count=unread,
    )


def _fitting(notices: list[Notice]) -> list[Notice]:
    """Return the first of them that fit into a page, at least one."""
    sizes = (len(frames.encode(notification(notice))) for notice in notices)
    fitting = list(takewhile(lambda size: size <= PAGE_BYTES, accumulate(sizes)))
    return notices[: max(1, len(fitting))]


def _next(at: int, item_id: str) -> str:
    return f"{at}-{item_id}"


def _place(before: str) -> Place:
    """Raises InvalidRequest."""
    at, _, item_id = before.partition("-")
    if not (at.isascii() and at.isdigit() and len(at) <= 16 and item_id):
        raise InvalidRequest("`before` must be the `next` of a page", field="before")
    return int(at), item_id
