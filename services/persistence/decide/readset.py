"""Owns the read set of batches: everything to read before they can be decided."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.commands import (
    AddMembers,
    AdvanceReceipt,
    Batch,
    BeginConversation,
    ClearConversation,
    Command,
    CommitAttachment,
    CondemnAttachments,
    CreateGroup,
    DeleteMessage,
    Disconnect,
    EditMessage,
    EraseTraces,
    FileReport,
    ForgetAttachments,
    IssueTicket,
    React,
    ReadMessages,
    RejectMessage,
    RemoveMember,
    ReserveAttachment,
    RevokeToken,
    SetBan,
    SetBlock,
    SetContact,
    SetConversation,
    SetRole,
    StoreMessage,
    TakeTicket,
)


@dataclass(slots=True)
class ReadSet:
    lanes: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    conversations: set[str] = field(default_factory=set)
    messages: set[tuple[str, str]] = field(default_factory=set)
    message_ids: set[int] = field(default_factory=set)
    reacted: set[int] = field(default_factory=set)
    tickets: set[str] = field(default_factory=set)
    attachments: set[str] = field(default_factory=set)
    uploaders: set[str] = field(default_factory=set)
    condemning: bool = False
    pairs: set[tuple[str, str, str]] = field(default_factory=set)  # a third: their conversation
    reports: set[str] = field(default_factory=set)
    standings: set[str] = field(default_factory=set)

    def add(self, command: Command) -> None:  # noqa: C901 - one case a command
        self.users.add(command.user_id)
        match command:
            case StoreMessage():
                self.add_message(command)
            case RejectMessage():
                self.messages.add((command.user_id, command.message.client_id))
            case EditMessage() | DeleteMessage():
                self.message_ids.add(command.message_id)
            case React():
                self.message_ids.add(command.message_id)
                self.reacted.add(command.message_id)
            case AdvanceReceipt(read_message_id=0) | ClearConversation() | SetConversation():
                self.conversations.add(command.conversation_id)
            case AdvanceReceipt():
                self.message_ids.add(command.read_message_id)
            case ReadMessages():
                self.message_ids.update(command.message_ids)
            case BeginConversation():
                self.conversations.add(command.conversation_id)
                self.add_peer(command.user_id, command.to, command.conversation_id)
            case IssueTicket() | TakeTicket():
                self.tickets.add(command.ticket_hash)
            case CreateGroup() | AddMembers():
                self.conversations.add(command.conversation_id)
                for member_id in command.members:
                    self.add_peer(command.user_id, member_id)
            case RemoveMember() | SetRole():
                self.conversations.add(command.conversation_id)
            case SetBlock():
                self.conversations.add(command.conversation_id)
                self.add_peer(command.user_id, command.other_id)
            case SetContact():
                self.users.add(command.other_id)
            case FileReport():
                self.reports.add(command.report_id)
                self.users.add(command.other_id or command.user_id)
                self.message_ids.add(command.message_id or 0)
            case ReserveAttachment():
                self.uploaders.add(command.user_id)
            case CommitAttachment():
                self.attachments.add(command.attachment_id)
            case ForgetAttachments():
                self.attachments.update(command.attachment_ids)
            case CondemnAttachments():
                self.condemning = True
            case SetBan() | Disconnect() | RevokeToken():
                self.standings.add(command.user_id)
            case EraseTraces():
                self.conversations.update(command.conversation_ids)
                self.message_ids.update(command.message_ids)
                self.reacted.update(message_id for message_id, _ in command.reactions)
                self.message_ids.update(self.reacted)
                self.attachments.update(command.attachment_ids)

    def add_message(self, command: StoreMessage) -> None:
        self.conversations.add(command.conversation_id)
        self.messages.add((command.user_id, command.client_id))
        self.attachments.update(command.attachments)
        if command.after:
            self.messages.add((command.user_id, command.after))
        if command.to:
            self.add_peer(command.user_id, command.to, command.conversation_id)
        if command.reply_to:
            self.message_ids.add(command.reply_to)

    def add_peer(self, user_id: str, other_id: str, conversation_id: str = "") -> None:
        """Add the blocks between the two. For a conversation that exists, its members' rows hold
        them."""
        self.users.add(other_id)
        self.pairs |= {(user_id, other_id, conversation_id), (other_id, user_id, conversation_id)}


def read_set(batches: Iterable[Batch]) -> ReadSet:
    """Return everything to read before these batches can be decided."""
    wanted = ReadSet()
    for batch in batches:
        wanted.lanes.add(batch.lane)
        for command in batch.commands:
            wanted.add(command)
    return wanted
