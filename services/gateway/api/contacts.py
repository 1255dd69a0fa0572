"""Owns the routes with which a host app decides who may write to whom."""

import asyncio
from dataclasses import dataclass

import msgspec
from msgspec import Raw, Struct
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.profiles import MAX_BULK_BYTES
from services.gateway.api.request import after, body, named, page_size, user_id
from services.gateway.api.response import as_json, as_read, no_content
from services.gateway.contract import Endpoints, concerns
from services.gateway.upstream.lanes import Lanes
from services.gateway.upstream.queries import Log
from shared import api, commands, frames
from shared.commands import Done, SetContact, Snapshot
from shared.errors import InvalidRequest, LinkupError
from shared.frames import UserId


class _Items(Struct, frozen=True, forbid_unknown_fields=True):
    """An api.ContactsRequest whose items are not decoded yet, since each one may be refused
    alone."""

    user_ids: api.Bulk[Raw]


@dataclass(slots=True, frozen=True)
class Contacts:
    lanes: Lanes
    log: Log

    def endpoints(self) -> Endpoints:
        return {
            "GET /v1/admin/users/{user_id}/contacts": self.page,
            "POST /v1/admin/users/{user_id}/contacts": self.put_many,
            "PUT /v1/admin/users/{user_id}/contacts/{contact_id}": self.put,
            "DELETE /v1/admin/users/{user_id}/contacts/{contact_id}": self.remove,
        }

    async def page(self, request: Request) -> Response:
        asked = commands.Contacts(
            user_id=user_id(request), after=after(request), limit=page_size(request)
        )
        return as_read(await self.log.ask(asked, Snapshot))

    async def put(self, request: Request) -> Response:
        return await self._set(request, allowed=True)

    async def remove(self, request: Request) -> Response:
        return await self._set(request, allowed=False)

    async def put_many(self, request: Request) -> Response:
        """Add contacts. Each one has its own outcome; they go to the store together."""
        named = user_id(request)
        items = (await body(request, _Items, MAX_BULK_BYTES)).user_ids
        results = await asyncio.gather(*(self._outcome(named, item) for item in items))
        concerns(request, *(one.user_id for one in results if one.user_id))
        return as_json(api.UsersResult(results=list(results)))

    async def _set(self, request: Request, *, allowed: bool) -> Response:
        other = named(request, "contact_id", UserId)
        command = SetContact(user_id=user_id(request), other_id=other, allowed=allowed)
        await self.lanes.call(command, Done)
        return no_content()

    async def _outcome(self, named: str, item: Raw) -> api.UserResult:
        other = None
        try:
            other = _decoded(item)
            await self.lanes.call(SetContact(user_id=named, other_id=other, allowed=True), Done)
        except LinkupError as error:
            return api.UserResult(user_id=other, stored=False, error=frames.error_of(error))
        return api.UserResult(user_id=other, stored=True)


def _decoded(item: Raw) -> str:
    """Raises InvalidRequest."""
    try:
        found: str = msgspec.json.decode(item, type=UserId)
    except msgspec.MsgspecError as error:
        raise InvalidRequest(f"`user_ids`: {frames.fault(error, UserId)}") from None
    return found
