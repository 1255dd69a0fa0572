"""Owns the routes of conversations: the inbox, one conversation, its read mark, unread counts."""

import secrets
from dataclasses import dataclass

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import body, conversation_of, converted, integer, listed
from services.gateway.api.response import as_json, as_read, no_content
from services.gateway.auth import Identity
from services.gateway.contract import Endpoints
from services.gateway.upstream.lanes import Lanes
from services.gateway.upstream.profiles import People
from services.gateway.upstream.queries import Log
from shared import api
from shared.commands import (
    AdvanceReceipt,
    BeginConversation,
    Begun,
    ClearConversation,
    Cleared,
    Conversation,
    CreateGroup,
    Done,
    Inbox,
    SetConversation,
    Snapshot,
    Totals,
)
from shared.errors import InvalidRequest
from shared.frames import UserId
from shared.subjects import direct_conversation_id, group_conversation_id


@dataclass(slots=True, frozen=True)
class Conversations:
    lanes: Lanes
    log: Log
    people: People

    def endpoints(self) -> Endpoints:
        one = "/v1/conversations/{conversation_id}"
        return {
            "GET /v1/conversations": self.inbox,
            "POST /v1/conversations": self.begin,
            f"GET {one}": self.one,
            f"PATCH {one}": self.change,
            f"POST {one}/read": self.read,
            f"POST {one}/delivered": self.delivered,
            f"POST {one}/clear": self.clear,
            "GET /v1/unread": self.unread,
        }

    async def inbox(self, request: Request, identity: Identity) -> Response:
        before = integer(request, "before")
        limit = integer(request, "limit", most=100)
        peer = request.query_params.get("peer")
        ids = listed(request, "ids", api.ConversationIds)
        if peer is not None and (before is not None or limit is not None or ids is not None):
            raise InvalidRequest("`peer` cannot be combined with other parameters")
        if ids is not None and limit is not None:
            raise InvalidRequest("`ids` cannot be combined with `limit`")
        asked = Inbox(
            user_id=identity.user_id,
            conversation_id=None if peer is None else _with(identity, _peer(peer)),
            conversation_ids=ids,
            before=before,
            limit=len(ids) if ids is not None else limit or api.DEFAULT_LIMIT,
        )
        return as_read(await self.log.ask(asked, Snapshot))

    async def begin(self, request: Request, identity: Identity) -> Response:
        asked = await body(request, api.BeginRequest)
        await self.people.know(identity)
        command = _beginning(identity, asked)
        conversation_id = command.conversation_id
        begun = await self.lanes.call(command, Begun)
        return await self._shown(identity, conversation_id, 201 if begun.created else 200)

    async def one(self, request: Request, identity: Identity) -> Response:
        return await self._shown(identity, conversation_of(request))

    async def read(self, request: Request, identity: Identity) -> Response:
        """The answer shows what is stored now, which may be further than what was asked (D20)."""
        conversation_id = conversation_of(request)
        asked = await body(request, api.ReadRequest)
        await self._advance(identity, conversation_id, read_seq=asked.up_to)
        return await self._shown(identity, conversation_id)

    async def delivered(self, request: Request, identity: Identity) -> Response:
        conversation_id = conversation_of(request)
        asked = await body(request, api.DeliveredRequest)
        await self._advance(identity, conversation_id, delivered_seq=asked.up_to)
        return no_content()

    async def change(self, request: Request, identity: Identity) -> Response:
        conversation_id = conversation_of(request)
        asked = await body(request, api.ConversationPatch)
        command = SetConversation(
            user_id=identity.user_id,
            conversation_id=conversation_id,
            archived=None if asked.archived is UNSET else asked.archived,
            muted=None if asked.muted is UNSET else asked.muted,
            title=None if asked.title is UNSET else asked.title,
        )
        await self.lanes.call(command, Done)
        return await self._shown(identity, conversation_id)

    async def clear(self, request: Request, identity: Identity) -> Response:
        conversation_id = conversation_of(request)
        command = ClearConversation(user_id=identity.user_id, conversation_id=conversation_id)
        count = (await self.lanes.call(command, Cleared)).count
        return as_json(api.ClearAnswer(conversation_id=conversation_id, count=count))

    async def unread(self, request: Request, identity: Identity) -> Response:
        return as_read(await self.log.ask(Totals(user_id=identity.user_id), Snapshot))

    async def _advance(self, identity: Identity, conversation_id: str, **marks: int) -> None:
        command = AdvanceReceipt(
            user_id=identity.user_id,
            connection_id="",
            conversation_id=conversation_id,
            **marks,
        )
        await self.lanes.call(command, Done)

    async def _shown(self, identity: Identity, conversation_id: str, status: int = 200) -> Response:
        asked = Conversation(user_id=identity.user_id, conversation_id=conversation_id)
        return as_read(await self.log.ask(asked, Snapshot), status)


def _beginning(identity: Identity, asked: api.BeginRequest) -> BeginConversation | CreateGroup:
    """The id of a group stands for its maker's `client_id`; without one no request is a repeat."""
    if asked.to is not None:
        conversation_id = _with(identity, asked.to)
        return BeginConversation(
            user_id=identity.user_id, conversation_id=conversation_id, to=asked.to
        )
    made = asked.client_id or secrets.token_hex(16)
    return CreateGroup(
        user_id=identity.user_id,
        conversation_id=group_conversation_id(identity.user_id, made),
        title=asked.title or "",
        members=asked.members or [],
    )


def _peer(text: str) -> str:
    return str(converted(text, UserId, "`peer`"))


def _with(identity: Identity, peer: str) -> str:
    return direct_conversation_id(identity.user_id, peer)
