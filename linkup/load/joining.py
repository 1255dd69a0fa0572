"""Owns joining in a load run: the token and WebSocket of each user, and reasons for refusals."""

import asyncio
import errno
import sys
import urllib.parse
from collections.abc import Callable, Sequence

from linkup_client.wire import HandshakeFailed
from websockets.exceptions import InvalidURI

from linkup.calls import CallFailed
from linkup.installation.tokens import Tokens, Unusable
from linkup.load.report import LIMITS
from linkup.load.sockets import LoadSocket, Refused

AT_ONCE = 32
OTHER_FILES = 64


class LoadFailed(Exception):
    """The run could not be made; the text says why and what to do."""


async def join(
    sockets: Sequence[LoadSocket], url: str, tokens: Tokens, progress: Callable[[str], None]
) -> None:
    """Let all of them join. Raises LoadFailed, and Unusable if the server lets in too few users."""
    _allow_files(len(sockets) + OTHER_FILES)
    turn = asyncio.Semaphore(AT_ONCE)
    joined = 0

    async def one(socket: LoadSocket) -> None:
        nonlocal joined
        async with turn:
            token = await asyncio.to_thread(tokens.of, socket.user_id)
            await socket.join(socket_url(url), token)
            joined += 1
            progress(f"connected {joined} of {len(sockets)}")

    try:
        async with asyncio.TaskGroup() as group:
            for socket in sockets:
                group.create_task(one(socket))
    except* (CallFailed, Refused, HandshakeFailed, InvalidURI, OSError, TimeoutError) as faults:
        fault = _first(faults)
        if isinstance(fault, Unusable):
            raise Unusable(str(fault)) from None
        raise LoadFailed(_why_not_joined(fault, joined, url)) from None


def socket_url(url: str) -> str:
    """Return the URL of a server's WebSocket."""
    parts = urllib.parse.urlsplit(url.rstrip("/"))
    scheme = {"https": "wss", "wss": "wss"}.get(parts.scheme, "ws")
    return f"{scheme}://{parts.netloc}{parts.path}/ws"


def _why_not_joined(fault: BaseException, joined: int, url: str) -> str:
    limit = isinstance(fault, Refused) and fault.code == 4029
    limit = limit or (isinstance(fault, HandshakeFailed) and fault.status in (403, 429))
    if limit:
        return f"the server refused socket {joined + 1} ({fault}): {LIMITS['sockets']}"
    if isinstance(fault, OSError) and fault.errno == errno.EMFILE:
        return f"too many open files after {joined} sockets: raise `ulimit -n` or lower --pairs"
    if isinstance(fault, CallFailed | Refused | HandshakeFailed | InvalidURI):
        return f"cannot connect: {fault}"
    return f"cannot reach {url}: {fault or type(fault).__name__}; is it running?"


def _allow_files(needed: int) -> None:
    """As many sockets as the system lets us have; what it does not is said when it is reached."""
    if sys.platform != "win32":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < needed:
            wanted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    fault = group.exceptions[0]
    return _first(fault) if isinstance(fault, BaseExceptionGroup) else fault
