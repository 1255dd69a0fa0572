"""Owns how the marks of others, and a group itself, may look on one device in the end."""

from tests.support.device import Device
from tests.support.ledger import Ledger
from tests.support.membership import Membership
from tests.support.poller import Poller
from tests.support.view import Chat

Marks = tuple[int, int]  # delivered, read


def moved(chat: Chat, place: str, user_id: str, ledger: Ledger, least: int = 0) -> Marks:
    """A member's marks, moved over their own messages behind them: who had read everything has
    read their own next one too, and no receipt tells that. `least`: what lies before it is gone."""
    delivered, read = chat.marks.get(user_id, (0, 0))
    read = max(read, least)
    while ledger.senders.get((place, read + 1)) == user_id:
        read += 1
    delivered = max(delivered, read)
    while ledger.senders.get((place, delivered + 1)) == user_id:
        delivered += 1
    return delivered, read


def as_the_group(
    one: Device | Poller,
    place: str,
    shows: Chat,
    is_so: Chat,
    membership: Membership,
    ledger: Ledger,
) -> list[str]:
    """Check that members, title and role are those of the log, or that nothing is shown at all."""
    pictures = [(chat.members, chat.title, chat.role) for chat in (shows, is_so)]
    found = []
    if pictures[0] != pictures[1]:
        found.append(f"C5 {one.name}: {place} is shown as {pictures[0]}, is {pictures[1]}")
    seat = membership.seats.get((place, one.user_id))
    if is_so.members != (membership.current(place) if seat else frozenset()):
        found.append(f"C9 {one.user_id}: {place} has {is_so.members}, {seat} in the store")
    if seat is None:
        return found
    if not membership.version(place) <= shows.version <= seat.version:
        found.append(f"C5 {one.name}: {place} has version {shows.version}, not {seat.version}")
    marks = [moved(chat, place, one.user_id, ledger, seat.cleared_seq) for chat in (shows, is_so)]
    if marks[0] != marks[1]:
        found.append(f"C5 {one.name} in {place}: stands at {marks[0]}, not {marks[1]}")
    return found + _ticks(one, place, shows, is_so, membership)


def _ticks(
    one: Device | Poller, place: str, shows: Chat, is_so: Chat, membership: Membership
) -> list[str]:
    """Authors are told how far the others got, as far as their own messages are concerned. Who
    joins has read what was said before, and no receipt says so."""
    found = []
    for user_id in is_so.members - {one.user_id}:
        joined = membership.stays[place, user_id][-1].began
        own = [m for m in shows.messages.values()
               if m.sender_id == one.user_id and m.message_id > joined]  # fmt: skip
        for message in own:
            ticks = [
                [mark >= message.seq for mark in chat.marks.get(user_id, (0, 0))]
                for chat in (shows, is_so)
            ]
            if ticks[0] != ticks[1]:
                found.append(
                    f"C5 {one.name} in {place}: {message.seq} has {ticks[0]} of {user_id}, "
                    f"not {ticks[1]}"
                )
    return found
