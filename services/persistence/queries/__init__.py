"""Owns every read of the log, a module a noun. Reading changes nothing.

Each answer that carries a cursor was read in one snapshot with it.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from msgspec import Struct

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
Query = Callable[[Source, A], Awaitable[Struct]]


class Queries:
    """The log through one reader's connection. `epoch` names the store."""

    def __init__(self, held: Held, epoch: str, followers: Followers | None = None) -> None:
        self._held = held
        self._source = Source(held, epoch, followers or Followers())

    async def answer(self, name: str, payload: bytes) -> bytes:  # noqa: C901 - flat
        """The encoded answer to the query of that name. Raises LinkupError."""
        match name:
            case "joins":
                return await self._at_once(joins, commands.decode(payload, Joins))
            case "heads":
                return await self._at_once(heads, commands.decode(payload, Heads))
            case "feeds":
                return await self._snapshot(feeds, commands.decode(payload, FeedPages))
            case "conversations":
                return await self._snapshot(inbox, commands.decode(payload, Inbox))
            case "conversation":
                return await self._snapshot(conversation, commands.decode(payload, Conversation))
            case "unread":
                return await self._snapshot(unread, commands.decode(payload, Totals))
            case "history":
                return await self._snapshot(history, commands.decode(payload, History))
            case "roster":
                return await self._snapshot(roster, commands.decode(payload, Roster))
            case "blocks":
                return await self._snapshot(blocks, commands.decode(payload, Blocks))
            case "receipts":
                return await self._snapshot(receipts, commands.decode(payload, Receipts))
            case "timeline":
                return await self._snapshot(timeline, commands.decode(payload, Timeline))
            case "search":
                return await self._snapshot(search, commands.decode(payload, Search))
            case "attachment":
                return await self._at_once(attachment, commands.decode(payload, Attachment))
            case "attachments":
                return await self._at_once(attachments, commands.decode(payload, Attachments))
            case "log":
                return await self._at_once(log, commands.decode(payload, LogPage))
            case "marks":
                return await self._snapshot(marks, commands.decode(payload, Marks))
            case "acquaintances":
                return await self._at_once(acquaintances, commands.decode(payload, Acquaintances))
            case "members":
                return await self._snapshot(members, commands.decode(payload, Members))
        raise NotFound(f"There is no query {name!r}")

    async def _at_once(self, query: Query[A], asked: A) -> bytes:
        return commands.answer(await query(self._source, asked))

    async def _snapshot(self, query: Query[A], asked: A) -> bytes:
        await self._held.fetch("BEGIN")
        try:
            return await self._at_once(query, asked)
        finally:
            await self._held.fetch("ROLLBACK")
