"""Fakes in memory of the log, the wire and the bus, for a connection or a lane."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from services.gateway.auth import Authenticator, Identity
from services.gateway.handlers import Handlers
from services.gateway.presence.presence import Presence
from services.gateway.presence.typing import Chores, Typing
from services.gateway.socket.bell import Bell
from services.gateway.socket.connection import Connection
from services.gateway.socket.outbox import Overflow
from shared import frames
from shared.commands import Event, FeedPageAnswer, Members, MembersAnswer
from shared.errors import LinkupError, NotFound
from shared.settings import Settings

Frame = dict[str, Any]
NOON = 43_200_000_000  # microseconds


class FakeOutbox:
    """Takes frames and shows them decoded; `room` frames more, then Overflow."""

    def __init__(self, room: int = 1_000_000) -> None:
        self.room = room
        self.frames: list[Frame] = []

    def push(self, frame: bytes) -> None:
        if self.room <= 0:
            raise Overflow
        self.room -= 1
        self.add(frame)

    def add(self, frame: bytes) -> None:
        self.frames.append(json.loads(frame))

    def discard(self) -> None:
        self.frames.clear()

    async def drained(self) -> None:
        await asyncio.sleep(0)

    def take(self) -> list[Frame]:
        taken, self.frames = self.frames, []
        return taken

    def offer(self, frame: bytes) -> bool:
        self.push(frame)
        return True

    @property
    def pending(self) -> int:
        return len(self.frames)


class FakeBus:
    """Keeps what was published."""

    def __init__(self) -> None:
        self.published: list[tuple[str, bytes]] = []

    async def publish(self, subject: str, payload: bytes) -> None:
        self.published.append((subject, payload))


def handlers(lanes: Any, notices: Any = None) -> Handlers:
    """Return handlers in which everything that frames about messages do not need is idle."""
    auth = Authenticator(Settings(jwt_secret="s" * 32))
    bus: Any = FakeBus()
    log: Any = FakeMembers({})
    typing, presence = Typing(bus, log, Chores()), Presence(bus, log, 5.0)
    return Handlers(lanes, auth, typing, presence, Bell(notices))


class FakeMembers:
    """The members of each conversation, with a count of the questions."""

    def __init__(self, members: dict[str, list[str]]) -> None:
        self.conversations = members
        self.asked = 0

    async def ask(self, asked: Members, kind: type[MembersAnswer]) -> MembersAnswer:
        self.asked += 1
        members = self.conversations.get(asked.conversation_id, [])
        if asked.user_id not in members:
            raise NotFound("There is no such conversation")
        return kind(user_ids=members)


class FakeLog:
    """One user's feed. Pages hold `page_size` events; `failures` are raised first, one a call."""

    def __init__(self, epoch: str = "e1") -> None:
        self.epoch = epoch
        self.events: list[Event] = []
        self.pruned = 0  # events up to that cursor are gone
        self.page_size = 500
        self.failures: list[LinkupError] = []
        self.gate: asyncio.Event | None = None  # a call waits for it, after it has read
        self.asked: list[int] = []

    @property
    def head(self) -> int:
        return len(self.events)

    async def feed(self, user_id: str, after: int) -> FeedPageAnswer:
        self.asked.append(after)
        answer = FeedPageAnswer(epoch=self.epoch, head=self.head, events=self._page(after))
        failure = self.failures.pop(0) if self.failures else None
        if self.gate is not None:
            await self.gate.wait()
        if failure is not None:
            raise failure
        return answer

    def _page(self, after: int) -> list[Event]:
        first = max(after, self.pruned)
        page = self.events[first : first + self.page_size]
        return [Event(e.cursor, e.body, "", e.conversation_id, e.seq) for e in page]

    def message(self, sender_id: str = "bob", client_id: str = "", origin: str = "") -> Event:
        """Append a message to the feed; the event as it goes out live."""
        cursor = self.head + 1
        body = frames.Message(
            message_id=cursor,
            conversation_id="ab",
            seq=cursor,
            version=1,
            sender_id=sender_id,
            client_id=client_id or f"m{cursor}",
            content="hi",
            created_at=frames.time_of(NOON),
            updated_at=frames.time_of(NOON),
        )
        event = Event(cursor, frames.encode(body), origin, "ab", cursor)
        self.events.append(event)
        return event

    def client_id_of(self, event: Event) -> str:
        """Return the client_id of a message, or an empty one for any other event."""
        return frames.decode_message(event.body).client_id if event.seq else ""

    def receipt(self) -> Event:
        body = frames.Receipt(
            conversation_id="ab",
            user_id="bob",
            delivered_seq=1,
            read_seq=1,
            at=frames.time_of(NOON),
        )
        event = Event(self.head + 1, frames.encode(body))
        self.events.append(event)
        return event

    def placeholder(self) -> Event:
        """A row the user may not see any more (R7)."""
        event = Event(self.head + 1, b"")
        self.events.append(event)
        return event


class Socket:
    """A connection with its fakes."""

    def __init__(self, log: FakeLog | None = None, room: int = 1_000_000) -> None:
        self.log = log or FakeLog()
        self.outbox = FakeOutbox(room)
        self.suspected: list[str] = []
        self.connection = Connection(
            Identity(user_id="alice", expires_at=1e12),
            self.log,
            self.outbox,  # type: ignore[arg-type]  # the part of an Outbox a connection uses
            self.suspected.append,
        )

        self.ends = 0  # how often the connection said that it is to end
        self.connection.on_close = self._end

    def _end(self) -> None:
        self.ends += 1

    def start(self, cursor: int = 0) -> None:
        self.connection.feed.start(self.log.epoch, cursor, self.log.head)

    def live(self, *events: Event, epoch: str | None = None) -> None:
        self.connection.feed.on_events(epoch or self.log.epoch, events)


@asynccontextmanager
async def repairing(socket: Socket) -> AsyncIterator[None]:
    """Whatever repair begins meanwhile ends with it."""
    try:
        yield
    finally:
        await socket.connection.ended()


def cursors(sent: Sequence[Frame]) -> list[int]:
    """Return the cursors of the feed frames among the sent ones."""
    return [frame["cursor"] for frame in sent if frame["type"] in ("message", "receipt")]


def types(sent: Sequence[Frame]) -> list[str]:
    return [frame["type"] for frame in sent]
