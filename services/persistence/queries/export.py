"""Owns the pages of everything that is stored of a user.

A part without an index by user is walked through as a whole: a page looks at a bounded number of
rows, and may have none.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from services.persistence.queries.source import Source
from services.persistence.store.connections import Row
from shared import api, frames
from shared.commands import MAX_PAGE_BYTES, Export, ExportAnswer, ExportPart
from shared.errors import InvalidRequest
from shared.reserved import SYSTEM
from shared.subjects import direct_conversation_id

LOOKED_AT = 500  # rows for a page
TEXTS = 100  # the same, of a part with long texts
WALKED = 5000  # the same, of a part that is walked through


class Part(NamedTuple):
    """A part of an export.

    `sql` selects a place of two columns, whether the row is the user's, and the fields of `kind`,
    of at most `?4` rows after the place `?2, ?3`. `key` makes `?1` of the user id. The first page
    begins after `begin`, and a page looks at `most` rows.
    """

    sql: str
    kind: type[Struct]
    begin: Row = ("", 0)
    most: int = LOOKED_AT
    key: Callable[[str], str] = str


CONVERSATIONS = """
SELECT b.conversation_id, 0, true, b.conversation_id, c.kind, c.title,
  CASE WHEN c.kind = 'direct' THEN coalesce((
    SELECT o.user_id FROM members AS o
    WHERE o.conversation_id = b.conversation_id AND o.user_id <> b.user_id), b.user_id) END,
  b.role, nullif(b.joined_at, 0), b.delivered_seq, b.read_seq, b.cleared_seq, b.archived, b.muted
FROM members AS b JOIN conversations AS c ON c.conversation_id = b.conversation_id
WHERE b.user_id = ?1 AND b.conversation_id > ?2 AND ?3 = 0 ORDER BY b.conversation_id LIMIT ?4
"""
MESSAGES = """
SELECT client_id, 0, true, message_id, conversation_id, seq, client_id, content, reply_to,
  created_at, edited_at, deleted_at
FROM messages WHERE sender_id = ?1 AND client_id > ?2 AND ?3 = 0 ORDER BY client_id LIMIT ?4
"""
OF_SYSTEM = f"""
SELECT seq, 0, sender_id = '{SYSTEM}', message_id, conversation_id, seq, client_id, content,
  reply_to, created_at, edited_at, deleted_at
FROM messages WHERE conversation_id = ?1 AND seq > ?2 AND ?3 = 0 ORDER BY seq LIMIT ?4
"""  # noqa: S608 - a constant
# A message that was never edited counts as a row that is looked at.
VERSIONS = """
SELECT m.client_id, coalesce(v.version, 0), v.version IS NOT NULL,
  v.message_id, v.version, v.content, v.replaced_at
FROM messages AS m LEFT JOIN versions AS v ON v.message_id = m.message_id
WHERE m.sender_id = ?1 AND m.client_id >= ?2 AND (m.client_id, coalesce(v.version, 0)) > (?2, ?3)
ORDER BY m.client_id, v.version LIMIT ?4
"""
REACTIONS = """
SELECT message_id, number, user_id = ?1 AND NOT removed, message_id, emoji, updated_at
FROM reactions WHERE (message_id, number) > (?2, ?3) ORDER BY message_id, number LIMIT ?4
"""
FILES = """
SELECT attachment_id, 0, state <> 'condemned', attachment_id, name, media_type, size, created_at,
  message_id, '', NULL
FROM attachments WHERE owner_id = ?1 AND attachment_id > ?2 AND ?3 = 0
ORDER BY attachment_id LIMIT ?4
"""
BLOCKS = """
SELECT blocked_id, 0, true, blocked_id, created_at
FROM blocks WHERE user_id = ?1 AND blocked_id > ?2 AND ?3 = 0 ORDER BY blocked_id LIMIT ?4
"""
CONTACTS = """
SELECT contact_id, 0, true, contact_id, created_at
FROM contacts WHERE user_id = ?1 AND contact_id > ?2 AND ?3 = 0 ORDER BY contact_id LIMIT ?4
"""
REPORTS = """
SELECT created_at, report_id, reporter_id = ?1, user_id, message_id, reason, comment, created_at
FROM reports WHERE (created_at, report_id) > (?2, ?3) ORDER BY created_at, report_id LIMIT ?4
"""
HIDDEN = """
SELECT message_id, user_id, user_id = ?1, message_id, created_at
FROM hidden WHERE (message_id, user_id) > (?2, ?3) ORDER BY message_id, user_id LIMIT ?4
"""
RECEIPTS = """
SELECT cursor, 0, kind = 'receipt' AND actor_id = ?1, conversation_id, delivered_seq, read_seq,
  created_at
FROM feed WHERE user_id = ?1 AND cursor > ?2 AND ?3 = 0 ORDER BY cursor LIMIT ?4
"""
PARTS: Mapping[ExportPart, Part] = {
    "conversations": Part(CONVERSATIONS, api.ExportedConversation),
    "messages": Part(MESSAGES, api.ExportedMessage, most=TEXTS),
    "system_messages": Part(
        *(OF_SYSTEM, api.ExportedMessage, (0, 0), TEXTS),
        key=partial(direct_conversation_id, SYSTEM),
    ),
    "versions": Part(VERSIONS, api.ExportedVersion),
    "reactions": Part(REACTIONS, api.ExportedReaction, (0, 0), WALKED),
    "files": Part(FILES, api.ExportedFile),
    "blocks": Part(BLOCKS, api.ExportedUser),
    "contacts": Part(CONTACTS, api.ExportedUser),
    "reports": Part(REPORTS, api.ExportedReport, (0, ""), WALKED),
    "hidden": Part(HIDDEN, api.ExportedHidden, (0, ""), WALKED),
    "receipts": Part(RECEIPTS, api.ExportedReceipt, (0, 0), WALKED),
}


def export(source: Source, asked: Export) -> ExportAnswer:
    """Raises InvalidRequest for a place that is none."""
    part = PARTS[asked.part]
    place = _place(part, asked.after)
    rows = source.fetch(part.sql, (part.key(asked.user_id), *place, part.most))
    taken: list[bytes] = []
    left, end = MAX_PAGE_BYTES, ""
    for place_1, place_2, is_own, *values in rows:
        encoded = api.encode(_made(part.kind, values)) if is_own else b""
        left -= len(encoded)
        if left < 0 and taken:
            return ExportAnswer(rows=taken, next=end)
        end = msgspec.json.encode((place_1, place_2)).decode()
        if is_own:
            taken.append(encoded)
    return ExportAnswer(rows=taken, next=end if len(rows) == part.most else "")


def _place(part: Part, after: str) -> Row:
    try:
        return msgspec.json.decode(after, type=tuple[int | str, int | str]) if after else part.begin
    except msgspec.MsgspecError:
        raise InvalidRequest("`after` must be the `next` of a page") from None


def _made(kind: type[Struct], values: list[Any]) -> Struct:
    named = zip(kind.__struct_fields__, values, strict=True)
    return msgspec.convert({name: _shown(name, value) for name, value in named}, kind, strict=False)


def _shown(name: str, value: Any) -> Any:
    is_time = name == "at" or name.endswith("_at")
    return frames.time_of(value) if is_time and value is not None else value
