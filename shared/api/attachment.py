"""Owns the bodies about files."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from shared.frames import Attachment

FileBytes = Annotated[str, Meta(extra_json_schema={"format": "binary"})]
Variant = Literal["original", "thumbnail"]


class AttachmentAnswer(Attachment, frozen=True, kw_only=True):
    """GET /v1/attachments/{id}: where its bytes are, for a while and for whoever has the URL."""

    url: str
    thumbnail_url: str | UnsetType = UNSET
    expires_at: datetime
