"""Owns HTTPS requests to addresses that users or hosts name.

The name of a host is resolved once for each connection, and the connection goes only to addresses
that were checked, so nothing changes between the check and the connection. Redirects are not
followed. See docs/adr/0031.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial

from shared.outward.answers import Answer, Ask, LookUp, NotSent, Request, Unanswered
from shared.outward.destinations import Rules

__all__ = ["Answer", "LookUp", "NotSent", "Outward", "Unanswered", "open_outward", "system"]

CONNECT_TIMEOUT = 10.0  # to resolve the name, connect and agree on TLS
TIMEOUT = 20.0  # for everything
ANSWER_BYTES = 64 * 1024
CONNECTIONS = 32
LOOK_UPS = 16  # at once

Open = Callable[[], AbstractAsyncContextManager[Ask]]


def system(pool: Executor) -> LookUp:
    """Return the look-up of names that the system does, in threads of its own: a name server of a
    stranger may hang, and must not hold up what else there are threads for."""

    async def look_up(host: str, port: int) -> list[str]:
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(pool, ask)
        return list(dict.fromkeys(str(where[0]) for *_, where in found))

    return look_up


class Outward:
    """Requests over kept connections. What makes them is loaded for the first one: most processes
    never make any, and it takes as long as a fifth of their start."""

    def __init__(self, rules: Rules, load: Callable[[], Open], stack: AsyncExitStack) -> None:
        self._rules = rules
        self._load = load
        self._stack = stack
        self._opening = asyncio.Lock()
        self._ask: Ask | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        answer_bytes: int = ANSWER_BYTES,
    ) -> Answer:
        """Raises Refused, NotSent and Unanswered."""
        request = Request(method, self._rules.target(url), body, headers, answer_bytes)
        ask = self._ask or await self._opened()
        return await ask(request)

    async def _opened(self) -> Ask:
        async with self._opening:
            if self._ask is None:
                opened = await asyncio.to_thread(self._load)
                self._ask = await self._stack.enter_async_context(opened())
        return self._ask


@asynccontextmanager
async def open_outward(
    rules: Rules,
    *,
    look_up: LookUp | None = None,
    timeout: float = TIMEOUT,
    connect_timeout: float = CONNECT_TIMEOUT,
    connections: int = CONNECTIONS,
) -> AsyncIterator[Outward]:
    """Yield the way out. A request may take `timeout` seconds, and its connection `connect_timeout`
    of them, in which it also waits for one of the `connections`. `look_up` returns the addresses
    of a host, or raises OSError; by default, the system resolves them.
    """
    pool = ThreadPoolExecutor(LOOK_UPS, "look-up")  # without a thread until one is needed

    def load() -> Open:
        from shared.outward.session import opened

        names = look_up or system(pool)
        return partial(opened, rules, names, timeout, connect_timeout, connections)

    try:
        async with AsyncExitStack() as stack:
            yield Outward(rules, load, stack)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
