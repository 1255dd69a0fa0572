"""Owns what each service is given: its settings, its secrets, its socket."""

import asyncio
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from linkup.run.children import Plan
from linkup.run.listeners import bracketed, port_of, reachable
from shared.settings import INTERNAL, PREFIX, SECRETS, Settings, to_environment

PROBE_TIMEOUT = 5.0
PROBE_PAUSE = 0.02

ALLOWED_SECRETS: Mapping[str, frozenset[str]] = {
    "gateway": frozenset({"jwt_secret", "nats_url"}),
    "persistence": frozenset({"database_url", "nats_url"}),
    "notify": frozenset({"notify_database_url", "smtp_password", "nats_url"}),
}
NOT_INHERITED = frozenset({"LINKUP_CONFIG", "LINKUP_LISTEN_FD"})


def plan(name: str, service: str, settings: Settings, listeners: Sequence[socket.socket]) -> Plan:
    """`name` is for people; `service` is the module: there may be several gateways.

    The last listener has to be the child's alone: there it is asked whether it is ready.
    """
    descriptors = tuple(listener.fileno() for listener in listeners)
    passed = {"LINKUP_LISTEN_FD": ",".join(map(str, descriptors))}
    port = port_of(listeners[0])
    host, own_port = listeners[-1].getsockname()[:2]
    return Plan(
        name=name,
        command=(sys.executable, "-P", "-m", f"services.{service}"),
        environment=environment(service, settings, port) | passed,
        probe=lambda pid: _ready(reachable(host), own_port),
        listeners=descriptors,
    )


def environment(service: str, settings: Settings, port: int) -> dict[str, str]:
    """Every setting but the secrets of others: what is in force is decided once, here."""
    given: dict[str, Any] = {
        name: value
        for name, value in msgspec.to_builtins(settings).items()
        if name not in SECRETS - ALLOWED_SECRETS[service]
    }
    given["data_dir"] = str(Path(settings.data_dir).absolute())
    given[f"{service}_port"] = port
    return bare_environment() | to_environment(given)


def bare_environment() -> dict[str, str]:
    """Ours, without the settings: each child is given its own."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PREFIX) or name in INTERNAL - NOT_INHERITED
    }


async def _ready(host: str, port: int) -> tuple[str, int]:
    """The socket is open from the start, so the question waits there until the child answers."""
    while True:
        if await answers(host, port):
            return host, port
        await asyncio.sleep(PROBE_PAUSE)


async def answers(host: str, port: int) -> bool:
    """Whether the service there says it is ready."""
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
