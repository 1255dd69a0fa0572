"""Owns the reading of the log: which rows are new, which concern anybody, and in what order."""

from collections.abc import Container, Iterable, Mapping

from services.notify.ladder.delivery import Key
from shared.commands import LogRow
from shared.reserved import is_reserved


def after(rows: Iterable[LogRow], positions: Mapping[str, int]) -> list[LogRow]:
    """The rows beyond these positions."""
    return [row for row in rows if row.n > positions.get(row.writer, 0)]


def advance(positions: Mapping[str, int], rows: Iterable[LogRow]) -> dict[str, int]:
    reached = dict(positions)
    for row in rows:
        reached[row.writer] = max(row.n, reached.get(row.writer, 0))
    return reached


def is_behind(positions: Mapping[str, int], stood: Mapping[str, int]) -> bool:
    """Return whether somebody who has these positions once had later ones."""
    return any(n > positions.get(writer, 0) for writer, n in stood.items())


def keys(rows: Iterable[LogRow], pushed: Container[str]) -> set[Key]:
    """Return the keys that these rows move. `pushed`: users with a browser that takes web push."""
    moved: set[Key] = {(row.user_id, row.conversation_id, "email") for row in rows}
    return moved | {(user_id, thread, "push") for user_id, thread, _ in moved if user_id in pushed}


def order(row: LogRow) -> tuple[int, str]:
    """A page's rows of one conversation as they happened, whichever writers they come from."""
    return row.seq, row.kind  # a mark covers the message of its number


def concerns(row: LogRow) -> bool:
    """Somebody else's message, or the recipient's own marks; nothing else moves the ladder, and
    nothing at all of a reserved user, who is told of nothing."""
    if is_reserved(row.user_id):
        return False
    own = row.actor_id == row.user_id
    return (row.kind == "message" and not own) or (row.kind == "receipt" and own)
