"""Owns what a lane is tried with: a bus that answers, and a connection that keeps each result."""

import asyncio
from collections.abc import Callable

from services.gateway.upstream.gate import Gate
from services.gateway.upstream.lanes import Lane
from services.gateway.upstream.submission import Submission
from shared import commands
from shared.commands import (
    Batch,
    BatchReply,
    Command,
    Done,
    Refused,
    Result,
    Results,
    StoreMessage,
)
from shared.errors import LinkupError

Answer = BatchReply | Refused | LinkupError | bytes
Responder = Callable[[Batch], Answer]


class FakeBus:
    """Answers each request with what `respond` gives, at once, or when `hold` is set."""

    def __init__(self, respond: Responder) -> None:
        self.respond = respond
        self.payloads: list[bytes] = []
        self.hold = asyncio.Event()
        self.hold.set()

    @property
    def batches(self) -> list[Batch]:
        return [commands.decode(payload, Batch) for payload in self.payloads]

    async def request(self, subject: str, payload: bytes, timeout: float) -> bytes:
        assert subject == "linkup.store"
        self.payloads.append(payload)
        answer = self.respond(commands.decode(payload, Batch))
        await self.hold.wait()
        if isinstance(answer, LinkupError):
            raise answer
        return answer if isinstance(answer, bytes) else commands.encode(answer)


def done(batch: Batch) -> Results:
    return Results([Done() for _ in batch.commands])


def say(client_id: str, conversation_id: str = "ab", after: str | None = None) -> StoreMessage:
    return StoreMessage(
        user_id="alice",
        connection_id="s1",
        client_id=client_id,
        conversation_id=conversation_id,
        content="hi",
        after=after,
    )


def keys(batch: Batch) -> list[str]:
    return [command.client_id for command in batch.commands if isinstance(command, StoreMessage)]


class Sender:
    """Submits for one connection and keeps every result."""

    def __init__(self, lane: Lane, gate: Gate | None = None) -> None:
        self.lane = lane
        self.gate = gate
        self.results: list[tuple[str, Result]] = []

    def send(self, client_id: str, conversation_id: str = "ab", after: str | None = None) -> None:
        self.submit(say(client_id, conversation_id, after), client_id)

    def submit(self, command: Command, label: str) -> None:
        def settle(result: Result) -> None:
            self.results.append((label, result))

        self.lane.submit(Submission(command, settle, self.gate))

    def codes(self) -> dict[str, str]:
        return {
            label: result.code if isinstance(result, Refused) else "ok"
            for label, result in self.results
        }
