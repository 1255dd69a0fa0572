"""Owns the routes with which a host app makes users known, and looks them up."""

import asyncio
from dataclasses import dataclass

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import body, converted, invalid, page_size, user_id
from services.gateway.api.response import as_json, as_read
from services.gateway.auth import profile
from services.gateway.auth.claims import REMOVED
from services.gateway.contract import Endpoints, concerns
from services.gateway.upstream.lanes import Lanes
from services.gateway.upstream.queries import Log
from shared import api, frames
from shared.chunks import chunks
from shared.commands import Done, ListUsers, Profile, PutUser, Snapshot
from shared.errors import InvalidRequest, LinkupError
from shared.frames import UserMark, Words
from shared.reserved import is_reserved

MAX_BULK_BYTES = 512 * 1024
AT_ONCE = 100  # users of one request who are stored together; messages do not wait for all of them


class _Items(Struct, frozen=True, forbid_unknown_fields=True):
    """An api.UsersRequest whose items are not decoded yet, since each one may be refused alone."""

    users: api.Bulk[Raw]


class _Named(Struct, frozen=True):
    user_id: str


@dataclass(slots=True, frozen=True)
class Profiles:
    lanes: Lanes
    log: Log

    def endpoints(self) -> Endpoints:
        return {
            "GET /v1/admin/users": self.page,
            "POST /v1/admin/users": self.put_many,
            "GET /v1/admin/users/{user_id}": self.show,
            "PUT /v1/admin/users/{user_id}": self.put,
        }

    async def page(self, request: Request) -> Response:
        asked = ListUsers(
            q=converted(request.query_params.get("q"), Words | None, "`q`"),
            after=converted(request.query_params.get("after"), UserMark | None, "`after`") or "",
            limit=page_size(request),
        )
        return as_read(await self.log.ask(asked, Snapshot))

    async def show(self, request: Request) -> Response:
        return as_read(await self.log.ask(ListUsers(user_id=user_id(request)), Snapshot))

    async def put(self, request: Request) -> Response:
        """The profile is read back: a token of this user may have changed it as well."""
        named = user_id(request)
        command = _put(named, await body(request, api.ProfileRequest))
        await self.lanes.call(command, Done)
        stored = (await self.log.join(named)).profile or Profile(user_id=named)
        return as_json(_profile(stored))

    async def put_many(self, request: Request) -> Response:
        """Make users known. Each one has their own outcome."""
        items = (await body(request, _Items, MAX_BULK_BYTES)).users
        results: list[api.UserResult] = []
        for part in chunks(items, AT_ONCE):
            results += await asyncio.gather(*map(self._outcome, part))
        concerns(request, *(one.user_id for one in results if one.user_id))
        return as_json(api.UsersResult(results=results))

    async def _outcome(self, item: Raw) -> api.UserResult:
        named = None
        try:
            named = _name(item)
            asked = _decoded(item)
            await self.lanes.call(_put(asked.user_id, asked), Done)
        except LinkupError as error:
            told = frames.error_of(error)
            return api.UserResult(user_id=named, stored=False, error=told)
        return api.UserResult(user_id=named, stored=True)


def _name(item: Raw) -> str | None:
    """Return the user id of an item, or None if it cannot be read."""
    try:
        return msgspec.json.decode(item, type=_Named).user_id
    except (msgspec.MsgspecError, RecursionError):
        return None


def _decoded(item: Raw) -> api.UserItem:
    """Raises InvalidRequest."""
    try:
        return msgspec.json.decode(item, type=api.UserItem)
    except msgspec.MsgspecError as error:
        raise InvalidRequest(frames.fault(error, api.UserItem)) from None


def _put(named: str, asked: api.ProfileRequest) -> PutUser:
    """Raises InvalidRequest."""
    if is_reserved(named):
        raise invalid("user_id", "`user_id`: ids that begin with `linkup--` are reserved")
    profile.check(asked)
    return PutUser(
        user_id=named,
        name=_said(asked.name),
        email=_said(asked.email),
        time_zone=_said(asked.tz),
        locale=_said(asked.locale),
        avatar=_said(asked.avatar),
    )


def _said(value: str | UnsetType | None) -> str | None:
    """Return a value for the store: None keeps what is known, and an empty text removes it."""
    if value is None:
        return REMOVED
    return None if value is UNSET else value


def _profile(stored: Profile) -> api.ProfileAnswer:
    return api.ProfileAnswer(
        user_id=stored.user_id,
        name=stored.name,
        email=stored.email,
        tz=stored.time_zone,
        locale=stored.locale,
        avatar=stored.avatar,
    )
