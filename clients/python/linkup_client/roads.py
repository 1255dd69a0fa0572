"""Owns the choice of the road: the WebSocket, and HTTP while there has been none for a moment."""

import asyncio
from typing import Literal

from linkup_client import frames
from linkup_client.backoff import Timing
from linkup_client.errors import ConnectionRefused
from linkup_client.http import Http
from linkup_client.link import Link, Owner, State
from linkup_client.polling import Polling
from linkup_client.tokens import Tokens

Road = Literal["socket", "http"]


class Roads:
    """The choice between WebSocket and HTTP. `run` never returns: it raises what ends the client.
    While HTTP is used, the link goes on trying to get a socket, whose welcome ends that."""

    def __init__(self, url: str, tokens: Tokens, timing: Timing, owner: Owner) -> None:
        self._timing = timing
        self._owner = owner
        self.hello = owner.hello
        self.refuses = owner.refuses
        self.on_frame = owner.on_frame
        self.on_tick = owner.on_tick
        self._link = Link(url, tokens, timing, self)
        http = Http(url, tokens.get, timeout=timing.open_timeout)
        self._polling = Polling(http.ask, tokens, timing, owner)
        self._patience: asyncio.TimerHandle | None = None
        self._polls: asyncio.Task[None] | None = None
        self._run: asyncio.Task[None] | None = None
        self._fault: BaseException | None = None
        self._let_in = False

    @property
    def state(self) -> State:
        return "connected" if self._polling.is_open else self._link.state

    @property
    def road(self) -> Road | None:
        if self._polling.is_open:
            return "http"
        return "socket" if self._link.state == "connected" else None

    def send(self, text: bytes) -> None:
        """Send a frame. Without a road, it is dropped; the owner resends it after the welcome."""
        if self._polling.is_open:
            self._polling.send(text)
        else:
            self._link.send(text)

    def renew(self) -> None:
        """Give up this connection for a new one, at once."""
        self._polling.renew()
        self._link.renew()

    def end(self, state: State) -> None:
        self._link.state = state

    async def run(self) -> None:
        self._run = asyncio.current_task()
        self._grow_impatient()
        try:
            await self._seek_sockets()
        except asyncio.CancelledError:
            if self._fault is None:
                raise
            raise self._fault from None
        finally:
            await self._leave_http()

    async def _seek_sockets(self) -> None:
        """Try for ever, also where something in between refuses them: HTTP has to do then."""
        while True:
            try:
                await self._link.run()
            except ConnectionRefused as refusal:
                is_status = 0 < refusal.code < 1000
                if not (is_status and await self._is_known()):
                    raise
            await asyncio.sleep(self._timing.longest)

    async def _is_known(self) -> bool:
        """Return whether there is, or has been, a server that lets this user in."""
        return self._let_in or self._polling.answered or await self._polling.answers()

    # ---------------------------------------------------------- called by the link

    def on_welcome(self, welcome: frames.Welcome) -> None:
        self._let_in = True
        self._stop_polling()
        self._owner.on_welcome(welcome)

    def on_lost(self) -> None:
        self._grow_impatient()
        if not self._polling.is_open:
            self._owner.on_lost()

    # ---------------------------------------------------------- inside

    def _grow_impatient(self) -> None:
        if self._patience is None:
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(self._timing.patience, self._poll)

    def _poll(self) -> None:
        self._polls = asyncio.create_task(self._polling.run())
        self._polls.add_done_callback(self._polled)

    def _polled(self, polls: asyncio.Task[None]) -> None:
        if not polls.cancelled() and self._run is not None:
            self._fault = polls.exception()
            self._run.cancel()

    def _stop_polling(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._polling.close()
        if self._polls is not None:
            self._polls.cancel()

    async def _leave_http(self) -> None:
        self._stop_polling()
        if self._polls is not None:
            await asyncio.wait((self._polls,))
