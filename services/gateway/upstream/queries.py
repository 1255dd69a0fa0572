"""Owns the gateway's questions to the log, over the bus: where a crowd asks the same kind of
thing, one question for many; else one each, few at a time."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from msgspec import Struct

from services.gateway.upstream.gathering import Backlog, Gathering
from shared import commands, subjects
from shared.bus import Bus
from shared.commands import (
    MAX_FEEDS,
    MAX_JOINS,
    Acquaintances,
    AcquaintancesAnswer,
    Attachment,
    AttachmentRecord,
    AttachmentRecords,
    Attachments,
    Blocks,
    Conversation,
    FeedFrom,
    FeedPageAnswer,
    FeedPages,
    FeedPagesAnswer,
    Heads,
    HeadsAnswer,
    History,
    Inbox,
    Joined,
    Joins,
    JoinsAnswer,
    Members,
    MembersAnswer,
    Question,
    Receipts,
    Roster,
    Search,
    Snapshot,
    Timeline,
    TimelineAnswer,
    Totals,
    name_of,
)
from shared.turns import Turns

A = TypeVar("A", bound=Struct)

TIMEOUT = 3.0
CROWDS_AT_ONCE = 2  # questions for many, of each kind: a slow one does not hold up the others
LOOK_UPS_AT_ONCE = 16  # of this gateway; persistence has a few readers


class Log:
    """Every method raises the LinkupError that came back, Unavailable, or Overloaded."""

    def __init__(
        self,
        bus: Bus,
        backlog: Backlog,
        turns: Turns,
        on_answer: Callable[[], None] = lambda: None,
    ) -> None:
        """`backlog` is the line that all who ask wait in; `turns` those in which they go on;
        `on_answer` is called with each answer that is no refusal."""
        self._bus = bus
        self._on_answer = on_answer
        self._joins = Gathering(
            self._ask_joins, backlog, turns, most=MAX_JOINS, at_once=CROWDS_AT_ONCE
        )
        self._feeds = Gathering(
            self._ask_feeds, backlog, turns, most=MAX_FEEDS, at_once=CROWDS_AT_ONCE
        )
        self._look_ups = Gathering(
            self._ask_look_up, backlog, turns, most=1, at_once=LOOK_UPS_AT_ONCE
        )

    def start(self, tasks: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        gatherings = (self._joins, self._feeds, self._look_ups)
        return [task for gathering in gatherings for task in gathering.start(tasks)]

    async def join(self, user_id: str) -> Joined:
        return await self._joins.get(user_id)

    async def feed(self, user_id: str, after: int, limit: int = 500) -> FeedPageAnswer:
        return await self._feeds.get(FeedFrom(user_id, after, limit))

    async def heads(self, user_ids: list[str]) -> HeadsAnswer:
        """Asked past the line: what the wire lost has to be found in time (C7)."""
        return await self._request(Heads(user_ids=user_ids), HeadsAnswer)

    async def inbox(self, asked: Inbox) -> bytes:
        return (await self._ask(asked, Snapshot)).body

    async def conversation(self, user_id: str, conversation_id: str) -> bytes:
        asked = Conversation(user_id=user_id, conversation_id=conversation_id)
        return (await self._ask(asked, Snapshot)).body

    async def unread(self, user_id: str) -> bytes:
        return (await self._ask(Totals(user_id=user_id), Snapshot)).body

    async def history(self, asked: History) -> bytes:
        return (await self._ask(asked, Snapshot)).body

    async def acquaintances(self, user_id: str, asked: list[str]) -> AcquaintancesAnswer:
        question = Acquaintances(user_id=user_id, asked=asked)
        return await self._ask(question, AcquaintancesAnswer)

    async def roster(self, asked: Roster) -> bytes:
        return (await self._ask(asked, Snapshot)).body

    async def blocks(self, asked: Blocks) -> bytes:
        return (await self._ask(asked, Snapshot)).body

    async def receipts(self, asked: Receipts) -> bytes:
        return (await self._ask(asked, Snapshot)).body

    async def timeline(self, user_id: str, message_id: int) -> TimelineAnswer:
        asked = Timeline(user_id=user_id, message_id=message_id)
        return await self._ask(asked, TimelineAnswer)

    async def attachment(self, attachment_id: str, user_id: str | None = None) -> AttachmentRecord:
        """NotFound unless that user may see it; without a user, unless it is there."""
        asked = Attachment(attachment_id=attachment_id, user_id=user_id)
        return await self._ask(asked, AttachmentRecord)

    async def attachments(self, attachment_ids: list[str], user_id: str) -> list[AttachmentRecord]:
        """Those that exist and that user may see."""
        asked = Attachments(attachment_ids=attachment_ids, user_id=user_id)
        return (await self._ask(asked, AttachmentRecords)).records

    async def members(self, user_id: str, conversation_id: str) -> list[str]:
        """Of a conversation of theirs, but for who must not hear of them; NotFound otherwise."""
        asked = Members(user_id=user_id, conversation_id=conversation_id)
        return (await self._ask(asked, MembersAnswer)).user_ids

    async def search(self, asked: Search) -> bytes:
        return (await self._ask(asked, Snapshot)).body

    async def _ask(self, asked: Question, kind: type[A]) -> A:
        reply = await self._look_ups.get((subjects.query(name_of(asked)), commands.encode(asked)))
        return self._opened(reply, kind)

    async def _request(self, asked: Question, kind: type[A]) -> A:
        subject = subjects.query(name_of(asked))
        reply = await self._bus.request(subject, commands.encode(asked), TIMEOUT)
        return self._opened(reply, kind)

    def _opened(self, reply: bytes, kind: type[A]) -> A:
        answer = commands.open_answer(reply, kind)
        self._on_answer()
        return answer

    async def _ask_joins(self, user_ids: Sequence[str]) -> list[Joined]:
        asked = Joins(user_ids=list(user_ids))
        return (await self._request(asked, JoinsAnswer)).joined

    async def _ask_feeds(self, asked: Sequence[FeedFrom]) -> list[FeedPageAnswer]:
        pages = FeedPages(asked=list(asked))
        return (await self._request(pages, FeedPagesAnswer)).pages

    async def _ask_look_up(self, asked: Sequence[tuple[str, bytes]]) -> list[bytes]:
        [(subject, payload)] = asked
        return [await self._bus.request(subject, payload, TIMEOUT)]
