"""Owns every read of the log. Reading changes nothing; who is no member sees nothing (`_member`).

Each answer that carries a cursor was read in one snapshot with it.
"""

from collections.abc import Awaitable, Callable

import msgspec

from services.persistence.connections import Held, Row
from services.persistence.projection import (
    MESSAGE_COLUMNS,
    MESSAGE_WIDTH,
    REACTION_COLUMNS,
    RECEIPT_COLUMNS,
    message,
    message_size,
    replayed,
)
from services.persistence.visibility import unread, visible
from shared import api, commands, frames
from shared.commands import (
    MAX_HEADS,
    MAX_PAGE_BYTES,
    Event,
    FeedPage,
    FeedPageAnswer,
    Heads,
    HeadsAnswer,
    History,
    Inbox,
    Join,
    Joined,
    LogPage,
    LogPageAnswer,
    LogRow,
    Marks,
    MarksAnswer,
    MarksRow,
    Members,
    MembersAnswer,
    Preview,
    Profile,
    Snapshot,
    Unread,
)
from shared.errors import InvalidRequest, NotFound

MAX_PAGE = 500
MAX_LOG_PAGE = 10_000  # rows of the feed looked at; the answer is bounded by its bytes
LOG_ROW_BYTES = 160  # without the two user ids
MAX_LIST = 100
MAX_UNREAD = 1000
ROW_BYTES = 2048  # of a message or conversation in JSON, without the content

_PROFILE = "u.user_id, u.name, u.email, u.time_zone, u.locale, u.avatar"


class Queries:
    """The log through one reader's connection. `epoch` names the store."""

    def __init__(self, held: Held, epoch: str) -> None:
        self._held = held
        self._epoch = epoch

    async def answer(self, name: str, payload: bytes) -> bytes:  # noqa: C901 - a case each
        """The encoded answer to the query of that name. Raises LinkupError."""
        match name:
            case "join":
                return commands.answer(await self.join(commands.decode(payload, Join)))
            case "heads":
                return commands.answer(await self.heads(commands.decode(payload, Heads)))
            case "feed":
                return await self._snapshot(self.feed, commands.decode(payload, FeedPage))
            case "conversations":
                return await self._snapshot(self.inbox, commands.decode(payload, Inbox))
            case "history":
                return await self._snapshot(self.history, commands.decode(payload, History))
            case "log":
                return commands.answer(await self.log(commands.decode(payload, LogPage)))
            case "marks":
                return await self._snapshot(self.marks, commands.decode(payload, Marks))
            case "members":
                return await self._snapshot(self.members, commands.decode(payload, Members))
        raise NotFound(f"There is no query {name!r}")

    async def _snapshot(
        self, query: Callable[..., Awaitable[msgspec.Struct]], asked: msgspec.Struct
    ) -> bytes:
        await self._held.fetch("BEGIN")
        try:
            return commands.answer(await query(asked))
        finally:
            await self._held.fetch("ROLLBACK")

    async def join(self, asked: Join) -> Joined:
        rows = await self._held.fetch(JOIN, (asked.user_id,))
        if not rows:
            return Joined(epoch=self._epoch, head=0, profile=None)
        head, *profile = rows[0]
        return Joined(epoch=self._epoch, head=head, profile=_profile(profile))

    async def heads(self, asked: Heads) -> HeadsAnswer:
        wanted = msgspec.json.encode(asked.user_ids[:MAX_HEADS]).decode()
        return HeadsAnswer(epoch=self._epoch, heads=dict(await self._held.fetch(HEADS, (wanted,))))

    async def feed(self, asked: FeedPage) -> FeedPageAnswer:
        limit = max(1, min(asked.limit, MAX_PAGE))
        rows = await self._held.fetch(FEED, (asked.user_id, asked.after, limit))
        events: list[Event] = []
        size = 0
        for row in rows:
            event = replayed(row)
            size += len(event.body) + 64
            if size > MAX_PAGE_BYTES and events:
                break
            events.append(event)
        return FeedPageAnswer(
            epoch=self._epoch, head=await self._head(asked.user_id), events=events
        )

    async def inbox(self, asked: Inbox) -> Snapshot:
        limit = max(1, min(asked.limit, MAX_LIST))
        before = asked.before if asked.before is not None else frames.MAX_INT
        rows = await self._held.fetch(INBOX, (asked.user_id, before, limit + 1, MAX_UNREAD))
        shown = _fitting(rows, limit)
        body = api.InboxAnswer(
            epoch=self._epoch,
            cursor=await self._head(asked.user_id),
            conversations=[_conversation(row) for row in shown],
            next=shown[-1][2] if len(rows) > len(shown) else None,
        )
        return Snapshot(body=api.encode(body))

    async def history(self, asked: History) -> Snapshot:
        await self._member(asked.user_id, asked.conversation_id)
        place = asked.user_id, asked.conversation_id
        limit = max(1, min(asked.limit, MAX_LIST))
        if asked.after_id is not None:
            seq = await self._seq(asked.conversation_id, asked.after_id, "after_id")
            rows = await self._held.fetch(NEWER, (*place, seq, limit + 1))
            page = _fitting(rows, limit)
        else:
            seq = frames.MAX_INT
            if asked.before_id is not None:
                seq = await self._seq(asked.conversation_id, asked.before_id, "before_id")
            rows = await self._held.fetch(OLDER, (*place, seq, limit + 1))
            page = _fitting(rows, limit)[::-1]
        body = api.HistoryAnswer(
            epoch=self._epoch,
            cursor=await self._head(asked.user_id),
            conversation_id=asked.conversation_id,
            messages=[message(row) for row in page],
            has_more=len(rows) > len(page),
        )
        return Snapshot(body=api.encode(body))

    async def log(self, asked: LogPage) -> LogPageAnswer:
        """Rows in each writer's commit order; a writer the follower has not met begins at 0."""
        limit = max(1, min(asked.limit, MAX_LOG_PAGE))
        positions = dict(asked.positions)
        rows: list[LogRow] = []
        more, room = False, MAX_PAGE_BYTES
        for writer, last in await self._held.fetch(WRITERS):
            after = positions.get(writer, 0)
            reached = max(after, min(after + limit, last))
            for row in await self._held.fetch(LOG, (writer, after, reached)):
                found = LogRow(*row)
                room -= LOG_ROW_BYTES + frames.size(found.user_id) + frames.size(found.actor_id)
                if room < 0:
                    reached = found.n - 1
                    break
                rows.append(found)
            positions[writer] = reached
            more = more or reached < last
        return LogPageAnswer(epoch=self._epoch, rows=rows, more=more, positions=positions)

    async def marks(self, asked: Marks) -> MarksAnswer:
        return MarksAnswer(
            epoch=self._epoch,
            rows=[await self._marks(one, asked.preview) for one in asked.asked[:MAX_LIST]],
        )

    async def _marks(self, asked: Unread, preview: int) -> MarksRow | None:
        key = (asked.user_id, asked.conversation_id)
        rows = await self._held.fetch(MARKS, (*key, MAX_UNREAD))
        if not rows:
            return None
        read_seq, last_seq, unread, *profile = rows[0]
        latest = await self._held.fetch(PREVIEWS, (*key, read_seq, preview))
        previews = [
            Preview(sender_id=sender, sender_name=name, content=content, seq=seq, created_at=at)
            for sender, name, content, seq, at in reversed(latest)
        ]
        return MarksRow(
            user_id=asked.user_id,
            conversation_id=asked.conversation_id,
            read_seq=read_seq,
            last_seq=last_seq,
            unread=unread,
            profile=_profile(profile),
            previews=previews,
        )

    async def members(self, asked: Members) -> MembersAnswer:
        await self._member(asked.user_id, asked.conversation_id)
        rows = await self._held.fetch(MEMBERS, (asked.conversation_id,))
        return MembersAnswer(user_ids=[user_id for (user_id,) in rows])

    async def _member(self, user_id: str, conversation_id: str) -> None:
        """The one place that says who may see a conversation. Raises NotFound."""
        if not await self._held.fetch(MEMBER, (conversation_id, user_id)):
            raise NotFound("There is no such conversation")

    async def _seq(self, conversation_id: str, message_id: int, parameter: str) -> int:
        rows = await self._held.fetch(SEQ, (message_id, conversation_id))
        if not rows:
            raise InvalidRequest(f"`{parameter}` is no message of this conversation")
        return int(rows[0][0])

    async def _head(self, user_id: str) -> int:
        rows = await self._held.fetch("SELECT head FROM heads WHERE user_id = ?1", (user_id,))
        return int(rows[0][0]) if rows else 0


JOIN = f"""
SELECT h.head, {_PROFILE} FROM heads AS h JOIN users AS u ON u.user_id = h.user_id
WHERE h.user_id = ?1
"""  # noqa: S608 - a list of columns
HEADS = "SELECT h.user_id, h.head FROM json_each(?1) AS j JOIN heads AS h ON h.user_id = j.value"
FEED = f"""
SELECT f.cursor, f.kind, f.created_at, {visible("m", "f.user_id")},
       {MESSAGE_COLUMNS}, {RECEIPT_COLUMNS}, {REACTION_COLUMNS}
FROM feed AS f
LEFT JOIN messages AS m ON m.message_id = f.message_id
LEFT JOIN members AS b ON b.conversation_id = f.conversation_id AND b.user_id = f.actor_id
LEFT JOIN reactions AS r ON r.message_id = f.message_id AND r.number = f.reaction
WHERE f.user_id = ?1 AND f.cursor > ?2 ORDER BY f.cursor LIMIT ?3
"""  # noqa: S608 - a list of columns
# A direct conversation's other side; with oneself, one's own row.
INBOX = f"""
SELECT c.conversation_id, c.kind, c.last_message_id, c.last_seq, c.updated_at,
       b.delivered_seq, b.read_seq, p.delivered_seq, p.read_seq,
       p.user_id, u.name, u.avatar,
       {unread("b", "?4")},
       {MESSAGE_COLUMNS}
FROM members AS b
JOIN conversations AS c ON c.conversation_id = b.conversation_id
JOIN members AS p ON p.conversation_id = b.conversation_id AND (p.user_id <> b.user_id
  OR NOT EXISTS (SELECT 1 FROM members AS o
                 WHERE o.conversation_id = b.conversation_id AND o.user_id <> b.user_id))
JOIN users AS u ON u.user_id = p.user_id
LEFT JOIN messages AS m ON m.message_id = (
  SELECT v.message_id FROM messages AS v
  WHERE v.conversation_id = b.conversation_id AND {visible("v", "b.user_id")}
  ORDER BY v.seq DESC LIMIT 1)
WHERE b.user_id = ?1 AND c.last_message_id < ?2
ORDER BY c.last_message_id DESC LIMIT ?3
"""  # noqa: S608 - a list of columns
OLDER = f"""
SELECT {MESSAGE_COLUMNS} FROM messages AS m
WHERE m.conversation_id = ?2 AND m.seq < ?3 AND {visible("m", "?1")}
ORDER BY m.seq DESC LIMIT ?4
"""  # noqa: S608 - a list of columns
NEWER = f"""
SELECT {MESSAGE_COLUMNS} FROM messages AS m
WHERE m.conversation_id = ?2 AND m.seq > ?3 AND {visible("m", "?1")}
ORDER BY m.seq LIMIT ?4
"""  # noqa: S608 - a list of columns
MEMBER = "SELECT 1 FROM members WHERE conversation_id = ?1 AND user_id = ?2"
MEMBERS = "SELECT user_id FROM members WHERE conversation_id = ?1"
SEQ = "SELECT seq FROM messages WHERE message_id = ?1 AND conversation_id = ?2"
# One step down the index per writer: a plain DISTINCT or GROUP BY would read all of it.
WRITERS = """
WITH RECURSIVE w (writer) AS (
  SELECT min(writer) FROM feed
  UNION ALL
  SELECT (SELECT min(writer) FROM feed WHERE writer > w.writer) FROM w WHERE w.writer IS NOT NULL
)
SELECT writer, (SELECT max(n) FROM feed WHERE feed.writer = w.writer)
FROM w WHERE writer IS NOT NULL
"""
LOG = """
SELECT f.writer, f.n, f.user_id, f.kind, m.conversation_id, f.message_id, m.seq, m.sender_id,
       f.created_at
FROM feed AS f JOIN messages AS m ON m.message_id = f.message_id AND m.sender_id <> f.user_id
WHERE f.writer = ?1 AND f.n > ?2 AND f.n <= ?3 AND f.kind = 'message'
UNION ALL
SELECT f.writer, f.n, f.user_id, f.kind, f.conversation_id, 0, b.read_seq, f.actor_id, f.created_at
FROM feed AS f
JOIN members AS b ON b.conversation_id = f.conversation_id AND b.user_id = f.actor_id
WHERE f.writer = ?1 AND f.n > ?2 AND f.n <= ?3 AND f.actor_id = f.user_id
  AND f.kind = 'receipt'
ORDER BY 2
"""
MARKS = f"""
SELECT b.read_seq, c.last_seq,
       {unread("b", "?3")},
       {_PROFILE}
FROM members AS b
JOIN conversations AS c ON c.conversation_id = b.conversation_id
JOIN users AS u ON u.user_id = b.user_id
WHERE b.user_id = ?1 AND b.conversation_id = ?2
"""  # noqa: S608 - a list of columns
PREVIEWS = f"""
SELECT m.sender_id, u.name, substr(m.content, 1, 500), m.seq, m.created_at
FROM messages AS m LEFT JOIN users AS u ON u.user_id = m.sender_id
WHERE m.conversation_id = ?2 AND m.seq > ?3 AND m.sender_id <> ?1
  AND m.deleted_at IS NULL AND {visible("m", "?1")}
ORDER BY m.seq DESC LIMIT ?4
"""  # noqa: S608 - names, no values


def _fitting(rows: list[Row], limit: int) -> list[Row]:
    """As many as the bus carries at once (R18), at least one; MESSAGE_COLUMNS stand last."""
    size = 0
    for count, row in enumerate(rows[:limit]):
        size += ROW_BYTES + message_size(row[-MESSAGE_WIDTH:])
        if size > MAX_PAGE_BYTES and count:
            return rows[:count]
    return rows[:limit]


def _profile(row: list[str | None]) -> Profile:
    user_id, name, email, time_zone, locale, avatar = row
    return Profile(
        user_id=user_id or "",
        name=name,
        email=email,
        time_zone=time_zone,
        locale=locale,
        avatar=avatar,
    )


def _conversation(row: Row) -> api.ConversationView:
    (
        conversation_id,
        kind,
        _,
        last_seq,
        updated_at,
        delivered_seq,
        read_seq,
        peer_delivered_seq,
        peer_read_seq,
        *rest,
    ) = row
    peer_id, name, avatar, unread, *last = rest
    return api.ConversationView(
        conversation_id=conversation_id,
        kind=kind,
        peer=api.Peer(user_id=peer_id, name=name, avatar=avatar),
        last_seq=last_seq,
        last_message=message(tuple(last)) if last[0] is not None else None,
        unread_count=unread,
        delivered_seq=delivered_seq,
        read_seq=read_seq,
        peer_delivered_seq=peer_delivered_seq,
        peer_read_seq=peer_read_seq,
        updated_at=frames.time_of(updated_at),
    )
