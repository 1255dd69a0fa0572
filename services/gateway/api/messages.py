"""Owns the routes of messages: sending one, and pages of a conversation."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import body, conversation_of, integer, listed, page_size
from services.gateway.api.response import as_json, as_read
from services.gateway.auth import Identity
from services.gateway.contract import Endpoints, concerns
from services.gateway.handlers import store_message
from services.gateway.hub import Hub
from services.gateway.upstream.lanes import Lanes
from services.gateway.upstream.profiles import People
from services.gateway.upstream.queries import Log
from shared import api, frames
from shared.commands import History, Snapshot, Stored
from shared.errors import InvalidRequest, LinkupError
from shared.reserved import SYSTEM


@dataclass(slots=True, frozen=True)
class Messages:
    lanes: Lanes
    log: Log
    hub: Hub
    people: People

    def endpoints(self) -> Endpoints:
        return {
            "POST /v1/messages": self.send,
            "POST /v1/admin/messages": self.send_as,
            "GET /v1/conversations/{conversation_id}/messages": self.history,
        }

    async def send(self, request: Request, identity: Identity) -> Response:
        asked = await body(request, api.SendRequest)
        await self.people.know(identity)
        return _sent(asked.client_id, await self._store(identity.user_id, asked))

    async def send_as(self, request: Request) -> Response:
        asked = await body(request, api.SendAsRequest)
        sender_id = asked.user_id or SYSTEM
        concerns(request, sender_id)
        await self.people.check(sender_id)
        stored = await self._store(sender_id, asked, checked=True)
        concerns(request, sender_id, str(stored.message_id))
        return _sent(asked.client_id, stored)

    async def _store(
        self, user_id: str, asked: api.SendRequest, *, checked: bool = False
    ) -> Stored:
        """Store a message. Raises the LinkupError that it is refused with. If `checked`, the host
        app is not asked."""
        frame = frames.SendMessage(
            client_id=asked.client_id,
            content=asked.content,
            to=asked.to,
            conversation_id=asked.conversation_id,
            after=asked.after,
            reply_to=asked.reply_to,
            attachments=asked.attachments,
        )
        try:
            command = store_message(user_id, "", frame)
            stored = await self.lanes.call(command, Stored, checked=checked)
        except LinkupError as error:
            error.client_id = asked.client_id
            raise
        if stored.duplicate:
            self.hub.suspect(user_id)
        return stored

    async def history(self, request: Request, identity: Identity) -> Response:
        asked = History(
            user_id=identity.user_id,
            conversation_id=conversation_of(request),
            message_ids=listed(request, "ids", api.MessageIds),
            before_id=integer(request, "before_id"),
            after_id=integer(request, "after_id"),
            limit=page_size(request),
        )
        given = (asked.before_id, asked.after_id, asked.message_ids)
        if sum(one is not None for one in given) > 1:
            raise InvalidRequest("Send one of `before_id`, `after_id` and `ids`")
        return as_read(await self.log.ask(asked, Snapshot))


def _sent(client_id: str, stored: Stored) -> Response:
    answer = api.Sent(
        client_id=client_id,
        message_id=stored.message_id,
        conversation_id=stored.conversation_id,
        seq=stored.seq,
        created_at=frames.time_of(stored.created_at),
        duplicate=stored.duplicate,
    )
    return as_json(answer, 200 if stored.duplicate else 201)
