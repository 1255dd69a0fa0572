"""Owns the gateway's queries to the log over the bus: those of many clients are combined, others
are sent one by one, a few at a time.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct

from services.gateway.upstream.gathering import Backlog, Gathering
from shared import commands, subjects
from shared.bus import Bus
from shared.commands import (
    MAX_FEEDS,
    MAX_JOINS,
    FeedFrom,
    FeedPageAnswer,
    FeedPages,
    FeedPagesAnswer,
    Heads,
    HeadsAnswer,
    Joined,
    Joins,
    JoinsAnswer,
    NotificationStep,
    NotificationSteps,
    NotificationStepsAnswer,
    NotificationTrace,
    Question,
    name_of,
)
from shared.errors import LinkupError
from shared.http.turns import Turns

logger = logging.getLogger("linkup.gateway.queries")

A = TypeVar("A", bound=Struct)

TIMEOUT = 3.0
NOTIFY_TIMEOUT = 1.0
CROWDS_AT_ONCE = 2  # questions for many, of each kind: a slow one does not hold up the others
LOOK_UPS_AT_ONCE = 16  # of this gateway; persistence has a few readers


class Log:
    """The log, asked over the bus. Every method raises the LinkupError that came back, Unavailable,
    or Overloaded."""

    def __init__(
        self,
        bus: Bus,
        backlog: Backlog,
        turns: Turns,
        on_answer: Callable[[], None] = lambda: None,
    ) -> None:
        """Wait in `backlog`, the line of all who ask, and go on in `turns`. `on_answer` is called
        with each answer that is no refusal."""
        self._bus = bus
        self._on_answer = on_answer
        self._joins = Gathering(
            self._ask_joins, backlog, turns, most=MAX_JOINS, at_once=CROWDS_AT_ONCE
        )
        self._feeds = Gathering(
            self._ask_feeds, backlog, turns, most=MAX_FEEDS, at_once=CROWDS_AT_ONCE
        )
        self._look_ups = Gathering(
            self._ask_look_up, backlog, turns, most=1, at_once=LOOK_UPS_AT_ONCE
        )

    def start(self, tasks: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        gatherings = (self._joins, self._feeds, self._look_ups)
        return [task for gathering in gatherings for task in gathering.start(tasks)]

    async def ask(self, asked: Question, kind: type[A]) -> A:
        """Return the answer, which is of that kind. Who asks the same while it waits, shares it."""
        reply = await self._look_ups.get((subjects.query(name_of(asked)), commands.encode(asked)))
        return self._opened(reply, kind)

    async def join(self, user_id: str) -> Joined:
        return await self._joins.get(user_id)

    async def feed(self, user_id: str, after: int, limit: int = 500) -> FeedPageAnswer:
        return await self._feeds.get(FeedFrom(user_id, after, limit))

    async def heads(self, user_ids: list[str]) -> HeadsAnswer:
        """Ask past the line: what the wire lost has to be found in time (C7)."""
        return await self.request(Heads(user_ids=user_ids), HeadsAnswer)

    async def notices(self, asked: NotificationSteps) -> list[NotificationStep] | None:
        """Return the steps of a message's notifications, or None if notify does not answer."""
        if not asked.user_ids:
            return []
        told = await self.notified(asked, NotificationStepsAnswer)
        return None if told is None else told.steps

    async def notified(
        self, asked: NotificationSteps | NotificationTrace, kind: type[A]
    ) -> A | None:
        """Ask notify, and return None when it does not say: it may be away."""
        try:
            subject = subjects.notify(name_of(asked))
            reply = await self._bus.request(subject, commands.encode(asked), NOTIFY_TIMEOUT)
            return commands.open_answer(reply, kind)
        except (LinkupError, msgspec.MsgspecError) as error:
            logger.info("notify does not answer: %s", error)
            return None

    async def request(self, asked: Struct, kind: type[A]) -> A:
        """Ask past the line, by itself: also what changes something beside the log."""
        subject = subjects.query(name_of(asked))
        reply = await self._bus.request(subject, commands.encode(asked), TIMEOUT)
        return self._opened(reply, kind)

    def _opened(self, reply: bytes, kind: type[A]) -> A:
        answer = commands.open_answer(reply, kind)
        self._on_answer()
        return answer

    async def _ask_joins(self, user_ids: Sequence[str]) -> list[Joined]:
        return (await self.request(Joins(user_ids=list(user_ids)), JoinsAnswer)).joined

    async def _ask_feeds(self, asked: Sequence[FeedFrom]) -> list[FeedPageAnswer]:
        return (await self.request(FeedPages(asked=list(asked)), FeedPagesAnswer)).pages

    async def _ask_look_up(self, asked: Sequence[tuple[str, bytes]]) -> list[bytes]:
        [(subject, payload)] = asked
        return [await self._bus.request(subject, payload, TIMEOUT)]
