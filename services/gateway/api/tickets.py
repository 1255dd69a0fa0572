"""Owns the route of tickets, which open one WebSocket each in place of a token."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.response import as_json
from services.gateway.auth import Identity
from services.gateway.contract import Endpoints
from services.gateway.upstream.profiles import People
from services.gateway.upstream.tickets import Tickets
from shared import api


@dataclass(slots=True, frozen=True)
class TicketOffice:
    tickets: Tickets
    people: People

    def endpoints(self) -> Endpoints:
        return {"POST /v1/tickets": self.buy}

    async def buy(self, request: Request, identity: Identity) -> Response:
        """Issue a ticket. The profile in the token is stored now, as the ticket does not contain
        it."""
        await self.people.know(identity)
        ticket, expires_at = await self.tickets.issue(identity)
        answer = as_json(api.TicketAnswer(ticket=ticket, expires_at=expires_at), 201)
        answer.headers["cache-control"] = "no-store"
        return answer
