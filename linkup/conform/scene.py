"""Owns what one check has to itself: its users, their sockets and calls, and the record of them."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus

from linkup.conform.caller import Caller
from linkup.conform.deployment import Deployment
from linkup.conform.player import Player
from linkup.conform.tape import Tape
from linkup.conform.verdict import Unkept


class Scene:
    """One check's own users, sockets and calls; everything is closed when the check ends. Raises
    TimeoutError after so many `seconds`, if given, not counting the wait for tokens."""

    def __init__(
        self, deployment: Deployment, name: str, patience: float, seconds: float | None = None
    ) -> None:
        self.deployment = deployment
        self.patience = patience
        self.tape = Tape()
        self._name = name
        self._limit = asyncio.timeout(seconds)
        self._open = AsyncExitStack()

    async def __aenter__(self) -> "Scene":
        await self._open.enter_async_context(self._limit)
        return self

    async def __aexit__(self, *raised: Any) -> None:
        await self._open.__aexit__(*raised)

    def user(self, role: str) -> str:
        """Return a user id nobody else has, in this run or another."""
        return f"{self._name}-{role}"

    async def token(self, role: str) -> str:
        with self._stopped_clock():  # a token command may be slow, whatever the server is
            return await self.deployment.token(self.user(role))

    @contextmanager
    def _stopped_clock(self) -> Iterator[None]:
        until, now = self._limit.when(), asyncio.get_running_loop().time
        if until is None:
            yield
            return
        left = until - now()
        self._limit.reschedule(None)
        yield
        self._limit.reschedule(now() + left)

    async def enter(
        self, role: str, until: str = "sync_completed", path: str = "/ws", **hello: Any
    ) -> Player:
        """Return a welcomed socket of that user; `hello` may carry epoch and cursor."""
        player = await self.socket(role, path)
        await player.send("hello", token=await self.token(role), **hello)
        await player.next("welcome")
        if until != "welcome":
            await player.next(until)
        return player

    async def leave(self, player: Player) -> None:
        await player.socket.close()

    async def socket(self, role: str, path: str = "/ws", **options: Any) -> Player:
        """Return a socket that has said nothing yet; options are those of `websockets.connect`."""
        await self.token(role)  # before the socket: the server gives it seconds to say hello
        socket = await self._connect(role, path, options)
        return Player(socket, self.user(role), self.patience, self.tape)

    async def refused(self, path: str, **options: Any) -> int:
        """Return the HTTP status with which a socket is refused, before it is one."""
        try:
            await self._connect("nobody", path, options)
        except InvalidStatus as refusal:
            return refusal.response.status_code
        except InvalidHandshake as refusal:
            raise Unkept("an HTTP answer", str(refusal)) from None
        return 101

    async def _connect(self, role: str, path: str, options: Any) -> ClientConnection:
        opening = connect(
            self.deployment.socket_url + path,
            max_queue=None,
            open_timeout=10,
            close_timeout=2,
            ping_interval=None,
            compression=None,
            **options,
        )
        self.tape.sent(role, f"(opens {path})")
        return await self._open.enter_async_context(opening)

    async def api(self, role: str) -> Caller:
        return Caller(self.deployment, await self.token(role), f"{role} HTTP", self.tape)

    def stranger(self, token: str | None = None) -> Caller:
        """Return a caller over HTTP without a token, or with whatever that is."""
        return Caller(self.deployment, token, "stranger HTTP", self.tape)
