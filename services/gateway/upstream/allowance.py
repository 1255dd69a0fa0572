"""Owns the gateway's copy of message rates, which saves commands that would be refused.

The commit is the authority (C9). Here only what was stored through this gateway is counted, from
the moment it was submitted: so a bucket here is never emptier than the one in the store, and what
is refused here would be refused there. What may be a repeat is not refused if it is known here,
because repeats are free. See docs/adr/0020.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from shared.commands import Command, Refused, Result, Stored, StoreMessage
from shared.errors import RateLimited

SLACK = 0.1  # seconds on the way to the store, in which one more may become free
MAX_USERS = 10_000  # who was refilled longest ago is forgotten first, and then asks the store
MAX_KNOWN = 256  # client_ids of a user


@dataclass(slots=True)
class Spent:
    """The time until which a user's allowance is used up (GCRA, as in the store), and the messages
    that used it."""

    until: float
    client_ids: OrderedDict[str, None] = field(default_factory=OrderedDict)


class Allowance:
    """The allowances of users as this gateway knows them. A rate of 0 sets no limit."""

    def __init__(self, burst: int, rate: float) -> None:
        self._interval = 1 / rate if rate else 0.0
        self._room = burst * self._interval
        self._users: OrderedDict[str, Spent] = OrderedDict()

    def refuses(self, command: Command, now: float) -> Refused | None:
        """Returns the store's answer, where that is certain."""
        if not isinstance(command, StoreMessage) or not self._interval:
            return None
        spent = self._users.get(command.user_id)
        if spent is None or command.client_id in spent.client_ids:
            return None
        wait = spent.until + self._interval - self._room - now
        if wait <= SLACK:
            return None
        wait_ms = int(wait * 1000) + 1
        return Refused.of(RateLimited("Too many messages: try again later", retry_after_ms=wait_ms))

    def observe(self, command: Command, result: Result, submitted_at: float) -> None:
        """Count a message that was stored now, and not before."""
        if not isinstance(result, Stored) or result.duplicate or not self._interval:
            return
        if isinstance(command, StoreMessage):
            self._spend(command, submitted_at)

    def _spend(self, command: StoreMessage, submitted_at: float) -> None:
        spent = self._users.pop(command.user_id, None) or Spent(submitted_at)
        spent.until = max(spent.until, submitted_at) + self._interval
        spent.client_ids[command.client_id] = None
        if len(spent.client_ids) > MAX_KNOWN:
            spent.client_ids.popitem(last=False)
        self._users[command.user_id] = spent
        self._forget(submitted_at)

    def _forget(self, now: float) -> None:
        """Drop users with a full allowance, and any above the bound, least recent sender first."""
        while self._users:
            spent = next(iter(self._users.values()))
            if spent.until > now and len(self._users) <= MAX_USERS:
                return
            self._users.popitem(last=False)
