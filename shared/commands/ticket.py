"""Owns the commands that issue and use up tickets."""

from msgspec import Struct


class IssueTicket(Struct, frozen=True, kw_only=True, tag=True):
    """Keep a ticket of that hash, which opens one socket of this user in the name of a token. Times
    are in microseconds."""

    user_id: str
    ticket_hash: str
    token_expires_at: int
    token_issued_at: int = 0
    token_id: str = ""


class TakeTicket(Struct, frozen=True, kw_only=True, tag=True):
    """Use up the ticket of that hash. `user_id` is empty, since nobody knows it yet."""

    user_id: str
    ticket_hash: str
