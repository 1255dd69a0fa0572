"""Owns admission: the limits on connections, and the choice of the one that is closed at a limit.

Nobody is known yet when a connection is accepted. So one that asks for nothing yields to whoever
comes when all is full, the oldest first; one that belongs to somebody never does.
"""

import asyncio
import functools
import ipaddress
from collections import Counter
from collections.abc import Sequence

from shared.health.counters import Counters

REMEMBERED = 1024  # addresses that are not read again, the latest used
SPARE = 16  # connections that no socket takes: for health routes and the API


class Guest:
    """One connection, from accept to close."""

    __slots__ = ("address", "known", "transport")

    def __init__(self, address: str) -> None:
        self.address = address
        self.known = False  # a user's socket
        self.transport: asyncio.Transport | None = None


Line = dict[Guest, None]  # the one that is idle for longest first


class Admission:
    """The limit on connections: at most `most`, and `per_address` of them from an address that is
    no trusted proxy (0: no limit of its own)."""

    def __init__(
        self, most: int, per_address: int, trusted: Sequence[str], counters: Counters
    ) -> None:
        self._most = most
        self._per_address = per_address
        self._everybody = "*" in trusted
        self._trusted = [_network(name) for name in trusted if name != "*"]
        self._counters = counters
        self._counted = functools.lru_cache(REMEMBERED)(self._address_of)
        self._addresses: Counter[str] = Counter()
        self._idle: Line = {}
        self._idle_from: dict[str, Line] = {}
        self._count = 0
        self._known = 0

    def enter(self, host: str) -> Guest | None:
        """Take in a connection that was accepted. Return None if it is to be closed."""
        address = self._counted(host)
        if address and 0 < self._per_address <= self._addresses[address]:
            self._counters.hit(
                "connections_per_address", "too many connections of an address", address=address
            )
            if not _cut_off(self._idle_from.get(address, {})):
                return None
        elif self._count >= self._most:
            self._counters.hit("connections", "too many connections", most=self._most)
            if not _cut_off(self._idle):
                return None
        guest = Guest(address)
        self._count += 1
        self._addresses[address] += 1
        self.idle(guest)
        return guest

    def count(self) -> int:
        """Count the open connections."""
        return self._count

    def leave(self, guest: Guest) -> None:
        """Note that a connection is closed."""
        self.busy(guest)
        self._count -= 1
        self._known -= guest.known
        self._addresses[guest.address] -= 1
        if not self._addresses[guest.address]:
            del self._addresses[guest.address]

    def busy(self, guest: Guest) -> None:
        """Note that a connection asks for something, so it is not the one to go."""
        if guest in self._idle:
            del self._idle[guest]
            line = self._idle_from[guest.address]
            del line[guest]
            if not line:
                del self._idle_from[guest.address]

    def idle(self, guest: Guest) -> None:
        """Note that a connection has not asked yet, was answered, or has not said who it is."""
        if guest not in self._idle:
            self._idle[guest] = None
            self._idle_from.setdefault(guest.address, {})[guest] = None

    def know(self, guest: Guest) -> bool:
        """Make it a user's socket from now on, unless there are too many for the rest to work."""
        if self._known >= max(1, self._most - SPARE):
            self._counters.hit("sockets", "too many sockets", most=self._most - SPARE)
            return False
        if not guest.known:
            guest.known = True
            self._known += 1
        self.busy(guest)
        return True

    def _address_of(self, host: str) -> str:
        """Return the address a connection is counted for; of IPv6 its network, all of which one
        machine has; empty for a trusted proxy, behind which are many."""
        try:
            ip = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return ""  # no address: a local socket
        ip = getattr(ip, "ipv4_mapped", None) or ip
        if self._everybody or any(ip in network for network in self._trusted):
            return ""
        return str(ip if ip.version == 4 else ipaddress.ip_network((ip, 64), strict=False))


def _cut_off(idle: Line) -> bool:
    """End the first that is open. What it held is free at the next turn of the loop; until then
    that much more is open than there should be."""
    for guest in idle:
        transport, guest.transport = guest.transport, None
        if transport is not None:
            transport.abort()
            return True
    return False


def _network(name: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(name, strict=False)
