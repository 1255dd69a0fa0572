"""Owns the edits, deletions and reactions of stored messages: a part of `decide`.

Every change of the message itself counts its `version` up, so that a client can tell an older
state from a newer one. All of these can be repeated without harm.
"""

from msgspec.structs import replace

from services.persistence.decide.absent import NO_MESSAGE
from services.persistence.decide.blocks import barred
from services.persistence.decide.changes import Edited, Erased, Hidden, Reacted, Revised
from services.persistence.decide.state import Message, Reaction
from services.persistence.decide.transaction import Transaction
from shared.clock import SECOND
from shared.commands import DeleteMessage, Done, EditMessage, React, Refused, Result
from shared.errors import EditWindowClosed, Forbidden, TooLarge

MAX_REACTIONS = 500  # different ones on a message, over its life
MAX_OWN_REACTIONS = 30  # of one user

FORBIDDEN = Refused.of(Forbidden("Only the sender of the message may do this"))
TOO_LATE = Refused.of(
    EditWindowClosed("The message is too old to be edited or deleted for everyone")
)
TOO_MANY = Refused.of(TooLarge("The message has too many reactions"))


def edit(tx: Transaction, command: EditMessage) -> Result:
    message = tx.visible(command.user_id, command.message_id)
    if message is None or message.deleted_at is not None:
        return NO_MESSAGE
    refused = _not_now(tx, message, command.user_id, tx.state.limits.edit_window)
    refused = refused or _barred(tx, message, command.user_id)
    if refused is not None:
        return refused
    changed = _replaced(tx, replace(message, version=message.version + 1))
    _tell_all(tx, Edited(changed, command.content))
    return Done()


def delete(tx: Transaction, command: DeleteMessage) -> Result:
    message = tx.visible(command.user_id, command.message_id)
    if message is None:
        return _gone(tx, command)
    if command.mode == "me":
        tx.state.hidden.add((message.message_id, command.user_id))
        hidden = Hidden(message, command.user_id)
        tx.changes.revisions.append(hidden)
        tx.tell(command.user_id, hidden)
        return Done()
    return _erase(tx, command, message)


def _gone(tx: Transaction, command: DeleteMessage) -> Result:
    """Return the answer for a message that is not seen. Hiding one that this user has hidden
    already is a repeat."""
    known = (command.message_id, command.user_id) in tx.state.hidden
    return Done() if known and command.mode == "me" else NO_MESSAGE


def _erase(tx: Transaction, command: DeleteMessage, message: Message) -> Result:
    if message.deleted_at is not None and message.sender_id == command.user_id:
        return Done()
    refused = _not_now(tx, message, command.user_id, tx.state.limits.delete_window)
    if refused is not None:
        return refused
    now = tx.state.now
    changed = _replaced(tx, replace(message, version=message.version + 1, deleted_at=now))
    tx.state.reactions.pop(message.message_id, None)
    _tell_all(tx, Erased(changed))
    return Done()


def react(tx: Transaction, command: React) -> Result:
    message = tx.visible(command.user_id, command.message_id)
    if message is None or message.deleted_at is not None:
        return NO_MESSAGE
    reactions = tx.state.reactions.setdefault(message.message_id, {})
    key = command.user_id, command.emoji
    before = reactions.get(key)
    if command.remove == (before is None or before.removed):
        return Done()
    refused = None if command.remove else _may_not_react(tx, message, command, before)
    if refused is not None:
        return refused
    number = before.number if before else len(reactions) + 1
    reactions[key] = Reaction(number, command.remove)
    changed = _replaced(tx, replace(message, version=message.version + 1))
    _tell_all(tx, Reacted(changed, *key, reactions[key]))
    return Done()


def _may_not_react(
    tx: Transaction, message: Message, command: React, before: Reaction | None
) -> Refused | None:
    reactions = tx.state.reactions[message.message_id]
    if before is None and _full(reactions, command.user_id):
        return TOO_MANY
    return _barred(tx, message, command.user_id)


def _barred(tx: Transaction, message: Message, user_id: str) -> Refused | None:
    """Return the refusal for who may say nothing new. Anything said can be taken back, but nothing
    new is said to somebody who blocks."""
    conversation = tx.state.conversations[message.conversation_id]
    return barred(tx, conversation, user_id, NO_MESSAGE)


def _full(reactions: dict[tuple[str, str], Reaction], user_id: str) -> bool:
    own = sum(reactor == user_id for reactor, _ in reactions)
    return own >= MAX_OWN_REACTIONS or len(reactions) >= MAX_REACTIONS


def _not_now(tx: Transaction, message: Message, user_id: str, window: float) -> Refused | None:
    """Return the refusal if this user may not change that message."""
    if message.sender_id != user_id:
        return FORBIDDEN
    age = tx.state.now - message.created_at
    return TOO_LATE if window and age > window * SECOND else None


def _replaced(tx: Transaction, message: Message) -> Message:
    tx.state.messages_by_id[message.message_id] = message
    return message


def _tell_all(tx: Transaction, revision: Revised) -> None:
    """Tell every member who can see the message, which excludes those who have hidden it."""
    tx.changes.revisions.append(revision)
    message = revision.message
    for user_id in tx.state.conversations[message.conversation_id].members:
        if tx.visible(user_id, message.message_id):
            tx.tell(user_id, revision)
