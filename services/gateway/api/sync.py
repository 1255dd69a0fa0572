"""Owns the feed over HTTP, for clients without a WebSocket: the same frames, page by page."""

from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import converted, integer, page_size
from services.gateway.api.response import as_json
from services.gateway.auth import Identity
from services.gateway.contract import Endpoints
from services.gateway.socket.feed import resume_point
from services.gateway.upstream.queries import Log
from shared import api, frames
from shared.commands import FeedPageAnswer, Joined
from shared.errors import InvalidRequest, ResyncRequired
from shared.frames import Hello


@dataclass(slots=True, frozen=True)
class Sync:
    log: Log

    def endpoints(self) -> Endpoints:
        return {"GET /v1/sync": self.page}

    async def page(self, request: Request, identity: Identity) -> Response:
        limit = page_size(request)
        hello = _position(request)
        if hello.cursor is None:
            joined = await self.log.join(identity.user_id)
            return as_json(_answer(joined.epoch, joined.head, joined.head, []))
        page = await self.log.feed(identity.user_id, hello.cursor, limit)
        _check(hello, page)
        told = [frames.feed_frame(event.cursor, event.body) for event in page.events if event.body]
        cursor = page.events[-1].cursor if page.events else page.head
        return as_json(_answer(page.epoch, cursor, page.head, told))


def _position(request: Request) -> Hello:
    """Return the client's position. Without `epoch` and `cursor`, it is the current one."""
    text = request.query_params.get("epoch")
    epoch = None if text is None else converted(text, frames.Epoch, "`epoch`")
    cursor = integer(request, "cursor", least=0)
    if (epoch is None) != (cursor is None):
        raise InvalidRequest("`epoch` and `cursor` belong together")
    return Hello(epoch=epoch, cursor=cursor)


def _check(hello: Hello, page: FeedPageAnswer) -> None:
    """Refuse a page that is not all that was missed (C6)."""
    _, reason = resume_point(hello, Joined(epoch=page.epoch, head=page.head, profile=None))
    after = hello.cursor or 0
    first = page.events[0].cursor if page.events else 0
    if reason is None and page.head > after and first != after + 1:
        reason = "the feed no longer reaches back that far"
    if reason is not None:
        raise ResyncRequired(f"Load the inbox again: {reason}")


def _answer(epoch: str, cursor: int, head: int, told: list[bytes]) -> api.SyncAnswer:
    return api.SyncAnswer(
        epoch=epoch,
        cursor=cursor,
        frames=[msgspec.Raw(frame) for frame in told],
        has_more=cursor < head,
    )
