"""Owns the creation of direct conversations, and the settings of each member. Pure.

Nobody else is told of a view that is cleared, archived or muted; the member's own devices are, by
a `conversation` event. A title is the group's own, and told to all.
"""

from services.persistence.decide import blocks, groups
from services.persistence.decide.absent import NO_CONVERSATION
from services.persistence.decide.changes import Seen
from services.persistence.decide.contacts import strangers
from services.persistence.decide.state import Conversation, Member
from services.persistence.decide.transaction import Transaction
from shared.commands import (
    BeginConversation,
    Begun,
    ClearConversation,
    Cleared,
    Done,
    Refused,
    Result,
    SetConversation,
    StoreMessage,
)
from shared.errors import NotFound

NOBODY = Refused.of(NotFound("There is no such user or conversation"))


def begin_empty(tx: Transaction, command: BeginConversation) -> Result:
    conversation = addressed(tx, command)
    if conversation is None:
        return NOBODY
    if command.conversation_id in tx.state.conversations:
        return Begun(False)
    refused = blocks.barred(tx, conversation, command.user_id, NOBODY)
    refused = refused or tx.charge(command.user_id)
    if refused is not None:
        return refused
    begin(tx, command.conversation_id, conversation)
    tx.changes.conversations.add(command.conversation_id)
    _tell_begun(tx, command.conversation_id, conversation)
    return Begun(True)


def addressed(tx: Transaction, command: StoreMessage | BeginConversation) -> Conversation | None:
    """Return the user's conversation that the command names, or a new direct one with `to`."""
    known = command.conversation_id in tx.state.conversations
    if known or command.to is None or not _may_begin(tx, command.user_id, command.to):
        return tx.conversation_of(command.user_id, command.conversation_id)
    return Conversation("direct", 0, 0, _pair(tx, command.user_id, command.to), tx.state.now)


def _may_begin(tx: Transaction, user_id: str, to: str) -> bool:
    return tx.is_there(user_id, to) and not strangers(tx, user_id, [to])


def _pair(tx: Transaction, user_id: str, to: str) -> dict[str, Member]:
    """Return the two members, or the only one, of a conversation that does not exist yet."""
    others = {user_id: to, to: user_id}
    found = tx.state.blocks
    return {one: Member(blocked=(one, others[one]) in found) for one in sorted(others)}


def begin(tx: Transaction, conversation_id: str, conversation: Conversation) -> None:
    tx.state.conversations[conversation_id] = conversation
    tx.changes.members.update((conversation_id, user_id) for user_id in conversation.members)


def _tell_begun(tx: Transaction, conversation_id: str, conversation: Conversation) -> None:
    """Tell each member of a conversation that begins without a message."""
    for user_id in conversation.members:
        tx.tell(user_id, Seen(conversation_id, user_id, "begun"))


def clear(tx: Transaction, command: ClearConversation) -> Result:
    member = _member(tx, command)
    if member is None:
        return NO_CONVERSATION
    last_seq = tx.state.conversations[command.conversation_id].last_seq
    count = last_seq - member.cleared_seq
    if count:
        member.cleared_seq = last_seq
        tx.tell_view(command.user_id, command.conversation_id, "cleared")
    return Cleared(count)


def set_view(tx: Transaction, command: SetConversation) -> Result:
    member = _member(tx, command)
    if member is None:
        return NO_CONVERSATION
    if command.title is not None:
        refused = groups.rename(tx, command.user_id, command.conversation_id, command.title)
        if refused is not None:
            return refused
    archived = member.archived if command.archived is None else command.archived
    muted = member.muted if command.muted is None else command.muted
    if (archived, muted) != (member.archived, member.muted):
        member.archived, member.muted = archived, muted
        tx.tell_view(command.user_id, command.conversation_id, "set")
    return Done()


def bring_back(tx: Transaction, conversation_id: str) -> None:
    """Take the conversation out of every member's archive. The new message implies it."""
    for user_id, member in tx.state.conversations[conversation_id].members.items():
        if member.archived:
            member.archived = False
            member.version += 1
            tx.changes.members.add((conversation_id, user_id))


def _member(tx: Transaction, command: ClearConversation | SetConversation) -> Member | None:
    conversation = tx.conversation_of(command.user_id, command.conversation_id)
    return conversation.members[command.user_id] if conversation else None
