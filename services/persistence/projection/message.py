"""Owns the bodies of a message, and of its edits, deletions and reactions."""

from typing import NamedTuple

import msgspec
from msgspec import UNSET

from services.persistence.decide.changes import Said
from services.persistence.decide.state import Attachment
from shared import frames
from shared.frames import DeleteMode

File = tuple[str, str, str, int, int | None, int | None, int]  # at last: has it a thumbnail?


class MessageRow(NamedTuple):
    """MESSAGE_COLUMNS. `reactions` and `attachments` are lists in JSON, of pairs and of File, or
    None."""

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
    reactions: str | None
    attachments: str | None


def _listed(columns: str, rows: str, order: str) -> str:
    """Return SQL for columns of those rows as a list in JSON, and NULL if there are none, which
    EXISTS finds out in half the time."""
    return (
        f"CASE WHEN EXISTS (SELECT 1 FROM {rows})"  # noqa: S608 - names, no values
        f" THEN (SELECT json_group_array(json_array({columns}))"
        f" FROM (SELECT t.* FROM {rows} ORDER BY {order}) AS t) END"
    )


_REACTIONS = _listed(
    "t.emoji, t.user_id",
    "reactions AS t WHERE t.message_id = m.message_id AND NOT t.removed",
    "t.number",
)
_ATTACHMENTS = _listed(
    "t.attachment_id, t.name, t.media_type, t.size, t.width, t.height, t.thumbnail",
    "attachments AS t WHERE t.message_id = m.message_id",
    "t.position",
)
MESSAGE_COLUMNS = (
    "m.message_id, m.conversation_id, m.seq, m.version, m.sender_id, m.client_id, m.content, "
    "m.created_at, m.updated_at, m.reply_to, m.edited_at, m.deleted_at, "
    f"{_REACTIONS}, {_ATTACHMENTS}"
)
MESSAGE_WIDTH = len(MessageRow._fields)

_pairs = msgspec.json.Decoder(list[tuple[str, str]])
_files = msgspec.json.Decoder(list[File])


def preview(message: str, characters: str) -> str:
    """Return SQL for the beginning of that message (of `messages`), or the name of its first
    file."""
    return (
        f"substr(coalesce(nullif({message}.content, ''), (SELECT pre.name FROM attachments AS pre"  # noqa: S608 - names, no values
        f" WHERE pre.message_id = {message}.message_id ORDER BY pre.position LIMIT 1), ''),"
        f" 1, {characters})"
    )


def message_body(
    message_id: int,
    conversation_id: str,
    seq: int,
    version: int,
    sender_id: str,
    client_id: str,
    content: str,
    created_at: int,
    updated_at: int,
    reply_to: int | None,
    edited_at: int | None,
    deleted_at: int | None,
    reactions: str | None,
    attachments: str | None,
) -> bytes:
    """Return the body of a message, from MESSAGE_COLUMNS. They are parameters, since reading them
    from a MessageRow takes as long as all the rest."""
    return frames.encode(
        frames.Message(
            message_id=message_id,
            conversation_id=conversation_id,
            seq=seq,
            version=version,
            sender_id=sender_id,
            client_id=client_id,
            content=content,
            reply_to=UNSET if reply_to is None else reply_to,
            attachments=_attachments(attachments) if attachments else UNSET,
            reactions=_reactions(reactions) if reactions else UNSET,
            created_at=frames.time_of(created_at),
            updated_at=frames.time_of(updated_at),
            edited_at=UNSET if edited_at is None else frames.time_of(edited_at),
            deleted_at=UNSET if deleted_at is None else frames.time_of(deleted_at),
        )
    )


def _reactions(pairs: str) -> list[frames.Reactions]:
    found: dict[str, list[str]] = {}
    for emoji, user_id in _pairs.decode(pairs):
        found.setdefault(emoji, []).append(user_id)
    return [frames.Reactions(emoji=emoji, user_ids=users) for emoji, users in found.items()]


def _attachments(rows: str) -> list[frames.Attachment]:
    return [attachment(*row) for row in _files.decode(rows)]


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
    """Return the body of a message that was just stored, as `message_body` makes it from its
    row."""
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
