"""Owns contacts: who may write to whom, if the host app decides it (C9). A part of `decide`, pure.

Two users are contacts of each other or not at all. Without that they cannot begin a conversation,
a direct conversation that they have stands still, and neither brings the other into a group. The
other is answered for as if they were not there, except where the two have a conversation.
"""

from collections.abc import Iterable

from services.persistence.decide.absent import NO_USER
from services.persistence.decide.transaction import Transaction
from shared.commands import Done, Refused, Result, SetContact
from shared.errors import InvalidRequest, NotFound
from shared.reserved import is_of_host

NO_CONTACT = Refused.of(NotFound("There is no user with the id of the contact"))
ONESELF = Refused.of(InvalidRequest("A user cannot be their own contact"))


def set_contact(tx: Transaction, command: SetContact) -> Result:
    """Allow the two to write to each other, or end that. A repeat changes nothing."""
    user_id, other_id = command.user_id, command.other_id
    if user_id == other_id:
        return ONESELF
    if user_id not in tx.state.heads:
        return NO_USER
    if not tx.is_there(user_id, other_id):
        return NO_CONTACT
    for pair in ((user_id, other_id), (other_id, user_id)):
        tx.changes.contacts[pair] = command.allowed
        (tx.state.contacts.add if command.allowed else tx.state.contacts.discard)(pair)
    return Done()


def strangers(tx: Transaction, user_id: str, others: Iterable[str]) -> bool:
    """Return whether there is one among the others to whom the host app lets this user not write.
    Everybody may write to themselves, and the system to everybody."""
    if not tx.state.limits.contacts_only or not is_of_host(user_id):
        return False
    contacts = tx.state.contacts
    return any(other != user_id and (user_id, other) not in contacts for other in others)
