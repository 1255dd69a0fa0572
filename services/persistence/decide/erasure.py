"""Owns the erasure of a user: a part of `decide`, pure.

The id of an erased user stays, and with it all numbers: of messages, events and members. Whatever
somebody who holds an old token, or a late repeat of a command, does in their name is refused.
"""

from msgspec.structs import replace

from services.persistence.decide import groups
from services.persistence.decide.absent import NO_USER
from services.persistence.decide.changes import Erased, Reacted, Revised, Vanished
from services.persistence.decide.state import Message
from services.persistence.decide.transaction import Transaction
from shared.commands import (
    Command,
    Done,
    EraseTraces,
    EraseUser,
    FinishErasure,
    Refused,
    Result,
    Standing,
)
from shared.errors import NotFound
from shared.reserved import SYSTEM
from shared.subjects import direct_conversation_id

ERASED = Refused.of(NotFound("This user was erased, and the id cannot be used again"))


def begin(tx: Transaction, command: EraseUser) -> Result:
    """Begin to erase a user. The profile goes at once, all else in steps."""
    head = tx.state.heads.get(command.user_id)
    if head is None:
        return NO_USER
    head.erased = True
    tx.changes.erased.append(command.user_id)
    tx.state.standings[command.user_id] = Standing(banned=True)  # this ends their sockets
    tx.changes.standings.add(command.user_id)
    tx.tell(command.user_id, Vanished(command.user_id, "erasing"))
    return Done()


def carry_out(tx: Transaction, command: Command) -> Result:
    """Carry out a command in the name of an erased user: only the erasure itself goes on."""
    match command:
        case EraseUser():
            return Done()
        case EraseTraces():
            return _step(tx, command)
        case FinishErasure():
            return _finish(tx, command)
        case _:
            return ERASED


def _step(tx: Transaction, command: EraseTraces) -> Done:
    for conversation_id in command.conversation_ids:
        _withdraw(tx, command.user_id, conversation_id)
    for message_id in command.message_ids:
        _wipe(tx, command.user_id, message_id)
    for message_id, emoji in command.reactions:
        _take_back(tx, command.user_id, message_id, emoji)
    for attachment_id in command.attachment_ids:
        _condemn(tx, command.user_id, attachment_id)
    return Done()


def _finish(tx: Transaction, command: FinishErasure) -> Done:
    tx.changes.finished.append(command.user_id)
    tx.tell(command.user_id, Vanished(command.user_id, "erased"))
    return Done()


def _withdraw(tx: Transaction, user_id: str, conversation_id: str) -> None:
    """Leave a group. A direct conversation keeps its two sides; nothing more can be said there, as
    if the erased user blocked the other."""
    conversation = tx.conversation_of(user_id, conversation_id)
    if conversation is None:
        return
    if conversation.kind == "group":
        groups.leave(tx, user_id, conversation_id)
        if not conversation.members:
            conversation.title = None
        return
    member = conversation.members[user_id]
    member.blocked, member.cleared_seq = True, conversation.last_seq
    member.archived = member.muted = False
    tx.changes.members.add((conversation_id, user_id))


def _wipe(tx: Transaction, user_id: str, message_id: int) -> None:
    """Delete a message as if its sender had done so for everyone, and its client id as well."""
    message = tx.state.messages_by_id.get(message_id)
    if message is None or not _is_theirs(user_id, message):
        return
    tx.changes.disowned.append(message_id)
    if message.deleted_at is None:
        tx.state.reactions.pop(message_id, None)
        wiped = replace(message, version=message.version + 1, deleted_at=tx.state.now)
        _tell_others(tx, user_id, Erased(wiped))


def _is_theirs(user_id: str, message: Message) -> bool:
    """Return whether a message is the user's: their own, or one by the system to them alone."""
    system = message.sender_id == SYSTEM
    with_system = direct_conversation_id(user_id, SYSTEM)
    return message.sender_id == user_id or (system and message.conversation_id == with_system)


def _take_back(tx: Transaction, user_id: str, message_id: int, emoji: str) -> None:
    message = tx.state.messages_by_id.get(message_id)
    reactions = tx.state.reactions.get(message_id, {})
    before = reactions.get((user_id, emoji))
    if message is None or message.deleted_at is not None or before is None or before.removed:
        return
    reactions[user_id, emoji] = removed = replace(before, removed=True)
    changed = replace(message, version=message.version + 1)
    _tell_others(tx, user_id, Reacted(changed, user_id, emoji, removed))


def _tell_others(tx: Transaction, user_id: str, revision: Revised) -> None:
    """Tell every other member who can see the message."""
    message: Message = revision.message
    tx.state.messages_by_id[message.message_id] = message
    tx.changes.revisions.append(revision)
    for member_id in tx.state.conversations[message.conversation_id].members:
        if member_id != user_id and tx.visible(member_id, message.message_id):
            tx.tell(member_id, revision)


def _condemn(tx: Transaction, user_id: str, attachment_id: str) -> None:
    """An upload that no message has."""
    known = tx.state.attachments.get(attachment_id)
    if known is not None and known.owner_id == user_id and known.state != "attached":
        tx.state.attachments[attachment_id] = replace(known, state="condemned", name="")
        tx.changes.attachments.add(attachment_id)
