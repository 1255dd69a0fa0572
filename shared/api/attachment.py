"""Owns the bodies about files."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from shared.frames import Attachment, AttachmentId

FileIds = Annotated[list[AttachmentId], Meta(min_length=1, max_length=100)]
FileBytes = Annotated[str, Meta(extra_json_schema={"format": "binary"})]
Variant = Literal["original", "thumbnail"]


class AttachmentAnswer(Attachment, frozen=True, kw_only=True):
    """GET /v1/attachments/{id}: where its bytes are, for a while and for whoever has the URL."""

    url: str
    thumbnail_url: str | UnsetType = UNSET
    expires_at: datetime


class AttachmentsAnswer(Struct, frozen=True, kw_only=True):
    """GET /v1/attachments: those that exist and may be seen, in the order asked."""

    attachments: list[AttachmentAnswer]
