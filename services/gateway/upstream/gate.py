"""Owns the order of one connection's messages after temporary failures (R2)."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from shared.commands import Command, Refused, Result, StoreMessage
from shared.errors import Unsupported

MAX_WAITING = 1000  # messages of a connection that failed and have to come again
MAX_SETTLED = 128  # outcomes whose client may not know them yet
MAX_REFUSALS = 5  # of one message, while the one it waits for does not come: that was given up
MAX_FAULTS = 5  # times that the store breaks on a message before it is refused for good

POISON = Refused.of(Unsupported("This message cannot be stored"))


@dataclass(slots=True)
class Entry:
    """A message whose outcome is open. It keeps the order of its first copy, whatever comes."""

    order: int
    after: str | None
    copies: int = 0  # on their way: an impatient client sends several
    faults: int = 0
    settled: bool = False  # known to be stored, or refused for good


@dataclass(slots=True)
class Line:
    """One conversation's messages in the order they were first sent, by `client_id`."""

    entries: dict[str, Entry] = field(default_factory=dict)
    failed: dict[str, Entry] = field(default_factory=dict)  # of these, what has to come again
    awaited: dict[str, int] = field(default_factory=dict)  # named by `after`, not seen yet
    refusals: dict[str, int] = field(default_factory=dict)  # since the first of those came

    def enter(self, command: StoreMessage, order: int) -> Entry:
        order = self.awaited.pop(command.client_id, order)
        entry = self.entries[command.client_id] = Entry(order, command.after)
        if command.after is not None and command.after not in self.entries:
            self.awaited[command.after] = order  # it comes late, and belongs in front
        return entry

    def first(self) -> str:
        """Return the message that must be resent first."""
        return min(self.failed, key=lambda client_id: self.failed[client_id].order)

    def refuse(self, client_id: str) -> None:
        """Note one more refusal behind one that did not come. Its client may know that it is
        stored, or may have dropped it, and will never send it again: then the others go on without
        it."""
        self.refusals[client_id] = self.refusals.get(client_id, 0) + 1
        if self.refusals[client_id] >= MAX_REFUSALS:
            given_up = self.first()
            del self.failed[given_up]
            self.refusals.clear()
            if not self.entries[given_up].copies:
                self.leave(given_up)

    def leave(self, client_id: str) -> None:
        after = self.entries.pop(client_id).after
        if after is not None:
            self.awaited.pop(after, None)


class Gate:
    """Keeps one connection's messages in order (R2): none passes while one that was first sent
    before it has to come again. A message that `after` ties to another is held to that one
    inside the transaction instead."""

    __slots__ = ("_entered", "_lines", "_recent", "full")

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}  # by conversation
        self._recent: OrderedDict[str, None] = OrderedDict()  # settled; copies may still come
        self._entered = 0
        self.full = False  # too many wait: their order can no longer be kept

    def enter(self, command: Command) -> None:
        """Give a command its place in the line, when it is submitted."""
        if not isinstance(command, StoreMessage):
            return
        line = self._lines.get(command.conversation_id)
        if line is None:
            line = self._lines[command.conversation_id] = Line()
        entry = line.entries.get(command.client_id)
        if entry is None:
            self._entered += 1
            entry = line.enter(command, self._entered)
            if command.client_id in self._recent:
                entry.settled = True
                self._recent.move_to_end(command.client_id)
        entry.copies += 1

    def admits(self, command: Command) -> bool:
        if not isinstance(command, StoreMessage):
            return True
        line = self._lines[command.conversation_id]
        entry = line.entries[command.client_id]
        if line.failed and command.after is None:
            first = line.first()
            if line.failed[first].order < entry.order:
                line.refuse(command.client_id)
                return False
            if first == command.client_id:
                line.refusals.clear()
        line.failed.pop(command.client_id, None)
        return True

    def observe(self, command: Command, result: Result) -> Result:
        """Take in the outcome of one copy, and return what to tell of it."""
        if not isinstance(command, StoreMessage):
            return result
        client_id = command.client_id
        line = self._lines[command.conversation_id]
        entry = line.entries[client_id]
        entry.copies -= 1
        result = _patient(entry, result)
        if not (isinstance(result, Refused) and result.error().temporary):
            self._settle(line, client_id)
        elif not entry.settled:  # else nobody would send it again
            line.failed[client_id] = entry
            self.full = self.full or sum(self._waiting()) > MAX_WAITING
        self._tidy(command.conversation_id, line, client_id)
        return result

    def waits(self, conversation_id: str) -> bool:
        """Return whether the gate waits for a message of this conversation."""
        return conversation_id in self._lines

    def release(self, conversation_id: str, client_id: str) -> None:
        """Forget a message that is stored: whatever its copies are told, it need not come again."""
        line = self._lines.get(conversation_id)
        if line is not None and client_id in line.entries:
            self._settle(line, client_id)
            self._tidy(conversation_id, line, client_id)

    def _settle(self, line: Line, client_id: str) -> None:
        entry = line.entries[client_id]
        if entry.settled:  # by its event
            return
        entry.settled = True
        line.failed.pop(client_id, None)
        self._recent[client_id] = None
        if len(self._recent) > MAX_SETTLED:
            self._recent.popitem(last=False)

    def _tidy(self, conversation_id: str, line: Line, client_id: str) -> None:
        if not line.entries[client_id].copies and client_id not in line.failed:
            line.leave(client_id)
        if not line.entries:
            del self._lines[conversation_id]

    def _waiting(self) -> Iterator[int]:
        return (len(line.failed) for line in self._lines.values())


def _patient(entry: Entry, result: Result) -> Result:
    """A message on which the store breaks each time would hold up those behind it for ever."""
    if isinstance(result, Refused) and result.code == "internal":
        entry.faults += 1
        return POISON if entry.faults >= MAX_FAULTS else result
    return result
