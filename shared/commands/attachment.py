"""Owns the commands that change files of messages, the queries for them, and their answers."""

from msgspec import Struct


class ReserveAttachment(Struct, frozen=True, kw_only=True, tag=True):
    """Record that an upload begins: from now on its bytes are never without a record."""

    user_id: str
    attachment_id: str
    name: str


class CommitAttachment(Struct, frozen=True, kw_only=True, tag=True):
    """Record that an upload is whole and on the disk, so a message may carry it. `size` is in
    bytes."""

    user_id: str
    attachment_id: str
    media_type: str
    size: int
    width: int | None = None
    height: int | None = None
    thumbnail: bool = False


class CondemnAttachments(Struct, frozen=True, kw_only=True, tag=True):
    """Name the files that no message has in time, or no more: their bytes are to go. Answered by
    Condemned."""

    user_id: str = ""


class ForgetAttachments(Struct, frozen=True, kw_only=True, tag=True):
    """Drop the records of files whose bytes are gone, but for what a message has."""

    attachment_ids: list[str]
    user_id: str = ""


class Attachment(Struct, frozen=True, kw_only=True, tag="attachment"):
    """Asks for a file that this user may see, or, without a user, that a signed URL grants."""

    attachment_id: str
    user_id: str | None = None


class Attachments(Struct, frozen=True, kw_only=True, tag="attachments"):
    """Asks for those of these files that this user may see."""

    attachment_ids: list[str]
    user_id: str


class AttachmentRecord(Struct, frozen=True, kw_only=True):
    """A file of a message, as the store knows it. `size` is in bytes."""

    attachment_id: str
    name: str
    media_type: str
    size: int
    width: int | None
    height: int | None
    thumbnail: bool


class AttachmentRecords(Struct, frozen=True, kw_only=True):
    records: list[AttachmentRecord]


class AttachedFiles(Struct, frozen=True, kw_only=True, tag="attached_files"):
    """Asks for the files of messages, in the order of their ids."""

    after: str = ""
    limit: int = 500


class AttachedFile(Struct, frozen=True, kw_only=True):
    """A file that a message has. If `thumbnail`, it has one, which is a file of its own."""

    attachment_id: str
    message_id: int
    conversation_id: str
    thumbnail: bool


class AttachedFilesAnswer(Struct, frozen=True, kw_only=True):
    """The files. If they are fewer than were asked for, these are the last."""

    files: list[AttachedFile]


class LinkKey(Struct, frozen=True, kw_only=True, tag="link_key"):
    """Asks for the key with which all gateways sign the URLs of files."""


class LinkKeyAnswer(Struct, frozen=True, kw_only=True):
    key: bytes
