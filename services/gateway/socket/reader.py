"""Owns reading one WebSocket: its frames, their cost, and its close code."""

import asyncio
import logging
import time
from collections.abc import Callable

from services.gateway.socket.asgi import Disconnected, close, receive
from services.gateway.socket.connection import Connection
from services.gateway.socket.refusals import TOLD, Refusals
from services.gateway.socket.sample import Decoder
from services.gateway.socket.wire import REFUSED, Wire
from shared import frames
from shared.errors import (
    BY_CODE,
    InvalidFrame,
    LinkupError,
    OutOfOrder,
    RateLimited,
    TooLarge,
)
from shared.frames import CloseCode
from shared.health.records import record
from shared.settings import Settings

logger = logging.getLogger("linkup.gateway.reader")

ABUSE = "abuse"  # as it stands in the log
# Frames that cost a question to another service, beside being read.
DEAR: dict[type, int] = {
    frames.SyncRequest: 10,
    frames.PresenceSubscribe: 5,
    frames.GetNotifications: 5,
    frames.MarkAllRead: 5,
    frames.MarkRead: 1,
}
BEHIND = 3  # what one costs that was refused because of another: it may be nobody's fault
CLOSE_TIMEOUT = 1.0  # for the last frames; a peer that does not read them is dropped
MINUTE = 60.0


class Reader:
    """Reads one socket for its connection, and closes it when the connection is to end."""

    __slots__ = (
        "_address",
        "_connection",
        "_decoder",
        "_ending",
        "_handle_frame",
        "_refusals",
        "_settings",
        "_strikes",
        "_wire",
    )

    def __init__(
        self,
        wire: Wire,
        connection: Connection,
        address: str,
        handle: Callable[[Connection, frames.ClientFrame], None],
        refusals: Refusals,
        settings: Settings,
        decoder: Decoder,
    ) -> None:
        self._decoder = decoder
        self._wire = wire
        self._connection = connection
        self._address = address
        self._handle_frame = handle
        self._refusals = refusals
        self._settings = settings
        self._strikes: list[float] = []  # when malformed frames came, within the last minute
        self._ending: asyncio.Task[None] | None = None
        connection.on_close = self._end_soon
        connection.on_refused = self.refused

    async def run(self, first: str | None) -> None:
        """Read frames until the peer is gone. `first`: a frame that was read before."""
        connection, wire = self._connection, self._wire
        try:
            if first is not None:
                await self._heard(first)
            while True:
                connection.on_room = wire.go_on
                wire.listen(self)
                try:
                    text = await receive(wire)  # from before it listened
                except InvalidFrame as error:
                    self._reject(error)
                else:
                    await self._heard(text)
        except Disconnected as disconnected:
            _note_abrupt(disconnected.args[0])
            connection.close(disconnected.args[0])
        finally:
            wire.listener = None

    async def _heard(self, text: str) -> None:
        """Return when there is room for the next frame."""
        self.hear(text)
        await self._connection.room(self._settings.frames_in_flight)

    def hear(self, text: str) -> None:
        connection = self._connection
        try:
            if not connection.retired:  # else its client sends it again where it comes back
                self._handle(self._decoder.decode(connection.view, text))
        except LinkupError as error:
            self._reject(error)

    def is_full(self) -> bool:
        return not self._connection.has_room(self._settings.frames_in_flight)

    async def ended(self) -> None:
        """Stop, since the socket is gone and nothing is left to be said."""
        self._connection.on_close = lambda: None
        self._connection.close(CloseCode.LOST)
        if self._ending is not None:
            self._ending.cancel()
            await asyncio.wait([self._ending])

    def refused(self, code: str, why: str = "") -> None:
        """Charge for an error that answers a command, and tell the log of it."""
        if code == OutOfOrder.code:
            self._wire.charge(BEHIND)
        elif code == RateLimited.code or (code in BY_CODE and not BY_CODE[code].temporary):
            self._wire.charge(REFUSED)
        if code in TOLD or code == ABUSE:
            user_id = self._connection.user_id
            self._refusals.tell(code, user_id=user_id, address=self._address, why=why)
        else:
            self._refusals.count(code)

    def _handle(self, frame: frames.ClientFrame) -> None:
        if (cost := DEAR.get(type(frame), 0)) > 0:
            self._wire.charge(cost)
        self._handle_frame(self._connection, frame)

    def _reject(self, error: LinkupError) -> None:
        self._connection.push_error(error)
        self.refused(error.code, error.why)
        if isinstance(error, InvalidFrame | TooLarge) and self._is_out():
            self.refused(ABUSE, "strikes_per_minute")
            self._connection.close(CloseCode.ABUSE)

    def _is_out(self) -> bool:
        """Return whether there are too many malformed frames within a minute; a limit of 0 never
        ends a socket."""
        now, limit = time.monotonic(), self._settings.strikes_per_minute
        self._strikes = [at for at in self._strikes if at > now - MINUTE] + [now]
        return 0 < limit <= len(self._strikes)

    def _end_soon(self) -> None:
        self._ending = asyncio.get_running_loop().create_task(self._end())

    async def _end(self) -> None:
        """Close with the reason given, after the last frames; who does not read them is dropped."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._connection.drained()
        except TimeoutError:
            pass
        await close(self._wire, self._connection.close_code or CloseCode.RESTART)


def _note_abrupt(code: int) -> None:
    """A client that goes without a word is a network's doing more often than ours."""
    if code == CloseCode.LOST:
        record("connection_error", f"a socket was lost: {code}", severity="low", code=code)
