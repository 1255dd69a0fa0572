"""Owns how a row becomes a frame: the same body for a live event, a replay and a page."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from services.persistence.decide.changes import Said
from services.persistence.decide.state import Attachment
from shared import frames
from shared.frames import MAX_NAMED, DeleteMode, Role

Row = tuple[Any, ...]
File = tuple[str, str, str, int, int | None, int | None, int]  # at last: has it a thumbnail?


class MessageRow(NamedTuple):
    """MESSAGE_COLUMNS. `reactions` and `attachments` are lists in JSON, of pairs and of File."""

    message_id: int
    conversation_id: str
    seq: int
    version: int
    sender_id: str
    client_id: str
    content: str
    created_at: int
    updated_at: int
    reply_to: int | None
    edited_at: int | None
    deleted_at: int | None
    reactions: str
    attachments: str


MESSAGE_COLUMNS = (
    "m.message_id, m.conversation_id, m.seq, m.version, m.sender_id, m.client_id, m.content, "
    "m.created_at, m.updated_at, m.reply_to, m.edited_at, m.deleted_at, "
    "(SELECT json_group_array(json_array(s.emoji, s.user_id)) FROM (SELECT t.emoji, t.user_id"
    " FROM reactions AS t WHERE t.message_id = m.message_id AND NOT t.removed"
    " ORDER BY t.number) AS s), "
    "(SELECT json_group_array(json_array(s.attachment_id, s.name, s.media_type, s.size, s.width,"
    " s.height, s.thumbnail)) FROM (SELECT t.* FROM attachments AS t"
    " WHERE t.message_id = m.message_id ORDER BY t.position) AS s)"
)
MESSAGE_WIDTH = len(MessageRow._fields)
CHANGES: dict[str, frames.Change] = {
    "begun": "begun",
    "cleared": "cleared",
    "set": "settings",
    "created": "created",
    "renamed": "renamed",
    "member_added": "member_added",
    "member_removed": "member_removed",
    "left": "left",
    "role": "role",
}
PARTINGS = ("member_removed", "left")

_pairs = msgspec.json.Decoder(list[tuple[str, str]])
_files = msgspec.json.Decoder(list[File])


def preview(message: str, characters: str) -> str:
    """SQL: how that message (of `messages`) begins; without words, its first file's name."""
    return (
        f"substr(coalesce(nullif({message}.content, ''), (SELECT pre.name FROM attachments AS pre"  # noqa: S608 - names, no values
        f" WHERE pre.message_id = {message}.message_id ORDER BY pre.position LIMIT 1), ''),"
        f" 1, {characters})"
    )


def message_body(row: MessageRow) -> bytes:
    return frames.encode(
        frames.Message(
            message_id=row.message_id,
            conversation_id=row.conversation_id,
            seq=row.seq,
            version=row.version,
            sender_id=row.sender_id,
            client_id=row.client_id,
            content=row.content,
            reply_to=UNSET if row.reply_to is None else row.reply_to,
            attachments=_attachments(row.attachments) or UNSET,
            reactions=_reactions(row.reactions) or UNSET,
            created_at=frames.time_of(row.created_at),
            updated_at=frames.time_of(row.updated_at),
            edited_at=UNSET if row.edited_at is None else frames.time_of(row.edited_at),
            deleted_at=UNSET if row.deleted_at is None else frames.time_of(row.deleted_at),
        )
    )


def _reactions(pairs: str) -> list[frames.Reactions]:
    found: dict[str, list[str]] = {}
    if pairs != "[]":
        for emoji, user_id in _pairs.decode(pairs):
            found.setdefault(emoji, []).append(user_id)
    return [frames.Reactions(emoji=emoji, user_ids=users) for emoji, users in found.items()]


def _attachments(rows: str) -> list[frames.Attachment]:
    return [] if rows == "[]" else [attachment(*row) for row in _files.decode(rows)]


def attachment(
    attachment_id: str,
    name: str,
    media_type: str,
    size: int,
    width: int | None,
    height: int | None,
    thumbnail: bool | int,
) -> frames.Attachment:
    return frames.Attachment(
        attachment_id=attachment_id,
        name=name,
        media_type=media_type,
        size=size,
        width=UNSET if width is None else width,
        height=UNSET if height is None else height,
        thumbnail=True if thumbnail else UNSET,
    )


def said_body(said: Said) -> bytes:
    """What MessageRow becomes when it has just been written."""
    message = said.message
    at = frames.time_of(message.created_at)
    return frames.encode(
        frames.Message(
            message_id=message.message_id,
            conversation_id=message.conversation_id,
            seq=message.seq,
            version=message.version,
            sender_id=message.sender_id,
            client_id=message.client_id,
            content=said.content,
            reply_to=UNSET if message.reply_to is None else message.reply_to,
            attachments=[_attached(one) for one in said.attachments] or UNSET,
            created_at=at,
            updated_at=at,
        )
    )


def _attached(one: Attachment) -> frames.Attachment:
    size = (one.size, one.width, one.height)
    return attachment(one.attachment_id, one.name, one.media_type, *size, one.thumbnail)


def updated_body(
    message_id: int, conversation_id: str, seq: int, version: int, content: str, edited_at: int
) -> bytes:
    return frames.encode(
        frames.MessageUpdated(
            message_id=message_id,
            conversation_id=conversation_id,
            seq=seq,
            version=version,
            content=content,
            edited_at=frames.time_of(edited_at),
            updated_at=frames.time_of(edited_at),
        )
    )


def deleted_body(
    message_id: int, conversation_id: str, seq: int, version: int, mode: DeleteMode, at: int
) -> bytes:
    return frames.encode(
        frames.MessageDeleted(
            message_id=message_id,
            conversation_id=conversation_id,
            seq=seq,
            version=version,
            mode=mode,
            deleted_at=frames.time_of(at),
        )
    )


def reaction_body(
    message_id: int, conversation_id: str, version: int, user_id: str, emoji: str, removed: bool
) -> bytes:
    return frames.encode(
        frames.Reaction(
            message_id=message_id,
            conversation_id=conversation_id,
            version=version,
            user_id=user_id,
            emoji=emoji,
            removed=removed,
        )
    )


class ConversationNow(NamedTuple):
    """A conversation as it is now, for all its members. `members`: as many as a frame may name,
    or more, which it will not."""

    conversation_id: str
    kind: str
    title: str | None
    version: int
    member_count: int
    members: Sequence[str]


class GroupEvent(NamedTuple):
    """What happened to a group."""

    version: int
    actor_id: str
    user_ids: Sequence[str]


class View(NamedTuple):
    """What one member makes of it."""

    version: int
    cleared_seq: int
    archived: bool
    muted: bool
    role: Role
    blocked: bool


def conversation_body(
    kind: str, now: ConversationNow, event: GroupEvent | None, view: View
) -> bytes:
    """`kind` of the feed's row says what changed."""
    group = now.kind == "group"
    return frames.encode(
        frames.Conversation(
            conversation_id=now.conversation_id,
            version=now.version + view.version,
            kind=now.kind,
            title=UNSET if now.title is None else now.title,
            role=view.role if group else UNSET,
            member_count=now.member_count,
            members=_named(sorted(now.members)),
            change=CHANGES[kind],
            actor_id=event.actor_id if event else UNSET,
            user_ids=_named(event.user_ids) if event and event.user_ids else UNSET,
            cleared_seq=view.cleared_seq,
            archived=bool(view.archived),
            muted=bool(view.muted),
            blocked=bool(view.blocked),
        )
    )


def parted_body(kind: str, conversation_id: str, event: GroupEvent) -> bytes:
    """The last that somebody hears who left or was removed: nothing of the group as it is now."""
    return frames.encode(
        frames.Conversation(
            conversation_id=conversation_id,
            version=event.version,
            kind="group",
            member_count=0,
            members=[],
            change=CHANGES[kind],
            actor_id=event.actor_id,
            user_ids=_named(event.user_ids),
            cleared_seq=0,
            archived=False,
            muted=False,
            blocked=False,
        )
    )


def has_parted(kind: str, event: GroupEvent, user_id: str) -> bool:
    """Whether that row tells its own reader that they are no longer a member."""
    return kind in PARTINGS and user_id in event.user_ids


def _named(user_ids: Sequence[str]) -> list[str] | UnsetType:
    return list(user_ids) if len(user_ids) <= MAX_NAMED else UNSET


def receipt_body(
    conversation_id: str, user_id: str, delivered_seq: int, read_seq: int, at: int
) -> bytes:
    return frames.encode(
        frames.Receipt(
            conversation_id=conversation_id,
            user_id=user_id,
            delivered_seq=delivered_seq,
            read_seq=read_seq,
            at=frames.time_of(at),
        )
    )
