"""Owns the life of a WebSocket: Origin, `hello`, `welcome`, frames, close."""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.types import Receive, Scope, Send

from services.gateway.auth import Identity
from services.gateway.auth.origin import origin_allowed
from services.gateway.handlers import Handlers
from services.gateway.hub import Hub, come_back_after_ms
from services.gateway.socket.asgi import (
    Disconnected,
    accept,
    close,
    header,
    refuse,
    say,
    say_error,
    wire_in,
)
from services.gateway.socket.badges import Counts
from services.gateway.socket.connection import Connection
from services.gateway.socket.greeting import Greeted, Greeting
from services.gateway.socket.outbox import Outbox
from services.gateway.socket.reader import Reader
from services.gateway.socket.refusals import Refusals, address_of
from services.gateway.socket.sample import Decoder
from services.gateway.socket.scope import view_of
from services.gateway.socket.wire import Wire
from services.gateway.upstream.profiles import People
from shared import frames
from shared.errors import LinkupError, NotFound, Unauthorized
from shared.frames import CloseCode
from shared.http.turns import Turns
from shared.settings import Settings

logger = logging.getLogger("linkup.gateway.sockets")

RESTARTING = "the gateway restarts"
SUBPROTOCOL = "linkup.v1"
ENDS = {NotFound.code: CloseCode.NO_SUCH_USER, Unauthorized.code: CloseCode.UNAUTHORIZED}


@dataclass(slots=True)
class Sockets:
    """Everything a socket needs, and how many there are from where."""

    settings: Settings
    greeting: Greeting
    hub: Hub
    handlers: Handlers
    people: People
    counts: Counts
    refusals: Refusals
    turns: Turns
    decoder: Decoder
    count: Callable[[str], None]
    draining: bool = False
    _addresses: Counter[str] = field(default_factory=Counter)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a WebSocket, as an ASGI application for these only."""
        wire, allowed = wire_in(scope), self.settings.allowed_origins
        if not origin_allowed(header(scope, b"origin"), header(scope, b"host"), allowed):
            self.refusals.tell("origin", address=address_of(scope))
            await refuse(wire)
            return
        await accept(wire, SUBPROTOCOL if SUBPROTOCOL in scope["subprotocols"] else None)
        with _Counted(self._addresses, address_of(scope)) as count:
            greeted = await self._greet(scope, wire, count)
            if greeted is not None:
                wire.forget_head()
                await self._live(scope, wire, greeted)

    async def _greet(self, scope: Scope, wire: Wire, count: int) -> Greeted | None:
        """Return who connects, or None if refused: `count` from one address, or no valid token."""
        if self.draining:
            again = frames.Reconnect(after_ms=come_back_after_ms(1), reason=RESTARTING)
            await say(wire, again)
            await close(wire, CloseCode.RESTART)
        elif 0 < self.settings.sockets_per_address < count:
            await self._too_many(scope, "", "sockets_per_address")
        else:
            greeted = await self._identify(scope, wire)
            if greeted is not None and await self._admits(scope, wire, greeted[0].user_id):
                return greeted
        return None

    async def _identify(self, scope: Scope, wire: Wire) -> Greeted | None:
        """Learn who it is, or close: 4401, and 1013 where it is only for now."""
        try:
            return await self.greeting.identify(scope, wire)
        except Disconnected:
            pass
        except TimeoutError:
            self.refusals.tell("silent", address=address_of(scope))
            await close(wire, CloseCode.UNAUTHORIZED)
        except LinkupError as error:
            self.refusals.of_request(scope, error)
            await say_error(wire, error)
            await close(wire, CloseCode.TRY_AGAIN if error.temporary else CloseCode.UNAUTHORIZED)
        return None

    async def _admits(self, scope: Scope, wire: Wire, user_id: str) -> bool:
        if 0 < self.settings.sockets_per_user <= self.hub.count(user_id):
            await self._too_many(scope, user_id, "sockets_per_user")
        elif not wire.admit():
            await close(wire, CloseCode.TRY_AGAIN)
        else:
            return True
        return False

    async def _too_many(self, scope: Scope, user_id: str, setting: str) -> None:
        address = address_of(scope)
        self.refusals.tell("too_many", user_id=user_id, address=address, why=setting)
        await close(wire_in(scope), CloseCode.TOO_MANY)

    async def _live(self, scope: Scope, wire: Wire, greeted: Greeted) -> None:
        identity, _, first = greeted
        connection, reader = self._connected(scope, wire, identity)
        try:
            await self._join(scope, connection, greeted)
            await reader.run(first)
        except LinkupError as error:
            reader.refused(error.code, error.why)
            await say_error(wire, error)
            await close(wire, ENDS.get(error.code, CloseCode.TRY_AGAIN))
        finally:
            await reader.ended()
            await self._leave(scope, connection)

    def _connected(self, scope: Scope, wire: Wire, identity: Identity) -> tuple[Connection, Reader]:
        settings, address = self.settings, address_of(scope)
        outbox = Outbox(wire, settings.outbox_frames, settings.outbox_bytes)
        wire.on_room = outbox.flush
        connection = Connection(identity, self.hub.log, outbox, self.hub.suspect, self._repaired)
        reader = Reader(
            wire,
            connection,
            address,
            self.handlers.handle,
            self.refusals,
            settings,
            self.decoder,
        )
        return connection, reader

    def _repaired(self) -> None:
        self.count("repairs")

    async def _join(self, scope: Scope, connection: Connection, greeted: Greeted) -> None:
        identity, hello, _ = greeted
        connection.view = await view_of(scope, identity.user_id, self.hub.log)
        joined = await self.hub.join(connection)
        await self.people.update(identity, joined.profile)
        logger.info("open", extra=_told(scope, connection))
        recovered = self.greeting.welcome(connection, hello, joined)
        self.counts.want([connection.user_id])
        if hello.cursor is not None:
            self.count("resumes.recovered" if recovered else "resumes.resync")
        connection.expire()
        if self.draining:
            connection.farewell(RESTARTING, CloseCode.RESTART, come_back_after_ms(1))

    async def _leave(self, scope: Scope, connection: Connection) -> None:
        await connection.ended()
        await self.turns.turn()
        self.handlers.presence.forget(connection)
        await self.hub.leave(connection)
        logger.info("closed", extra=_told(scope, connection) | {"code": connection.close_code})


def _told(scope: Scope, connection: Connection) -> dict[str, object]:
    """Return the fields of a WebSocket in the log."""
    user_id, address = connection.user_id, address_of(scope)
    return {"connection": connection.id, "user_id": user_id, "address": address}


class _Counted:
    """Counts a socket while it is open; how many there are from its address, with this one."""

    __slots__ = ("_address", "_addresses")

    def __init__(self, addresses: Counter[str], address: str) -> None:
        self._addresses, self._address = addresses, address

    def __enter__(self) -> int:
        self._addresses[self._address] += 1
        return self._addresses[self._address]

    def __exit__(self, *_: object) -> None:
        self._addresses[self._address] -= 1
        if not self._addresses[self._address]:
            del self._addresses[self._address]
