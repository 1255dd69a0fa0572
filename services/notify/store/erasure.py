"""Owns erasing users: notifications, deliveries, preferences, browsers, and e-mails in files.

The log says who is erased, at the beginning and again when their messages are gone: what was made
of these in between is deleted the second time. Each step is a short transaction. A process that
dies in between is no matter: the next one begins the erasure anew.
"""

import asyncio
import logging
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from services.notify.database import Between
from services.notify.questions import Questions
from shared.commands import ErasedNotices, EraseNotices
from shared.errors import Unavailable
from shared.sqlite.overwriting import empty_the_log, write_anew
from shared.subjects import direct_conversation_id

logger = logging.getLogger("linkup.notify.erasure")

KINDS = ("erasing", "erased")  # of rows of the log
WALKED = 5000  # rows that a step looks at
PAUSE, AGAIN = 0.05, 5.0  # seconds: between steps, after a failure

ASK = """
    INSERT INTO erasures (user_id, asked_at, finished_at) VALUES (:user_id, :now, 0)
    ON CONFLICT (user_id) DO UPDATE SET asked_at = excluded.asked_at, finished_at = 0
"""
STATE = "SELECT finished_at FROM erasures WHERE user_id = :user_id"
PENDING = "SELECT user_id, asked_at FROM erasures WHERE finished_at = 0 ORDER BY asked_at"
# Unless it was asked for again meanwhile.
FINISH = """
    UPDATE erasures SET finished_at = :now WHERE user_id = :user_id AND asked_at = :asked_at
"""
OF_USER = (
    "DELETE FROM items WHERE user_id = :user_id",
    "DELETE FROM watches WHERE user_id = :user_id",
    "DELETE FROM preferences WHERE user_id = :user_id",
    "DELETE FROM push_subscriptions WHERE user_id = :user_id",
    "DELETE FROM refusals WHERE user_id = :user_id",
)
DELIVERIES = """
    SELECT delivery_id, user_id FROM deliveries WHERE delivery_id > :after
    ORDER BY delivery_id LIMIT :most
"""
DELETE_PUSHES = "DELETE FROM pushes WHERE delivery_id = ?"
DELETE_DELIVERY = "DELETE FROM deliveries WHERE delivery_id = ?"
ITEMS = """
    SELECT item_id, user_id, conversation_id, sender_id FROM items WHERE item_id > :after
    ORDER BY item_id LIMIT :most
"""
DELETE_ITEM = "DELETE FROM items WHERE item_id = ?"


class Erasure:
    """Erases users. `apart` runs work outside of transactions; `asked` is set with each user to
    erase; `letters` is the folder of e-mails that are written to files, without a mail server."""

    def __init__(
        self,
        between: Between,
        apart: Between,
        asked: asyncio.Event,
        letters: Path,
        clock: Callable[[], int],
    ) -> None:
        self._between = between
        self._apart = apart
        self._asked = asked
        self._letters = letters
        self._clock = clock

    def answer(self, questions: Questions) -> None:
        questions.on(EraseNotices, self.state)

    async def state(self, asked: EraseNotices) -> ErasedNotices:
        """Begin the erasure if the log has not said so, as to a copy of the database that is older
        than the erasure."""
        now = self._clock()

        def work(connection: sqlite3.Connection) -> bool:
            row = connection.execute(STATE, {"user_id": asked.user_id}).fetchone()
            if row is None or 0 < row["finished_at"] < asked.since:
                ask(connection, [asked.user_id], now)
                return False
            return bool(row["finished_at"])

        finished = await self._between(work)
        if not finished:
            self._asked.set()
        return ErasedNotices(finished=finished)

    async def run(self) -> None:
        """Erase users until cancelled, beginning with those that an earlier process has left."""
        self._asked.set()
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                await self.erase()
            except (Unavailable, OSError) as error:
                logger.warning("users are not erased yet: %s", error)
                self._asked.set()
                await asyncio.sleep(AGAIN)

    async def erase(self) -> None:
        """Erase all users who wait for it. Raises Unavailable and OSError."""
        pending = await self._between(lambda raw: raw.execute(PENDING).fetchall())
        for user_id, _ in pending:
            await self._between(partial(_forget, user_id))
            await self._all(Deliveries(user_id))
            await self._all(Items(user_id))
        if pending:
            await asyncio.to_thread(_delete_letters, self._letters)
            await self._clean()
        for user_id, asked_at in pending:
            await self._between(partial(_finish, user_id, asked_at, self._clock()))
            logger.info("a user is erased", extra={"user_id": user_id})

    async def _all(self, step: "Walk") -> None:
        more = True
        while more:
            more = await self._between(step)
            await asyncio.sleep(PAUSE)

    async def _clean(self) -> None:
        """Overwrite what is left in the files. Wait for whoever reads, as a backup does."""
        if not await self._apart(write_anew):
            logger.warning("notify's database cannot be written anew after an erasure")
        is_empty = False
        while not is_empty:
            is_empty = await self._apart(empty_the_log)
            await asyncio.sleep(0 if is_empty else AGAIN)


class Walk(ABC):
    """A walk over a table in the order of its key, of which some rows go."""

    PAGE: str
    DELETE: tuple[str, ...]

    def __init__(self, user_id: str) -> None:
        self._user_id = user_id
        self._after = ""

    def __call__(self, connection: sqlite3.Connection) -> bool:
        """Return whether there was anything to look at."""
        asked = {"after": self._after, "most": WALKED}
        found = connection.execute(self.PAGE, asked).fetchall()
        gone = [(row[0],) for row in found if self.concerns(row)]
        for sql in self.DELETE:
            connection.executemany(sql, gone)
        if found:
            self._after = found[-1][0]
        return bool(found)

    @abstractmethod
    def concerns(self, row: sqlite3.Row) -> bool:
        """Return whether the row goes."""


class Deliveries(Walk):
    PAGE = DELIVERIES
    DELETE = (DELETE_PUSHES, DELETE_DELIVERY)

    def concerns(self, row: sqlite3.Row) -> bool:
        return bool(row["user_id"] == self._user_id)


class Items(Walk):
    """The items of others about the user. An item of a group may be about others too, and has only
    the ids of those who sent its messages."""

    PAGE = ITEMS
    DELETE = (DELETE_ITEM,)

    def concerns(self, row: sqlite3.Row) -> bool:
        direct = direct_conversation_id(row["user_id"], self._user_id)
        about = row["conversation_id"] in ("", direct)
        return about and bool(row["sender_id"] == self._user_id)


def ask(connection: sqlite3.Connection, user_ids: Iterable[str], now: int) -> None:
    for user_id in user_ids:
        connection.execute(ASK, {"user_id": user_id, "now": now})


def _finish(user_id: str, asked_at: int, now: int, connection: sqlite3.Connection) -> None:
    connection.execute(FINISH, {"user_id": user_id, "asked_at": asked_at, "now": now})


def _forget(user_id: str, connection: sqlite3.Connection) -> None:
    for sql in OF_USER:
        connection.execute(sql, {"user_id": user_id})


def _delete_letters(folder: Path) -> None:
    """Delete all e-mails in the folder, since each may quote the user. They are for demos."""
    for pattern in ("*.eml", "*.part"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
