"""Owns what facts are about, as it is now: the data of the events that webhooks receive."""

from collections.abc import Iterator

import msgspec
from msgspec import UNSET, Struct

from services.persistence.projection.conversation import CHANGES
from services.persistence.projection.message import MESSAGE_COLUMNS, message_body
from services.persistence.queries.source import Source, give_way
from shared import api, frames
from shared.commands import MAX_DETAILS, MAX_PAGE_BYTES, Details, DetailsAnswer, Fact

AT_A_TIME = 4  # facts made before others go on
GONE = b""

# A store that was restored from a copy may have given the same number again.
MESSAGE = f"""
SELECT {MESSAGE_COLUMNS} FROM messages AS m WHERE m.message_id = ?1 AND m.conversation_id = ?2
"""  # noqa: S608 - a list of columns
CONVERSATION = """
SELECT c.kind, c.title,
       (SELECT count(*) FROM members AS o WHERE o.conversation_id = c.conversation_id),
       (SELECT json_group_array(o.user_id) FROM (SELECT p.user_id FROM members AS p
         WHERE p.conversation_id = c.conversation_id ORDER BY p.user_id LIMIT ?2) AS o)
FROM conversations AS c WHERE c.conversation_id = ?1
"""
CHANGE = "SELECT user_ids FROM group_changes WHERE change_id = ?1"
REPORT = """
SELECT report_id, reporter_id, user_id, message_id, reason, comment, created_at
FROM reports WHERE report_id = ?1
"""

_names = msgspec.json.Decoder(list[str])


class _MessageEvent(Struct, frozen=True, kw_only=True):
    """An api.MessageEvent whose message is encoded already."""

    message: msgspec.Raw
    conversation: api.EventConversation


def details(source: Source, asked: Details) -> DetailsAnswer:
    return DetailsAnswer(details=list(_fitting(_detail(source, one) for one in asked.facts)))


def _fitting(encoded: Iterator[bytes]) -> Iterator[bytes]:
    """Yield as many details as the bus carries at once, but at least one."""
    size = 0
    for count, one in enumerate(encoded):
        size += len(one) + 8
        if count == MAX_DETAILS or (count and size > MAX_PAGE_BYTES):
            return
        yield one
        if count % AT_A_TIME == AT_A_TIME - 1:
            give_way()


def _detail(source: Source, fact: Fact) -> bytes:
    if fact.kind == "report":
        return _report(source, fact.report_id)
    conversation = _conversation(source, fact.conversation_id)
    if conversation is None:
        return GONE
    match fact.kind:
        case "receipt":
            read = api.ReadEvent(user_id=fact.actor_id, seq=fact.seq, conversation=conversation)
            return api.encode(read)
        case kind if kind in CHANGES:
            return api.encode(_change(source, fact, conversation))
        case _:
            return _message(source, fact.about, conversation)


def _message(source: Source, message_id: int, conversation: api.EventConversation) -> bytes:
    for row in source.fetch(MESSAGE, (message_id, conversation.conversation_id)):
        body = msgspec.Raw(message_body(*row))
        return api.encode(_MessageEvent(message=body, conversation=conversation))
    return GONE


def _conversation(source: Source, conversation_id: str) -> api.EventConversation | None:
    for kind, title, count, members in source.fetch(
        CONVERSATION, (conversation_id, frames.MAX_NAMED + 1)
    ):
        names = _names.decode(members)
        return api.EventConversation(
            conversation_id=conversation_id,
            kind=kind,
            title=UNSET if title is None else title,
            member_count=count,
            members=names if len(names) <= frames.MAX_NAMED else UNSET,
        )
    return None


def _change(
    source: Source, fact: Fact, conversation: api.EventConversation
) -> api.ConversationEvent:
    [user_ids] = [_names.decode(row[0]) for row in source.fetch(CHANGE, (fact.about,))] or [[]]
    return api.ConversationEvent(
        change=CHANGES[fact.kind],
        actor_id=fact.actor_id,
        user_ids=user_ids or UNSET,
        conversation=conversation,
    )


def _report(source: Source, report_id: str) -> bytes:
    for found, reporter, user_id, message_id, reason, comment, at in source.fetch(
        REPORT, (report_id,)
    ):
        return api.encode(
            api.ReportEvent(
                report_id=found,
                reporter_id=reporter,
                user_id=user_id,
                message_id=UNSET if message_id is None else message_id,
                reason=reason,
                comment=comment,
                created_at=frames.time_of(at),
            )
        )
    return GONE
