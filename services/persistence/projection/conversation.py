"""Owns the body of a conversation as one member sees it, and of a member's marks in it."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from shared import frames
from shared.frames import MAX_NAMED, Role

CHANGES: dict[str, frames.Change] = {
    "begun": "begun",
    "cleared": "cleared",
    "set": "settings",
    "created": "created",
    "renamed": "renamed",
    "member_added": "member_added",
    "member_removed": "member_removed",
    "left": "left",
    "role": "role",
}
PARTINGS = ("member_removed", "left")


class ConversationNow(NamedTuple):
    """A conversation as it is now, for all its members. `members`: all of them, or the first
    MAX_NAMED + 1, which a frame does not name."""

    conversation_id: str
    kind: str
    title: str | None
    version: int
    member_count: int
    members: Sequence[str]


class GroupEvent(NamedTuple):
    """A change of a group."""

    version: int
    actor_id: str
    user_ids: Sequence[str]


class View(NamedTuple):
    """One member's own view of it."""

    version: int
    cleared_seq: int
    archived: bool
    muted: bool
    role: Role
    blocked: bool


def conversation_body(
    kind: str, now: ConversationNow, event: GroupEvent | None, view: View
) -> bytes:
    """Return the body of a change. `kind` of the feed's row says what changed."""
    group = now.kind == "group"
    return frames.encode(
        frames.Conversation(
            conversation_id=now.conversation_id,
            version=now.version + view.version,
            kind=now.kind,
            title=UNSET if now.title is None else now.title,
            role=view.role if group else UNSET,
            member_count=now.member_count,
            members=_named(sorted(now.members)),
            change=CHANGES[kind],
            actor_id=event.actor_id if event else UNSET,
            user_ids=_named(event.user_ids) if event and event.user_ids else UNSET,
            cleared_seq=view.cleared_seq,
            archived=bool(view.archived),
            muted=bool(view.muted),
            blocked=bool(view.blocked),
        )
    )


def parted_body(kind: str, conversation_id: str, event: GroupEvent) -> bytes:
    """Return the last event for somebody who left or was removed: it tells nothing of the group
    now."""
    return frames.encode(
        frames.Conversation(
            conversation_id=conversation_id,
            version=event.version,
            kind="group",
            member_count=0,
            members=[],
            change=CHANGES[kind],
            actor_id=event.actor_id,
            user_ids=_named(event.user_ids),
            cleared_seq=0,
            archived=False,
            muted=False,
            blocked=False,
        )
    )


def has_parted(kind: str, event: GroupEvent, user_id: str) -> bool:
    """Return whether the event tells the user that they are no longer a member."""
    return kind in PARTINGS and user_id in event.user_ids


def _named(user_ids: Sequence[str]) -> list[str] | UnsetType:
    return list(user_ids) if len(user_ids) <= MAX_NAMED else UNSET


def receipt_body(
    conversation_id: str, user_id: str, delivered_seq: int, read_seq: int, at: int
) -> bytes:
    return frames.encode(
        frames.Receipt(
            conversation_id=conversation_id,
            user_id=user_id,
            delivered_seq=delivered_seq,
            read_seq=read_seq,
            at=frames.time_of(at),
        )
    )
