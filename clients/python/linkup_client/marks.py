"""Owns the marks of this device in each conversation, and sending them to the server.

Marks are cumulative: only the newest of each conversation is kept and sent, at most once a second
and again after a reconnect. Beyond MAX_CONVERSATIONS the oldest are no longer repeated.
"""

from collections import OrderedDict
from collections.abc import Callable

from linkup_client import frames

MAX_CONVERSATIONS = 1_000
UNSURE = 60.0  # s: what was told before that did not get lost with a connection


class Mark:
    __slots__ = ("delivered", "next_at", "read", "told_delivered", "told_read")

    def __init__(self) -> None:
        self.delivered = self.read = 0
        self.told_delivered = self.told_read = 0
        self.next_at = 0.0

    @property
    def is_news(self) -> bool:
        return self.delivered > self.told_delivered or self.read > self.told_read


class Marks:
    def __init__(self, transmit: Callable[[bytes], None], every: float) -> None:
        self._transmit = transmit
        self._every = every
        self._marks: OrderedDict[str, Mark] = OrderedDict()
        self._news: set[str] = set()
        self._online = False

    def delivered(self, conversation_id: str, seq: int, now: float) -> None:
        mark = self._mark(conversation_id)
        mark.delivered = max(mark.delivered, seq)
        self._moved(conversation_id, now)

    def read(self, conversation_id: str, up_to: int, now: float) -> None:
        mark = self._mark(conversation_id)
        mark.read = max(mark.read, up_to)
        mark.delivered = max(mark.delivered, up_to)
        self._moved(conversation_id, now)

    def connected(self, now: float, *, all_of_them: bool = True) -> None:
        """Send the marks again, because the last ones may have been lost: all of them, or only
        those of the last minute."""
        self._online = True
        for conversation_id, mark in self._marks.items():
            if not all_of_them and mark.next_at < now - UNSURE and not mark.is_news:
                continue
            mark.told_delivered = mark.told_read = 0
            mark.next_at = now
            self._news.add(conversation_id)
        self.flush(now)

    def lost(self) -> None:
        self._online = False

    def flush(self, now: float) -> None:
        for conversation_id in [*self._news]:
            self._tell(conversation_id, now)

    def _mark(self, conversation_id: str) -> Mark:
        mark = self._marks.setdefault(conversation_id, Mark())
        self._marks.move_to_end(conversation_id)
        if len(self._marks) > MAX_CONVERSATIONS:
            forgotten, _ = self._marks.popitem(last=False)
            self._news.discard(forgotten)
        return mark

    def _moved(self, conversation_id: str, now: float) -> None:
        if self._marks[conversation_id].is_news:
            self._news.add(conversation_id)
            self._tell(conversation_id, now)

    def _tell(self, conversation_id: str, now: float) -> None:
        mark = self._marks[conversation_id]
        if not self._online or now < mark.next_at:
            return
        if mark.read > mark.told_read:  # having read it implies having received it
            self._send(frames.MarkChatRead(conversation_id=conversation_id, up_to=mark.read))
        if mark.delivered > max(mark.told_delivered, mark.read):
            self._send(frames.Delivered(conversation_id=conversation_id, seq=mark.delivered))
        mark.told_delivered, mark.told_read = mark.delivered, mark.read
        mark.next_at = now + self._every
        self._news.discard(conversation_id)

    def _send(self, frame: frames.Delivered | frames.MarkChatRead) -> None:
        self._transmit(frames.encode(frame))
