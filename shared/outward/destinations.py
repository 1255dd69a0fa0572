"""Owns which addresses of strangers may be asked, by a table of those that lead inside.

Pure: no name is resolved here. See docs/adr/0031.
"""

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from yarl import URL

from shared.settings import addresses
from shared.settings.addresses import MAX_URL

PORTS = frozenset({443, 8443})  # any other is a service that nobody meant to be reached from here

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# From IANA's registries of special-purpose addresses: a table of our own is the same with every
# release of Python. The last one is Azure's own, and answers every machine there.
_REGISTRY = """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
    192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24
    224.0.0.0/4 240.0.0.0/4 168.63.129.16/32
"""
SPECIAL_4 = tuple(map(ipaddress.IPv4Network, _REGISTRY.split()))
# All others are private, reserved, multicast, or IPv4 addresses in another form.
GLOBAL_6 = ipaddress.IPv6Network("2000::/3")
SPECIAL_6 = (
    ipaddress.IPv6Network("2001::/23"),  # Teredo and other protocols
    ipaddress.IPv6Network("2001:db8::/32"),  # documentation
    ipaddress.IPv6Network("2002::/16"),  # 6to4
    ipaddress.IPv6Network("3fff::/20"),  # documentation
)
# Names that mean something only within a network (RFC 6761, 6762, 7686, 8375; ICANN for internal).
PRIVATE_NAMES = re.compile(
    r"(.+\.)?(localhost|localdomain|local|internal|intranet|lan|corp|home|home\.arpa|onion|invalid)"
)


class Refused(ValueError):
    """The address may not be asked. The message continues a sentence that begins with it."""


class Rules:
    """The rules for addresses that may be asked. `allowed` has the hosts and networks of
    LINKUP_OUTBOUND_ALLOWED, which may be private and have any port."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        entries = {entry: _network(entry) for entry in allowed}
        self._names = {entry for entry, network in entries.items() if network is None}
        self._networks = [network for network in entries.values() if network is not None]

    def target(self, url: str) -> URL:
        """Return the URL to connect to, made only of what was checked here. Raises Refused."""
        parts = _split(url)
        host, port = _host_of(parts), _port_of(parts)
        literal = _address(host)
        if literal is not None:
            self.check(host, literal, port)
        elif host not in self._names:
            _check_name(host)
            if not self._networks:  # else the port may be right for the address that is found
                _check_port(port)
        return URL.build(
            scheme="https",
            host=f"[{host}]" if ":" in host else host,
            port=port,
            path=parts.path or "/",
            query_string=parts.query,
            encoded=True,
        )

    def check(self, host: str, address: Address, port: int) -> None:
        """Judge an address that this host has. Raises Refused."""
        if host in self._names or any(address in network for network in self._networks):
            return
        if not is_public(address):
            raise Refused("leads to an address that is not public")
        _check_port(port)


def is_public(address: Address) -> bool:
    """Return whether it is the address of a host on the Internet, and not in a disguise."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in SPECIAL_4)
    return (
        address.scope_id is None
        and address in GLOBAL_6
        and not any(address in network for network in SPECIAL_6)
    )


def _network(entry: str) -> Network | None:
    try:
        return ipaddress.ip_network(entry)
    except ValueError:
        return None


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _split(url: str) -> SplitResult:
    """Refuse text that two parsers could read differently."""
    if len(url) > MAX_URL:
        raise Refused(f"is longer than {MAX_URL} characters")
    if not re.fullmatch(r"[!-~]+", url) or "\\" in url:
        raise Refused("contains characters that do not belong into a URL")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Refused("is not a URL") from None
    if parts.scheme != "https" or not url.lower().startswith("https://"):
        raise Refused("does not begin with https://")
    if "@" in parts.netloc:
        raise Refused("contains a user name or password")
    if "#" in url:
        raise Refused("contains a fragment")
    return parts


def _host_of(parts: SplitResult) -> str:
    try:
        return addresses.host(parts.hostname or "").removesuffix(".")
    except ValueError:
        raise Refused("names no valid host") from None


def _port_of(parts: SplitResult) -> int:
    try:
        return 443 if parts.port is None else parts.port
    except ValueError:
        raise Refused("has an invalid port") from None


def _check_port(port: int) -> None:
    if port not in PORTS:
        usual = " or ".join(map(str, sorted(PORTS)))
        raise Refused(f"has the port {port}; only {usual} may be used")


def _check_name(host: str) -> None:
    if "." not in host or PRIVATE_NAMES.fullmatch(host):
        raise Refused("names a host of a private network")
