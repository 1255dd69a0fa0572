"""Owns the bodies of the attachment routes."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from shared.frames import Attachment, AttachmentId

FileIds = Annotated[list[AttachmentId], Meta(min_length=1, max_length=100)]
FileBytes = Annotated[str, Meta(extra_json_schema={"format": "binary"})]
Variant = Literal["original", "thumbnail"]


class AttachmentAnswer(Attachment, frozen=True, kw_only=True):
    """An attachment with its URLs. Each URL works without a token until `expires_at`."""

    url: str
    thumbnail_url: str | UnsetType = UNSET
    expires_at: datetime


class AttachmentsAnswer(Struct, frozen=True, kw_only=True):
    """The requested attachments that exist and that you may see, in the requested order."""

    attachments: list[AttachmentAnswer]
