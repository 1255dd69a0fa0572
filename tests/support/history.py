"""Owns the checker of a run: what was sent, acknowledged, received and stored, held together.

In the form of Jepsen: one record of everything seen from outside, and one pass over it that names
each broken promise. `tests/unit/support/test_history.py` feeds it a bad history for each.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

Frame = dict[str, Any]

FEED = ("message", "receipt")  # the frames whose cursor is their place in the feed


@dataclass
class History:
    """`invoked`: (sender, client_id) → content, in the order of sending."""

    invoked: dict[tuple[str, str], str] = field(default_factory=dict)
    acks: dict[tuple[str, str], list[Frame]] = field(default_factory=lambda: defaultdict(list))
    received: dict[str, list[Frame]] = field(default_factory=lambda: defaultdict(list))
    stored: dict[str, list[Frame]] = field(default_factory=dict)

    def violations(self) -> list[str]:
        return [
            *self._acked_is_stored(),
            *self._stored_was_sent(),
            *self._stored_once(),
            *self._numbered_without_gaps(),
            *self._received_without_gaps(),
            *self._same_everywhere(),
            *self._in_the_order_of_sending(),
        ]

    def rows(self) -> Iterator[Frame]:
        for messages in self.stored.values():
            yield from messages

    def _acked_is_stored(self) -> Iterator[str]:
        """I1, and C3: every ack of a message says the same."""
        stored = {(row["sender_id"], row["client_id"]): row for row in self.rows()}
        for key, acks in self.acks.items():
            row = stored.get(key)
            if row is None:
                yield f"I1 acked but not stored: {key}"
                continue
            for ack in acks:
                if _identity(ack) != _identity(row):
                    yield f"C3 an ack differs from what is stored: {key}"

    def _stored_was_sent(self) -> Iterator[str]:
        for row in self.rows():
            key = (row["sender_id"], row["client_id"])
            if self.invoked.get(key) != row["content"]:
                yield f"I2 stored but never sent like that: {key}"

    def _stored_once(self) -> Iterator[str]:
        seen: set[tuple[str, str]] = set()
        for row in self.rows():
            key = (row["sender_id"], row["client_id"])
            if key in seen:
                yield f"I3 stored twice: {key}"
            seen.add(key)

    def _numbered_without_gaps(self) -> Iterator[str]:
        for conversation_id, messages in self.stored.items():
            if [row["seq"] for row in messages] != list(range(1, len(messages) + 1)):
                yield f"I4 seq has a gap or a repeat in {conversation_id}"

    def _received_without_gaps(self) -> Iterator[str]:
        """I5 for receivers, whose feed holds nothing that an ack stands for."""
        for user_id, frames in self.received.items():
            cursors = [frame["cursor"] for frame in frames if frame["type"] in FEED]
            if cursors != list(range(1, len(cursors) + 1)):
                yield f"I5 {user_id} received cursors with a gap or a repeat"

    def _same_everywhere(self) -> Iterator[str]:
        contents = {(row["conversation_id"], row["seq"]): row["content"] for row in self.rows()}
        for user_id, frames in self.received.items():
            for frame in _messages(frames):
                key = (frame["conversation_id"], frame["seq"])
                if contents.get(key) != frame["content"]:
                    yield f"I6 {user_id} received something else than is stored at {key}"

    def _in_the_order_of_sending(self) -> Iterator[str]:
        sent_as = {key: index for index, key in enumerate(self.invoked)}
        for conversation_id, messages in self.stored.items():
            last: dict[str, int] = {}
            for row in messages:
                index = sent_as.get((row["sender_id"], row["client_id"]), -1)
                if index < last.get(row["sender_id"], -1):
                    yield f"I7 {row['client_id']} overtook in {conversation_id}"
                last[row["sender_id"]] = index

    def missed(self, user_id: str) -> set[tuple[str, int]]:
        """Return the messages that are stored for a receiver and have not reached it (C5, I11)."""
        seen = {(f["conversation_id"], f["seq"]) for f in _messages(self.received[user_id])}
        return {(row["conversation_id"], row["seq"]) for row in self.rows()} - seen


def _messages(frames: Iterable[Frame]) -> Iterator[Frame]:
    return (frame for frame in frames if frame["type"] == "message")


def _identity(frame: Frame) -> tuple[Any, ...]:
    names = ("client_id", "message_id", "conversation_id", "seq", "created_at")
    return tuple(frame[name] for name in names)
