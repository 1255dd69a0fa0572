"""Owns what a batch of commands does to the log: a pure function of values, without I/O or clock.

`decide` takes the state that was read in this transaction after all locks, consumes it, and
gives the rows to write and one reply per batch. What it cannot see cannot be wrong.
"""

import hashlib
from collections.abc import Sequence

from services.persistence.decide import (
    attachments,
    blocks,
    conversations,
    groups,
    receipts,
    reports,
    revisions,
    tickets,
    users,
)
from services.persistence.decide.changes import Changes, Decision, Said
from services.persistence.decide.state import (
    Attachment,
    Conversation,
    Fence,
    Member,
    Message,
    State,
)
from services.persistence.decide.transaction import Turn
from shared import commands
from shared.commands import (
    AddMembers,
    AdvanceReceipt,
    Batch,
    BatchReply,
    BeginConversation,
    Begun,
    ClearConversation,
    Command,
    CommitAttachment,
    CondemnAttachments,
    CreateGroup,
    DeleteMessage,
    EditMessage,
    Fenced,
    FileReport,
    ForgetAttachments,
    IssueTicket,
    PutUser,
    React,
    ReadMessages,
    Refused,
    RemoveMember,
    ReserveAttachment,
    Result,
    Results,
    SetBlock,
    SetConversation,
    SetRole,
    Stored,
    StoreMessage,
    TakeTicket,
    TouchUser,
)

HELD = Refused("out_of_order", "An earlier message has to be sent again first")
NO_CONVERSATION = Refused("not_found", "There is no such user or conversation")
HASH_BYTES = 16


def decide(state: State, batches: Sequence[Batch]) -> Decision:
    """One transaction's worth of batches, in order. A repeat of a lane's newest batch is answered
    with its stored results, an older one is refused (R1)."""
    decision = Decision(state, Changes(), [])
    turn = _Turn(state, decision.changes)
    for batch in batches:
        decision.replies.append(turn.batch(batch))
    receipts.tell(turn)
    return decision


def content_hash(key: bytes, command: StoreMessage) -> bytes:
    """Keyed, so that it does not betray a text that was erased."""
    said = f"{command.conversation_id}\x00{command.content}"  # neither holds a NUL
    if command.reply_to is not None:
        said += f"\x00{command.reply_to}"
    if command.attachments:  # no number begins like that; without any the hash is what it was
        said += f"\x00@{','.join(command.attachments)}"
    return hashlib.blake2b(said.encode(), key=key, digest_size=HASH_BYTES).digest()


class _Turn(Turn):
    """One transaction, while its commands are decided in order."""

    def __init__(self, state: State, changes: Changes) -> None:
        super().__init__(state, changes)
        self.held: set[tuple[str, str]] = set()

    def batch(self, batch: Batch) -> BatchReply:
        seen = self.state.fences.get(batch.lane)
        if seen is not None and batch.number < seen.number:
            return Fenced(seen.number)
        if seen is not None and batch.number == seen.number:
            return commands.decode(seen.results, Results)
        reply = Results([self.command(command) for command in batch.commands])
        fence = Fence(batch.number, commands.encode(reply))
        self.state.fences[batch.lane] = self.changes.fences[batch.lane] = fence
        return reply

    def command(self, command: Command) -> Result:  # noqa: C901 - one case a command
        match command:
            case StoreMessage():
                return self.in_order(command)
            case EditMessage():
                return revisions.edit(self, command)
            case DeleteMessage():
                return revisions.delete(self, command)
            case React():
                return revisions.react(self, command)
            case AdvanceReceipt():
                return receipts.advance(self, command)
            case ReadMessages():
                return receipts.read_messages(self, command)
            case BeginConversation():
                return self.begin_empty(command)
            case ClearConversation():
                return conversations.clear(self, command)
            case SetConversation():
                return conversations.set_view(self, command)
            case CreateGroup():
                return groups.create(self, command)
            case AddMembers():
                return groups.add(self, command)
            case RemoveMember():
                return groups.remove(self, command)
            case SetRole():
                return groups.set_role(self, command)
            case SetBlock():
                return blocks.set_block(self, command)
            case FileReport():
                return reports.file(self, command)
            case ReserveAttachment():
                return attachments.reserve(self, command)
            case CommitAttachment():
                return attachments.commit(self, command)
            case CondemnAttachments():
                return attachments.condemn(self, command)
            case ForgetAttachments():
                return attachments.forget(self, command)
            case PutUser():
                return users.put(self, command)
            case IssueTicket():
                return tickets.issue(self, command)
            case TakeTicket():
                return tickets.take(self, command)
            case TouchUser():
                return users.touch(self, command)

    def in_order(self, command: StoreMessage) -> Result:
        """C4: behind a message that failed for now, its connection's next ones wait as well."""
        place = place_of(command)
        if place in self.held:
            return HELD
        result = self.store(command)
        if place is not None and isinstance(result, Refused) and result.error().temporary:
            self.held.add(place)
        return result

    def store(self, command: StoreMessage) -> Result:
        hashed = content_hash(self.state.hash_key, command)
        known = self.state.messages.get((command.user_id, command.client_id))
        if known is not None:
            return _again(known, hashed)
        conversation = self.conversation(command)
        if conversation is None:
            return NO_CONVERSATION
        refused = blocks.barred(conversation, command.user_id, NO_CONVERSATION)
        if refused is not None:
            return refused
        if command.reply_to is not None and not self.may_quote(command, command.reply_to):
            return Refused("not_found", "There is no such message to reply to")
        if command.after and (command.user_id, command.after) not in self.state.messages:
            return Refused("out_of_order", "The message named by `after` is not stored yet")
        uploads = attachments.wanted(self, command)
        if uploads is None:
            return Refused("not_found", "There is no such upload of yours that waits to be sent")
        too_many = self.charge(command.user_id)
        if too_many:
            return too_many
        return self.append(command, conversation, hashed, uploads)

    def may_quote(self, command: StoreMessage, message_id: int) -> bool:
        message = self.visible(command.user_id, message_id)
        return message is not None and message.conversation_id == command.conversation_id

    def begin_empty(self, command: BeginConversation) -> Result:
        conversation = self.conversation(command)
        if conversation is None:
            return NO_CONVERSATION
        if command.conversation_id in self.state.conversations:
            return Begun(False)
        refused = blocks.barred(conversation, command.user_id, NO_CONVERSATION)
        refused = refused or self.charge(command.user_id)
        if refused is not None:
            return refused
        self.begin(command.conversation_id, conversation)
        self.changes.conversations.add(command.conversation_id)
        conversations.tell_begun(self, command.conversation_id)
        return Begun(True)

    def conversation(self, command: StoreMessage | BeginConversation) -> Conversation | None:
        """The addressed conversation of theirs; a direct one begins with its first message."""
        known = command.conversation_id in self.state.conversations
        if known or command.to is None or not self.is_there(command.user_id, command.to):
            return self.conversation_of(command.user_id, command.conversation_id)
        return Conversation("direct", 0, 0, self.pair(command.user_id, command.to), self.state.now)

    def pair(self, user_id: str, to: str) -> dict[str, Member]:
        """The two, or the one, of a conversation that is not there yet."""
        others = {user_id: to, to: user_id}
        found = self.state.blocks
        return {one: Member(blocked=(one, others[one]) in found) for one in sorted(others)}

    def begin(self, conversation_id: str, conversation: Conversation) -> None:
        self.state.conversations[conversation_id] = conversation
        self.changes.members.update((conversation_id, user_id) for user_id in conversation.members)

    def append(
        self,
        command: StoreMessage,
        conversation: Conversation,
        hashed: bytes,
        uploads: list[Attachment],
    ) -> Stored:
        state = self.state
        if command.conversation_id not in state.conversations:
            self.begin(command.conversation_id, conversation)
        state.last_message_id += 1
        message = Message(
            state.last_message_id,
            command.conversation_id,
            conversation.last_seq + 1,
            command.user_id,
            command.client_id,
            hashed,
            state.now,
            reply_to=command.reply_to,
        )
        self.read_own(command, conversation, message.seq)
        if conversation.last_sender != command.user_id:
            conversation.last_sender = command.user_id
            conversation.others_seq = conversation.last_seq
        conversation.last_seq, conversation.last_message_id = message.seq, message.message_id
        state.messages[command.user_id, command.client_id] = message
        state.messages_by_id[message.message_id] = message
        attached = attachments.attach(self, uploads, message.message_id)
        accepted_at = min(command.accepted_at or state.now, state.now)
        said = Said(message, command.content, attached, accepted_at, conversation.others_seq)
        self.changes.messages.append(said)
        conversations.bring_back(self, command.conversation_id)
        self.changes.conversations.add(command.conversation_id)
        for user_id in conversation.members:
            mine = user_id == command.user_id
            self.tell(user_id, said, command.connection_id if mine else "")
        self.bring_up(command.conversation_id)
        cursor = self.head(command.user_id).head
        return Stored(
            message.message_id, message.conversation_id, message.seq, state.now, False, cursor
        )

    def read_own(self, command: StoreMessage, conversation: Conversation, seq: int) -> None:
        """Who had read everything has read their own next message too."""
        member = conversation.members[command.user_id]
        if conversation.kind == "group":
            member.sent_seq = seq
            self.changes.members.add((command.conversation_id, command.user_id))
        if member.read_seq == seq - 1:
            member.read_seq = member.delivered_seq = seq
            self.changes.members.add((command.conversation_id, command.user_id))


def place_of(command: Command) -> tuple[str, str] | None:
    """Where a message's order counts: in its conversation, as sent by its connection."""
    if isinstance(command, StoreMessage) and command.connection_id:
        return command.connection_id, command.conversation_id
    return None


def _again(known: Message, hashed: bytes) -> Result:
    if known.content_hash != hashed:
        return Refused("client_id_conflict", "This `client_id` names another message")
    return Stored(known.message_id, known.conversation_id, known.seq, known.created_at, True, 0)
