"""Owns notify's SQL statements, and the conversion between rows and the values of the ladder."""

import sqlite3
from collections.abc import Iterable, Mapping

import msgspec

from services.notify.ladder.delivery import NOTICE, Delivery, Fence, Key, Watch

LOAD_PROGRESS = "SELECT epoch, positions FROM progress WHERE follower = :follower"
SAVE_PROGRESS = """
    INSERT INTO progress (follower, epoch, positions) VALUES (:follower, :epoch, :positions)
    ON CONFLICT (follower) DO UPDATE SET epoch = excluded.epoch, positions = excluded.positions
"""
TOUCH = "UPDATE alembic_version SET version_num = version_num"  # a row that is always there


def _as_json(columns: Iterable[str], source: str) -> str:
    """Return a query for all rows as one value: each step of a statement gives up Python's lock,
    and a busy event loop is slow to return it."""
    fields = ", ".join(f"'{name}', n.{name}" for name in columns)
    return f"SELECT json_group_array(json_object({fields})) {source}"


MARKS = Watch.__struct_fields__[:8]
LOAD_WATCHES = _as_json(
    MARKS,
    """
    FROM json_each(:keys) AS k JOIN watches AS n
    ON n.user_id = json_extract(k.value, '$[0]') AND n.thread = json_extract(k.value, '$[1]')
    AND n.channel = json_extract(k.value, '$[2]')
    """,
)
DELIVERY = Delivery.__struct_fields__
# Each part has a unique index of its own, which holds at most one row for a key.
_OF_KEYS = """
    FROM json_each(:keys) AS k JOIN deliveries AS n
    ON n.user_id = json_extract(k.value, '$[0]') AND n.thread = json_extract(k.value, '$[1]')
    AND n.channel = json_extract(k.value, '$[2]')
"""
LOAD_GROUPS = _as_json(
    DELIVERY,
    f"""
    FROM (
        SELECT n.* {_OF_KEYS} AND n.state = 'waiting'
        UNION ALL
        SELECT n.* {_OF_KEYS} AND n.state IN ('claimed', 'sending') AND n.state = 'claimed'
    ) AS n
    """,
)
# What has a predecessor on its way waits until that is settled, and a digest goes alone.
LOAD_DUE = _as_json(
    DELIVERY,
    """
    FROM (
        SELECT * FROM deliveries AS n WHERE channel = :channel
        AND state IN ('waiting', 'claimed') AND due_at <= :now
        AND NOT EXISTS (
            SELECT 1 FROM deliveries AS f WHERE f.state IN ('claimed', 'sending')
            AND f.user_id = n.user_id AND f.channel = n.channel AND f.delivery_id <> n.delivery_id
            AND (f.thread = n.thread OR f.thread = 'digest:' OR n.thread = 'digest:')
        )
        ORDER BY due_at LIMIT :limit
    ) AS n
    """,
)
LOAD_HELD = _as_json(
    DELIVERY,
    """
    FROM json_each(:ids) AS k JOIN deliveries AS n
    ON n.delivery_id = k.value AND n.state IN ('claimed', 'sending')
    """,
)
LOAD_COLLECTED = """
    SELECT n.* FROM json_each(:user_ids) AS k JOIN deliveries AS n
    ON n.user_id = k.value AND n.state = 'collected' AND n.digest_id = ''
"""
LOAD_COLLECTED_OF = _as_json(DELIVERY, f"{_OF_KEYS} AND n.state = 'collected' AND n.digest_id = ''")
LOAD_MEMBERS = """
    SELECT * FROM deliveries
    WHERE user_id = :user_id AND state = 'collected' AND digest_id = :digest_id
"""
LOAD_IN_FLIGHT = "SELECT * FROM deliveries WHERE state IN ('claimed', 'sending')"
NEXT_DUE = """
    SELECT due_at FROM deliveries AS n
    WHERE channel = :channel AND state IN ('waiting', 'claimed')
    AND NOT EXISTS (
        SELECT 1 FROM deliveries AS f WHERE f.state IN ('claimed', 'sending')
        AND f.user_id = n.user_id AND f.channel = n.channel AND f.delivery_id <> n.delivery_id
        AND (f.thread = n.thread OR f.thread = 'digest:' OR n.thread = 'digest:')
    )
    ORDER BY due_at LIMIT 1
"""
# Deliveries of a key follow each other: the first that reaches as far as the message holds it, or
# none does. A merged one lives on in the one that took it in.
LOAD_OF_MESSAGE = """
    SELECT n.* FROM json_each(:user_ids) AS k
    JOIN json_each('["email", "push"]') AS c
    JOIN deliveries AS n ON n.delivery_id = (
        SELECT g.delivery_id FROM deliveries AS g
        WHERE g.user_id = k.value AND g.thread = :thread AND g.channel = c.value
        AND g.last_seq >= :seq AND g.reason <> 'merged'
        ORDER BY g.last_seq LIMIT 1
    )
    WHERE n.first_seq <= :seq
"""
SUBSCRIBED = """
    SELECT DISTINCT k.value FROM json_each(:user_ids) AS k
    JOIN push_subscriptions AS s ON s.user_id = k.value
"""
TROUBLE = """
    SELECT state, count(*) AS number FROM deliveries
    WHERE channel = :channel AND state IN ('failed', 'unknown') AND closed_at > :since
    GROUP BY state
"""
SAVE_WATCHES = """
    INSERT INTO watches (user_id, thread, channel, seen_seq, seen_at, read_seq, mails, mailed_at)
    SELECT json_extract(value, '$.user_id'), json_extract(value, '$.thread'),
        json_extract(value, '$.channel'), json_extract(value, '$.seen_seq'),
        json_extract(value, '$.seen_at'), json_extract(value, '$.read_seq'),
        json_extract(value, '$.mails'), json_extract(value, '$.mailed_at')
    FROM json_each(:rows) WHERE true
    ON CONFLICT (user_id, thread, channel) DO UPDATE SET
        seen_seq = excluded.seen_seq, seen_at = excluded.seen_at, read_seq = excluded.read_seq,
        mails = excluded.mails, mailed_at = excluded.mailed_at
"""
# What is closed stays closed, whatever comes: the last line of defence against a second e-mail.
SAVE_DELIVERIES = """
    INSERT INTO deliveries (delivery_id, channel, user_id, thread, first_seq, last_seq,
        count, state, reason, due_at, claims, attempts, created_at, closed_at, digest_id,
        omissions)
    SELECT json_extract(value, '$.delivery_id'), json_extract(value, '$.channel'),
        json_extract(value, '$.user_id'), json_extract(value, '$.thread'),
        json_extract(value, '$.first_seq'), json_extract(value, '$.last_seq'),
        json_extract(value, '$.count'), json_extract(value, '$.state'),
        json_extract(value, '$.reason'), json_extract(value, '$.due_at'),
        json_extract(value, '$.claims'), json_extract(value, '$.attempts'),
        json_extract(value, '$.created_at'), json_extract(value, '$.closed_at'),
        json_extract(value, '$.digest_id'), json_extract(value, '$.omissions')
    FROM json_each(:rows) WHERE true
    ON CONFLICT (delivery_id) DO UPDATE SET
        first_seq = excluded.first_seq, last_seq = excluded.last_seq, count = excluded.count,
        state = excluded.state, reason = excluded.reason, due_at = excluded.due_at,
        claims = excluded.claims, attempts = excluded.attempts, closed_at = excluded.closed_at,
        digest_id = excluded.digest_id, omissions = excluded.omissions
    WHERE deliveries.state IN ('waiting', 'claimed', 'sending', 'collected')
"""

# In an older copy: what was due may have been sent since, and stays in the inbox without an e-mail.
SETTLE_OLDER = """
UPDATE deliveries SET reason = 'restored', closed_at = :now,
    state = CASE WHEN state = 'sending' OR digest_id <> '' THEN 'unknown' ELSE 'cancelled' END
WHERE state IN ('claimed', 'sending') OR (state = 'waiting' AND due_at <= :now)
    OR (state = 'collected' AND NOT EXISTS (
        SELECT 1 FROM deliveries AS d WHERE d.user_id = deliveries.user_id
        AND d.channel = deliveries.channel AND d.thread = 'digest:'
        AND d.state = 'waiting' AND d.due_at > :now
    ))
"""


_decode_deliveries = msgspec.json.Decoder(list[Delivery]).decode
_decode_watches = msgspec.json.Decoder(list[Watch]).decode


def delivery(row: sqlite3.Row) -> Delivery:
    return msgspec.convert(dict(row), Delivery)


def held(connection: sqlite3.Connection, groups: Iterable[Delivery]) -> dict[Fence, Delivery]:
    """Return those of the deliveries that their claims still hold, as they are now."""
    fences = {group.fence for group in groups}
    asked = {"ids": msgspec.json.encode([delivery_id for delivery_id, _ in fences]).decode()}
    found = deliveries(connection, LOAD_HELD, asked)
    return {one.fence: one for one in found if one.fence in fences}


def deliveries(
    connection: sqlite3.Connection, statement: str, asked: Mapping[str, object]
) -> list[Delivery]:
    [(found,)] = connection.execute(statement, asked).fetchall()
    return _decode_deliveries(found)


def subscribed(connection: sqlite3.Connection, user_ids: Iterable[str]) -> set[str]:
    """Return the users among them with a browser that takes web push."""
    asked = {"user_ids": msgspec.json.encode(sorted(user_ids)).decode()}
    return {user_id for (user_id,) in connection.execute(SUBSCRIBED, asked)}


def asked_of(keys: Iterable[Key]) -> dict[str, str]:
    return {"keys": msgspec.json.encode(list(keys)).decode()}


def watches_of(connection: sqlite3.Connection, keys: Iterable[Key]) -> dict[Key, Watch]:
    watches = {key: Watch(user_id=key[0], thread=key[1], channel=key[2]) for key in keys}
    asked = asked_of(watches)
    [(found,)] = connection.execute(LOAD_WATCHES, asked).fetchall()
    watches |= {watch.key: watch for watch in _decode_watches(found)}
    for group in deliveries(connection, LOAD_GROUPS, asked):
        held = {"open" if group.state == "waiting" else "claimed": group}
        watches[group.key] = msgspec.structs.replace(watches[group.key], **held)
    return watches


def save(connection: sqlite3.Connection, watches: Iterable[Watch]) -> None:
    changed = list(watches)
    if not changed:
        return
    # A notification of the host's is read in its own list: nothing else is known of its thread.
    marks = [
        {name: getattr(watch, name) for name in MARKS}
        for watch in changed
        if not watch.thread.startswith(NOTICE)
    ]
    connection.execute(SAVE_WATCHES, {"rows": msgspec.json.encode(marks).decode()})
    # In this order nothing stands where its predecessor still is.
    groups = [group for watch in changed for group in (*watch.closed, watch.claimed, watch.open)]
    save_deliveries(connection, [group for group in groups if group is not None])


def save_deliveries(connection: sqlite3.Connection, groups: list[Delivery]) -> None:
    if groups:
        rows = msgspec.json.encode(groups).decode()
        connection.execute(SAVE_DELIVERIES, {"rows": rows})
