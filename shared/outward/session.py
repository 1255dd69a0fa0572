"""Owns the connections of requests to addresses of others: the only module that imports aiohttp.

It is imported with the first request, as it takes a long time to load.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from shared.outward.answers import Answer, Ask, LookUp, NotSent, Request, Unanswered
from shared.outward.destinations import Address, Refused, Rules

USER_AGENT = "LinkUp-Messaging"
IDLE = 15.0  # before a kept connection is closed: less than servers wait


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


@asynccontextmanager
async def opened(
    rules: Rules, look_up: LookUp, timeout: float, connect_timeout: float, connections: int
) -> AsyncIterator[Ask]:
    """Yield the function that makes a request, over a kept connection if there is one."""
    connector = aiohttp.TCPConnector(
        resolver=Resolver(rules, look_up),
        use_dns_cache=False,
        ssl=await asyncio.to_thread(ssl.create_default_context),  # reads files
        limit=connections,
        keepalive_timeout=IDLE,
    )
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=timeout, connect=connect_timeout),
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    ) as session:
        yield partial(_answered, session)


async def _answered(session: aiohttp.ClientSession, request: Request) -> Answer:
    """Raises Refused, NotSent and Unanswered."""
    try:
        async with session.request(
            request.method,
            request.target,
            data=request.body,
            headers=request.headers,
            allow_redirects=False,
        ) as response:
            content = await _beginning(response, request.answer_bytes)
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
