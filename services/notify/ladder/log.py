"""Owns the reading of the log: which rows are new, which concern anybody, and in what order."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import NamedTuple

from shared.commands import LogRow
from shared.reserved import is_reserved

Thread = tuple[str, str]  # a recipient and a conversation

NUMBER = attrgetter("seq")
ORDER = attrgetter("seq", "kind")  # a mark covers the message of its number


class Told(NamedTuple):
    """The rows of a page that concern anybody; no reserved users, who are told of nothing.

    `messages`: those of others, in the order of their numbers. `own`: what the users themselves
    have done, in the order of the log.
    """

    messages: Mapping[Thread, list[LogRow]]
    own: list[LogRow]


def after(rows: Iterable[LogRow], positions: Mapping[str, int]) -> list[LogRow]:
    """The rows beyond these positions."""
    return [row for row in rows if row.n > positions.get(row.writer, 0)]


def advance(positions: Mapping[str, int], rows: Iterable[LogRow]) -> dict[str, int]:
    reached = dict(positions)
    for row in rows:
        if row.n > reached.get(row.writer, 0):
            reached[row.writer] = row.n
    return reached


def is_behind(positions: Mapping[str, int], stood: Mapping[str, int]) -> bool:
    """Return whether somebody who has these positions once had later ones."""
    return any(n > positions.get(writer, 0) for writer, n in stood.items())


def told(rows: Iterable[LogRow]) -> Told:
    messages: dict[Thread, list[LogRow]] = defaultdict(list)
    own: list[LogRow] = []
    for row in rows:
        if row.actor_id == row.user_id:
            own.append(row)
        elif row.kind == "message":
            messages[row.user_id, row.conversation_id].append(row)
    return Told(
        messages={
            thread: sorted(found, key=NUMBER)  # whichever writers they come from
            for thread, found in messages.items()
            if not is_reserved(thread[0])
        },
        own=[row for row in own if not is_reserved(row.user_id)],
    )


def concerned(page: Told) -> dict[Thread, list[LogRow]]:
    """Return the rows that move the ladder, by recipient and conversation: messages, and the
    recipient's own marks, as they happened."""
    marked: dict[Thread, list[LogRow]] = defaultdict(list)
    for row in page.own:
        if row.kind == "receipt" and row.seq:  # else nothing is read of it
            marked[row.user_id, row.conversation_id].append(row)
    together = {
        thread: sorted([*page.messages.get(thread, ()), *marks], key=ORDER)
        for thread, marks in marked.items()
    }
    return {**page.messages, **together}
