"""Owns the routes that change a stored message: edit, delete, react."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.request import body, invalid, message_id
from services.gateway.api.response import as_json, no_content
from services.gateway.auth import Identity
from services.gateway.contract import Endpoints
from services.gateway.upstream.lanes import Lanes
from shared import api, frames
from shared.commands import Command, DeleteMessage, Done, EditMessage, React
from shared.errors import LinkupError


@dataclass(slots=True, frozen=True)
class Revisions:
    lanes: Lanes
    erased: Callable[[], None]  # a message is: its files are to go

    def endpoints(self) -> Endpoints:
        return {
            "PATCH /v1/messages/{message_id}": self.edit,
            "DELETE /v1/messages/{message_id}": self.delete,
            "POST /v1/messages/{message_id}/reactions": self.react,
            "POST /v1/messages/delete": self.delete_many,
        }

    async def edit(self, request: Request, identity: Identity) -> Response:
        one = message_id(request)
        asked = await body(request, api.EditRequest)
        command = EditMessage(user_id=identity.user_id, message_id=one, content=asked.content)
        return await self._carry_out(command)

    async def delete(self, request: Request, identity: Identity) -> Response:
        one = message_id(request)
        mode = await _mode(request)
        command = DeleteMessage(user_id=identity.user_id, message_id=one, mode=mode)
        answer = await self._carry_out(command)
        if mode == "everyone":
            self.erased()
        return answer

    async def react(self, request: Request, identity: Identity) -> Response:
        one = message_id(request)
        asked = await body(request, api.ReactRequest)
        command = React(
            user_id=identity.user_id,
            message_id=one,
            emoji=asked.emoji,
            remove=asked.remove,
        )
        return await self._carry_out(command)

    async def delete_many(self, request: Request, identity: Identity) -> Response:
        """Each id has an outcome of its own; they go to the store together."""
        asked = await body(request, api.DeleteRequest)
        each = [
            DeleteMessage(user_id=identity.user_id, message_id=one, mode=asked.mode)
            for one in asked.message_ids
        ]
        outcomes = await asyncio.gather(*map(self._outcome, each))
        if asked.mode == "everyone":
            self.erased()
        return as_json(api.DeleteAnswer(results=list(outcomes)))

    async def _outcome(self, command: DeleteMessage) -> api.Deleted:
        try:
            await self.lanes.call(command, Done)
        except LinkupError as error:
            told = frames.error_of(error)
            return api.Deleted(message_id=command.message_id, deleted=False, error=told)
        return api.Deleted(message_id=command.message_id, deleted=True)

    async def _carry_out(self, command: Command) -> Response:
        await self.lanes.call(command, Done)
        return no_content()


async def _mode(request: Request) -> frames.DeleteMode:
    """Return `mode`, from the query or from the body: not every client sends a body with DELETE."""
    text = request.query_params.get("mode")
    if text is None:
        return (await body(request, api.DeleteOneRequest)).mode
    try:
        return msgspec.convert({"mode": text}, api.DeleteOneRequest).mode
    except msgspec.ValidationError:
        raise invalid("mode", "`mode` must be `me` or `everyone`") from None
