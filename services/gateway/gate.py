"""Owns the order of one connection's messages across failures that are only for now (R2)."""

from collections import Counter
from dataclasses import dataclass

from shared.commands import Command, Refused, Result, StoreMessage

MAX_WAITING = 1000  # conversations of a connection with a failed message


@dataclass(slots=True, frozen=True)
class Failed:
    """The message that one conversation of a connection waits for."""

    client_id: str
    after: str | None
    turn: int


class Gate:
    """Keeps one connection's messages in order (R2): behind one that failed for now, its next
    ones to that conversation are refused until the failed `client_id` comes again. A message
    named by the failed one's `after` may pass: it is what that one waits for."""

    def __init__(self) -> None:
        self._failed: dict[str, Failed] = {}
        self.full = False  # too many conversations wait: their order can no longer be kept
        self._turns = 0
        self._pending: Counter[str] = Counter()  # by client_id: an impatient client sends copies
        self._stored: set[str] = set()  # of these, what is known to be stored

    def turn(self, command: Command) -> int:
        """The place of a command that is submitted, in the line of its connection."""
        self._turns += 1
        if isinstance(command, StoreMessage):
            self._pending[command.client_id] += 1
        return self._turns

    def admits(self, command: Command, turn: int) -> bool:
        if not isinstance(command, StoreMessage):
            return True
        failed = self._failed.get(command.conversation_id)
        if failed is None or turn < failed.turn:  # what waits since before goes first
            return True
        if failed.client_id == command.client_id:
            del self._failed[command.conversation_id]
            return True
        # A message that names its predecessor is held to it inside the transaction.
        return command.after is not None or failed.after == command.client_id

    def observe(self, command: Command, result: Result, turn: int) -> None:
        if not isinstance(command, StoreMessage):
            return
        client_id, conversation_id = command.client_id, command.conversation_id
        if not (isinstance(result, Refused) and result.error().temporary):
            self.release(conversation_id, client_id)
        elif client_id not in self._stored:  # else nobody would send it again
            known = self._failed.get(conversation_id)
            if known is None or turn < known.turn:
                self.full = self.full or len(self._failed) >= MAX_WAITING
                self._failed[conversation_id] = Failed(client_id, command.after, turn)
        self._pending[client_id] -= 1
        if not self._pending[client_id]:
            del self._pending[client_id]
            self._stored.discard(client_id)

    def waits(self, conversation_id: str) -> bool:
        """Whether it matters here that a message of that conversation was stored."""
        return conversation_id in self._failed or bool(self._pending)

    def release(self, conversation_id: str, client_id: str) -> None:
        """That message is stored: it need not come again, whatever is said of its copies."""
        failed = self._failed.get(conversation_id)
        if failed is not None and failed.client_id == client_id:
            del self._failed[conversation_id]
        if client_id in self._pending:
            self._stored.add(client_id)
