"""Owns HTTPS requests to addresses that users or hosts name.

The name of a host is resolved once for each connection, and the connection goes only to addresses
that were checked, so nothing changes between the check and the connection. Redirects are not
followed. See docs/adr/0031.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from msgspec import Struct

from shared.outward.destinations import Address, Refused, Rules

USER_AGENT = "LinkUp-Messaging"
CONNECT_TIMEOUT = 10.0  # to resolve the name, connect and agree on TLS
TIMEOUT = 20.0  # for everything
ANSWER_BYTES = 64 * 1024
IDLE = 15.0  # before a kept connection is closed: less than servers wait
CONNECTIONS = 32
LOOK_UPS = 16  # at once

LookUp = Callable[[str, int], Awaitable[list[str]]]


class NotSent(Exception):
    """Nothing of the request has left, so it may be repeated."""


class Unanswered(Exception):
    """The request has left, wholly or in part, and its effect is not known."""


class Answer(Struct, frozen=True):
    """An answer. `headers` are by name, in any case. `body` is as much of it as was asked for and
    has come."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def system(pool: Executor) -> LookUp:
    """Return the look-up of names that the system does, in threads of its own: a name server of a
    stranger may hang, and must not hold up what else there are threads for."""

    async def look_up(host: str, port: int) -> list[str]:
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(pool, ask)
        return list(dict.fromkeys(str(where[0]) for *_, where in found))

    return look_up


class Resolver(AbstractResolver):
    """Gives aiohttp only the addresses of a host that may be asked."""

    def __init__(self, rules: Rules, look_up: LookUp) -> None:
        self._rules = rules
        self._look_up = look_up

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises Refused when none is left."""
        found = map(ipaddress.ip_address, await self._look_up(host, port))
        fault: Refused | None = None
        passed = []
        for address in found:
            try:
                self._rules.check(host, address, port)
                passed.append(_result(host, port, address))
            except Refused as error:
                fault = error
        if fault is not None and not passed:
            raise fault
        return passed

    async def close(self) -> None:
        """Do nothing: nothing is held."""


def _result(host: str, port: int, address: Address) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=str(address),
        port=port,
        family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )


class Outward:
    """Requests over kept connections."""

    def __init__(self, session: aiohttp.ClientSession, rules: Rules) -> None:
        self._session = session
        self._rules = rules

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
        target = self._rules.target(url)
        try:
            async with self._session.request(
                method, target, data=body, headers=headers, allow_redirects=False
            ) as response:
                content = await _beginning(response, answer_bytes)
                return Answer(response.status, response.headers, content)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotSent(type(error).__name__) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unanswered(type(error).__name__) from None


async def _beginning(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The status has come and counts, however the body ends."""
    content = bytearray()
    with suppress(aiohttp.ClientError, TimeoutError, OSError):
        while len(content) < most and (chunk := await response.content.read(most - len(content))):
            content += chunk
    return bytes(content)


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
    connector = aiohttp.TCPConnector(
        resolver=Resolver(rules, look_up or system(pool)),
        use_dns_cache=False,
        ssl=await asyncio.to_thread(ssl.create_default_context),  # reads files
        limit=connections,
        keepalive_timeout=IDLE,
    )
    try:
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=timeout, connect=connect_timeout),
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        ) as session:
            yield Outward(session, rules)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
