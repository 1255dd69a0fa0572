"""Owns the question to the host app whether a message may be sent, before the lane gets it.

A user's messages are asked about one batch after the other, so they keep their order. Those of
different users are in questions of their own, of which QUESTIONS are open at a time: what waits
for its question is no fault of the host app. An edit is asked about like a message. See
docs/moderation.md.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from msgspec import Struct

from services.gateway.upstream.submission import DEADLINE, OVERLOADED, UNAVAILABLE, Submission
from shared.commands import EditMessage, Refused, StoreMessage
from shared.errors import Rejected, Unavailable
from shared.health.endpoints import Health
from shared.settings import Settings

AT_ONCE = 32  # messages in one question
QUESTIONS = 128  # open at a time, each on a connection
OWN = 512  # messages of a user that may wait
MOST = 20_000  # of all users
LONGEST_WORDS = 300  # code points
NO_WORDS = "This message is not allowed"

UNCHECKED = Refused.of(
    Unavailable("The message could not be checked: resend the same", retry_after_ms=1000)
)


class Verdict(Struct, frozen=True):
    """The answer for one message. If it is not allowed, `message` is the text for the sender."""

    allow: bool
    message: str = ""

    @property
    def words(self) -> str:
        return " ".join(self.message.split())[:LONGEST_WORDS] or NO_WORDS


Said = StoreMessage | EditMessage
Judge = Callable[[Sequence[Said]], Awaitable[Sequence[Verdict] | None]]
Onward = Callable[[Submission], None]


class Moderator:
    """Asks about messages. `judge` gives a verdict for each one, or None if there is no answer. If
    `is_open`, messages without an answer are sent."""

    def __init__(self, judge: Judge, is_open: bool) -> None:
        self._judge = judge
        self._is_open = is_open
        self._questions = asyncio.Semaphore(QUESTIONS)
        self._lines: dict[str, deque[tuple[Submission, Onward]]] = {}  # by user
        self._count = 0
        self._idle = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None

    def start(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks

    def submit(self, submission: Submission, onward: Onward) -> None:
        """Call `onward` with the submission if it goes to the store; otherwise finish it."""
        user_id = submission.command.user_id
        line = self._lines.get(user_id)
        if self._count >= MOST or (line is not None and len(line) >= OWN):
            submission.finish(OVERLOADED)
            return
        if line is None:
            assert self._tasks is not None
            line = self._lines[user_id] = deque()
            self._tasks.create_task(self._serve(user_id, line))
        line.append((submission, onward))
        self._count += 1
        self._idle.clear()

    async def settled(self) -> None:
        """Wait until nothing is asked about."""
        if self._count:
            await self._idle.wait()

    async def _serve(self, user_id: str, line: deque[tuple[Submission, Onward]]) -> None:
        while line:
            async with self._questions:
                batch = [line.popleft() for _ in range(min(len(line), AT_ONCE))]
                verdicts = await self._verdicts([submission for submission, _ in batch])
            for (submission, onward), verdict in zip(batch, verdicts, strict=True):
                self._pass_on(submission, verdict, onward)
            self._count -= len(batch)
        del self._lines[user_id]
        if not self._count:
            self._idle.set()

    async def _verdicts(self, batch: Sequence[Submission]) -> Sequence[Verdict | None]:
        if all(map(_is_late, batch)):  # no answer can help them any more
            return [None] * len(batch)
        found = await self._judge([one.command for one in batch if isinstance(one.command, Said)])
        return [None] * len(batch) if found is None else found

    def _pass_on(self, submission: Submission, verdict: Verdict | None, onward: Onward) -> None:
        if _is_late(submission):
            submission.finish(UNAVAILABLE)
        elif verdict is None and not self._is_open:
            submission.finish(UNCHECKED)
        elif verdict is None or verdict.allow:
            onward(submission)
        elif isinstance(submission.command, StoreMessage):
            submission.words = verdict.words
            onward(submission)  # the store knows whether it is a repeat of what was allowed
        else:
            submission.finish(Refused.of(Rejected(verdict.words)))


def _is_late(submission: Submission) -> bool:
    return submission.submitted_at + DEADLINE < asyncio.get_running_loop().time()


@asynccontextmanager
async def moderated(settings: Settings, health: Health) -> AsyncIterator[Moderator | None]:
    """Yield the moderator, or None without LINKUP_MODERATION_URL. Raises SettingError."""
    if not settings.moderation_url:
        yield None
        return
    from services.gateway.upstream import judge  # its HTTP client takes long to load

    async with judge.connected(settings) as service:
        health.checks["moderation"] = service.breaker.check
        yield Moderator(service.judge, settings.moderation_on_failure == "open")
