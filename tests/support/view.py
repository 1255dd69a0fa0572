"""Owns what one device shows: the picture a client builds from the frames of its feed."""

from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.ledger import Ledger

Frame = dict[str, Any]
FEED = ("message", "message_updated", "message_deleted", "reaction", "receipt", "conversation")


@dataclass(frozen=True)
class Shown:
    """A message as it is shown now."""

    message_id: int
    seq: int
    sender_id: str
    client_id: str
    content: str
    version: int
    created_at: str
    reply_to: int | None = None
    edited_at: str | None = None
    deleted_at: str | None = None
    reactions: frozenset[tuple[str, str]] = frozenset()


@dataclass
class Chat:
    """`aside`: what an ack told of a group that one is not in, or not yet, as far as is known."""

    messages: dict[int, Shown] = field(default_factory=dict)  # by seq
    marks: dict[str, tuple[int, int]] = field(default_factory=dict)  # user → delivered, read
    hidden: set[int] = field(default_factory=set)
    cleared_seq: int = 0
    archived: bool = False
    muted: bool = False
    blocked: bool = False
    version: int = 0
    title: str | None = None
    role: str | None = None
    members: frozenset[str] = frozenset()  # of a group
    aside: dict[int, Shown] = field(default_factory=dict)

    def leave(self) -> None:
        """Leave the group, and put its messages aside: an ack may belong to a later stay."""
        self.aside |= self.messages
        self.messages, self.marks = {}, {}
        self.members, self.title, self.role = frozenset(), None, None
        self.archived = self.muted = False

    def clear(self, up_to: int) -> None:
        self.cleared_seq = max(self.cleared_seq, up_to)
        for messages in (self.messages, self.aside):
            for seq in [seq for seq in messages if seq <= self.cleared_seq]:
                del messages[seq]


class View:
    """`owner` names the device, for what it finds wrong."""

    def __init__(self, owner: str, user_id: str, ledger: Ledger) -> None:
        self.owner, self.user_id, self.ledger = owner, user_id, ledger
        self.chats: dict[str, Chat] = {}
        self.heard: list[tuple[int, str, int | None]] = []  # of groups: cursor, place, message
        self._places: dict[int, tuple[str, int]] = {}

    def chat(self, conversation_id: str) -> Chat:
        return self.chats.setdefault(conversation_id, Chat())

    def known(self) -> list[tuple[str, Shown]]:
        """Everything shown, in a fixed order."""
        return [
            (conversation_id, chat.messages[seq])
            for conversation_id, chat in sorted(self.chats.items())
            for seq in sorted(chat.messages)
        ]

    def place_of(self, message: Shown) -> str:
        return self._places[message.message_id][0]

    def take(self, frame: Frame) -> None:
        """One frame of the feed."""
        place = frame["conversation_id"]
        self.ledger.may_see(self.owner, self.user_id, place)
        if place in self.ledger.groups:
            self.heard.append((frame["cursor"], place, frame.get("message_id")))
        match frame["type"]:
            case "message":
                self.add(frame["conversation_id"], shown(frame))
                self.ledger.seen(self.owner, frame)
            case "message_updated":
                self._update(frame)
            case "message_deleted":
                self._delete(frame)
            case "reaction":
                self._react(frame)
            case "receipt":
                self._mark(frame)
            case "conversation":
                self._change(frame)

    def add(self, conversation_id: str, message: Shown) -> None:
        """A message that is new here; what is known may be newer than a late ack of it."""
        chat = self.chat(conversation_id)
        away = conversation_id in self.ledger.groups and self.user_id not in chat.members
        messages = chat.aside if away else chat.messages
        known = messages.get(message.seq)
        if known is not None and known.version >= message.version:
            return
        if message.seq <= chat.cleared_seq or message.message_id in chat.hidden:
            return
        messages[message.seq] = message
        chat.archived = chat.archived and known is not None
        self._places[message.message_id] = (conversation_id, message.seq)

    def _older(self, frame: Frame) -> Shown | None:
        """The message that frame changes, unless what is shown is newer, or nothing is."""
        conversation_id, seq = self._places.get(frame["message_id"], ("", 0))
        known = self.chats[conversation_id].messages.get(seq) if conversation_id else None
        return known if known is not None and known.version <= frame["version"] else None

    def _put(self, frame: Frame, message: Shown) -> None:
        self.chats[frame["conversation_id"]].messages[message.seq] = message

    def _update(self, frame: Frame) -> None:
        self.ledger.version(self.owner, frame["message_id"], frame["version"], frame["content"])
        known = self._older(frame)
        if known is not None:
            changed = {name: frame[name] for name in ("content", "version", "edited_at")}
            self._put(frame, replace(known, **changed))

    def _delete(self, frame: Frame) -> None:
        if frame["mode"] == "me":
            chat = self.chat(frame["conversation_id"])
            chat.hidden.add(frame["message_id"])
            chat.messages.pop(frame["seq"], None)
            return
        known = self._older(frame)
        if known is not None:
            gone = {name: frame[name] for name in ("version", "deleted_at")}
            empty: frozenset[tuple[str, str]] = frozenset()
            self._put(frame, replace(known, content="", edited_at=None, reactions=empty, **gone))

    def _react(self, frame: Frame) -> None:
        known = self._older(frame)
        if known is not None:
            one = {(frame["emoji"], frame["user_id"])}
            reactions = known.reactions - one if frame["removed"] else known.reactions | one
            self._put(frame, replace(known, version=frame["version"], reactions=reactions))

    def _mark(self, frame: Frame) -> None:
        delivered, read = frame["delivered_seq"], frame["read_seq"]
        if not 0 <= read <= delivered:
            self.ledger.fault(f"{self.owner}: a mark of {read} read, {delivered} delivered")
        self.chat(frame["conversation_id"]).marks[frame["user_id"]] = (delivered, read)

    def _change(self, frame: Frame) -> None:
        place = frame["conversation_id"]
        chat = self.chat(place)
        if frame["version"] < chat.version:
            return
        chat.version = frame["version"]
        members = frozenset(frame["members"] if frame["kind"] == "group" else ())
        flags = (frame["archived"], frame["muted"], frame["blocked"])
        state = (frame.get("title"), frame.get("role"), members, *flags)
        self.ledger.picture(self.user_id, place, chat.version, *state, frame["cleared_seq"])
        self.ledger.flags[self.user_id, place, chat.version] = frame["blocked"]
        if frame["kind"] == "group" and self.user_id not in members:
            chat.leave()
            return
        joins = frame["kind"] == "group" and not chat.members
        chat.title, chat.role, chat.members = state[:3]
        chat.archived, chat.muted, chat.blocked = flags
        chat.clear(frame["cleared_seq"])
        if joins:
            chat.messages, chat.aside = chat.aside, {}
            chat.marks[self.user_id] = (chat.cleared_seq, chat.cleared_seq)


def shown(frame: Frame) -> Shown:
    """Read a `message` frame or a row of the history, which are alike. Whether a tombstone was
    edited before is left out: later readers do not learn it."""
    return Shown(
        frame["message_id"],
        frame["seq"],
        frame["sender_id"],
        frame["client_id"],
        frame["content"],
        frame["version"],
        frame["created_at"],
        frame.get("reply_to"),
        None if "deleted_at" in frame else frame.get("edited_at"),
        frame.get("deleted_at"),
        frozenset(
            (one["emoji"], user_id)
            for one in frame.get("reactions", ())
            for user_id in one["user_ids"]
        ),
    )
