"""Owns what an edit, a deletion or a reaction does to a stored message: a part of `decide`.

Every change of the message itself counts its `version` up, so that a client can tell an older
state from a newer one. All of these can be repeated without harm.
"""

from msgspec.structs import replace

from services.persistence.decide.blocks import barred
from services.persistence.decide.changes import Edited, Erased, Hidden, Reacted, Revised
from services.persistence.decide.state import Message, Reaction
from services.persistence.decide.transaction import Turn
from shared.commands import DeleteMessage, Done, EditMessage, React, Refused, Result

MAX_REACTIONS = 500  # different ones on a message, over its life
MAX_OWN_REACTIONS = 30  # of one user
SECOND = 1_000_000  # microseconds

NOT_FOUND = Refused("not_found", "There is no such message")
FORBIDDEN = Refused("forbidden", "Only who sent a message may do that")
TOO_LATE = Refused("edit_window_closed", "The message is too old for that")
TOO_MANY = Refused("too_large", "There are too many reactions to this message")


def edit(turn: Turn, command: EditMessage) -> Result:
    message = turn.visible(command.user_id, command.message_id)
    if message is None or message.deleted_at is not None:
        return NOT_FOUND
    refused = _not_now(turn, message, command.user_id, turn.state.limits.edit_window)
    refused = refused or _barred(turn, message, command.user_id)
    if refused is not None:
        return refused
    changed = _replaced(turn, replace(message, version=message.version + 1))
    _tell_all(turn, Edited(changed, command.content))
    return Done()


def delete(turn: Turn, command: DeleteMessage) -> Result:
    message = turn.visible(command.user_id, command.message_id)
    if message is None:
        return _gone(turn, command)
    if command.mode == "me":
        turn.state.hidden.add((message.message_id, command.user_id))
        hidden = Hidden(message, command.user_id)
        turn.changes.revisions.append(hidden)
        turn.tell(command.user_id, hidden)
        return Done()
    return _erase(turn, command, message)


def _gone(turn: Turn, command: DeleteMessage) -> Result:
    """To hide what this user has hidden already is a repeat."""
    known = (command.message_id, command.user_id) in turn.state.hidden
    return Done() if known and command.mode == "me" else NOT_FOUND


def _erase(turn: Turn, command: DeleteMessage, message: Message) -> Result:
    if message.deleted_at is not None and message.sender_id == command.user_id:
        return Done()
    refused = _not_now(turn, message, command.user_id, turn.state.limits.delete_window)
    if refused is not None:
        return refused
    now = turn.state.now
    changed = _replaced(turn, replace(message, version=message.version + 1, deleted_at=now))
    turn.state.reactions.pop(message.message_id, None)
    _tell_all(turn, Erased(changed))
    return Done()


def react(turn: Turn, command: React) -> Result:
    message = turn.visible(command.user_id, command.message_id)
    if message is None or message.deleted_at is not None:
        return NOT_FOUND
    reactions = turn.state.reactions.setdefault(message.message_id, {})
    key = command.user_id, command.emoji
    before = reactions.get(key)
    if command.remove == (before is None or before.removed):
        return Done()
    refused = None if command.remove else _may_not_react(turn, message, command, before)
    if refused is not None:
        return refused
    number = before.number if before else len(reactions) + 1
    reactions[key] = Reaction(number, command.remove)
    changed = _replaced(turn, replace(message, version=message.version + 1))
    _tell_all(turn, Reacted(changed, *key, reactions[key]))
    return Done()


def _may_not_react(
    turn: Turn, message: Message, command: React, before: Reaction | None
) -> Refused | None:
    reactions = turn.state.reactions[message.message_id]
    if before is None and _full(reactions, command.user_id):
        return TOO_MANY
    return _barred(turn, message, command.user_id)


def _barred(turn: Turn, message: Message, user_id: str) -> Refused | None:
    """What was said can always be taken back, but nothing new is said to who blocks."""
    conversation = turn.state.conversations[message.conversation_id]
    return barred(conversation, user_id, NOT_FOUND)


def _full(reactions: dict[tuple[str, str], Reaction], user_id: str) -> bool:
    own = sum(reactor == user_id for reactor, _ in reactions)
    return own >= MAX_OWN_REACTIONS or len(reactions) >= MAX_REACTIONS


def _not_now(turn: Turn, message: Message, user_id: str, window: float) -> Refused | None:
    """Why this user may not change that message, if they may not."""
    if message.sender_id != user_id:
        return FORBIDDEN
    age = turn.state.now - message.created_at
    return TOO_LATE if window and age > window * SECOND else None


def _replaced(turn: Turn, message: Message) -> Message:
    turn.state.messages_by_id[message.message_id] = message
    return message


def _tell_all(turn: Turn, revision: Revised) -> None:
    """Every member who may see the message; who has hidden it hears no more of it."""
    turn.changes.revisions.append(revision)
    message = revision.message
    for user_id in turn.state.conversations[message.conversation_id].members:
        if turn.visible(user_id, message.message_id):
            turn.tell(user_id, revision)
