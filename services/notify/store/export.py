"""Owns the question for what is stored of a user: deliveries, and browsers that get web push."""

import sqlite3
from functools import partial
from typing import TypeVar

import msgspec
from msgspec import Struct

from services.notify.database import Between
from services.notify.questions import Questions
from shared.commands import ExportedNotices, ExportNotices, StoredBrowser, StoredDelivery

T = TypeVar("T", bound=Struct)

WALKED = 2000  # deliveries that are looked at for a page

DELIVERIES = """
    SELECT delivery_id, user_id, channel, thread, state, reason, created_at, closed_at
    FROM deliveries WHERE delivery_id > :after ORDER BY delivery_id LIMIT :most
"""
BROWSERS = """
    SELECT endpoint, subscribed_at FROM push_subscriptions WHERE user_id = :user_id
    ORDER BY subscribed_at
"""


class Exports:
    def __init__(self, between: Between) -> None:
        self._between = between

    def answer(self, questions: Questions) -> None:
        questions.on(ExportNotices, self.page)

    async def page(self, asked: ExportNotices) -> ExportedNotices:
        return await self._between(partial(_page, asked))


def _page(asked: ExportNotices, connection: sqlite3.Connection) -> ExportedNotices:
    place = {"after": asked.after, "most": WALKED}
    found = connection.execute(DELIVERIES, place).fetchall()
    browsers = []
    if not asked.after:
        browsers = connection.execute(BROWSERS, {"user_id": asked.user_id}).fetchall()
    return ExportedNotices(
        deliveries=[_made(row, StoredDelivery) for row in found if row["user_id"] == asked.user_id],
        browsers=[_made(row, StoredBrowser) for row in browsers],
        next=found[-1]["delivery_id"] if len(found) == WALKED else "",
    )


def _made(row: sqlite3.Row, kind: type[T]) -> T:
    return msgspec.convert({name: row[name] for name in kind.__struct_fields__}, kind)
