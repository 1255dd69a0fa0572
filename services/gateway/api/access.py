"""Owns the routes that end a user's access: disconnecting, bans and logout."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import invalid, user_id
from services.gateway.api.response import as_json, no_content
from services.gateway.auth import Identity
from services.gateway.contract import Endpoints
from services.gateway.upstream.lanes import Lanes
from shared import api, frames
from shared.clock import SECOND
from shared.commands import Command, Disconnect, RevokeToken, SetBan, Standing
from shared.frames import MAX_INT
from shared.reserved import is_reserved


@dataclass(slots=True, frozen=True)
class Access:
    lanes: Lanes

    def endpoints(self) -> Endpoints:
        one = "/v1/admin/users/{user_id}"
        return {
            "POST /v1/logout": self.logout,
            f"POST {one}/disconnect": self.disconnect,
            f"PUT {one}/ban": self.ban,
            f"DELETE {one}/ban": self.unban,
        }

    async def logout(self, request: Request, identity: Identity) -> Response:
        command = RevokeToken(
            user_id=identity.user_id,
            token_id=identity.token_id,
            expires_at=min(int(identity.expires_at * SECOND), MAX_INT),
        )
        await self.lanes.call(command, Standing)
        return no_content()

    async def disconnect(self, request: Request) -> Response:
        return await self._change(Disconnect(user_id=_user(request)))

    async def ban(self, request: Request) -> Response:
        return await self._change(SetBan(user_id=_user(request), banned=True))

    async def unban(self, request: Request) -> Response:
        return await self._change(SetBan(user_id=_user(request), banned=False))

    async def _change(self, command: Command) -> Response:
        standing = await self.lanes.call(command, Standing)
        valid_after = standing.valid_after
        answer = api.AccessAnswer(
            user_id=command.user_id,
            banned=standing.banned,
            valid_after=frames.time_of(valid_after) if valid_after else None,
        )
        return as_json(answer)


def _user(request: Request) -> str:
    """Return the user named in the path. Raises InvalidRequest for one of ours."""
    named = user_id(request)
    if is_reserved(named):
        raise invalid("user_id", "`user_id`: ids that begin with `linkup--` are reserved")
    return named
