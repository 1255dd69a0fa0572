"""Owns the road over HTTP, for where WebSockets are blocked: the same frames, asked for every few
seconds."""

import asyncio
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from linkup_client import backoff, frames
from linkup_client.backoff import Timing
from linkup_client.errors import ConnectionRefused, RequestFailed
from linkup_client.http import Ask
from linkup_client.link import Owner
from linkup_client.notification import BadgeUpdate
from linkup_client.session import TICK
from linkup_client.tokens import UNAUTHORIZED, Tokens

PAGE = 100  # events
MARK_TRIES = 5
BADGE_EVERY = 6  # polls

Routed = frames.SendMessage | frames.MarkChatRead | frames.Delivered


class Page(Struct, frozen=True):
    """A page of the feed."""

    epoch: str
    cursor: int
    frames: list[msgspec.Raw] = []
    has_more: bool = False


class Badge(Struct, frozen=True):
    """The part of a page of notifications that is looked at."""

    unread_count: int


class Polling:
    """A replacement for a socket: `run` gives the owner the same frames, and `send` takes the same
    ones. Frames that have no route, such as `presence_subscribe`, are dropped."""

    def __init__(self, ask: Ask, tokens: Tokens, timing: Timing, owner: Owner) -> None:
        self.is_open = False  # the last poll was answered
        self.answered = False  # any poll was answered
        self._ask = ask
        self._tokens = tokens
        self._timing = timing
        self._owner = owner
        self._attempt = 0
        self._polls = 0
        self._may_refresh = tokens.renewable
        self._lines: dict[str, deque[frames.SendMessage]] = {}
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Poll without end. Raises ConnectionRefused when the token is refused, and what the token
        function raises."""
        try:
            async with asyncio.TaskGroup() as self._group:
                while True:
                    await self._wait(await self._turn())
        except ExceptionGroup as faults:
            raise faults.exceptions[0] from None
        finally:
            self.close()

    async def answers(self) -> bool:
        """Return whether there is a server that lets this user in."""
        try:
            await self._page(frames.Hello(token=""))
        except RequestFailed:
            return False
        return True

    def send(self, text: bytes) -> None:
        try:
            frame = _decoder.decode(text)
        except msgspec.ValidationError:
            return
        match frame:
            case frames.SendMessage():
                self._enqueue(frame)
            case frames.MarkChatRead(conversation_id=conversation_id, up_to=up_to):
                self._spawn(self._mark(conversation_id, "read", up_to))
            case frames.Delivered(conversation_id=conversation_id, seq=seq):
                self._spawn(self._mark(conversation_id, "delivered", seq))

    def renew(self) -> None:
        """Have the next page taken as the first one of a new connection."""
        self.is_open = False

    def close(self) -> None:
        """Cut off what is on its way: its outcome is unknown."""
        self.is_open = False
        self._lines.clear()
        for task in self._tasks:
            task.cancel()

    # ---------------------------------------------------------- reading the feed

    async def _turn(self) -> float:
        """Poll once, and return the delay before the next time."""
        asked = self._owner.hello("")
        try:
            page = await self._page(asked)
        except RequestFailed as fault:
            return self._failed(fault)
        self._take(page)
        moved = self._owner.hello("").cursor != asked.cursor  # a full inbox lets events go
        return 0 if page.has_more and moved else self._timing.poll_every

    async def _page(self, position: frames.Hello) -> Page:
        asked: dict[str, str | int] = {"limit": PAGE}
        if position.epoch is not None and position.cursor is not None:
            asked |= {"epoch": position.epoch, "cursor": position.cursor}
        try:
            return await self._ask("GET", f"/v1/sync?{urlencode(asked)}", None, Page)
        except RequestFailed as fault:
            if fault.code != "resync_required":
                raise
            return _resynced(await self._page(frames.Hello(token="")), str(fault))

    def _take(self, page: Page) -> None:
        self._attempt = 0
        self.answered = True
        self._may_refresh = self._tokens.renewable
        if not self.is_open:
            self.is_open = True
            self._polls = 0
            self._owner.on_welcome(self._welcome(page))
        for text in map(bytes, page.frames):
            self._owner.on_frame(frames.decode(text), len(text))
        self._owner.on_frame(frames.SyncCompleted(cursor=page.cursor), 0)
        if self._polls % BADGE_EVERY == 0:
            self._spawn(self._ask_badge())
        self._polls += 1

    def _welcome(self, page: Page) -> frames.Welcome:
        return frames.Welcome(
            user_id=self._tokens.user_id or self._tokens.subject or "",
            connection_id="",
            epoch=page.epoch,
            cursor=page.cursor,
            heartbeat_ms=0,
            recovered=True,
        )

    async def _ask_badge(self) -> None:
        """Ask what a socket would be told. Without an answer it is asked again in its time."""
        with suppress(RequestFailed):
            badge = await self._ask("GET", "/v1/notifications?limit=1", None, Badge)
            self._owner.on_frame(BadgeUpdate(unread_count=badge.unread_count), 0)

    def _failed(self, fault: RequestFailed) -> float:
        """Return the delay before the next poll. Raises ConnectionRefused if there is none."""
        if fault.code == "rate_limited":
            return max(self._timing.poll_every, (fault.retry_after_ms or 0) / 1000)
        if self.is_open:
            self.close()
            self._owner.on_lost()
        if fault.code == "unauthorized":
            self._spend_refresh(fault)
        self._attempt += 1
        return backoff.delay(self._timing, self._attempt - 1)

    def _spend_refresh(self, fault: RequestFailed) -> None:
        if not self._may_refresh:
            raise ConnectionRefused(UNAUTHORIZED, str(fault)) from fault
        self._may_refresh = False

    async def _wait(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0:
            await asyncio.sleep(min(TICK, left))
            if self.is_open:
                self._owner.on_tick(loop.time())

    # ---------------------------------------------------------- sending

    def _enqueue(self, message: frames.SendMessage) -> None:
        """Add it to the line of its conversation, unless it waits there already."""
        name = message.conversation_id or f"to {message.to}"
        if name not in self._lines:
            self._lines[name] = deque()
            self._spawn(self._drain(name))
        line = self._lines[name]
        if all(waiting.client_id != message.client_id for waiting in line):
            line.append(message)

    async def _drain(self, name: str) -> None:
        """Send one after the other, so that they keep their order through any gateway."""
        line = self._lines[name]
        while line:
            outcome = await self._post(line[0])
            if isinstance(outcome, frames.Error) and outcome.temporary:
                line.clear()  # all of it comes again, from its head
            else:
                line.popleft()
            self._owner.on_frame(outcome, 0)
        del self._lines[name]

    async def _post(self, message: frames.SendMessage) -> frames.Ack | frames.Error:
        body = msgspec.to_builtins(message)
        del body["type"]
        try:
            return await self._ask("POST", "/v1/messages", body, frames.Ack)
        except RequestFailed as fault:
            return frames.Error(
                code=fault.code,
                message=str(fault),
                # A refused token is not the fault of the message: the next poll deals with it.
                temporary=fault.temporary or fault.code == "unauthorized",
                client_id=message.client_id,
                retry_after_ms=fault.retry_after_ms,
            )

    async def _mark(self, conversation_id: str, kind: str, up_to: int) -> None:
        path = f"/v1/conversations/{quote(conversation_id, safe='')}/{kind}"
        for attempt in range(MARK_TRIES):
            with suppress(RequestFailed):
                await self._ask("POST", path, {"up_to": up_to}, msgspec.Raw)
                return
            await asyncio.sleep(backoff.delay(self._timing, attempt))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _resynced(present: Page, reason: str) -> Page:
    resync = frames.ResyncRequired(reason=reason, epoch=present.epoch, cursor=present.cursor)
    return Page(present.epoch, present.cursor, [msgspec.Raw(frames.encode(resync))])


_decoder: msgspec.json.Decoder[Routed] = msgspec.json.Decoder(Routed)
