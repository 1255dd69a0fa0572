"""Owns the changes to a group and the right to make them: a part of `decide`, pure.

Owners and admins add, remove and rename, owners give roles, anybody may leave. Every change is
told to each member, and to who is no longer one by it.
"""

import hashlib
from collections.abc import Sequence

from services.persistence.decide.absent import NO_CONVERSATION, NO_USER
from services.persistence.decide.blocks import kept_apart
from services.persistence.decide.changes import Changed
from services.persistence.decide.state import Conversation, Member
from services.persistence.decide.transaction import Transaction
from shared.commands import (
    AddMembers,
    Begun,
    CreateGroup,
    Done,
    Refused,
    RemoveMember,
    Result,
    SetRole,
)
from shared.errors import ClientIdConflict, Forbidden, InvalidRequest, NotFound, TooLarge
from shared.frames.fields import MAX_MEMBERS, Role

HASH_BYTES = 16
RANK = {"member": 0, "admin": 1, "owner": 2}

NO_MEMBER = Refused.of(NotFound("There is no such member"))
NO_GROUP = Refused.of(InvalidRequest("Only a group has a title and members that can be changed"))
MEMBERS_MAY_NOT = Refused.of(Forbidden("Only owners and admins of the group may do this"))
ADMINS_MAY_NOT = Refused.of(Forbidden("Only owners of the group may do this"))
LAST_OWNER = Refused.of(Forbidden("Make another member an owner first"))
CONFLICT = Refused.of(ClientIdConflict("This `client_id` was used for another group"))
TOO_LARGE = Refused.of(TooLarge(f"A group has at most {MAX_MEMBERS} members"))


def create(tx: Transaction, command: CreateGroup) -> Result:
    state = tx.state
    known = state.conversations.get(command.conversation_id)
    hashed = _hash(state.hash_key, command)
    if known is not None:
        return Begun(False) if known.created_hash == hashed else CONFLICT
    members = dict.fromkeys(command.members, "member") | {command.user_id: "owner"}
    others = members.keys() - {command.user_id}
    if not all(tx.is_there(command.user_id, user_id) for user_id in others):
        return NO_USER
    refused = kept_apart(tx, command.user_id, members, NO_USER)
    refused = refused or (TOO_LARGE if len(members) > MAX_MEMBERS else None)
    refused = refused or tx.charge(command.user_id)
    if refused is not None:
        return refused
    group = Conversation("group", 0, 0, {}, state.now, command.title, 0, hashed)
    state.conversations[command.conversation_id] = group
    for user_id, role in members.items():
        _join(tx, command.conversation_id, user_id, "owner" if role == "owner" else "member")
    _number(tx, command.conversation_id)
    _tell(tx, command.conversation_id, "created", command.user_id)
    tx.bring_up(command.conversation_id)
    return Begun(True)


def rename(tx: Transaction, user_id: str, conversation_id: str, title: str) -> Refused | None:
    """Give the group that title. Return the refusal, or None when it has the title now."""
    group = tx.state.conversations[conversation_id]
    refused = _may_not(group, user_id, "admin")
    if refused is not None or group.title == title:
        return refused
    refused = tx.charge(user_id)
    if refused is None:
        group.title = title
        _tell(tx, conversation_id, "renamed", user_id)
    return refused


def add(tx: Transaction, command: AddMembers) -> Result:
    group = tx.conversation_of(command.user_id, command.conversation_id)
    if group is None:
        return NO_CONVERSATION
    refused = _may_not(group, command.user_id, "admin")
    fresh = [user_id for user_id in dict.fromkeys(command.members) if user_id not in group.members]
    if refused is not None or not fresh:
        return refused or Done()
    if not all(tx.is_there(command.user_id, user_id) for user_id in fresh):
        return NO_USER
    full = len(group.members) + len(fresh) > MAX_MEMBERS
    refused = kept_apart(tx, command.user_id, fresh, NO_USER)
    refused = refused or (TOO_LARGE if full else None) or tx.charge(command.user_id)
    if refused is not None:
        return refused
    for user_id in fresh:
        _join(tx, command.conversation_id, user_id, "member")
    _number(tx, command.conversation_id)
    _tell(tx, command.conversation_id, "member_added", command.user_id, fresh)
    tx.bring_up(command.conversation_id)
    return Done()


def remove(tx: Transaction, command: RemoveMember) -> Result:
    group = tx.conversation_of(command.user_id, command.conversation_id)
    if group is None:
        return NO_CONVERSATION
    if group.kind != "group":
        return NO_GROUP
    if command.member_id == command.user_id:
        leave(tx, command.user_id, command.conversation_id)
        return Done()
    refused = _may_not(group, command.user_id, "admin") or _may_not_remove(group, command)
    refused = refused or tx.charge(command.user_id)
    if refused is not None:
        return refused
    _part(tx, command.member_id, command.conversation_id)
    gone = [command.member_id]
    _tell(tx, command.conversation_id, "member_removed", command.user_id, gone, gone)
    return Done()


def set_role(tx: Transaction, command: SetRole) -> Result:
    group = tx.conversation_of(command.user_id, command.conversation_id)
    if group is None:
        return NO_CONVERSATION
    refused = _may_not(group, command.user_id, "owner")
    if refused is not None:
        return refused
    member = group.members.get(command.member_id)
    if member is None:
        return NO_MEMBER
    if member.role == command.role:
        return Done()
    refused = LAST_OWNER if _owners(group) == [command.member_id] else tx.charge(command.user_id)
    if refused is not None:
        return refused
    member.role = command.role
    tx.changes.members.add((command.conversation_id, command.member_id))
    _tell(tx, command.conversation_id, "role", command.user_id, [command.member_id])
    return Done()


def leave(tx: Transaction, user_id: str, conversation_id: str) -> None:
    """Let a member leave, as anybody may. When the last owner does, the next in line becomes the
    owner."""
    group = tx.state.conversations[conversation_id]
    _part(tx, user_id, conversation_id)
    _tell(tx, conversation_id, "left", user_id, [user_id], [user_id])
    if group.members and not _owners(group):
        heir = _next_owner(group)
        group.members[heir].role = "owner"
        tx.changes.members.add((conversation_id, heir))
        _tell(tx, conversation_id, "role", user_id, [heir])


def _next_owner(group: Conversation) -> str:
    """Return the admin who joined first; without admins, the member who did."""

    def order(user_id: str) -> tuple[int, int, str]:
        member = group.members[user_id]
        return -RANK[member.role], member.joined_at, user_id

    return min(group.members, key=order)


def _owners(group: Conversation) -> list[str]:
    return [user_id for user_id, member in group.members.items() if member.role == "owner"]


def _may_not(group: Conversation, user_id: str, at_least: str) -> Refused | None:
    """Return the refusal if the user's role is lower than the one needed."""
    if group.kind != "group":
        return NO_GROUP
    if RANK[group.members[user_id].role] >= RANK[at_least]:
        return None
    return ADMINS_MAY_NOT if at_least == "owner" else MEMBERS_MAY_NOT


def _may_not_remove(group: Conversation, command: RemoveMember) -> Refused | None:
    """Return the refusal if the user may not remove that member: admins remove members, owners
    anybody."""
    member = group.members.get(command.member_id)
    if member is None:
        return NO_MEMBER
    return _may_not(group, command.user_id, "admin" if member.role == "member" else "owner")


def _join(tx: Transaction, conversation_id: str, user_id: str, role: Role) -> None:
    """Let users join. Earlier messages count as read, and are visible only if the setting says
    so."""
    group = tx.state.conversations[conversation_id]
    last = group.last_seq
    hidden = 0 if tx.state.limits.group_history else last
    group.members[user_id] = Member(
        last, last, hidden, version=0, role=role, joined_at=tx.state.now
    )
    tx.changes.members.add((conversation_id, user_id))


def _part(tx: Transaction, user_id: str, conversation_id: str) -> None:
    """Add the version of their view to the group's: it must not fall if they come back."""
    group = tx.state.conversations[conversation_id]
    group.version += group.members.pop(user_id).version
    tx.changes.members.add((conversation_id, user_id))


def _number(tx: Transaction, conversation_id: str) -> None:
    """Sort the group in the inboxes as a message would: the next change has this number."""
    tx.state.conversations[conversation_id].last_message_id = tx.state.last_message_id + 1


def _tell(
    tx: Transaction,
    conversation_id: str,
    kind: str,
    actor_id: str,
    user_ids: Sequence[str] = (),
    gone: Sequence[str] = (),
) -> None:
    """Tell each member, and those who are `gone` by this change."""
    group = tx.state.conversations[conversation_id]
    group.version += 1
    tx.state.last_message_id += 1
    number, users = tx.state.last_message_id, tuple(user_ids)
    change = Changed(number, conversation_id, group.version, kind, actor_id, users)
    tx.changes.group_changes.append(change)
    tx.changes.conversations.add(conversation_id)
    for user_id in (*group.members, *gone):
        tx.tell(user_id, change)


def _hash(key: bytes, command: CreateGroup) -> bytes:
    """Return the hash that a repeat of the `client_id` must match. No title or user id holds a
    NUL."""
    said = "\x00".join((command.title, *sorted({*command.members, command.user_id})))
    return hashlib.blake2b(
        said.encode(), key=key, digest_size=HASH_BYTES, person=b"linkup.group"
    ).digest()
