"""Owns reconnecting: one session after another, the delays, and the reasons to stop."""

import asyncio
import logging
from typing import Literal, Protocol

from websockets.exceptions import InvalidURI

from linkup_client import backoff, frames
from linkup_client.backoff import Timing
from linkup_client.errors import ConnectionRefused
from linkup_client.renewal import renew
from linkup_client.session import Ended, Session
from linkup_client.tokens import UNAUTHORIZED, Tokens
from linkup_client.wire import HandshakeFailed

logger = logging.getLogger("linkup_client")

State = Literal["connected", "connecting", "reconnecting", "disconnected", "failed", "offline"]

REFUSALS = frozenset({1007, 1009, UNAUTHORIZED, 4404, 4408})
RETRIED_STATUS = frozenset({0, 403, 408, 425, 429, 500, 502, 503, 504})  # 403: too many sockets
AT_ONCE = Ended(4000, "", 0)


class Owner(Protocol):
    """The receiver of the link's events."""

    def hello(self, token: str) -> frames.Hello:
        """Return the `hello` of the next connection, with the position in the feed."""

    def refuses(self, welcome: frames.Welcome) -> str | None:
        """Return why this connection must not be used, or None if it may be."""

    def on_welcome(self, welcome: frames.Welcome) -> None: ...

    def on_frame(self, frame: frames.ServerFrame | frames.Unknown, size: int) -> None: ...

    def on_tick(self, now: float) -> None:
        """Called a few times a second while connected."""

    def on_lost(self) -> None:
        """Nothing can be sent until the next welcome."""


class Link:
    """The WebSocket of a client, opened again and again.

    `run` never returns: it raises ConnectionRefused when there is no way back, or what the token
    function raised. A 4401 spends one of `refreshes`, which a welcome earns again.
    """

    def __init__(self, url: str, tokens: Tokens, timing: Timing, owner: Owner) -> None:
        self.state: State = "disconnected"
        self._url = url
        self._tokens = tokens
        self._timing = timing
        self._owner = owner
        self._session: Session | None = None
        self._welcomed = False
        self._attempt = 0
        self._refreshes = self._fresh_tokens()

    def send(self, text: bytes) -> None:
        """Send a frame, or drop it when there is no connection: the owner sends it again after the
        welcome."""
        if self._session is not None:
            self._session.send(text)

    def renew(self) -> None:
        """Give up this connection for a new one, at once."""
        if self._session is not None:
            self._session.end(AT_ONCE)

    async def run(self) -> None:
        while True:
            self.state = "reconnecting" if self._welcomed else "connecting"
            ended = await self._visit()
            if ended is not None:
                self.state = "reconnecting"
            await asyncio.sleep(self._pause(ended))

    async def _visit(self) -> Ended | None:
        """One connection from beginning to end; None when none came about."""
        session = Session(self._timing, self._on_welcome, self._owner.on_frame, self._owner.on_tick)
        try:
            token = await self._tokens.get()
            answer = await session.open(self._url, self._owner.hello(token))
            if isinstance(answer, Ended):
                return answer
            return await self._live(session, token, answer.heartbeat_ms / 1000)
        except HandshakeFailed as fault:
            if fault.status not in RETRIED_STATUS:
                raise ConnectionRefused(fault.status, "no messaging server there") from fault
            logger.info("the server does not take us in: %s", fault)
        except InvalidURI as fault:
            raise ConnectionRefused(0, str(fault)) from fault
        except OSError as fault:  # TimeoutError is one
            self.state = "offline"
            logger.info("cannot reach the server: %s", fault or type(fault).__name__)
        finally:
            self._session = None
            self._owner.on_lost()
            await session.close()
        return None

    async def _live(self, session: Session, token: str, heartbeat: float) -> Ended:
        """Run until the connection ends. Raises what the token function raises meanwhile."""
        if not self._tokens.renewable:
            return await session.live(heartbeat)

        def failed(renewing: asyncio.Task[None]) -> None:
            if not renewing.cancelled() and renewing.exception() is not None:
                session.end(AT_ONCE)

        least = self._timing.renewals_apart
        renewing = asyncio.create_task(renew(self._tokens, token, session.refresh, least=least))
        renewing.add_done_callback(failed)
        try:
            ended = await session.live(heartbeat)
        finally:
            renewing.cancel()
            await asyncio.wait((renewing,))
        if not renewing.cancelled():
            renewing.result()
        return ended

    def _on_welcome(self, session: Session, welcome: frames.Welcome) -> None:
        if reason := self._owner.refuses(welcome):
            self._refreshes = 0  # no accident: the caller's function changed its user
            session.end(Ended(UNAUTHORIZED, reason))
            return
        self._session = session
        self.state = "connected"
        self._welcomed = True
        self._attempt = 0
        self._refreshes = self._fresh_tokens()
        self._owner.on_welcome(welcome)

    def _fresh_tokens(self) -> int:
        """Return how many tokens are asked for in a row: one at once, and one a second later."""
        return 2 if self._tokens.renewable else 0

    def _pause(self, ended: Ended | None) -> float:
        """Return the delay before the next attempt. Raises ConnectionRefused if there is none."""
        if ended is not None:
            logger.info("disconnected: %d %s", ended.code, ended.reason)
            if ended.code == UNAUTHORIZED and self._refreshes:
                self._refreshes -= 1
                return self._timing.shortest if self._refreshes else self._timing.next_second
            if ended.code in REFUSALS:
                raise ConnectionRefused(ended.code, ended.reason)
            if ended.after_ms is not None:
                return ended.after_ms / 1000
        self._attempt += 1
        return backoff.delay(self._timing, self._attempt - 1)
