"""Owns the demo login: a token for any user, only with LINKUP_DEV_LOGIN."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import body
from services.gateway.api.response import as_json
from services.gateway.auth import Authenticator
from services.gateway.contract import Endpoints
from services.gateway.upstream.profiles import People
from shared import api


@dataclass(slots=True, frozen=True)
class DevLogin:
    auth: Authenticator
    people: People

    def endpoints(self) -> Endpoints:
        return {"POST /v1/dev/login": self.login}

    async def login(self, request: Request) -> Response:
        asked = await body(request, api.LoginRequest)
        await self.people.know_the_cast(asked.user_id)
        known = await self.people.know_by_demo(asked.user_id, asked.name)
        name = known.name or asked.user_id
        token = self.auth.sign(asked.user_id, name, known.email)
        return as_json(api.LoginAnswer(token=token, user_id=asked.user_id, name=name))
