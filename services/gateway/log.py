"""Owns the gateway's questions to the log: one request each, over the bus."""

from typing import TypeVar

from msgspec import Struct

from shared import commands, subjects
from shared.bus import Bus
from shared.commands import (
    Acquaintances,
    AcquaintancesAnswer,
    Attachment,
    AttachmentRecord,
    Blocks,
    Conversation,
    FeedPage,
    FeedPageAnswer,
    Heads,
    HeadsAnswer,
    History,
    Inbox,
    Join,
    Joined,
    Members,
    MembersAnswer,
    Receipts,
    Roster,
    Search,
    Snapshot,
    Timeline,
    TimelineAnswer,
    Totals,
)

A = TypeVar("A", bound=Struct)

TIMEOUT = 3.0


class Log:
    """Every method raises the LinkupError that came back, or Unavailable."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def join(self, user_id: str) -> Joined:
        return await self._ask("join", Join(user_id=user_id), Joined)

    async def heads(self, user_ids: list[str]) -> HeadsAnswer:
        return await self._ask("heads", Heads(user_ids=user_ids), HeadsAnswer)

    async def feed(self, user_id: str, after: int, limit: int = 500) -> FeedPageAnswer:
        asked = FeedPage(user_id=user_id, after=after, limit=limit)
        return await self._ask("feed", asked, FeedPageAnswer)

    async def inbox(self, asked: Inbox) -> bytes:
        return (await self._ask("conversations", asked, Snapshot)).body

    async def conversation(self, user_id: str, conversation_id: str) -> bytes:
        asked = Conversation(user_id=user_id, conversation_id=conversation_id)
        return (await self._ask("conversation", asked, Snapshot)).body

    async def unread(self, user_id: str) -> bytes:
        return (await self._ask("unread", Totals(user_id=user_id), Snapshot)).body

    async def history(self, asked: History) -> bytes:
        return (await self._ask("history", asked, Snapshot)).body

    async def acquaintances(self, user_id: str, asked: list[str]) -> AcquaintancesAnswer:
        question = Acquaintances(user_id=user_id, asked=asked)
        return await self._ask("acquaintances", question, AcquaintancesAnswer)

    async def roster(self, asked: Roster) -> bytes:
        return (await self._ask("roster", asked, Snapshot)).body

    async def blocks(self, asked: Blocks) -> bytes:
        return (await self._ask("blocks", asked, Snapshot)).body

    async def receipts(self, asked: Receipts) -> bytes:
        return (await self._ask("receipts", asked, Snapshot)).body

    async def timeline(self, user_id: str, message_id: int) -> TimelineAnswer:
        asked = Timeline(user_id=user_id, message_id=message_id)
        return await self._ask("timeline", asked, TimelineAnswer)

    async def attachment(self, attachment_id: str, user_id: str | None = None) -> AttachmentRecord:
        """NotFound unless that user may see it; without a user, unless it is there."""
        asked = Attachment(attachment_id=attachment_id, user_id=user_id)
        return await self._ask("attachment", asked, AttachmentRecord)

    async def members(self, user_id: str, conversation_id: str) -> list[str]:
        """Of a conversation of theirs, but for who must not hear of them; NotFound otherwise."""
        asked = Members(user_id=user_id, conversation_id=conversation_id)
        return (await self._ask("members", asked, MembersAnswer)).user_ids

    async def search(self, asked: Search) -> bytes:
        return (await self._ask("search", asked, Snapshot)).body

    async def _ask(self, name: str, asked: Struct, kind: type[A]) -> A:
        payload = commands.encode(asked)
        reply = await self._bus.request(subjects.query(name), payload, TIMEOUT)
        return commands.open_answer(reply, kind)
