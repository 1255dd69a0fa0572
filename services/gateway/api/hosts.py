"""Owns the host names that this server accepts.

A page of evil.example can point that name at 127.0.0.1 (DNS rebinding): the browser then takes
this server for the page's own, and only the Host header tells.
"""

import ipaddress
import logging
import re
from collections.abc import Awaitable, Collection, Iterable, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.api.response import closing, problem_response
from services.gateway.socket.refusals import Refusals, address_of
from shared.errors import Forbidden, InvalidRequest, LinkupError
from shared.settings import Settings

logger = logging.getLogger("linkup.gateway.hosts")

ANY = "*"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
EVERYWHERE = ("", "0.0.0.0", "::")  # addresses to listen on that are no names
SHOWN = re.compile(r"[a-z0-9_.:-]{1,100}\Z")  # of what was asked for, in the log
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s/?#@:,\[\]\\]+))(?::[0-9]{0,5})?\Z")


class Hosts:
    """The names in force, from LINKUP_ALLOWED_HOSTS; ports do not count.

    The loopback names, the address listened on and the hosts of LINKUP_PUBLIC_URL and
    LINKUP_ALLOWED_ORIGINS always belong to them. Any name will do with `*`, and, beyond loopback,
    as long as nothing is set.
    """

    def __init__(self, settings: Settings) -> None:
        self.open = ANY in settings.allowed_hosts or not _is_bound(settings)
        self._names = {*LOOPBACK, *_names(settings)}
        if self.open and not settings.allowed_hosts:
            logger.warning(
                "any Host is answered: set LINKUP_ALLOWED_HOSTS to the names this server has"
            )

    def check(self, hosts: Sequence[str], target: str) -> None:
        """Refuse a request for another name, by InvalidRequest or Forbidden. `hosts` are those of
        every Host header, and `target` is that of the request line."""
        name = name_of(hosts[0]) if len(hosts) == 1 else None
        if name is None:
            raise InvalidRequest("Send one `Host` header, a name or an address")
        if not target.startswith("/") and target != ANY:  # a proxy's form, whose host would count
            raise InvalidRequest("The request target must be a path without scheme and host")
        if not self.open and name not in self._names:
            raise Forbidden("This server does not accept that host name: see LINKUP_ALLOWED_HOSTS")


class KnownHosts:
    """Middleware: refuses what asks by a name that is not this server's, before anything else
    looks at it. `exempt`: paths of probes, which ask by whatever address they have."""

    def __init__(
        self, app: ASGIApp, hosts: Hosts, refusals: Refusals, exempt: Collection[str]
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._refusals = refusals
        self._exempt = frozenset(exempt)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        # No coroutine of its own: each that waits is a quarter of a KiB of an idle socket.
        if scope["type"] not in ("http", "websocket") or scope["path"] in self._exempt:
            return self._app(scope, receive, send)
        given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        try:
            self._hosts.check(given, scope["path"])
        except LinkupError as error:
            self._refusals.tell("host", address=address_of(scope), why=_shown(given))
            if scope["type"] == "websocket":
                return send({"type": "websocket.close"})  # before accept: HTTP 403
            return closing(Headers(scope=scope), problem_response(error))(scope, receive, send)
        return self._app(scope, receive, send)


def _shown(hosts: Sequence[str]) -> str:
    """Return the name to tell the operator, who may have forgotten it; empty if it is none."""
    name = name_of(hosts[0]) if len(hosts) == 1 else None
    return name if name and SHOWN.match(name) else ""


def name_of(host: str) -> str | None:
    """Return the name in a Host header, in its one form; None when it is none."""
    found = _HOST.match(host)
    if found is None:
        return None
    address, name = found.groups()
    if name is not None:
        return str(name).lower().removesuffix(".") or None
    try:
        return str(ipaddress.IPv6Address(address))
    except ValueError:
        return None


def _is_bound(settings: Settings) -> bool:
    """Return whether names are checked: they are set, or only this machine can connect."""
    if settings.allowed_hosts or settings.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(settings.host).is_loopback
    except ValueError:
        return False


def _names(settings: Settings) -> Iterable[str]:
    if settings.host not in EVERYWHERE:
        yield settings.host.lower()
    for url in (settings.public_url, *settings.allowed_origins):
        host = urlsplit(url).hostname
        if host:
            yield host.removesuffix(".")
    yield from settings.allowed_hosts
