"""Owns the rows as the store keeps them, for models of `decide`: written as it writes its own.

A transaction reads from it only what `read_set` asks for, so each one is also a restart.
"""

import copy
from dataclasses import dataclass, field

from services.persistence.decide.changes import Changed, Decision, FeedRow
from services.persistence.decide.readset import read_set
from services.persistence.decide.state import (
    Conversation,
    Fence,
    Head,
    Limits,
    Member,
    Message,
    State,
)
from shared.commands import Batch
from tests.property.revisions_model import RevisedRows


@dataclass
class Table:
    """The rows, as the store keeps them."""

    fences: dict[str, Fence] = field(default_factory=dict)
    heads: dict[str, Head] = field(default_factory=dict)
    conversations: dict[str, Conversation] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    feed: list[FeedRow] = field(default_factory=list)
    revised: RevisedRows = field(default_factory=RevisedRows)
    group_changes: list[Changed] = field(default_factory=list)

    def read(self, now: int, limits: Limits, batches: list[Batch]) -> State:
        wanted = read_set(batches)
        by_key = {(m.sender_id, m.client_id): m for m in self.messages}
        by_id = {m.message_id: m for m in self.messages}
        state = State(now, b"key", limits, self.last_id(), len(self.feed))
        state.fences = {lane: self.fences[lane] for lane in wanted.lanes & self.fences.keys()}
        state.messages = {key: by_key[key] for key in wanted.messages & by_key.keys()}
        for message_id in wanted.message_ids & by_id.keys():
            state.messages_by_id[message_id] = by_id[message_id]
            wanted.conversations.add(by_id[message_id].conversation_id)
        state.hidden = {key for key in self.revised.hidden if key[0] in wanted.message_ids}
        for message_id in wanted.reacted & self.revised.reactions.keys():
            state.reactions[message_id] = dict(self.revised.reactions[message_id])
        for conversation_id in wanted.conversations & self.conversations.keys():
            conversation = copy.deepcopy(self.conversations[conversation_id])
            state.conversations[conversation_id] = conversation
            wanted.users.update(conversation.members)
        known = wanted.users & self.heads.keys()
        state.heads = {user_id: copy.copy(self.heads[user_id]) for user_id in known}
        return state

    def write(self, decision: Decision) -> None:
        state, changes = decision.state, decision.changes
        for conversation_id in changes.conversations:
            told = state.conversations[conversation_id]
            row = self.conversations.setdefault(
                conversation_id,
                Conversation(told.kind, 0, 0, {}, told.created_at, created_hash=told.created_hash),
            )
            row.last_seq, row.last_message_id = told.last_seq, told.last_message_id
            row.title, row.version = told.title, told.version
        for conversation_id, user_id in changes.members:
            member = state.conversations[conversation_id].members.get(user_id)
            self.put_member(conversation_id, user_id, member)
        self.group_changes += changes.group_changes
        for new in changes.messages:
            self.messages.append(new.message)
            self.revised.contents[new.message.message_id] = new.content
        for revision in changes.revisions:
            self.revised.write(revision, self.messages)
        self.feed += changes.feed
        self.heads.update({user_id: copy.copy(state.heads[user_id]) for user_id in changes.heads})
        assert {profile.user_id for profile in changes.profiles} <= self.heads.keys()
        self.fences.update(changes.fences)

    def put_member(self, conversation_id: str, user_id: str, member: Member | None) -> None:
        """None: they are no longer one."""
        members = self.conversations[conversation_id].members
        if member is None:
            members.pop(user_id, None)
        else:
            members[user_id] = copy.copy(member)

    def last_id(self) -> int:
        """The last id of messages and of changes, which share one sequence."""
        ids = [message.message_id for message in self.messages]
        return max([0, *ids, *[change.change_id for change in self.group_changes]])
