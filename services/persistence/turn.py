"""Owns one transaction while it is decided: what was read, what changes, who is told."""

from services.persistence.state import Changes, FeedRow, Head, Message, NewMessage, Revision, State
from shared.commands import PutUser


class Turn:
    def __init__(self, state: State, changes: Changes) -> None:
        self.state = state
        self.changes = changes

    def visible(self, user_id: str, message_id: int) -> Message | None:
        """The message if that user may see it: of their conversation, neither cleared nor
        hidden by them (see `visibility`)."""
        message = self.state.messages_by_id.get(message_id)
        if message is None or (message_id, user_id) in self.state.hidden:
            return None
        member = self.state.conversations[message.conversation_id].members.get(user_id)
        return message if member is not None and message.seq > member.cleared_seq else None

    def tell(
        self,
        user_id: str,
        kind: str,
        *,
        message: NewMessage | None = None,
        conversation_id: str | None = None,
        actor_id: str | None = None,
        origin: str = "",
        revision: Revision | None = None,
    ) -> None:
        head = self.head(user_id)
        head.head += 1
        self.state.last_n += 1
        self.changes.heads.add(user_id)
        row = FeedRow(
            user_id,
            head.head,
            self.state.last_n,
            kind,
            message,
            conversation_id,
            actor_id,
            origin,
            revision,
        )
        self.changes.feed.append(row)

    def head(self, user_id: str) -> Head:
        """A sender who was never made known still owns a feed from now on."""
        head = self.state.heads.get(user_id)
        if head is None:
            head = self.state.heads[user_id] = Head()
            self.changes.heads.add(user_id)
            self.changes.profiles.append(PutUser(user_id=user_id))
        return head
