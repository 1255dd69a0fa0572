"""Owns the routes of members: listing, adding, roles, removing, leaving."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import after, body, conversation_of, page_size, user_id
from services.gateway.api.response import as_read, no_content
from services.gateway.auth import Identity
from services.gateway.contract import Endpoints
from services.gateway.upstream.lanes import Lanes
from services.gateway.upstream.queries import Log
from shared import api
from shared.commands import AddMembers, Conversation, Done, RemoveMember, Roster, SetRole, Snapshot


@dataclass(slots=True, frozen=True)
class Members:
    lanes: Lanes
    log: Log

    def endpoints(self) -> Endpoints:
        all_of_them = "/v1/conversations/{conversation_id}/members"
        one = f"{all_of_them}/{{user_id}}"
        return {
            f"GET {all_of_them}": self.page,
            f"POST {all_of_them}": self.add,
            f"PATCH {one}": self.change,
            f"DELETE {one}": self.remove,
        }

    async def page(self, request: Request, identity: Identity) -> Response:
        asked = Roster(
            user_id=identity.user_id,
            conversation_id=conversation_of(request),
            after=after(request),
            limit=page_size(request),
        )
        return as_read(await self.log.ask(asked, Snapshot))

    async def add(self, request: Request, identity: Identity) -> Response:
        conversation_id = conversation_of(request)
        asked = await body(request, api.AddRequest)
        command = AddMembers(
            user_id=identity.user_id, conversation_id=conversation_id, members=asked.members
        )
        await self.lanes.call(command, Done)
        shown = Conversation(user_id=identity.user_id, conversation_id=conversation_id)
        return as_read(await self.log.ask(shown, Snapshot))

    async def change(self, request: Request, identity: Identity) -> Response:
        conversation_id, member_id = conversation_of(request), user_id(request)
        asked = await body(request, api.RoleRequest)
        command = SetRole(
            user_id=identity.user_id,
            conversation_id=conversation_id,
            member_id=member_id,
            role=asked.role,
        )
        await self.lanes.call(command, Done)
        return no_content()

    async def remove(self, request: Request, identity: Identity) -> Response:
        command = RemoveMember(
            user_id=identity.user_id,
            conversation_id=conversation_of(request),
            member_id=user_id(request),
        )
        await self.lanes.call(command, Done)
        return no_content()
