"""Owns the due notifications: claims them, asks the log again, and sends them by e-mail.

Runs beside the follower: a slow mail server delays e-mails, never the reading of the log.
"""

import asyncio
import logging
import math
import random
from collections.abc import Callable, Iterator

import msgspec

from services.notify.channels.content import MessageContent
from services.notify.channels.email import Channel
from services.notify.channels.letter import Letters
from services.notify.ladder import groups
from services.notify.ladder.delivery import Delivery, Outcome, Waits, Watch
from services.notify.ladder.step import next_step
from services.notify.store import Store
from shared import subjects
from shared.breaker import Breaker
from shared.bus import Bus
from shared.clock import SECOND
from shared.commands import Marks, MarksAnswer, MarksRow, Unread, encode, open_answer
from shared.errors import LinkupError
from shared.health import Check
from shared.records import record
from shared.taxonomy import Category

logger = logging.getLogger("linkup.notify")

CONCURRENCY = 4
POLL = 30.0  # seconds; in between, it is woken by the log, by an e-mail's end, or by what is due
RETRY = 1.0
REQUEST_TIMEOUT = 5.0
SILENT_AFTER = 5.0  # seconds, of a mail server with an e-mail
DAY = 86_400 * SECOND
STORE = "store_unavailable"


class Mailer:
    def __init__(
        self,
        bus: Bus,
        store: Store,
        channel: Channel,
        letters: Letters,
        *,
        waits: Waits,
        breaker: Breaker,
        clock: Callable[[], int],
        concurrency: int = CONCURRENCY,
        count: Callable[[str], None] = lambda name: None,
    ) -> None:
        """`count`: called with the name of what is counted."""
        self._count = count
        self._bus = bus
        self._store = store
        self._channel = channel
        self._letters = letters
        self._waits = waits
        self._breaker = breaker
        self._clock = clock
        self._concurrency = concurrency
        self._wake = asyncio.Event()
        self._stopping = False
        self._flying: dict[asyncio.Task[None], float] = {}  # since when, by the loop's clock
        self._refusal = ""
        self._trouble: dict[str, int] = {}

    async def run(self) -> None:
        """Until `stop`; then the e-mails that are on their way come to their end."""
        async with asyncio.TaskGroup() as sends:
            failures = 0
            while not self._stopping:
                self._wake.clear()
                try:
                    await self._round(sends)
                    failures = 0
                except (LinkupError, msgspec.MsgspecError) as error:
                    failures += 1
                    if failures == 2:  # once: the follower's check says how long it lasts
                        logger.warning("nothing can be sent: %s", error)
                    await asyncio.sleep(RETRY)

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    def wake(self) -> None:
        self._wake.set()

    def check(self) -> Check:
        """Counts those of the last day. An unknown outcome is for a person to look at."""
        unknown, failed = self._trouble.get("unknown", 0), self._trouble.get("failed", 0)
        faults = []
        if unknown:
            faults.append(f"{unknown} e-mails may or may not have been delivered, not sent again")
        if failed:
            faults.append(f"{failed} e-mails were refused")
        if self._refusal:
            faults.append(f"the mail server does not accept: {self._refusal}; tried again later")
        oldest = min(self._flying.values(), default=math.inf)
        silent = asyncio.get_running_loop().time() - oldest
        if silent > SILENT_AFTER:
            faults.append(f"the mail server has not answered for {silent:.0f} s")
        return Check("warn" if faults else "pass", "; ".join(faults), unknown)

    async def _round(self, sends: asyncio.TaskGroup) -> None:
        room = self._breaker.room(self._concurrency - len(self._flying))
        claimed = await self._store.claim("email", self._clock(), room) if room else []
        for group, marks in await self._ask(claimed):
            outcome = next_step(group, marks)
            if outcome is None and marks is not None:
                self._breaker.begin()
                flight = sends.create_task(self._deliver(group, marks))
                self._flying[flight] = asyncio.get_running_loop().time()
                flight.add_done_callback(self._landed)
            elif outcome is not None:
                await self._settle(group, outcome)
        if not claimed:
            outlook = await self._store.outlook("email", self._clock() - DAY)
            self._trouble = outlook.trouble
            await self._pause(self._until(outlook.due_at) if room else self._breaker.wait() or POLL)

    def _landed(self, flight: asyncio.Task[None]) -> None:
        del self._flying[flight]
        self._wake.set()

    def _until(self, due_at: int | None) -> float:
        """In seconds. The wall clock may be set meanwhile: it is never for long."""
        if due_at is None:
            return POLL
        return min(POLL, max(0.0, (due_at - self._clock()) / SECOND))

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _ask(self, claimed: list[Delivery]) -> list[tuple[Delivery, MarksRow | None]]:
        """Return the current state in the log. Without an answer, release the claims."""
        if not claimed:
            return []
        asked = Marks(
            asked=[Unread(user_id=one.user_id, conversation_id=one.thread) for one in claimed]
        )
        try:
            payload = await self._bus.request(
                subjects.query("marks"), encode(asked), REQUEST_TIMEOUT
            )
            rows = open_answer(payload, MarksAnswer).rows
            return list(zip(claimed, rows, strict=True))
        except (LinkupError, msgspec.MsgspecError, ValueError):
            for group in claimed:
                await self._settle(group, Outcome("released"))
            raise

    async def _deliver(self, group: Delivery, marks: MarksRow) -> None:
        def decide(watch: Watch, current: Delivery) -> Watch:
            newest = marks.previews[-1]
            return groups.begin(watch, current, marks.unread, newest, self._clock())

        begun = False

        async def begin() -> bool:
            nonlocal begun
            begun = True
            return await self._store.change(group, decide)

        try:
            # In a thread: a time zone is read from its file when it is first named.
            content = MessageContent.of(marks)
            letter = await asyncio.to_thread(
                self._letters.write, group.delivery_id, marks.profile, content
            )
            outcome = await self._channel.send(group.delivery_id, letter, begin)
        except LinkupError:
            outcome = Outcome("postponed", STORE)
        except Exception as error:  # noqa: BLE001 - its text may hold an address: only the type
            logger.error(
                "an e-mail could not be made or sent",
                extra={"notification_id": group.delivery_id, "error": type(error).__name__},
            )
            outcome = Outcome("unknown" if begun else "failed", "internal")
        self._breaker.end(outcome.worked, outcome.reason)
        await self._settle(group, outcome)
        self._told(group, outcome)

    async def _settle(self, group: Delivery, outcome: Outcome) -> None:
        """The slot stays taken until it is written down: a full disk stops the sending."""

        draw = random.random()

        def decide(watch: Watch, current: Delivery) -> Watch:
            return groups.settle(watch, current, outcome, self._clock(), self._waits, draw)

        while True:
            try:
                await self._store.change(group, decide)
                return
            except LinkupError as error:
                logger.warning("an outcome cannot be written down: %s", error)
                await asyncio.sleep(RETRY)

    def _told(self, group: Delivery, outcome: Outcome) -> None:
        _note(group, outcome)
        for name in counted(group, outcome):
            self._count(name)
        match outcome.kind:
            case "postponed":
                self._refusal = outcome.reason
            case "sent" | "failed":
                self._refusal = ""
        level = logging.INFO if outcome.kind in ("sent", "withdrawn") else logging.WARNING
        logger.log(
            level,
            "e-mail %s",
            outcome.kind,
            extra={"notification_id": group.delivery_id, "reason": outcome.reason},
        )


def counted(group: Delivery, outcome: Outcome) -> Iterator[str]:
    """Yield the names of the counters that an attempt increases."""
    if group.attempts:
        yield "retries.smtp"
    if outcome.kind == "sent":
        yield "fallbacks.email"
        if group.attempts:
            yield "retries_succeeded.smtp"


def _note(group: Delivery, outcome: Outcome) -> None:
    """Record an e-mail that was refused, or of which nobody knows; and a mail server away."""
    match outcome.kind:
        case "failed" | "unknown":
            category: Category = "delivery_error"
        case "postponed" if outcome.reason != STORE:
            category = "connection_error"
        case _:
            return
    record(
        category,
        f"an e-mail is {outcome.kind}: {{reason}}",
        notification_id=group.delivery_id,
        reason=outcome.reason,
    )
