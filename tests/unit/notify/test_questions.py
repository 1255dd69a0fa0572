"""Each question to notify has one answerer; one that nobody answers is refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import Struct

from services.notify.questions import MAX_QUEUED, Questions
from shared import commands, subjects
from shared.bus import Delivery, Handler
from shared.commands import Readiness, ReadinessAnswer
from shared.errors import InvalidRequest, LinkupError
from shared.health.endpoints import Health
from shared.health.records import use


class Ask(Struct, frozen=True, kw_only=True, tag="ask"):
    word: str


class Answer(Struct, frozen=True, kw_only=True):
    word: str


class Wire:
    """The bus: what is said to it comes back by `reply_to`."""

    def __init__(self) -> None:
        self.handler: Handler | None = None
        self.listened = asyncio.Event()
        self.replies: dict[str, asyncio.Future[bytes]] = {}

    async def subscribe(self, subject: str, handler: Handler, *, queue: str) -> None:
        assert (subject, queue) == (subjects.notify("*"), subjects.NOTIFY_GROUP)
        self.handler = handler
        self.listened.set()

    async def publish(self, subject: str, payload: bytes) -> None:
        self.post(subject, payload)

    def post(self, subject: str, payload: bytes) -> None:
        self.replies[subject].set_result(payload)

    def ask(self, name: str, payload: bytes) -> asyncio.Future[bytes]:
        assert self.handler is not None
        reply = self.replies[f"r{len(self.replies)}"] = asyncio.Future[bytes]()
        self.handler(Delivery(subjects.notify(name), payload, f"r{len(self.replies) - 1}"))
        return reply


@asynccontextmanager
async def asking(handler: Any) -> AsyncIterator[Wire]:
    wire: Any = Wire()
    health = Health("notify")
    questions = Questions(wire, health)
    questions.on(Ask, handler)
    with use(health.errors):
        running = asyncio.create_task(questions.run())
        await wire.listened.wait()
        yield wire
        running.cancel()
        await asyncio.wait([running])


def ask(wire: Wire, word: str = "hello") -> asyncio.Future[bytes]:
    return wire.ask("ask", commands.encode(Ask(word=word)))


async def test_a_question_is_answered_by_its_tag() -> None:
    async def upper(asked: Ask) -> Answer:
        return Answer(word=asked.word.upper())

    async with asking(upper) as wire:
        assert commands.open_answer(await ask(wire), Answer) == Answer(word="HELLO")


@pytest.mark.parametrize(
    ("name", "payload", "code"),
    [
        ("else", commands.encode(Ask(word="hello")), "not_found"),
        ("ask", b"\xc1", "internal"),
        ("ask", commands.encode(Ask(word="refused")), "invalid_request"),
        ("ask", commands.encode(Ask(word="broken")), "internal"),
    ],
)
async def test_a_refusal_is_an_answer_and_the_next_one_is_answered(
    name: str, payload: bytes, code: str
) -> None:
    async def picky(asked: Ask) -> Answer:
        match asked.word:
            case "refused":
                raise InvalidRequest("word: not that one")
            case "broken":
                raise RuntimeError(asked.word)
        return Answer(word=asked.word)

    async with asking(picky) as wire:
        with pytest.raises(LinkupError) as refused:
            commands.open_answer(await wire.ask(name, payload), Answer)
        assert refused.value.code == code
        assert commands.open_answer(await ask(wire), Answer) == Answer(word="hello")


async def test_one_that_waits_holds_up_nobody_and_a_full_queue_refuses() -> None:
    release = asyncio.Event()

    async def waiting(asked: Ask) -> Answer:
        if asked.word == "wait":
            await release.wait()
        return Answer(word=asked.word)

    async with asking(waiting) as wire:
        slow = ask(wire, "wait")
        assert commands.open_answer(await ask(wire), Answer) == Answer(word="hello")
        many = [ask(wire, "wait") for _ in range(MAX_QUEUED + 10)]
        with pytest.raises(LinkupError) as refused:
            commands.open_answer(await many[-1], Answer)
        assert refused.value.code == "overloaded"
        answer = await wire.ask("health", commands.encode(Readiness()))
        assert "state" in commands.decode(answer, ReadinessAnswer).failing
        release.set()
        assert commands.open_answer(await slow, Answer) == Answer(word="wait")
        assert commands.open_answer(await many[0], Answer) == Answer(word="wait")
