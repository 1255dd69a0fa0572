"""Owns every read of the log, a module a noun. Reading changes nothing.

A question costs one trip to the reader's thread, which answers it from one snapshot and encodes
the answer: what an answer says and the cursor it carries belong together.
"""

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from services.persistence.queries.attachment import attachment, attachments
from services.persistence.queries.blocks import blocks
from services.persistence.queries.feed import feeds, heads, joins
from services.persistence.queries.followers import Followers
from services.persistence.queries.history import history
from services.persistence.queries.inbox import conversation, inbox, unread
from services.persistence.queries.log import log, marks
from services.persistence.queries.membership import acquaintances, members
from services.persistence.queries.receipts import receipts
from services.persistence.queries.roster import roster
from services.persistence.queries.search import search
from services.persistence.queries.source import Source
from services.persistence.queries.timeline import timeline
from services.persistence.store.connections import Held
from shared import commands
from shared.commands import (
    Acquaintances,
    Attachment,
    Attachments,
    Blocks,
    Conversation,
    FeedPages,
    Heads,
    History,
    Inbox,
    Joins,
    LogPage,
    Marks,
    Members,
    Receipts,
    Roster,
    Search,
    Timeline,
    Totals,
)
from shared.errors import NotFound

A = TypeVar("A", bound=Struct)
Query = Callable[[Source, A], Struct]


class Queries:
    """The log through one reader's connection. `epoch` names the store."""

    def __init__(self, held: Held, epoch: str, followers: Followers | None = None) -> None:
        self._held = held
        self._epoch = epoch
        self._followers = followers or Followers()

    async def answer(self, name: str, payload: bytes) -> bytes:  # noqa: C901 - flat
        """The encoded answer to the query of that name. Raises LinkupError."""
        match name:
            case "joins":
                return await self._ask(joins, commands.decode(payload, Joins))
            case "heads":
                return await self._ask(heads, commands.decode(payload, Heads))
            case "feeds":
                return await self._ask(feeds, commands.decode(payload, FeedPages))
            case "conversations":
                return await self._ask(inbox, commands.decode(payload, Inbox))
            case "conversation":
                return await self._ask(conversation, commands.decode(payload, Conversation))
            case "unread":
                return await self._ask(unread, commands.decode(payload, Totals))
            case "history":
                return await self._ask(history, commands.decode(payload, History))
            case "roster":
                return await self._ask(roster, commands.decode(payload, Roster))
            case "blocks":
                return await self._ask(blocks, commands.decode(payload, Blocks))
            case "receipts":
                return await self._ask(receipts, commands.decode(payload, Receipts))
            case "timeline":
                return await self._ask(timeline, commands.decode(payload, Timeline))
            case "search":
                return await self._ask(search, commands.decode(payload, Search))
            case "attachment":
                return await self._ask(attachment, commands.decode(payload, Attachment))
            case "attachments":
                return await self._ask(attachments, commands.decode(payload, Attachments))
            case "log":
                asked = commands.decode(payload, LogPage)
                positions = dict(self._followers.heard(asked, self._epoch))
                return await self._ask(log, replace(asked, positions=positions))
            case "marks":
                return await self._ask(marks, commands.decode(payload, Marks))
            case "acquaintances":
                return await self._ask(acquaintances, commands.decode(payload, Acquaintances))
            case "members":
                return await self._ask(members, commands.decode(payload, Members))
        raise NotFound(f"There is no query {name!r}")

    async def _ask(self, query: Query[A], asked: A) -> bytes:
        def answer(connection: sqlite3.Connection) -> bytes:
            return snapshot(Source(connection, self._epoch), query, asked)

        return await self._held.run(answer)


def snapshot(source: Source, query: Query[A], asked: A) -> bytes:
    source.connection.execute("BEGIN")
    try:
        return commands.answer(query(source, asked))
    finally:
        source.connection.execute("ROLLBACK")
