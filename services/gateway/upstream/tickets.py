"""Owns one-time tickets, which replace the token on a WebSocket.

The store, the bus and the logs know a ticket by its hash alone.
"""

import hashlib
import secrets
from datetime import datetime

from services.gateway import rates
from services.gateway.auth import Identity
from services.gateway.rates import Rates
from services.gateway.upstream.lanes import Lanes
from shared import frames
from shared.clock import SECOND
from shared.commands import IssueTicket, Taken, TakeTicket, Ticketed
from shared.errors import Unauthorized

PREFIX = "ticket_"  # no JWT begins so, and a scanner for secrets finds it
SECRET_BYTES = 32
NOBODY = ""  # whose ticket it is, is what the store has to tell


class Tickets:
    def __init__(self, lanes: Lanes, rates: Rates) -> None:
        self._lanes = lanes
        self._rates = rates

    async def issue(self, identity: Identity) -> tuple[str, datetime]:
        """Issue a ticket; return it, and until when it opens a socket. Raises LinkupError."""
        ticket = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        command = IssueTicket(
            user_id=identity.user_id,
            ticket_hash=_hash(ticket),
            token_expires_at=min(int(identity.expires_at * SECOND), frames.MAX_INT),
            token_issued_at=int(identity.issued_at * SECOND),
            token_id=identity.token_id,
        )
        ticketed = await self._lanes.call(command, Ticketed)
        return ticket, frames.time_of(ticketed.expires_at)

    async def redeem(self, ticket: str, host: str) -> Identity:
        """Return the user of a ticket, once. Raises LinkupError.

        Each costs the store a transaction, so who only guesses is held off, by address.
        """
        guesser = f"ticket {rates.address(host)}"
        self._rates.check("auth", guesser)
        command = TakeTicket(user_id=NOBODY, ticket_hash=_hash(ticket))
        try:
            taken = await self._lanes.call(command, Taken)
        except Unauthorized as refused:
            self._rates.spend("auth", guesser)
            refused.why = "ticket"
            raise
        return Identity(
            user_id=taken.user_id,
            expires_at=taken.token_expires_at / SECOND,
            issued_at=taken.token_issued_at / SECOND,
            token_id=taken.token_id,
        )


def is_ticket(token: str) -> bool:
    return token.startswith(PREFIX)


def _hash(ticket: str) -> str:
    """Return the hash of a ticket, which has no key: nobody guesses 256 random bits."""
    return hashlib.sha256(ticket.encode()).hexdigest()
