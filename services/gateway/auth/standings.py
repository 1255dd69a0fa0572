"""Owns what this gateway knows of the standing of users: bans, and tokens that are refused.

A socket learns it with the answer that says where its feed stands, and again with each comparison
with the log. A request asks the log, unless the last answer for its user is recent.
"""

import time
from collections.abc import Awaitable, Callable

from services.gateway.auth.identity import Identity
from shared.bounded import Bounded
from shared.clock import SECOND
from shared.commands import GOOD, Joined, Standing
from shared.errors import Unauthorized

FRESH = 30.0  # seconds that an answer holds; changes are announced, which may get lost
MOST = 20_000  # users who are remembered, those who asked last


class Standings:
    """The known standings of users. `join` asks the log. `clock` returns monotonic seconds."""

    def __init__(
        self,
        join: Callable[[str], Awaitable[Joined]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._join = join
        self.clock = clock
        self._known: Bounded[str, tuple[float, Standing]] = Bounded(MOST)

    async def admit(self, identity: Identity) -> None:
        """Raises Unauthorized if the token is refused; and what the log raises, if it is asked."""
        user_id, asked_at = identity.user_id, self.clock()
        known = self._known.get(user_id)
        if known is None or known[0] + FRESH <= asked_at:
            joined = await self._join(user_id)
            self.tell(user_id, joined.standing or GOOD, asked_at)
        self.check(identity)

    def check(self, identity: Identity) -> None:
        """Refuse a token as `admit` does, without asking the log."""
        _, standing = self._known.get(identity.user_id, (0.0, GOOD))
        admit(identity, standing)

    def tell(self, user_id: str, standing: Standing, as_of: float) -> None:
        """Take in what the log said at that time or later, unless newer is known."""
        known = self._known.get(user_id)
        if known is None or known[0] <= as_of:
            self._known[user_id] = as_of, standing

    def compared(self, user_id: str, standing: Standing | None, as_of: float) -> None:
        """Take in a standing as `tell` does, but do not remember a user only for a good one."""
        if standing is not None or user_id in self._known:
            self.tell(user_id, standing or GOOD, as_of)


def admit(identity: Identity, standing: Standing) -> None:
    """Raises Unauthorized if the token of a user of that standing is refused."""
    if (refused := refusal(identity, standing)) is not None:
        raise refused


def refusal(identity: Identity, standing: Standing) -> Unauthorized | None:
    """Return the error for a token of a user of that standing, if it is refused."""
    if not standing.refuses(int(identity.issued_at * SECOND), identity.token_id):
        return None
    said = "You no longer have access" if standing.banned else "The token was revoked"
    refused = Unauthorized(said)
    refused.why = "banned" if standing.banned else "revoked"
    return refused
