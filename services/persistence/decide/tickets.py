"""Owns tickets: each opens one WebSocket of its user within 30 seconds. Pure."""

from services.persistence.decide.state import Ticket
from services.persistence.decide.transaction import Transaction
from shared.commands import IssueTicket, Refused, Result, Taken, TakeTicket, Ticketed
from shared.errors import Unauthorized

LIFE = 30_000_000  # microseconds
NO_TICKET = Refused.of(Unauthorized("The ticket was used already, has expired or is invalid"))


def issue(tx: Transaction, command: IssueTicket) -> Result:
    """Issue a ticket, good for LIFE, but no longer than the token it is bought with."""
    expires_at = min(tx.state.now + LIFE, command.token_expires_at)
    ticket = Ticket(
        command.user_id,
        expires_at,
        command.token_expires_at,
        command.token_issued_at,
        command.token_id,
    )
    tx.state.tickets[command.ticket_hash] = tx.changes.tickets[command.ticket_hash] = ticket
    return Ticketed(expires_at)


def take(tx: Transaction, command: TakeTicket) -> Result:
    """Use the ticket up, whether it was still good or not."""
    ticket = tx.state.tickets.pop(command.ticket_hash, None)
    if ticket is None:
        return NO_TICKET
    tx.changes.tickets[command.ticket_hash] = None
    if ticket.expires_at <= tx.state.now:
        return NO_TICKET
    return Taken(ticket.user_id, ticket.token_expires_at, ticket.token_issued_at, ticket.token_id)
