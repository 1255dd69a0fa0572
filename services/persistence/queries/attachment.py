"""Owns reading the records of attachments, for users who may see their messages."""

import msgspec

from services.persistence.queries.source import Source, page_size
from services.persistence.queries.visibility import visible
from services.persistence.store.connections import Row
from shared.commands import (
    AttachedFile,
    AttachedFiles,
    AttachedFilesAnswer,
    Attachment,
    AttachmentRecord,
    AttachmentRecords,
    Attachments,
)
from shared.errors import NotFound

_RECORD = """
SELECT a.attachment_id, a.name, a.media_type, a.size, a.width, a.height, a.thumbnail
FROM attachments AS a
"""
STANDING = f"{_RECORD} WHERE a.attachment_id = ?1 AND a.state IN ('uploaded', 'attached')"
# Before it is sent it is its owner's; then it is for who may see the message, the owner as well.
_SEEN = f"""
LEFT JOIN messages AS m ON m.message_id = a.message_id
LEFT JOIN members AS b ON b.conversation_id = m.conversation_id AND b.user_id = ?2
WHERE (
  (a.state = 'uploaded' AND a.owner_id = ?2)
  OR (a.state = 'attached' AND b.user_id = ?2 AND {visible("m", "b")}))
"""
SEEN = f"{_RECORD} {_SEEN} AND a.attachment_id = ?1"
SEEN_OF_THESE = f"""
{_RECORD} {_SEEN} AND a.attachment_id IN (SELECT j.value FROM json_each(?1) AS j)
"""  # noqa: S608 - names, no values

MAX_FILES = 1000
# By the id alone: the index of states has no order of its own.
ATTACHED = """
SELECT a.attachment_id, a.message_id, m.conversation_id, a.thumbnail
FROM attachments AS a JOIN messages AS m ON m.message_id = a.message_id
WHERE a.attachment_id > ?1 AND +a.state = 'attached' ORDER BY a.attachment_id LIMIT ?2
"""


def attachment(source: Source, asked: Attachment) -> AttachmentRecord:
    """Raises NotFound, for what does not exist as for what is not theirs."""
    if asked.user_id is None:
        rows = source.fetch(STANDING, (asked.attachment_id,))
    else:
        rows = source.fetch(SEEN, (asked.attachment_id, asked.user_id))
    if not rows:
        raise NotFound("There is no such attachment")
    return _record(rows[0])


def attachments(source: Source, asked: Attachments) -> AttachmentRecords:
    """Return the records in the order asked, without those that do not exist or are not theirs."""
    wanted = msgspec.json.encode(asked.attachment_ids).decode()
    rows = source.fetch(SEEN_OF_THESE, (wanted, asked.user_id))
    found = {row[0]: _record(row) for row in rows}
    return AttachmentRecords(records=[found[one] for one in asked.attachment_ids if one in found])


def attached_files(source: Source, asked: AttachedFiles) -> AttachedFilesAnswer:
    limit = page_size(asked.limit, MAX_FILES)
    rows = source.fetch(ATTACHED, (asked.after, limit))
    return AttachedFilesAnswer(files=list(map(attached_file, rows)))


def attached_file(row: Row) -> AttachedFile:
    """Return the file that a row of ATTACHED describes."""
    attachment_id, message_id, conversation_id, thumbnail = row
    return AttachedFile(
        attachment_id=attachment_id,
        message_id=message_id,
        conversation_id=conversation_id,
        thumbnail=bool(thumbnail),
    )


def _record(row: Row) -> AttachmentRecord:
    attachment_id, name, media_type, size, width, height, thumbnail = row
    return AttachmentRecord(
        attachment_id=attachment_id,
        name=name,
        media_type=media_type,
        size=size,
        width=width,
        height=height,
        thumbnail=bool(thumbnail),
    )
