"""Owns blocks between users and the effects of a block (C9): a part of `decide`, pure.

Between the two of a direct conversation nothing more is said while a block stands. Who is blocked
is answered as if the other were not there, who blocks is told to take it back first. A group both
are in goes on; neither can be brought into another one by the other.
"""

from collections.abc import Collection

from services.persistence.decide.absent import NO_USER
from services.persistence.decide.contacts import strangers
from services.persistence.decide.state import Conversation
from services.persistence.decide.transaction import Transaction
from shared.commands import Done, Refused, Result, SetBlock
from shared.errors import Forbidden, InvalidRequest

ONESELF = Refused.of(InvalidRequest("You cannot block yourself"))
STRANGERS = Refused.of(Forbidden("You are no longer contacts, so you cannot write to this user"))
OWN_BLOCK = Refused.of(Forbidden("You block this user: unblock them first"))


def set_block(tx: Transaction, command: SetBlock) -> Result:
    """Set or remove a block. The user's own devices are told, if there is a conversation."""
    if command.other_id == command.user_id:
        return ONESELF
    if not tx.is_there(command.user_id, command.other_id):
        return NO_USER
    pair = (command.user_id, command.other_id)
    if command.blocked == (pair in tx.state.blocks):
        return Done()
    if command.blocked:
        tx.head(command.user_id)
        tx.state.blocks.add(pair)
    else:
        tx.state.blocks.discard(pair)
    tx.changes.blocks.add(pair)
    conversation = tx.conversation_of(command.user_id, command.conversation_id)
    if conversation is not None:
        member = conversation.members[command.user_id]
        member.blocked = command.blocked
        tx.tell_view(command.user_id, command.conversation_id, "set")
    return Done()


def barred(
    tx: Transaction, conversation: Conversation, user_id: str, absent: Refused
) -> Refused | None:
    """Return the refusal of anything this member says there, if any. `absent`: the refusal if the
    other side did not exist."""
    if conversation.kind != "direct":
        return None
    if conversation.members[user_id].blocked:
        return OWN_BLOCK
    if any(member.blocked for member in conversation.members.values()):
        return absent
    return STRANGERS if strangers(tx, user_id, conversation.members) else None


def kept_apart(
    tx: Transaction, user_id: str, others: Collection[str], absent: Refused
) -> Refused | None:
    """Return the refusal if this user may not bring the others into a group."""
    if any((other, user_id) in tx.state.blocks for other in others):
        return absent
    if strangers(tx, user_id, others):
        return absent
    return OWN_BLOCK if any((user_id, other) in tx.state.blocks for other in others) else None
