"""Owns the marks, delivered and read, and their receipts. Pure."""

from collections.abc import Iterable

from services.persistence.decide.changes import Marked
from services.persistence.decide.state import Conversation, Member
from services.persistence.decide.transaction import Moved, Transaction
from shared.commands import AdvanceReceipt, Done, ReadMessages, Refused, Result
from shared.errors import NotFound
from shared.frames.fields import MAX_NAMED

NO_MESSAGE = Refused.of(NotFound("There is no such message or conversation"))


def advance(tx: Transaction, command: AdvanceReceipt) -> Result:
    conversation_id, read_seq = command.conversation_id, command.read_seq
    if command.read_message_id:
        message = tx.visible(command.user_id, command.read_message_id)
        conversation_id, read_seq = (message.conversation_id, message.seq) if message else ("", 0)
    return _move(tx, command, conversation_id, read_seq, command.delivered_seq)


def read_messages(tx: Transaction, command: ReadMessages) -> Result:
    """Move each conversation's mark once. Messages that the reader may not see are ignored."""
    highest: dict[str, int] = {}
    for message_id in command.message_ids:
        message = tx.visible(command.user_id, message_id)
        if message is not None:
            at = highest.get(message.conversation_id, 0)
            highest[message.conversation_id] = max(at, message.seq)
    results = [_move(tx, command, *found, 0) for found in highest.items()]
    return Done() if Done() in results else NO_MESSAGE


def _move(
    tx: Transaction,
    command: AdvanceReceipt | ReadMessages,
    conversation_id: str,
    read_seq: int,
    delivered_seq: int,
) -> Result:
    conversation = tx.conversation_of(command.user_id, conversation_id)
    if conversation is None:
        return NO_MESSAGE
    if conversation.kind == "group" and len(conversation.members) > MAX_NAMED:
        delivered_seq = 0
    member = conversation.members[command.user_id]
    if member.blocked:  # the other side learns nothing more of them: their marks stand still
        return Done()
    read = max(member.read_seq, min(read_seq, conversation.last_seq))
    delivered = max(member.delivered_seq, min(delivered_seq, conversation.last_seq), read)
    if (delivered, read) != (member.delivered_seq, member.read_seq):
        moved = _moved(member, delivered, read, command.connection_id)
        tx.changes.members.add((conversation_id, command.user_id))
        _note(tx, conversation_id, command.user_id, moved)
    return Done()


def _moved(member: Member, delivered: int, read: int, origin: str) -> Moved:
    """Move the marks, and return where they stood."""
    before = member.read_seq if read > member.read_seq else member.delivered_seq
    moved = Moved(before, origin, delivered > member.delivered_seq, read > member.read_seq)
    member.delivered_seq, member.read_seq = delivered, read
    return moved


def _note(tx: Transaction, conversation_id: str, reader: str, moved: Moved) -> None:
    known = tx.moved.get((conversation_id, reader))
    if known is not None:
        moved = Moved(
            min(moved.before, known.before),
            moved.origin,
            moved.delivered or known.delivered,
            moved.read or known.read,
        )
    tx.moved[conversation_id, reader] = moved


def tell(tx: Transaction) -> None:
    """Tell each hearer once in a transaction, however many marks moved in it."""
    for (conversation_id, reader), moved in tx.moved.items():
        conversation = tx.conversation_of(reader, conversation_id)
        if conversation is None:
            continue
        fact = _marked(conversation_id, reader, conversation.members[reader], moved)
        for user_id in _hearers(conversation, reader, moved.before):
            tx.tell(user_id, fact, moved.origin if user_id == reader else "")


def _marked(conversation_id: str, reader: str, member: Member, moved: Moved) -> Marked:
    """The marks that moved are stored in the reader's own receipt: its time is when they did."""
    return Marked(
        conversation_id,
        reader,
        member.delivered_seq if moved.delivered else None,
        member.read_seq if moved.read else None,
    )


def _hearers(conversation: Conversation, reader: str, before: int) -> Iterable[str]:
    """Return the reader's own devices and the other side; in a group, the authors after
    `before`."""
    for user_id, member in conversation.members.items():
        if user_id == reader or conversation.kind != "group" or member.sent_seq > before:
            yield user_id
