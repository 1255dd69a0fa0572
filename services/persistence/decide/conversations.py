"""Owns what a member does to their own view of a conversation: clear, archive, mute. Pure.

Nobody else is told; the member's own devices are, by a `conversation` event. A title is the
group's own, and told to all.
"""

from services.persistence.decide import groups
from services.persistence.decide.changes import Seen
from services.persistence.decide.state import Member
from services.persistence.decide.transaction import Turn
from shared.commands import ClearConversation, Cleared, Done, Refused, Result, SetConversation

NO_CONVERSATION = Refused("not_found", "There is no such conversation")


def clear(turn: Turn, command: ClearConversation) -> Result:
    member = _member(turn, command)
    if member is None:
        return NO_CONVERSATION
    last_seq = turn.state.conversations[command.conversation_id].last_seq
    count = last_seq - member.cleared_seq
    if count:
        member.cleared_seq = last_seq
        turn.tell_view(command.user_id, command.conversation_id, "cleared")
    return Cleared(count)


def set_view(turn: Turn, command: SetConversation) -> Result:
    member = _member(turn, command)
    if member is None:
        return NO_CONVERSATION
    if command.title is not None:
        refused = groups.rename(turn, command.user_id, command.conversation_id, command.title)
        if refused is not None:
            return refused
    archived = member.archived if command.archived is None else command.archived
    muted = member.muted if command.muted is None else command.muted
    if (archived, muted) != (member.archived, member.muted):
        member.archived, member.muted = archived, muted
        turn.tell_view(command.user_id, command.conversation_id, "set")
    return Done()


def tell_begun(turn: Turn, conversation_id: str) -> None:
    """Each member hears of a conversation that begins without a message."""
    for user_id in turn.state.conversations[conversation_id].members:
        turn.tell(user_id, Seen(conversation_id, user_id, "begun"))


def bring_back(turn: Turn, conversation_id: str) -> None:
    """A new message takes the conversation out of every archive; the message itself tells so."""
    for user_id, member in turn.state.conversations[conversation_id].members.items():
        if member.archived:
            member.archived = False
            member.version += 1
            turn.changes.members.add((conversation_id, user_id))


def _member(turn: Turn, command: ClearConversation | SetConversation) -> Member | None:
    conversation = turn.conversation_of(command.user_id, command.conversation_id)
    return conversation.members[command.user_id] if conversation else None
