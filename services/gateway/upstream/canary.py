"""Owns the canary: a message between two reserved users that is committed, delivered and read. It
is sent only if no real message has just shown that this works.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple, TypeVar

import msgspec

from services.gateway.upstream.lanes import Lanes
from shared import clock, commands, subjects
from shared.bus import Bus, Delivery
from shared.commands import AdvanceReceipt, Done, Events, PutUser, Result, Stored, StoreMessage
from shared.errors import LinkupError, Unavailable
from shared.health.endpoints import Check
from shared.health.probe import Probe
from shared.health.records import record
from shared.reserved import CANARIES

ARRIVES = 2.5  # seconds: below the probe's own deadline, so that the step is named
TEXT = "."  # no word of it is indexed
SENDER, READER = CANARIES
CONVERSATION = subjects.direct_conversation_id(SENDER, READER)
NAME = "a message to ourselves"


A = TypeVar("A", bound=Result)


class _Receipt(msgspec.Struct, tag_field="type", tag="receipt"):
    user_id: str
    read_seq: int


class Step(NamedTuple):
    """An arrival: the message at the reader, or the read mark at the sender."""

    user_id: str
    seq: int


class Canary:
    """Sends messages to itself.

    `proof` returns when a real message was last committed and delivered, by the loop's clock.
    `upstream` is the check of persistence, which is named first.
    """

    def __init__(
        self,
        bus: Bus,
        lanes: Lanes,
        every: float,
        proof: Callable[[], float],
        upstream: Callable[[], Check],
    ) -> None:
        self._bus = bus
        self._lanes = lanes
        self._every = every
        self._proof = proof
        self._upstream = upstream
        self._known = False  # both users are
        self._failed_at = float("-inf")
        self._awaited: dict[Step, asyncio.Future[None]] = {}
        self.probe = Probe(NAME, self._ask, every=every, category=None)
        self.took_ms = 0.0  # the last one, there and back
        self.sent = 0

    async def run(self) -> None:
        """Send canaries until cancelled, the first when a start is over."""
        if self._every:
            await asyncio.sleep(self._every)
            await self.probe.run()

    def check(self) -> Check:
        if self._upstream().status != "pass":
            return Check("pass", f"{NAME}: not known while persistence does not answer")
        return self.probe.check() if self.sent else Check("pass")

    async def _ask(self) -> float | None:
        proof = self._proof()
        if proof > self._failed_at and proof + self._every > _now():
            return proof
        began = _now()
        self.sent += 1
        try:
            async with self._listening():
                await self._there_and_back()
        except LinkupError:
            self._failed_at = _now()  # what worked before that proves nothing
            raise
        self.took_ms = round(1000 * (_now() - began), 1)
        return None

    async def _there_and_back(self) -> None:
        """Raises Unavailable, which names the step that failed."""
        stored = await self._command("it is not committed", self._message(), Stored)
        await self._arrives(Step(READER, stored.seq), "it is committed, but does not arrive")
        read = AdvanceReceipt(
            user_id=READER, connection_id="", conversation_id=CONVERSATION, read_seq=stored.seq
        )
        await self._command("it arrives, but cannot be marked as read", read, Done)
        await self._arrives(Step(SENDER, stored.seq), "it is read, but its sender is not told")

    def _message(self) -> StoreMessage:
        return StoreMessage(
            user_id=SENDER,
            connection_id="",
            client_id=secrets.token_hex(8),
            conversation_id=CONVERSATION,
            content=TEXT,
            to=READER,
            accepted_at=clock.now(),
        )

    async def _command(self, failure: str, command: commands.Command, kind: type[A]) -> A:
        try:
            if not self._known:
                for user_id in CANARIES:
                    await self._lanes.call(PutUser(user_id=user_id, name="Canary"), Done)
                self._known = True
            return await self._lanes.call(command, kind)
        except LinkupError as error:
            raise Unavailable(f"{failure}: {error}") from None

    async def _arrives(self, step: Step, failure: str) -> None:
        try:
            async with asyncio.timeout(ARRIVES):
                await self._future(step)
        except TimeoutError:
            record("delivery_error", f"{NAME}: {failure}")
            raise Unavailable(failure) from None

    def _future(self, step: Step) -> "asyncio.Future[None]":
        """Return what an arrival settles. It may arrive before it is waited for: the events leave
        before the answer."""
        future = asyncio.get_running_loop().create_future()
        return self._awaited.setdefault(step, future)

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        """Subscribe for the canary users, as the hub does for connected users."""
        subscriptions = [
            await self._bus.subscribe(subjects.feed(user_id), self._on_events)
            for user_id in CANARIES
        ]
        try:
            yield
        finally:
            for subscription in subscriptions:
                await subscription.close()
            self._awaited.clear()

    def _on_events(self, delivery: Delivery) -> None:
        """Take in events, also those of other gateways' canaries, whose numbers are others."""
        try:
            told = commands.decode(delivery.payload, Events)
        except msgspec.MsgspecError:
            return
        for event in told.events:
            seq = event.seq if told.user_id == READER else _read_seq(event.body)
            if seq:
                self._arrived(Step(told.user_id, seq))

    def _arrived(self, step: Step) -> None:
        future = self._future(step)
        if not future.done():
            future.set_result(None)


def _read_seq(body: bytes) -> int:
    try:
        receipt = msgspec.json.decode(body, type=_Receipt)
    except msgspec.MsgspecError:
        return 0
    return receipt.read_seq if receipt.user_id == READER else 0


def _now() -> float:
    return asyncio.get_running_loop().time()
