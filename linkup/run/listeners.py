"""Owns the listening sockets, opened by the parent, so that a restarted child keeps its own."""

import errno
import ipaddress
import socket

from shared.errors import StartError
from shared.settings import variable

BACKLOG = 2048
LOOPBACK = "127.0.0.1"


def listen(host: str, port: int, setting: str) -> socket.socket:
    """Return a listening socket; port 0 takes a free one. Raises StartError, naming the setting to
    change."""
    try:
        family = _family(host, port)
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise StartError(_reason(error, host, port, setting)) from None


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def reachable(host: str) -> str:
    """Return the address at which this machine reaches `host`, which may be a wildcard."""
    return {"0.0.0.0": LOOPBACK, "": LOOPBACK, "::": "::1"}.get(host, host)


def bracketed(host: str) -> str:
    """Return the address in the form of a URL."""
    return f"[{host}]" if ":" in host else host


def _family(host: str, port: int) -> socket.AddressFamily:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    families = [family for family, *_ in found]
    return socket.AF_INET if socket.AF_INET in families else families[0]


def _reason(error: OSError, host: str, port: int, setting: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken: stop what uses it, or set {variable(setting)} to a free one"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"cannot listen on {host}: no address of this machine; set {variable('host')}"
    return f"cannot listen on {host}:{port}: {error.strerror}; set {variable(setting)}"
