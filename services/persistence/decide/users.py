"""Owns what is known of a user: what their token says, and when they were last seen. Pure."""

from services.persistence.decide.transaction import Turn
from shared.commands import Done, PutUser, TouchUser


def put(turn: Turn, command: PutUser) -> Done:
    turn.head(command.user_id)
    turn.changes.profiles.append(command)
    return Done()


def touch(turn: Turn, command: TouchUser) -> Done:
    """Forwards only, and never ahead of our own clock."""
    seen = turn.changes.seen
    at = min(command.at, turn.state.now)
    seen[command.user_id] = max(at, seen.get(command.user_id, 0))
    return Done()
