"""Owns the profiles of users, taken from their tokens, and the times they were last seen. Pure."""

from services.persistence.decide.transaction import Transaction
from shared.commands import Done, PutUser, TouchUser


def put(tx: Transaction, command: PutUser) -> Done:
    tx.head(command.user_id)
    tx.changes.profiles.append(command)
    return Done()


def touch(tx: Transaction, command: TouchUser) -> Done:
    """Move `last seen` forwards only, and never ahead of our own clock."""
    seen = tx.changes.seen
    at = min(command.at, tx.state.now)
    seen[command.user_id] = max(at, seen.get(command.user_id, 0))
    return Done()
