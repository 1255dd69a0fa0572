"""Owns the plan of each service's process: its command, its environment, its socket."""

import asyncio
import socket
from collections.abc import Sequence

from linkup.installation import owners
from linkup.run.children import Plan
from linkup.run.listeners import bracketed, port_of, reachable
from shared.settings import Settings

PROBE_TIMEOUT = 5.0
PROBE_PAUSE = 0.02


def plan(name: str, service: str, settings: Settings, listeners: Sequence[socket.socket]) -> Plan:
    """Return the plan of a child. `name` is for people; `service` is the module, since there may be
    several gateways. The last listener has to be the child's alone: there it is asked whether it is
    ready."""
    descriptors = tuple(listener.fileno() for listener in listeners)
    passed = {"LINKUP_LISTEN_FD": ",".join(map(str, descriptors))}
    port = port_of(listeners[0])
    host, own_port = listeners[-1].getsockname()[:2]
    return Plan(
        name=name,
        command=owners.command(service),
        environment=owners.environment(service, settings, port) | passed,
        probe=lambda pid: _ready(reachable(host), own_port),
        listeners=descriptors,
    )


async def _ready(host: str, port: int) -> tuple[str, int]:
    """The socket is open from the start, so the question waits there until the child answers."""
    while True:
        if await answers(host, port):
            return host, port
        await asyncio.sleep(PROBE_PAUSE)


async def answers(host: str, port: int) -> bool:
    """Return whether the service reports that it is ready."""
    try:
        async with asyncio.timeout(PROBE_TIMEOUT):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(_request(host, port))
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return False


def _request(host: str, port: int) -> bytes:
    return (
        f"GET /readyz HTTP/1.1\r\nHost: {bracketed(host)}:{port}\r\nConnection: close\r\n\r\n"
    ).encode()
