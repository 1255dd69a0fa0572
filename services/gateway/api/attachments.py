"""Owns the routes of files: uploading, getting URLs, and downloading."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from msgspec import UNSET
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from services.gateway.api.request import announced, converted, integer, invalid, listed, sought
from services.gateway.api.response import as_json
from services.gateway.attachments.headers import Unsatisfiable, content_headers, part_of
from services.gateway.attachments.links import Links, SharedLinks
from services.gateway.attachments.objects import Objects
from services.gateway.attachments.uploads import Uploads, original, thumbnail
from services.gateway.auth import Identity
from services.gateway.contract import Endpoints
from services.gateway.upstream.profiles import People
from services.gateway.upstream.queries import Log
from shared import api, commands, frames
from shared.clock import SECOND
from shared.commands import Attachment, AttachmentRecord, AttachmentRecords
from shared.errors import InvalidRequest
from shared.frames import AttachmentId, FileName

CREATED, PARTIAL, UNSATISFIABLE = 201, 206, 416
THUMBNAIL_TYPE = "image/webp"


@dataclass(slots=True, frozen=True)
class Attachments:
    log: Log
    people: People
    uploads: Uploads
    objects: Objects
    links: SharedLinks

    def endpoints(self) -> Endpoints:
        one = "/v1/attachments/{attachment_id}"
        return {
            "POST /v1/attachments": self.upload,
            "GET /v1/attachments": self.these,
            f"GET {one}": self.one,
            f"GET {one}/content": self.content,
        }

    async def upload(self, request: Request, identity: Identity) -> Response:
        """Store a file, which is the body itself."""
        self.uploads.admit(announced(request.headers))
        name = converted(_parameter(request, "name"), FileName, "`name`")
        await self.people.know(identity)
        try:
            uploaded = await self.uploads.receive(
                identity.user_id,
                name,
                announced(request.headers),
                aiter(request.stream()),
            )
        except ClientDisconnect:
            raise InvalidRequest("The upload is incomplete") from None
        return as_json(uploaded, CREATED)

    async def one(self, request: Request, identity: Identity) -> Response:
        asked = Attachment(attachment_id=_attachment_id(request), user_id=identity.user_id)
        found = await self.log.ask(asked, AttachmentRecord)
        return as_json(_answer(found, await self.links.get()))

    async def these(self, request: Request, identity: Identity) -> Response:
        ids = listed(request, "ids", api.FileIds)
        if ids is None:
            raise invalid("ids", "The parameter `ids` is missing")
        asked = commands.Attachments(attachment_ids=ids, user_id=identity.user_id)
        found = await self.log.ask(asked, AttachmentRecords)
        links = await self.links.get()
        answers = [_answer(record, links) for record in found.records]
        return as_json(api.AttachmentsAnswer(attachments=answers))

    async def content(self, request: Request) -> Response:
        """The signature in the URL is the permission; the record says what it is."""
        attachment_id = _attachment_id(request)
        variant: api.Variant = converted(_parameter(request, "variant"), api.Variant, "`variant`")
        expires = integer(request, "expires", least=0) or 0
        signature = _parameter(request, "signature")
        now = time.time()
        links = await self.links.get()
        links.check(attachment_id, variant, expires, signature, now)
        found = await self.log.ask(Attachment(attachment_id=attachment_id), AttachmentRecord)
        max_age = max(0, int(expires - now))
        if variant == "original":
            headers = content_headers(found.name, found.media_type, max_age)
            return await self._part(request, original(attachment_id), headers)
        headers = content_headers(f"{found.name}.webp", THUMBNAIL_TYPE, max_age)
        return await self._part(request, thumbnail(attachment_id), headers)

    async def _part(self, request: Request, path: str, headers: dict[str, str]) -> Response:
        size = await self.objects.size(path)
        try:
            part = part_of(request.headers.get("range"), size)
        except Unsatisfiable:
            return Response(status_code=UNSATISFIABLE, headers={"Content-Range": f"bytes */{size}"})
        start, end = part or (0, size)
        headers["Content-Length"] = str(end - start)
        if part is not None:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        body: AsyncIterator[bytes] = self.objects.read(path, start, end)
        return StreamingResponse(body, PARTIAL if part is not None else 200, headers)


def _answer(found: AttachmentRecord, links: Links) -> api.AttachmentAnswer:
    expires = links.expiry(time.time())
    return api.AttachmentAnswer(
        attachment_id=found.attachment_id,
        name=found.name,
        media_type=found.media_type,
        size=found.size,
        width=UNSET if found.width is None else found.width,
        height=UNSET if found.height is None else found.height,
        thumbnail=True if found.thumbnail else UNSET,
        url=links.url(found.attachment_id, "original", expires),
        thumbnail_url=(
            links.url(found.attachment_id, "thumbnail", expires) if found.thumbnail else UNSET
        ),
        expires_at=frames.time_of(expires * SECOND),
    )


def _attachment_id(request: Request) -> str:
    """Return the id in the path. Text that is no id names no attachment."""
    return sought(request, "attachment_id", AttachmentId, "attachment")


def _parameter(request: Request, name: str) -> str:
    """Return a parameter that has to be there. Raises InvalidRequest."""
    text = request.query_params.get(name)
    if text is None:
        raise invalid(name, f"The parameter `{name}` is missing")
    return text
