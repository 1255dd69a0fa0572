"""Owns membership, which decides who may see a conversation. Members can see each other's
presence, unless one blocks the other.
"""

import msgspec

from services.persistence.queries.source import Source
from services.persistence.queries.visibility import apart
from shared.commands import (
    MAX_ACQUAINTANCES,
    Acquaintances,
    AcquaintancesAnswer,
    Members,
    MembersAnswer,
)
from shared.errors import NotFound

MEMBER = "SELECT 1 FROM members WHERE conversation_id = ?1 AND user_id = ?2"
# Who is told what a member does there, and is never stored.
MEMBERS = f"""
SELECT b.user_id FROM members AS b
WHERE b.conversation_id = ?1 AND NOT {apart("b.user_id", "?2")}
"""  # noqa: S608 - names, no values

# Uncorrelated: read once, however many are asked for.
ACQUAINTANCES = f"""
SELECT u.user_id, u.last_seen FROM json_each(?2) AS j JOIN users AS u ON u.user_id = j.value
WHERE u.user_id = ?1 OR u.user_id IN (
  SELECT b.user_id FROM members AS a JOIN members AS b ON b.conversation_id = a.conversation_id
  WHERE a.user_id = ?1) AND NOT {apart("u.user_id", "?1")}
"""  # noqa: S608 - names, no values


def member(source: Source, user_id: str, conversation_id: str) -> None:
    """Raises NotFound, for what does not exist as for what is not theirs."""
    if not source.fetch(MEMBER, (conversation_id, user_id)):
        raise NotFound("There is no such conversation")


def members(source: Source, asked: Members) -> MembersAnswer:
    member(source, asked.user_id, asked.conversation_id)
    rows = source.fetch(MEMBERS, (asked.conversation_id, asked.user_id))
    return MembersAnswer(user_ids=[user_id for (user_id,) in rows])


def acquaintances(source: Source, asked: Acquaintances) -> AcquaintancesAnswer:
    wanted = msgspec.json.encode(asked.asked[:MAX_ACQUAINTANCES]).decode()
    rows = source.fetch(ACQUAINTANCES, (asked.user_id, wanted))
    return AcquaintancesAnswer(last_seen=dict(rows))
