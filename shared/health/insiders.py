"""Owns the decision of who may see the details of a service: this machine and the operator.

A proxy on this machine connects from here as well, for whoever is behind it. So a request that was
passed on, or that asks by a name other than this machine's, is a stranger's.
"""

import ipaddress
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import Scope

NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
PASSED_ON = (
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
)

Admits = Callable[[Scope], bool]


def anybody(scope: Scope) -> bool:
    """Admit everybody, on a port that only the product's own network reaches."""
    return True


def is_local(scope: Scope) -> bool:
    """Return whether a process on this machine made the request itself."""
    client, server = scope.get("client"), scope.get("server")
    headers, ours = Headers(scope=scope), str(server[0]) if server else ""
    return (
        client is not None
        and (_is_loopback(str(client[0])) or client[0] == ours)
        and not any(name in headers for name in PASSED_ON)
        and _name(headers.get("host", "")) in NAMES | {ours}
    )


def _is_loopback(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback


def _name(host: str) -> str:
    """Return the host without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()
