"""Owns the route that exports everything stored of a user, as one JSON document.

It is written while it is sent, a page at a time, at the pace of who receives it: it may be larger
than the memory of a gateway.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import get_args

import msgspec
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.gateway.api.notifications import shown_preferences
from services.gateway.api.request import user_id
from services.gateway.attachments.links import Links, SharedLinks
from services.gateway.contract import Endpoints
from services.gateway.upstream.notices import Notices
from services.gateway.upstream.queries import Log
from shared import api, clock, commands, frames
from shared.clock import SECOND
from shared.commands import (
    Export,
    ExportAnswer,
    ExportedNotices,
    ExportNotices,
    ExportPart,
    ListUsers,
    NoticesAnswer,
    Preferences,
    PreferencesAnswer,
    Snapshot,
    StoredBrowser,
    StoredDelivery,
)
from shared.errors import LinkupError

logger = logging.getLogger("linkup.gateway.export")

Page = tuple[list[bytes], str]  # rows as JSON, and where the next page begins, if any
Ask = Callable[[str], Awaitable[Page]]

NOTICES = 100  # notifications on a page
ATTEMPTS, PAUSE = 5, 1.0  # attempts at a page, and the seconds between two of them


@dataclass(slots=True, frozen=True)
class Exports:
    log: Log
    notices: Notices
    links: SharedLinks

    def endpoints(self) -> Endpoints:
        return {"GET /v1/admin/users/{user_id}/export": self.export}

    async def export(self, request: Request) -> Response:
        """Return the document. Whatever may be refused is asked for before it begins."""
        named = user_id(request)
        profile = (await self.log.ask(ListUsers(user_id=named), Snapshot)).body
        found = await self.notices.ask(Preferences(user_id=named), PreferencesAnswer)
        now = msgspec.json.encode(frames.time_of(clock.now()))
        begin = b'{"exported_at":%b,"profile":%b,"preferences":%b' % (
            *(now, profile),
            api.encode(shown_preferences(found)),
        )
        parts = self._parts(named, await self.links.get())
        return StreamingResponse(document(begin, parts), media_type="application/json")

    def _parts(self, named: str, links: Links) -> dict[str, Ask]:
        return {
            **{part: partial(self._stored, named, part, links) for part in get_args(ExportPart)},
            "notifications": partial(self._notifications, named),
            "deliveries": partial(self._deliveries, named),
            "browsers": partial(self._browsers, named),
        }

    async def _stored(self, named: str, part: ExportPart, links: Links, after: str) -> Page:
        page = await self.log.ask(Export(user_id=named, part=part, after=after), ExportAnswer)
        rows = [_linked(row, links) for row in page.rows] if part == "files" else page.rows
        return rows, page.next

    async def _notifications(self, named: str, after: str) -> Page:
        asked = commands.Notices(user_id=named, limit=NOTICES, before=after)
        page = await self.notices.ask(asked, NoticesAnswer)
        return [api.encode(commands.notification(one)) for one in page.notices], page.next

    async def _deliveries(self, named: str, after: str) -> Page:
        page = await self.notices.ask(ExportNotices(user_id=named, after=after), ExportedNotices)
        return [api.encode(_delivery(one)) for one in page.deliveries], page.next

    async def _browsers(self, named: str, after: str) -> Page:
        page = await self.notices.ask(ExportNotices(user_id=named, after=after), ExportedNotices)
        return [api.encode(_browser(one)) for one in page.browsers], ""


async def document(begin: bytes, parts: Mapping[str, Ask]) -> AsyncIterator[bytes]:
    """Yield the document. If a part cannot be read, it stops early, and is no valid JSON."""
    yield begin
    try:
        for name, ask in parts.items():
            yield b',"%b":[' % name.encode()
            async for piece in _pages(ask):
                yield piece
            yield b"]"
    except LinkupError as error:
        logger.warning("an export ends early: %s", error)
        return
    yield b',"complete":true}'


async def _pages(ask: Ask) -> AsyncIterator[bytes]:
    rows, after = await _patiently(ask, "")
    yield b",".join(rows)
    separator = b"," if rows else b""
    while after:
        rows, after = await _patiently(ask, after)
        if rows:
            yield separator + b",".join(rows)
            separator = b","


async def _patiently(ask: Ask, after: str) -> Page:
    """Return a page, also if a service is restarted meanwhile. Raises LinkupError."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await ask(after)
        except LinkupError as error:
            if not error.temporary:
                raise
        await asyncio.sleep(PAUSE)
    return await ask(after)


def _linked(row: bytes, links: Links) -> bytes:
    """Return a file with the URL that it can be downloaded from."""
    file = msgspec.json.decode(row, type=api.ExportedFile)
    expires = links.expiry(time.time())
    url = links.url(file.attachment_id, "original", expires)
    return api.encode(replace(file, url=url, expires_at=frames.time_of(expires * SECOND)))


def _delivery(one: StoredDelivery) -> api.ExportedDelivery:
    return api.ExportedDelivery(
        channel=one.channel,
        about=one.thread,
        state=one.state,
        reason=one.reason,
        created_at=frames.time_of(one.created_at),
        closed_at=frames.time_of(one.closed_at) if one.closed_at else None,
    )


def _browser(one: StoredBrowser) -> api.ExportedBrowser:
    return api.ExportedBrowser(
        endpoint=one.endpoint, subscribed_at=frames.time_of(one.subscribed_at)
    )
