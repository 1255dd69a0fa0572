"""Owns one transaction during its decision: its state, its changes and their recipients."""

from typing import NamedTuple

from services.persistence.decide.changes import Changes, Fact, FeedRow, Seen
from services.persistence.decide.state import Conversation, Head, Message, State
from shared.clock import SECOND
from shared.commands import PutUser, Refused
from shared.errors import RateLimited
from shared.reserved import are_apart

RECENCY = 256  # events of a user's feed: the conversations touched in them are sorted when read


class Moved(NamedTuple):
    """A reader's marks moved on from `before`. `origin`: the connection that moved them."""

    before: int
    origin: str
    delivered: bool
    read: bool


class Transaction:
    """The state that decisions read and change, and the rows that they write.

    `moved` has the marks by conversation and reader, which are told once when all is decided.
    `waiting` has the sequences in which messages wait for an earlier one to come again (C4).
    """

    def __init__(self, state: State, changes: Changes) -> None:
        self.state = state
        self.changes = changes
        self.moved: dict[tuple[str, str], Moved] = {}
        self.waiting: set[tuple[str, str]] = set()

    def is_there(self, user_id: str, other_id: str) -> bool:
        """Return whether the other user exists for this one. Reserved users exist only for each
        other."""
        other = self.state.heads.get(other_id)
        return other is not None and not other.erased and not are_apart(user_id, other_id)

    def is_erased(self, user_id: str) -> bool:
        head = self.state.heads.get(user_id)
        return head is not None and head.erased

    def conversation_of(self, user_id: str, conversation_id: str) -> Conversation | None:
        """Return the conversation if that user is a member of it now (C9)."""
        conversation = self.state.conversations.get(conversation_id)
        return conversation if conversation and user_id in conversation.members else None

    def visible(self, user_id: str, message_id: int) -> Message | None:
        """Return the message if that user may see it: of their conversation, neither cleared nor
        hidden by them (see `visibility`)."""
        message = self.state.messages_by_id.get(message_id)
        if message is None or (message_id, user_id) in self.state.hidden:
            return None
        conversation = self.conversation_of(user_id, message.conversation_id)
        if conversation is None or message.seq <= conversation.members[user_id].cleared_seq:
            return None
        return message

    def tell_view(self, user_id: str, conversation_id: str, kind: str) -> None:
        """Tell a member's own devices that their view of the conversation changed."""
        self.state.conversations[conversation_id].members[user_id].version += 1
        self.changes.members.add((conversation_id, user_id))
        self.tell(user_id, Seen(conversation_id, user_id, kind))

    def tell(self, user_id: str, fact: Fact, origin: str = "") -> None:
        """Add the next row to that user's feed. `origin`: the user's connection that caused it."""
        head = self.head(user_id)
        head.head += 1
        self.state.last_n += 1
        self.changes.heads.add(user_id)
        self.changes.feed.append(FeedRow(user_id, head.head, self.state.last_n, fact, origin))

    def bring_up(self, conversation_id: str) -> None:
        """Move it to the top of its members' inboxes, after all were told. An inbox is sorted by
        `recency`, which changes every RECENCY events, so a busy conversation seldom moves."""
        for user_id, member in self.state.conversations[conversation_id].members.items():
            recency = self.head(user_id).head // RECENCY
            if member.recency != recency:
                member.recency = recency
                self.changes.brought_up.add((conversation_id, user_id))

    def head(self, user_id: str) -> Head:
        """Return the head of a user's feed. A sender who was never made known still owns one from
        now on."""
        head = self.state.heads.get(user_id)
        if head is None:
            head = self.state.heads[user_id] = Head()
            self.changes.heads.add(user_id)
            self.changes.profiles.append(PutUser(user_id=user_id))
        return head

    def charge(self, user_id: str) -> Refused | None:
        """Use one of the user's allowance, or say how long to wait for it."""
        wait_ms = self.use_allowance(user_id)
        if not wait_ms:
            return None
        return Refused.of(RateLimited("Too many messages: try again later", retry_after_ms=wait_ms))

    def use_allowance(self, user_id: str) -> int:
        """Use one of the user's allowance and return 0, or else return the milliseconds to wait. It
        is a token bucket kept as one time (GCRA, ITU-T I.371)."""
        limits, head = self.state.limits, self.head(user_id)
        if not limits.rate:
            return 0
        interval = int(SECOND / limits.rate)
        room = limits.burst * interval
        rate_at = head.rate_at
        if rate_at > self.state.now + room:  # no use goes that far: the clock was set back
            rate_at = self.state.now
        used_up_at = max(rate_at, self.state.now) + interval
        too_early = used_up_at - room - self.state.now
        if too_early > 0:
            return -(-too_early // 1000)  # rounded up: who waits that long is let through
        head.rate_at = used_up_at
        self.changes.heads.add(user_id)
        return 0
