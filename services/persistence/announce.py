"""Owns the live events that follow a commit, for each user."""

import itertools
from collections.abc import Iterator
from typing import assert_never

from services.persistence.decide.changes import (
    Changed,
    Decision,
    Edited,
    Erased,
    Fact,
    FeedRow,
    Hidden,
    Marked,
    Reacted,
    Said,
    Seen,
    Vanished,
)
from services.persistence.projection.conversation import (
    ConversationNow,
    GroupEvent,
    View,
    conversation_body,
    has_parted,
    parted_body,
    receipt_body,
)
from services.persistence.projection.message import (
    deleted_body,
    reaction_body,
    said_body,
    updated_body,
)
from shared import commands, subjects
from shared.bus import Bus
from shared.commands import MAX_PAGE_BYTES, Acquaintance, Event, Events, Stands
from shared.frames import MAX_NAMED


async def announce(bus: Bus, epoch: str, decision: Decision) -> None:
    """Publish once for each user touched. What is lost on the wire is repaired from the log."""
    for user_id, events in events_by_user(decision).items():
        for part in _parts(events):
            payload = commands.encode(Events(user_id=user_id, epoch=epoch, events=part))
            await bus.publish(subjects.feed(user_id), payload)
    for told in acquaintances(decision):
        await bus.publish(subjects.control(told.user_id), commands.encode(told))
    for user_id in decision.changes.standings:
        stands = Stands(user_id=user_id, standing=decision.state.standings[user_id])
        await bus.publish(subjects.STANDING, commands.encode(stands))


def acquaintances(decision: Decision) -> Iterator[Acquaintance]:
    """Yield the pairs who may have become strangers, or acquainted again."""
    for one, other in decision.changes.blocks:
        yield Acquaintance(user_id=one, other_id=other)
        yield Acquaintance(user_id=other, other_id=one)
    for conversation_id, user_id in decision.changes.members:
        members = decision.state.conversations[conversation_id].members
        if user_id not in members:
            yield Acquaintance(user_id=user_id, other_id="", parted=True)
            for other in members:
                yield Acquaintance(user_id=other, other_id=user_id, parted=True)


def events_by_user(decision: Decision) -> dict[str, list[Event]]:
    """Return every new feed row as an event; a body is encoded once for all who receive it."""
    users: dict[str, list[Event]] = {}
    told, body = None, b""
    for row in decision.changes.feed:  # the rows of a fact stand together
        if row.fact is not told:
            told, body = row.fact, _body(row.fact, decision)
        users.setdefault(row.user_id, []).append(_event(row, body, decision))
    return users


def _event(row: FeedRow, body: bytes, decision: Decision) -> Event:
    match row.fact:
        case Said(message):
            return Event(row.cursor, body, row.origin, message.conversation_id, message.seq)
        case Seen() | Changed() as fact:
            body = _own_view(fact, row.user_id, decision)
            return Event(row.cursor, body, row.origin, fact.conversation_id)
        case _:
            return Event(row.cursor, body, row.origin)


def _body(fact: Fact, decision: Decision) -> bytes:
    """Return the body for all hearers; empty where each of them sees it in another way."""
    now = decision.state.now
    match fact:
        case Said():
            return said_body(fact)
        case Marked(conversation_id, user_id):
            marks = decision.state.conversations[conversation_id].members[user_id]
            reached = (marks.delivered_seq, marks.read_seq)
            return receipt_body(conversation_id, user_id, *reached, now)
        case Seen() | Changed() | Vanished():
            return b""
        case Reacted(m, user_id, emoji, reaction):
            names = (m.message_id, m.conversation_id, m.version)
            return reaction_body(*names, user_id, emoji, reaction.removed)
        case Edited(m, content):
            return updated_body(m.message_id, m.conversation_id, m.seq, m.version, content, now)
        case Erased(m):
            return deleted_body(m.message_id, m.conversation_id, m.seq, m.version, "everyone", now)
        case Hidden(m):
            return deleted_body(m.message_id, m.conversation_id, m.seq, m.version, "me", now)
        case _:
            assert_never(fact)


def _own_view(fact: Seen | Changed, user_id: str, decision: Decision) -> bytes:
    """Return the event as a replay would show it: a user who is no longer a member gets only
    that."""
    conversation, event = decision.state.conversations[fact.conversation_id], None
    if isinstance(fact, Changed):
        event = GroupEvent(fact.version, fact.actor_id, fact.user_ids)
        if has_parted(fact.kind, event, user_id):
            return parted_body(fact.kind, fact.conversation_id, event)
    member = conversation.members.get(user_id)
    if member is None:
        return b""
    names = list(itertools.islice(conversation.members, MAX_NAMED + 1))
    group = (conversation.kind, conversation.title, conversation.version)
    now = ConversationNow(fact.conversation_id, *group, len(conversation.members), names)
    own = (member.archived, member.muted, member.role, member.blocked)
    view = View(member.version, member.cleared_seq, *own)
    return conversation_body(fact.kind, now, event, view)


def _parts(events: list[Event]) -> list[list[Event]]:
    """Return the events in parts, as the bus carries at most max_payload at once."""
    parts: list[list[Event]] = [[]]
    size = 0
    for event in events:
        size += len(event.body) + 128
        if size > MAX_PAGE_BYTES and parts[-1]:
            parts.append([])
            size = len(event.body)
        parts[-1].append(event)
    return parts
