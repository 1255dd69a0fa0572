"""Owns the life of a WebSocket: origin, hello, welcome, the frames, the close."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from services.gateway.auth import Authenticator, Identity, bearer, origin_allowed
from services.gateway.handlers import Handlers
from services.gateway.hub import Hub, come_back_after_ms, resume_point
from services.gateway.socket.connection import Connection
from services.gateway.socket.outbox import Outbox
from services.gateway.socket.refusals import TOLD, Refusals, address_of
from services.gateway.socket.scope import view_of
from services.gateway.socket.wire import REFUSED, Wire, wire_of
from services.gateway.upstream.profiles import People
from services.gateway.upstream.tickets import Tickets, is_ticket
from shared import frames
from shared.commands import Joined
from shared.errors import (
    BY_CODE,
    InvalidFrame,
    LinkupError,
    NotFound,
    OutOfOrder,
    RateLimited,
    TooLarge,
    Unauthorized,
)
from shared.frames import ClientFrame, CloseCode, Hello
from shared.settings import Settings
from shared.turns import Turns

logger = logging.getLogger("linkup.gateway.sockets")

RESTARTING = "the gateway restarts"
SUBPROTOCOL = "linkup.v1"
HELLO_BYTES = 4096
BEARER_HELLO_TIMEOUT = 1.0  # with a header, hello is optional: this long it may still come
ABUSE = "abuse"  # as it stands in the log
# Frames that cost a question to the log, beside being read.
DEAR: dict[type, int] = {frames.SyncRequest: 10, frames.PresenceSubscribe: 5}
BEHIND = 3  # what one costs that was refused because of another: it may be nobody's fault
CLOSE_TIMEOUT = 1.0  # for the last frames; a peer that does not read them is dropped


class Disconnected(Exception):
    """The peer went away; `args` holds the close code."""


@dataclass(slots=True)
class Sockets:
    """Everything a socket needs, and how many there are from where."""

    settings: Settings
    auth: Authenticator
    hub: Hub
    handlers: Handlers
    people: People
    tickets: Tickets
    refusals: Refusals
    turns: Turns
    draining: bool = False
    _addresses: Counter[str] = field(default_factory=Counter)

    async def endpoint(self, websocket: WebSocket) -> None:
        headers = websocket.headers
        allowed = self.settings.allowed_origins
        if not origin_allowed(headers.get("origin"), headers.get("host"), allowed):
            self.refusals.tell("origin", address=address_of(websocket.scope))
            await websocket.close()  # before accept: HTTP 403
            return
        offered = websocket.scope["subprotocols"]
        await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        with self._counted(websocket) as admitted:
            if self.draining:
                await send_reconnect(wire_of(websocket))
                await close(websocket, CloseCode.RESTART)
            elif not admitted:
                self._too_many(websocket, "", "sockets_per_address")
                await close(websocket, CloseCode.TOO_MANY)
            else:
                await self._greet(websocket)

    def _counted(self, websocket: WebSocket) -> "_Counted":
        address, limit = address_of(websocket.scope), self.settings.sockets_per_address
        return _Counted(self._addresses, address, limit)

    def _too_many(self, websocket: WebSocket, user_id: str, setting: str) -> None:
        address = address_of(websocket.scope)
        self.refusals.tell("too_many", user_id=user_id, address=address, why=setting)

    async def _greet(self, websocket: WebSocket) -> None:
        """Learn who it is, or close: 4401, and 1013 where it is only for now."""
        try:
            identity, hello, first = await self._identify(websocket)
        except Disconnected:
            return
        except (LinkupError, TimeoutError) as error:
            code = CloseCode.UNAUTHORIZED
            if isinstance(error, LinkupError):
                self.refusals.of_request(websocket.scope, error)
                await send_error(wire_of(websocket), error)
                code = CloseCode.TRY_AGAIN if error.temporary else code
            else:
                self.refusals.tell("silent", address=address_of(websocket.scope))
            await close(websocket, code)
            return
        limit = self.settings.sockets_per_user
        if limit and self.hub.count(identity.user_id) >= limit:
            self._too_many(websocket, identity.user_id, "sockets_per_user")
            await close(websocket, CloseCode.TOO_MANY)
            return
        if not wire_of(websocket).admit():
            await close(websocket, CloseCode.TRY_AGAIN)
            return
        await self._live(websocket, identity, hello, first)

    async def _identify(self, websocket: WebSocket) -> tuple[Identity, Hello, str | None]:
        """Who it is, its hello, and the first frame if that was none."""
        token = bearer(websocket.headers.get("authorization"))
        if token is not None:
            return await self._identify_by_header(websocket, self.auth.verify(token))
        async with asyncio.timeout(self.settings.hello_timeout):
            hello = await self._hello(wire_of(websocket))
        await self.turns.turn()
        if hello.token is None:
            raise Unauthorized("`hello` needs a `token`")
        if is_ticket(hello.token):
            return await self.tickets.redeem(hello.token, address_of(websocket.scope)), hello, None
        return self.auth.verify(hello.token), hello, None

    async def _hello(self, wire: Wire) -> Hello:
        """The first frame that is one; what is malformed gets its error and another chance."""
        while True:
            try:
                frame = frames.decode(await receive(wire), HELLO_BYTES)
            except (InvalidFrame, TooLarge) as error:
                wire.charge(REFUSED)
                await send_error(wire, error)
                continue
            if not isinstance(frame, Hello):
                raise Unauthorized("The first frame must be `hello` with a token")
            return frame

    async def _identify_by_header(
        self, websocket: WebSocket, identity: Identity
    ) -> tuple[Identity, Hello, str | None]:
        try:
            async with asyncio.timeout(BEARER_HELLO_TIMEOUT):
                text = await receive(wire_of(websocket))
        except TimeoutError:
            return identity, Hello(), None
        try:
            frame = frames.decode(text)
        except LinkupError:
            return identity, Hello(), text
        return (identity, frame, None) if isinstance(frame, Hello) else (identity, Hello(), text)

    async def _live(
        self, websocket: WebSocket, identity: Identity, hello: Hello, first: str | None
    ) -> None:
        wire = wire_of(websocket)
        outbox = Outbox(wire, self.settings.outbox_frames, self.settings.outbox_bytes)
        connection = Connection(identity, self.hub.log, outbox, self.hub.suspect)
        user = {"user_id": identity.user_id, "address": address_of(websocket.scope)}
        connection.on_refused = partial(self._refused, wire, user)
        told = {"connection": connection.id, **user}
        try:
            connection.view = await view_of(websocket, identity.user_id, self.hub.log)
            joined = await self.hub.join(connection)
            await self.people.know(identity, joined.profile)
            logger.info("open", extra=told)
            self._welcome(connection, hello, joined)
            if self.draining:
                connection.farewell(RESTARTING, CloseCode.RESTART, come_back_after_ms(1))
            async with _companions(connection, outbox, websocket):
                await self._read(wire, connection, first)
        except LinkupError as error:
            connection.on_refused(error.code, error.why)
            await send_error(wire, error)
            unknown = isinstance(error, NotFound)
            await close(websocket, CloseCode.NO_SUCH_USER if unknown else CloseCode.TRY_AGAIN)
        finally:
            connection.close(CloseCode.LOST)
            await self.turns.turn()
            self.handlers.presence.forget(connection)
            await self.hub.leave(connection)
            connection.closed.set()
            logger.info("closed", extra={**told, "code": connection.close_code})

    def _refused(self, wire: Wire, user: dict[str, str], code: str, why: str = "") -> None:
        if code == OutOfOrder.code:
            wire.charge(BEHIND)
        elif code == RateLimited.code or (code in BY_CODE and not BY_CODE[code].temporary):
            wire.charge(REFUSED)
        if code in TOLD or code == ABUSE:
            self.refusals.tell(code, **user, why=why)

    def _welcome(self, connection: Connection, hello: Hello, joined: Joined) -> None:
        cursor, reason = resume_point(hello, joined)
        connection.push(
            frames.Welcome(
                user_id=connection.user_id,
                connection_id=connection.id,
                epoch=joined.epoch,
                cursor=cursor,
                heartbeat_ms=int(self.settings.heartbeat * 1000),
                recovered=reason is None,
                limits=frames.Limits(
                    message_burst=self.settings.message_burst,
                    message_rate=self.settings.message_rate,
                    edit_window_seconds=self.settings.edit_window,
                    delete_window_seconds=self.settings.delete_window,
                ),
            )
        )
        if reason is not None:
            connection.push(frames.ResyncRequired(reason=reason, epoch=joined.epoch, cursor=cursor))
        connection.start(joined.epoch, cursor, joined.head)

    async def _read(self, wire: Wire, connection: Connection, first: str | None) -> None:
        strikes = Strikes(self.settings.strikes_per_minute)
        try:
            while True:
                try:
                    text = first if first is not None else await receive(wire)
                    first = None
                    if not connection.retired:  # else its client sends it again where it comes back
                        await self._handle(wire, connection, connection.view.decode(text))
                except LinkupError as error:
                    connection.push_error(error)
                    connection.on_refused(error.code, error.why)
                    if isinstance(error, InvalidFrame | TooLarge) and strikes.out():
                        connection.on_refused(ABUSE, "strikes_per_minute")
                        connection.close(CloseCode.ABUSE)
        except Disconnected as disconnected:
            connection.close(disconnected.args[0])

    async def _handle(self, wire: Wire, connection: Connection, frame: ClientFrame) -> None:
        """Returns when there is room for the next one."""
        wire.charge(DEAR.get(type(frame), 0))
        self.handlers.handle(connection, frame)
        if connection.in_flight >= self.settings.frames_in_flight:
            await connection.room(self.settings.frames_in_flight)


class _Counted:
    """Counts a socket while it is open; falsy when there are too many from its address."""

    def __init__(self, addresses: Counter[str], address: str, limit: int) -> None:
        self._addresses, self._address, self._limit = addresses, address, limit

    def __enter__(self) -> bool:
        self._addresses[self._address] += 1
        return not self._limit or self._addresses[self._address] <= self._limit

    def __exit__(self, *_: object) -> None:
        self._addresses[self._address] -= 1
        if not self._addresses[self._address]:
            del self._addresses[self._address]


class Strikes:
    """Malformed frames within a minute; a limit of 0 never ends a socket."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._times: list[float] = []

    def out(self) -> bool:
        now = time.monotonic()
        self._times = [at for at in self._times if at > now - 60.0] + [now]
        return 0 < self._limit <= len(self._times)


@asynccontextmanager
async def _companions(
    connection: Connection, outbox: Outbox, websocket: WebSocket
) -> AsyncIterator[None]:
    """What runs beside the reader of a socket, and ends with it."""
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(outbox.run())
        running = [
            writing,
            tasks.create_task(connection.repair()),
            tasks.create_task(_expire(connection)),
            tasks.create_task(_end(connection, outbox, websocket, writing)),
        ]
        try:
            yield
        finally:
            for task in running:
                task.cancel()


async def _expire(connection: Connection) -> None:
    """A socket lives no longer than its token, or the one it was refreshed with."""
    try:
        while True:
            async with asyncio.timeout(connection.identity.expires_at - time.time()):
                await connection.refreshed.wait()
            connection.refreshed.clear()
    except TimeoutError:
        connection.close(CloseCode.UNAUTHORIZED)


async def _end(
    connection: Connection,
    outbox: Outbox,
    websocket: WebSocket,
    writing: "asyncio.Task[None]",
) -> None:
    """Close with the reason given, after the last frames; who does not read them is dropped."""
    await connection.closing.wait()
    outbox.end()
    await asyncio.wait([writing], timeout=CLOSE_TIMEOUT)
    await close(websocket, connection.close_code or CloseCode.RESTART)


async def receive(wire: Wire) -> str:
    """The next text frame. Raises Disconnected, and InvalidFrame for a binary one."""
    message: Mapping[str, Any] = await wire.receive()
    if message["type"] == "websocket.disconnect":
        raise Disconnected(message.get("code", CloseCode.LOST))
    text: str | None = message.get("text")
    if text is None:
        raise InvalidFrame("Frames are text, not binary")
    return text


async def send_error(wire: Wire, error: LinkupError) -> None:
    """For a socket that has no connection yet."""
    frame = frames.Error(code=error.code, message=error.message, temporary=error.temporary)
    await wire.send_frames([frames.encode(frame)])


async def send_reconnect(wire: Wire) -> None:
    """For a socket that has no connection yet, and will have none here."""
    frame = frames.Reconnect(after_ms=come_back_after_ms(1), reason=RESTARTING)
    await wire.send_frames([frames.encode(frame)])


async def close(websocket: WebSocket, code: int) -> None:
    with suppress(WebSocketDisconnect):  # it is gone already: the reader is told of that
        await websocket.close(int(code))
