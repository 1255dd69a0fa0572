"""Owns what a ticket is worth: one socket, within 30 seconds, of the user who bought it. Pure."""

from services.persistence.decide.state import Ticket
from services.persistence.decide.transaction import Turn
from shared.commands import IssueTicket, Refused, Result, Taken, TakeTicket, Ticketed

LIFE = 30_000_000  # microseconds
NO_TICKET = Refused("unauthorized", "The ticket is used up, expired or not valid")


def issue(turn: Turn, command: IssueTicket) -> Result:
    """Good for LIFE, but no longer than the token it is bought with."""
    expires_at = min(turn.state.now + LIFE, command.token_expires_at)
    ticket = Ticket(command.user_id, expires_at, command.token_expires_at)
    turn.state.tickets[command.ticket_hash] = turn.changes.tickets[command.ticket_hash] = ticket
    return Ticketed(expires_at)


def take(turn: Turn, command: TakeTicket) -> Result:
    """A ticket that was shown is gone, whether it was still good or not."""
    ticket = turn.state.tickets.pop(command.ticket_hash, None)
    if ticket is None:
        return NO_TICKET
    turn.changes.tickets[command.ticket_hash] = None
    if ticket.expires_at <= turn.state.now:
        return NO_TICKET
    return Taken(ticket.user_id, ticket.token_expires_at)
