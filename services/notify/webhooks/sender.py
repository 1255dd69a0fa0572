"""Owns sending the events of one webhook: in order within a conversation, at least once.

An event is deleted only after it was accepted, so what a crash cuts off is sent again, with the
same id. The next one of its conversation does not wait for that.
"""

import asyncio
import logging
import random
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from services.notify.database import Between
from services.notify.webhooks import request, rows
from services.notify.webhooks.accepted import Accepted
from services.notify.webhooks.backlog import Backlog
from services.notify.webhooks.event import Event, body
from services.notify.webhooks.request import Result
from services.notify.webhooks.rows import Hook
from shared import signature, subjects
from shared.breaker import Breaker
from shared.bus import Bus
from shared.clock import SECOND
from shared.commands import MAX_DETAILS, Details, DetailsAnswer, encode, open_answer
from shared.errors import LinkupError
from shared.health.records import record
from shared.outward import Outward
from shared.retry import Retries

logger = logging.getLogger("linkup.notify")

AT_ONCE = 16  # requests
GATHER = 0.005  # seconds: one question for what several answers have made room for
POLL = 60.0
RETRY = 1.0
REQUEST_TIMEOUT = 5.0
EXPIRED = "expired"


class Sender:
    """Sends the events of a webhook, each for up to `lasting` seconds. `ended` is called when the
    receiver wants no more events, and `room` when fewer events wait."""

    def __init__(
        self,
        hook: Hook,
        bus: Bus,
        between: Between,
        backlog: Backlog,
        outward: Outward,
        *,
        retries: Retries,
        lasting: float,
        clock: Callable[[], int],
        room: Callable[[], None],
        ended: Callable[[], None],
        count: Callable[[str], None],
    ) -> None:
        self._hook = hook
        time = asyncio.get_running_loop().time
        self.breaker = Breaker(f"the webhook {hook.webhook_id}", retries, time)
        self.reason = ""  # of the last failure since something was accepted
        self._bus = bus
        self._between = between
        self._backlog = backlog
        self._outward = outward
        self._retries = retries
        self._lasting = int(lasting * SECOND)
        self._clock = clock
        self._room = room
        self._ended = ended
        self._count = count
        self._accepted = Accepted(between, hook.webhook_id)
        self._wake = asyncio.Event()
        self._flying = 0
        self._stale = True  # the backlog is to be read from the database
        self._stopping = False

    def wake(self) -> None:
        self._wake.set()

    def reload(self) -> None:
        """Read the backlog again, once nothing is on its way."""
        self._stale = True
        self._wake.set()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Send until `stop` is called, and then wait for the requests that are under way."""
        async with asyncio.TaskGroup() as sends:
            deleting = sends.create_task(self._accepted.run())
            while not self._stopping:
                self._wake.clear()
                try:
                    await self._round(sends)
                except (LinkupError, msgspec.MsgspecError) as error:
                    logger.debug("a webhook cannot be served: %s", error)
                    await asyncio.sleep(RETRY)
            while self._flying:
                self._wake.clear()
                await self._wake.wait()
            deleting.cancel()
        with suppress(LinkupError):
            await self._accepted.flush()

    async def _round(self, sends: asyncio.TaskGroup) -> None:
        if self._stale and not self._flying:
            await self._load()
        taken = self._take()
        if not taken:
            await self._pause()
            return
        details = await self._asked(taken)
        for event, data in zip(taken, details, strict=False):
            self._flying += 1
            self.breaker.begin()
            sends.create_task(self._send(event, data))
        self._backlog.back(taken[len(details) :])  # the answer had no room for them
        await asyncio.sleep(GATHER)

    async def _load(self) -> None:
        await self._accepted.flush()  # else they would be sent again
        name, before = self._hook.webhook_id, self._clock() - self._lasting
        given_up = {"webhook_id": name, "before": before, "reason": EXPIRED, "now": self._clock()}
        expire = self.breaker.state != "closed"

        def work(connection: sqlite3.Connection) -> list[Event]:
            if expire:
                connection.execute(rows.EXPIRE, given_up)
            return rows.waiting(connection, name)

        self._backlog.reset(await self._between(work))
        self._stale = False
        self._room()

    def _take(self) -> list[Event]:
        if self._stale or self._stopping:
            return []
        room = self.breaker.room(min(AT_ONCE - self._flying, MAX_DETAILS))
        return self._backlog.take(self._clock(), room)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._until()):
                await self._wake.wait()
        except TimeoutError:
            oldest = self._backlog.oldest()
            if oldest is not None and oldest <= self._clock() - self._lasting:
                self._stale = self._stale or self.breaker.state != "closed"

    def _until(self) -> float:
        """Return the seconds until an event is due that may be sent."""
        due_at = self._backlog.due_at()
        if due_at is None or self._flying >= AT_ONCE or self._stale:
            return POLL
        wait = max(self.breaker.wait(), (due_at - self._clock()) / SECOND)
        return min(POLL, max(0.0, wait)) or (POLL if self._flying else 0.0)

    async def _asked(self, events: list[Event]) -> list[bytes]:
        """Return the data of the events, as they are now. If nobody answers, they are put back."""
        try:
            asked = encode(Details(facts=[event.fact for event in events]))
            payload = await self._bus.request(subjects.query("details"), asked, REQUEST_TIMEOUT)
            return open_answer(payload, DetailsAnswer).details
        except (LinkupError, msgspec.MsgspecError):
            self._backlog.back(events)
            raise

    async def _send(self, event: Event, data: bytes) -> None:
        result = Result(worked=None) if not data else await self._posted(event, data)
        self.breaker.end(result.worked, result.reason)
        try:
            await self._settle(event, result)
        finally:
            self._flying -= 1
            self._wake.set()

    async def _posted(self, event: Event, data: bytes) -> Result:
        content, now = body(event.event_type, event.fact.created_at, data), self._clock()
        secrets = [self._hook.secret]
        if now < self._hook.old_until:
            secrets.append(self._hook.old_secret)
        signed = signature.headers(event.event_id, content, secrets, now)
        return await request.post(self._outward, self._hook.url, content, signed)

    async def _settle(self, event: Event, result: Result) -> None:
        self.reason = result.reason
        if not result.reason:
            self._count("webhook_events.delivered")
            self._accepted.add(event.number)
            self._backlog.done(event)
            self._room()
        elif result.gone:
            self._count("webhook_events.dead")
            await self._write(
                partial(_gone, number=event.number, hook=self._hook, now=self._clock())
            )
            self._ended()
        else:
            await self._failed(event, result)

    async def _failed(self, event: Event, result: Result) -> None:
        now = self._clock()
        pause = max(result.wait, self._retries.pause(event.attempts + 1, random.random()))
        due_at = now + int(pause * SECOND)
        row = {"number": event.number, "reason": result.reason, "now": now, "due_at": due_at}
        if due_at > event.queued_at + self._lasting:
            await self._write(partial(_failed, row=row, statement=rows.DIES))
            self._given_up(result.reason)
            self._backlog.done(event)
        else:
            await self._write(partial(_failed, row=row, statement=rows.AGAIN))
            self._count("webhook_events.failed")
            self._backlog.again(event, due_at)

    def _given_up(self, reason: str) -> None:
        self._count("webhook_events.dead")
        told = "an event for a webhook is given up: {reason}"
        record("delivery_error", told, reason=reason, follower=self._hook.webhook_id)

    async def _write(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """The event stays out until it is written down: a full disk stops the sending."""
        while True:
            try:
                await self._between(work)
                return
            except LinkupError as error:
                logger.warning("the outcome of an event cannot be written down: %s", error)
                await asyncio.sleep(RETRY)


def _failed(connection: sqlite3.Connection, row: dict[str, Any], statement: str) -> None:
    """Write down an attempt, and what becomes of its event, unless it was given up meanwhile."""
    connection.execute(rows.TRIED, row)
    connection.execute(statement, row)


def _gone(connection: sqlite3.Connection, number: int, hook: Hook, now: int) -> None:
    """Switch a webhook off. Events that wait are given up until it is switched on again."""
    connection.execute(rows.TRIED, {"number": number})
    name = {"webhook_id": hook.webhook_id}
    connection.execute(rows.SWITCH_OFF, {**name, "off": rows.GONE})
    connection.execute(rows.GIVE_UP, {**name, "reason": rows.GONE, "now": now})
