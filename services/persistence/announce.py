"""Owns what is told after a commit: the live events of each user."""

import itertools
from collections.abc import Iterator

import msgspec

from services.persistence.decide.state import (
    Conversation,
    Decision,
    Edited,
    Erased,
    FeedRow,
    Hidden,
    NewMessage,
    Reacted,
    Revision,
)
from services.persistence.projection import (
    CHANGES,
    MessageRow,
    Occasion,
    Talk,
    View,
    conversation_body,
    deleted_body,
    has_parted,
    message_body,
    parted_body,
    reaction_body,
    receipt_body,
    updated_body,
)
from shared import commands, subjects
from shared.bus import Bus
from shared.commands import MAX_PAGE_BYTES, Acquaintance, Event, Events
from shared.frames import MAX_NAMED


async def announce(bus: Bus, epoch: str, decision: Decision) -> None:
    """One publish per user touched. What is lost on the wire is repaired from the log."""
    for user_id, events in events_by_user(decision).items():
        for part in _parts(events):
            payload = commands.encode(Events(user_id=user_id, epoch=epoch, events=part))
            await bus.publish(subjects.feed(user_id), payload)
    for told in acquaintances(decision):
        await bus.publish(subjects.control(told.user_id), commands.encode(told))


def acquaintances(decision: Decision) -> Iterator[Acquaintance]:
    """The pairs who may have become strangers, or acquainted again."""
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
    """Every new feed row as an event; a body is encoded once for all who receive it."""
    bodies: dict[object, bytes] = {}
    users: dict[str, list[Event]] = {}
    for row in decision.changes.feed:
        key = _key(row)
        body = bodies.get(key)
        if body is None:
            body = bodies[key] = _body(row, decision)
        users.setdefault(row.user_id, []).append(_event(row, body))
    return users


def _key(row: FeedRow) -> object:
    """The same for all rows that tell the same; a conversation looks different to each."""
    if row.revision is not None:
        return row.kind, id(row.revision)
    if row.message is not None:
        return row.kind, row.message_id
    if row.kind in CHANGES:
        change_id = row.change.change_id if row.change else None
        return row.kind, row.conversation_id, row.user_id, change_id
    return row.kind, row.conversation_id, row.actor_id


def _event(row: FeedRow, body: bytes) -> Event:
    if row.kind in CHANGES:
        return Event(row.cursor, body, row.origin, row.conversation_id or "")
    if row.message is None:
        return Event(row.cursor, body, row.origin)
    stored = row.message.message
    return Event(row.cursor, body, row.origin, stored.conversation_id, stored.seq)


def _body(row: FeedRow, decision: Decision) -> bytes:
    if row.message is not None:
        return _message_body(row.message)
    if row.revision is not None:
        return _revision_body(row.revision, decision.state.now)
    conversation_id, actor_id = row.conversation_id or "", row.actor_id or ""
    conversation = decision.state.conversations[conversation_id]
    if row.kind in CHANGES:
        return _conversation_body(row, conversation_id, conversation)
    member = conversation.members[actor_id]
    return receipt_body(
        conversation_id, actor_id, member.delivered_seq, member.read_seq, decision.state.now
    )


def _conversation_body(row: FeedRow, conversation_id: str, conversation: Conversation) -> bytes:
    """As a replay would tell it: who is no member after the commit hears only that."""
    change, member = row.change, conversation.members.get(row.user_id)
    occasion = Occasion(change.version, change.actor_id, change.user_ids) if change else None
    if occasion is not None and has_parted(row.kind, occasion, row.user_id):
        return parted_body(row.kind, conversation_id, occasion)
    if member is None:
        return b""
    names = list(itertools.islice(conversation.members, MAX_NAMED + 1))
    talk = Talk(
        conversation_id,
        conversation.kind,
        conversation.title,
        conversation.version,
        len(conversation.members),
        names,
    )
    own = (member.archived, member.muted, member.role, member.blocked)
    view = View(member.version, member.cleared_seq, *own)
    return conversation_body(row.kind, talk, occasion, view)


def _message_body(new: NewMessage) -> bytes:
    m = new.message
    place = (m.message_id, m.conversation_id, m.seq, 1, m.sender_id, m.client_id)
    said = (new.content, m.created_at, m.created_at, m.reply_to)
    return message_body(MessageRow(*place, *said, None, None, "[]", _files(new)))


def _files(new: NewMessage) -> str:
    """As MESSAGE_COLUMNS have them."""
    rows = [
        (a.attachment_id, a.name, a.media_type, a.size, a.width, a.height, int(a.thumbnail))
        for a in new.attachments
    ]
    return msgspec.json.encode(rows).decode()


def _revision_body(revision: Revision, now: int) -> bytes:
    m = revision.message
    place = (m.message_id, m.conversation_id, m.seq, m.version)
    match revision:
        case Edited():
            return updated_body(*place, revision.content, now)
        case Erased():
            return deleted_body(*place, "everyone", now)
        case Hidden():
            return deleted_body(*place, "me", now)
        case Reacted(user_id=user_id, emoji=emoji, reaction=reaction):
            names = (m.message_id, m.conversation_id, m.version)
            return reaction_body(*names, user_id, emoji, reaction.removed)


def _parts(events: list[Event]) -> list[list[Event]]:
    """The bus carries at most max_payload at once."""
    parts: list[list[Event]] = [[]]
    size = 0
    for event in events:
        size += len(event.body) + 128
        if size > MAX_PAGE_BYTES and parts[-1]:
            parts.append([])
            size = len(event.body)
        parts[-1].append(event)
    return parts
