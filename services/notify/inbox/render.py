"""Owns the words of a notification: its own, or those of the message that it refers to."""

from services.notify.inbox.grouping import Item
from services.notify.inbox.text import shorten
from shared import subjects
from shared.bus import Bus
from shared.commands import (
    MAX_GLIMPSES,
    Glimpse,
    Glimpsed,
    Glimpses,
    GlimpsesAnswer,
    Notice,
    Profile,
    encode,
    open_answer,
)

REQUEST_TIMEOUT = 2.0
GONE = "This message is no longer available."


class Words:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def of(self, items: list[Item]) -> list[tuple[Item, Notice]]:
        """Each with its words, without those whose conversation their user has left. Raises
        Unavailable."""
        found: list[tuple[Item, Notice]] = []
        for start in range(0, len(items), MAX_GLIMPSES):
            found += await self._page(items[start : start + MAX_GLIMPSES])
        return found

    async def _page(self, items: list[Item]) -> list[tuple[Item, Notice]]:
        messages = [item for item in items if item.last_seq]
        answer = await self._ask(messages, {i.sender_id for i in items if not i.last_seq})
        glimpses = dict(zip(map(_id, messages), answer.rows, strict=True))
        senders = {one.user_id: one for one in answer.senders}
        return [
            (item, notice(item, glimpses.get(item.item_id), senders.get(item.sender_id)))
            for item in items
            if glimpses.get(item.item_id, item) is not None
        ]

    async def _ask(self, messages: list[Item], senders: set[str]) -> GlimpsesAnswer:
        """Ask persistence once for all, or not at all if there is nothing to ask. Raises
        Unavailable."""
        asked = Glimpses(asked=list(map(_message, messages)), sender_ids=sorted(senders - {""}))
        if not asked.asked and not asked.sender_ids:
            return GlimpsesAnswer(rows=[])
        subject = subjects.query("glimpses")
        reply = await self._bus.request(subject, encode(asked), REQUEST_TIMEOUT)
        return open_answer(reply, GlimpsesAnswer)


def _id(item: Item) -> str:
    return item.item_id


def _message(item: Item) -> Glimpsed:
    return Glimpsed(item.user_id, item.conversation_id, item.first_seq, item.last_seq)


def notice(item: Item, glimpse: Glimpse | None, sender: Profile | None) -> Notice:
    """`glimpse`: of the message, for an item that refers to one; `sender`: of any other, if it
    names one who is known."""
    title, body = (item.title, item.body) if glimpse is None else _words(glimpse)
    by = glimpse or _said_by(item, sender)
    return Notice(
        notification_id=item.item_id,
        notification_type=item.notification_type,
        priority=item.priority,
        title=title,
        body=body,
        sender_id=by.sender_id,
        sender_name=by.sender_name,
        sender_avatar=by.sender_avatar,
        action_url=item.action_url,
        conversation_id=item.conversation_id,
        created_at=item.created_at,
        updated_at=item.updated_at,
        read_at=item.read_at or None,
        muted=item.muted,
        group_count=item.count,
    )


def _said_by(item: Item, sender: Profile | None) -> Glimpse:
    name, avatar = (sender.name, sender.avatar) if sender else ("", "")
    return Glimpse(
        sender_id=item.sender_id, sender_name=name or "", sender_avatar=avatar or "", content=None
    )


def _words(glimpse: Glimpse) -> tuple[str, str]:
    """Return the title, which is that of a group or the name of a person, and the body."""
    name = glimpse.sender_name or glimpse.sender_id
    body = GONE if glimpse.content is None else f"{name}: {shorten(glimpse.content)}"
    return glimpse.title or name, body
