"""Owns the decision on a batch of commands: a pure function of values, without I/O or clock.

`decide` takes the state that was read in this transaction after all locks, consumes it, and
gives the rows to write and one reply per batch. What it cannot see cannot be wrong.
"""

from collections.abc import Sequence
from typing import assert_never

from services.persistence.decide import (
    attachments,
    audit_log,
    blocks,
    contacts,
    conversations,
    erasure,
    groups,
    messages,
    receipts,
    reports,
    revisions,
    standings,
    tickets,
    users,
)
from services.persistence.decide.absent import NO_USER
from services.persistence.decide.changes import Changes, Decision
from services.persistence.decide.state import Fence, State
from services.persistence.decide.transaction import Transaction
from shared import commands
from shared.commands import (
    AddMembers,
    AdvanceReceipt,
    Batch,
    BatchReply,
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
    EraseUser,
    Fenced,
    FileReport,
    FinishErasure,
    ForgetAttachments,
    IssueTicket,
    PutUser,
    React,
    ReadMessages,
    RecordChange,
    RejectMessage,
    RemoveMember,
    ReserveAttachment,
    Result,
    Results,
    RevokeToken,
    SetBan,
    SetBlock,
    SetContact,
    SetConversation,
    SetRole,
    StoreMessage,
    TakeTicket,
    TouchUser,
)


def decide(state: State, batches: Sequence[Batch]) -> Decision:
    """Decide the batches of one transaction, in order. A repeat of a lane's newest batch gets its
    stored results, an older batch is refused (R1)."""
    tx = Transaction(state, Changes())
    replies = [_reply(tx, batch) for batch in batches]
    receipts.tell(tx)
    return Decision(state, tx.changes, replies)


def _reply(tx: Transaction, batch: Batch) -> BatchReply:
    seen = tx.state.fences.get(batch.lane)
    if seen is not None and batch.number < seen.number:
        return Fenced(seen.number)
    if seen is not None and batch.number == seen.number:
        return commands.decode(seen.results, Results)
    reply = Results([_carry_out(tx, command) for command in batch.commands])
    fence = Fence(batch.number, commands.encode(reply))
    tx.state.fences[batch.lane] = tx.changes.fences[batch.lane] = fence
    return reply


def _carry_out(tx: Transaction, command: Command) -> Result:
    if tx.is_erased(command.user_id):
        return erasure.carry_out(tx, command)
    return _decided(tx, command)


def _decided(tx: Transaction, command: Command) -> Result:  # noqa: C901 - one case a command
    match command:
        case StoreMessage():
            return messages.store(tx, command)
        case RejectMessage():
            return messages.reject(tx, command)
        case EditMessage():
            return revisions.edit(tx, command)
        case DeleteMessage():
            return revisions.delete(tx, command)
        case React():
            return revisions.react(tx, command)
        case AdvanceReceipt():
            return receipts.advance(tx, command)
        case ReadMessages():
            return receipts.read_messages(tx, command)
        case BeginConversation():
            return conversations.begin_empty(tx, command)
        case ClearConversation():
            return conversations.clear(tx, command)
        case SetConversation():
            return conversations.set_view(tx, command)
        case CreateGroup():
            return groups.create(tx, command)
        case AddMembers():
            return groups.add(tx, command)
        case RemoveMember():
            return groups.remove(tx, command)
        case SetRole():
            return groups.set_role(tx, command)
        case SetBlock():
            return blocks.set_block(tx, command)
        case SetContact():
            return contacts.set_contact(tx, command)
        case FileReport():
            return reports.file(tx, command)
        case ReserveAttachment():
            return attachments.reserve(tx, command)
        case CommitAttachment():
            return attachments.commit(tx, command)
        case CondemnAttachments():
            return attachments.condemn(tx, command)
        case ForgetAttachments():
            return attachments.forget(tx, command)
        case PutUser():
            return users.put(tx, command)
        case RecordChange():
            return audit_log.record(tx, command)
        case IssueTicket():
            return tickets.issue(tx, command)
        case TakeTicket():
            return tickets.take(tx, command)
        case TouchUser():
            return users.touch(tx, command)
        case SetBan():
            return standings.set_ban(tx, command)
        case Disconnect():
            return standings.disconnect(tx, command)
        case RevokeToken():
            return standings.revoke(tx, command)
        case EraseUser():
            return erasure.begin(tx, command)
        case EraseTraces() | FinishErasure():
            return NO_USER
        case _:
            assert_never(command)
