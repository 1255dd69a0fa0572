"""Owns the words of a notification: its own, or those of the message that it refers to."""

from services.notify.inbox.grouping import Item
from shared import subjects
from shared.bus import Bus
from shared.commands import (
    MAX_GLIMPSES,
    Glimpse,
    Glimpsed,
    Glimpses,
    GlimpsesAnswer,
    Notice,
    encode,
    open_answer,
)

REQUEST_TIMEOUT = 2.0
PREVIEW_LENGTH = 100
GONE = "This message is no longer available."


class Words:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def of(self, items: list[Item]) -> list[tuple[Item, Notice]]:
        """Each with its words, without those whose conversation their user has left.

        Persistence is asked once for many messages, and not at all where no item refers to one.
        Raises Unavailable.
        """
        referring = [item for item in items if item.last_seq]
        found = dict(zip(map(_id, referring), await self._glimpses(referring), strict=True))
        return [
            (item, notice(item, found.get(item.item_id)))
            for item in items
            if found.get(item.item_id, item) is not None
        ]

    async def _glimpses(self, items: list[Item]) -> list[Glimpse | None]:
        found: list[Glimpse | None] = []
        for start in range(0, len(items), MAX_GLIMPSES):
            asked = Glimpses(asked=list(map(_message, items[start : start + MAX_GLIMPSES])))
            subject = subjects.query("glimpses")
            reply = await self._bus.request(subject, encode(asked), REQUEST_TIMEOUT)
            found += open_answer(reply, GlimpsesAnswer).rows
        return found


def _id(item: Item) -> str:
    return item.item_id


def _message(item: Item) -> Glimpsed:
    return Glimpsed(item.user_id, item.conversation_id, item.first_seq, item.last_seq)


def notice(item: Item, glimpse: Glimpse | None = None) -> Notice:
    """`glimpse`: of the message, for an item that refers to one."""
    title, body = (item.title, item.body) if glimpse is None else _words(glimpse)
    return Notice(
        notification_id=item.item_id,
        notification_type=item.notification_type,
        priority=item.priority,
        title=title,
        body=body,
        sender_id=glimpse.sender_id if glimpse else item.sender_id,
        sender_name=glimpse.sender_name if glimpse else "",
        sender_avatar=glimpse.sender_avatar if glimpse else "",
        action_url=item.action_url,
        conversation_id=item.conversation_id,
        created_at=item.created_at,
        updated_at=item.updated_at,
        read_at=item.read_at or None,
        group_count=item.count,
    )


def _words(glimpse: Glimpse) -> tuple[str, str]:
    """A group is its title; a person is their name."""
    name = glimpse.sender_name or glimpse.sender_id
    body = GONE if glimpse.content is None else f"{name}: {shorten(glimpse.content)}"
    return glimpse.title or name, body


def shorten(content: str) -> str:
    """On one line, the first PREVIEW_LENGTH characters."""
    text = " ".join(content.split())
    return text if len(text) <= PREVIEW_LENGTH else text[:PREVIEW_LENGTH].rstrip() + "…"
