"""Owns what became of messages, kept another way than the store does: lists of what was said."""

from dataclasses import dataclass, field

from services.persistence.decide.changes import Edited, Erased, Hidden, Reacted, Revised
from services.persistence.decide.state import (
    Limits,
    Message,
    Reaction,
)
from shared.commands import DeleteMessage, EditMessage, React, Stored, StoreMessage

SECOND = 1_000_000

Key = tuple[str, str]


@dataclass
class RevisedRows:
    """The rows that the store writes beside the messages themselves."""

    contents: dict[int, str] = field(default_factory=dict)
    versions: dict[tuple[int, int], str] = field(default_factory=dict)
    hidden: set[tuple[int, str]] = field(default_factory=set)
    reactions: dict[int, dict[Key, Reaction]] = field(default_factory=dict)

    def write(self, revision: Revised, messages: list[Message]) -> None:
        message_id = revision.message.message_id
        before = messages[message_id - 1]
        match revision:
            case Edited(content=content):
                self.versions[message_id, before.version] = self.contents[message_id]
                self.contents[message_id] = content
            case Erased():
                self.contents[message_id] = ""
                self.versions = {k: v for k, v in self.versions.items() if k[0] != message_id}
                self.reactions.pop(message_id, None)
            case Hidden(user_id=user_id):
                assert (message_id, user_id) not in self.hidden, "a row of its own, once"
                self.hidden.add((message_id, user_id))
            case Reacted(user_id=user_id, emoji=emoji, reaction=reaction):
                rows = self.reactions.setdefault(message_id, {})
                numbers = {row.number: key for key, row in rows.items()}
                assert numbers.get(reaction.number, (user_id, emoji)) == (user_id, emoji)
                rows[user_id, emoji] = reaction
        messages[message_id - 1] = revision.message


@dataclass
class Fate:
    """One message's: everything it ever said, the last as it is now; nothing once it is wiped."""

    conversation_id: str
    sender_id: str
    at: int
    members: set[str]
    said: list[str]
    version: int = 1
    hiders: set[str] = field(default_factory=set)
    reactions: set[Key] = field(default_factory=set)

    def open_for(self, user_id: str) -> bool:
        return user_id in self.members - self.hiders


@dataclass
class Fates:
    """Every message has one, by its id."""

    by_id: dict[int, Fate] = field(default_factory=dict)

    def begin(self, sent: StoreMessage, stored: Stored, members: set[str]) -> None:
        self.by_id[stored.message_id] = Fate(
            stored.conversation_id, sent.user_id, stored.created_at, members, [sent.content]
        )

    def quotable(self, sent: StoreMessage) -> bool:
        if sent.reply_to is None:
            return True
        fate = self.by_id.get(sent.reply_to)
        return bool(
            fate and fate.conversation_id == sent.conversation_id and fate.open_for(sent.user_id)
        )

    def revise(
        self, told: EditMessage | DeleteMessage | React, now: int, limits: Limits
    ) -> tuple[str, set[str]]:
        """The code to expect, and who is to hear of it."""
        fate = self.by_id.get(told.message_id)
        if fate is None or told.user_id not in fate.members:
            return "not_found", set()
        match told:
            case DeleteMessage(mode="me"):
                fresh = {told.user_id} - fate.hiders
                fate.hiders.add(told.user_id)
                return "ok", fresh
            case _ if not fate.open_for(told.user_id):
                return "not_found", set()
            case EditMessage():
                return self.edit(fate, told, now - fate.at, limits.edit_window)
            case DeleteMessage():
                return self.wipe(fate, told, now - fate.at, limits.delete_window)
            case React():
                return self.react(fate, told)

    def edit(self, fate: Fate, told: EditMessage, age: int, window: float) -> tuple[str, set[str]]:
        if not fate.said:
            return "not_found", set()
        if told.user_id != fate.sender_id:
            return "forbidden", set()
        if window and age > window * SECOND:
            return "edit_window_closed", set()
        fate.said.append(told.content)
        return self.changed(fate)

    def wipe(
        self, fate: Fate, told: DeleteMessage, age: int, window: float
    ) -> tuple[str, set[str]]:
        if told.user_id != fate.sender_id:
            return "forbidden", set()
        if not fate.said:
            return "ok", set()
        if window and age > window * SECOND:
            return "edit_window_closed", set()
        fate.said, fate.reactions = [], set()
        return self.changed(fate)

    def react(self, fate: Fate, told: React) -> tuple[str, set[str]]:
        if not fate.said:
            return "not_found", set()
        key = told.user_id, told.emoji
        if (key in fate.reactions) != told.remove:
            return "ok", set()
        fate.reactions ^= {key}
        return self.changed(fate)

    def changed(self, fate: Fate) -> tuple[str, set[str]]:
        fate.version += 1
        return "ok", fate.members - fate.hiders

    def check(self, rows: RevisedRows, messages: list[Message]) -> None:
        assert len(messages) == len(self.by_id)
        for message in messages:
            fate, message_id = self.by_id[message.message_id], message.message_id
            assert message.version == fate.version
            assert (message.deleted_at is not None) == (not fate.said)
            assert rows.contents[message_id] == (fate.said[-1] if fate.said else "")
            kept = [text for key, text in sorted(rows.versions.items()) if key[0] == message_id]
            assert kept == fate.said[:-1], "every version is kept, none of what was wiped"
            shown = {k for k, r in rows.reactions.get(message_id, {}).items() if not r.removed}
            assert shown == fate.reactions
            assert {u for m, u in rows.hidden if m == message_id} == fate.hiders
