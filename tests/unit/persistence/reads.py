"""Owns the questions that tests ask the log, and what they look at in the answers."""

from typing import Any

import msgspec
import pytest

from services.persistence.queries import Queries
from shared import commands
from shared.commands import (
    FeedFrom,
    FeedPageAnswer,
    FeedPages,
    FeedPagesAnswer,
    History,
    Inbox,
    Joined,
    Joins,
    JoinsAnswer,
    Marks,
    MarksAnswer,
    Receipts,
    Snapshot,
    Timeline,
    TimelineAnswer,
    Unread,
)
from shared.errors import LinkupError
from shared.subjects import direct_conversation_id

AB = direct_conversation_id("alice", "bob")
MAX_PAYLOAD = 1024 * 1024  # of a nats-server as it comes
Page = dict[str, Any]


async def history(queries: Queries, user_id: str = "alice", **asked: Any) -> Page:
    asked.setdefault("conversation_id", AB)
    question = History(user_id=user_id, **asked)
    answer = await queries.answer(question)
    assert len(answer) < MAX_PAYLOAD
    page: Page = msgspec.json.decode(commands.open_answer(answer, Snapshot).body)
    return page


async def inbox(queries: Queries, user_id: str = "alice", **asked: Any) -> Page:
    answer = await queries.answer(Inbox(user_id=user_id, **asked))
    assert len(answer) < MAX_PAYLOAD
    page: Page = msgspec.json.decode(commands.open_answer(answer, Snapshot).body)
    return page


async def feed(queries: Queries, user_id: str, after: int, limit: int = 500) -> FeedPageAnswer:
    [page] = await feeds(queries, FeedFrom(user_id, after, limit))
    return page


async def feeds(queries: Queries, *asked: FeedFrom) -> list[FeedPageAnswer]:
    answer = await queries.answer(FeedPages(asked=list(asked)))
    assert len(answer) < MAX_PAYLOAD
    return commands.open_answer(answer, FeedPagesAnswer).pages


async def joins(queries: Queries, *user_ids: str) -> list[Joined]:
    answer = await queries.answer(Joins(user_ids=list(user_ids)))
    assert len(answer) < MAX_PAYLOAD
    return commands.open_answer(answer, JoinsAnswer).joined


async def marks(queries: Queries, *asked: Unread, preview: int = 3) -> MarksAnswer:
    answer = await queries.answer(Marks(asked=list(asked), preview=preview))
    return commands.open_answer(answer, MarksAnswer)


async def receipts(queries: Queries, user_id: str, message_id: int, **asked: Any) -> Page:
    question = Receipts(user_id=user_id, message_id=message_id, **asked)
    answer = await queries.answer(question)
    assert len(answer) < MAX_PAYLOAD
    page: Page = msgspec.json.decode(commands.open_answer(answer, Snapshot).body)
    return page


async def timeline(queries: Queries, user_id: str, message_id: int) -> TimelineAnswer:
    question = Timeline(user_id=user_id, message_id=message_id)
    return commands.open_answer(await queries.answer(question), TimelineAnswer)


def contents(page: Page) -> list[str]:
    return [message["content"] for message in page["messages"]]


async def fails(query: Any) -> LinkupError:
    with pytest.raises(LinkupError) as caught:
        await query
    return caught.value
