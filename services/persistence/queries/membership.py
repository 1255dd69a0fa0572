"""Owns who may see a conversation at all: its members."""

from services.persistence.queries.source import Source
from shared.commands import Members, MembersAnswer
from shared.errors import NotFound

MEMBER = "SELECT 1 FROM members WHERE conversation_id = ?1 AND user_id = ?2"
MEMBERS = "SELECT user_id FROM members WHERE conversation_id = ?1"


async def member(source: Source, user_id: str, conversation_id: str) -> None:
    """Raises NotFound, for what does not exist as for what is not theirs."""
    if not await source.fetch(MEMBER, (conversation_id, user_id)):
        raise NotFound("There is no such conversation")


async def members(source: Source, asked: Members) -> MembersAnswer:
    await member(source, asked.user_id, asked.conversation_id)
    rows = await source.fetch(MEMBERS, (asked.conversation_id,))
    return MembersAnswer(user_ids=[user_id for (user_id,) in rows])
