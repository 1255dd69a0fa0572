"""Owns the HTTP calls of a check as one of its users."""

from typing import Any

import msgspec

from linkup.conform.deployment import Answer, Deployment
from linkup.conform.player import Frame
from linkup.conform.tape import Tape
from linkup.conform.verdict import Unkept


class Caller:
    """HTTP as one user, written to the tape."""

    def __init__(self, deployment: Deployment, token: str | None, who: str, tape: Tape) -> None:
        self._deployment = deployment
        self._token = token
        self._who = who
        self._tape = tape

    async def get(self, path: str, **query: Any) -> Answer:
        return await self.call("GET", path, query=query)

    async def post(self, path: str, body: Any) -> Answer:
        return await self.call("POST", path, msgspec.json.encode(body))

    async def call(
        self, method: str, path: str, body: bytes | None = None, query: Frame | None = None
    ) -> Answer:
        shown = f"{method} {path} {query or ''} {(body or b'').decode(errors='replace')}"
        self._tape.sent(self._who, shown)
        answer = await self._deployment.call(method, path, self._token, body, query)
        self._tape.received(self._who, f"{answer.status} {answer.body.decode(errors='replace')}")
        return answer

    async def inbox(self) -> Any:
        answer = await self.get("/v1/conversations")
        return good(answer)

    async def chat(self, conversation_id: str) -> Frame:
        """Return the conversation as the inbox shows it."""
        for one in (await self.inbox())["conversations"]:
            if one["conversation_id"] == conversation_id:
                return dict(one)
        raise Unkept(f"{conversation_id} in the inbox", "an inbox without it")

    async def page(self, conversation_id: str, **query: Any) -> Any:
        return good(await self.get(f"/v1/conversations/{conversation_id}/messages", **query))


def good(answer: Answer) -> Any:
    """Return the JSON of an answer. Raises Unkept unless its status is 200."""
    if answer.status != 200:
        raise Unkept("HTTP 200", f"{answer.status} {answer.body[:300]!r}")
    return answer.json()
