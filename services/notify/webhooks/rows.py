"""Owns the SQL of webhooks and their events, and the conversion between rows and values."""

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from services.notify.webhooks.event import Event, event_id
from shared.commands import Fact
from shared.frames import EventType

GONE = "http_410"  # the receiver wants nothing any more

LOAD = "SELECT * FROM webhooks ORDER BY webhook_id"
SAVE = """
    INSERT INTO webhooks (webhook_id, url, events, secret, old_secret, old_until, off, epoch,
        positions, delivered, created_at, updated_at)
    VALUES (:webhook_id, :url, :events, :secret, :old_secret, :old_until, :off, :epoch,
        :positions, :delivered, :created_at, :updated_at)
    ON CONFLICT (webhook_id) DO UPDATE SET url = excluded.url, events = excluded.events,
        secret = excluded.secret, old_secret = excluded.old_secret,
        old_until = excluded.old_until, off = excluded.off, updated_at = excluded.updated_at
"""
DELETE = "DELETE FROM webhooks WHERE webhook_id = :webhook_id"
DELETE_EVENTS = "DELETE FROM webhook_events WHERE webhook_id = :webhook_id"
COUNTS = "SELECT webhook_id, state, count(*) FROM webhook_events GROUP BY webhook_id, state"
PLACE = "SELECT epoch, positions FROM webhooks WHERE webhook_id = :webhook_id"
SAVE_PLACE = """
    UPDATE webhooks SET epoch = :epoch, positions = :positions WHERE webhook_id = :webhook_id
"""
ADD = """
    INSERT INTO webhook_events (webhook_id, event_id, fact, state, queued_at, due_at, attempts,
        reason, closed_at)
    VALUES (:webhook_id, :event_id, :fact, 'waiting', :now, :now, 0, '', 0)
    ON CONFLICT (webhook_id, event_id) DO NOTHING
"""
WAITING = """
    SELECT * FROM webhook_events
    WHERE webhook_id = :webhook_id AND state = 'waiting' AND number > :number ORDER BY number
"""
DELIVERED = "DELETE FROM webhook_events WHERE number = :number"
COUNT_DELIVERED = """
    UPDATE webhooks SET delivered = delivered + :count WHERE webhook_id = :webhook_id
"""
# Also of an event that was given up while its attempt was under way, with others.
TRIED = "UPDATE webhook_events SET attempts = attempts + 1 WHERE number = :number"
AGAIN = """
    UPDATE webhook_events SET due_at = :due_at, reason = :reason
    WHERE number = :number AND state = 'waiting'
"""
DIES = """
    UPDATE webhook_events SET state = 'dead', reason = :reason, closed_at = :now
    WHERE number = :number AND state = 'waiting'
"""
EXPIRE = """
    UPDATE webhook_events SET state = 'dead', closed_at = :now,
        reason = CASE reason WHEN '' THEN :reason ELSE reason END
    WHERE webhook_id = :webhook_id AND state = 'waiting' AND queued_at <= :before
"""
GIVE_UP = """
    UPDATE webhook_events SET state = 'dead', closed_at = :now, reason = :reason
    WHERE webhook_id = :webhook_id AND state = 'waiting'
"""
SWITCH_OFF = "UPDATE webhooks SET off = :off WHERE webhook_id = :webhook_id AND off = ''"
REVIVE = """
    UPDATE webhook_events SET state = 'waiting', attempts = 0, due_at = :now, queued_at = :now,
        closed_at = 0
    WHERE webhook_id = :webhook_id AND state = 'dead'
"""
REVIVE_ONE = f"{REVIVE} AND event_id = :event_id"
REVIVE_OF = f"{REVIVE} AND reason = :reason"
DEAD = """
    SELECT * FROM webhook_events WHERE webhook_id = :webhook_id AND state = 'dead'
    ORDER BY closed_at DESC, number DESC LIMIT :limit
"""

Place = tuple[str, dict[str, int]]  # an epoch and positions

_positions = msgspec.json.Decoder(dict[str, int])
_fact = msgspec.json.Decoder(Fact)
_types = msgspec.json.Decoder(list[EventType])


class Hook(Struct, frozen=True, kw_only=True):
    """A webhook as it is stored, without its place in the log. See shared.commands.Webhook."""

    webhook_id: str
    url: str
    events: tuple[EventType, ...]
    secret: str
    old_secret: str = ""
    old_until: int = 0
    off: str = ""
    delivered: int = 0
    created_at: int
    updated_at: int


def hooks(connection: sqlite3.Connection) -> list[Hook]:
    return [_hook(row) for row in connection.execute(LOAD)]


def _hook(row: sqlite3.Row) -> Hook:
    values = {name: row[name] for name in Hook.__struct_fields__}
    return Hook(**{**values, "events": tuple(_types.decode(row["events"]))})


def save(connection: sqlite3.Connection, hook: Hook, place: Place) -> None:
    """Store a webhook. A new one begins at `place`; one that is stored stays where it is."""
    values = {name: getattr(hook, name) for name in Hook.__struct_fields__}
    values["events"] = msgspec.json.encode(hook.events).decode()
    connection.execute(SAVE, values | _placed(place))


def delete(connection: sqlite3.Connection, webhook_id: str) -> bool:
    connection.execute(DELETE_EVENTS, {"webhook_id": webhook_id})
    return connection.execute(DELETE, {"webhook_id": webhook_id}).rowcount > 0


def place(connection: sqlite3.Connection, webhook_id: str) -> Place:
    """Return the place of a webhook in the log, which is empty if it was just deleted."""
    for epoch, positions in connection.execute(PLACE, {"webhook_id": webhook_id}):
        return epoch, _positions.decode(positions)
    return "", {}


def follow(
    connection: sqlite3.Connection, webhook_id: str, reached: Place, facts: Iterable[Fact], now: int
) -> None:
    """The events of a page of the log and the place after it, together or not at all."""
    if not connection.execute(SAVE_PLACE, {"webhook_id": webhook_id} | _placed(reached)).rowcount:
        return  # it was deleted meanwhile
    connection.executemany(ADD, [_new(webhook_id, reached[0], fact, now) for fact in facts])


def _new(webhook_id: str, epoch: str, fact: Fact, now: int) -> dict[str, Any]:
    return {
        "webhook_id": webhook_id,
        "event_id": event_id(epoch, fact),
        "fact": msgspec.json.encode(fact).decode(),
        "now": now,
    }


def _placed(place: Place) -> dict[str, str]:
    epoch, positions = place
    return {"epoch": epoch, "positions": msgspec.json.encode(positions).decode()}


def waiting(connection: sqlite3.Connection, webhook_id: str, number: int = 0) -> list[Event]:
    """Return the waiting events after that number, in order."""
    asked = {"webhook_id": webhook_id, "number": number}
    return [event(row) for row in connection.execute(WAITING, asked)]


def event(row: sqlite3.Row) -> Event:
    return Event(
        number=row["number"],
        event_id=row["event_id"],
        fact=_fact.decode(row["fact"]),
        queued_at=row["queued_at"],
        due_at=row["due_at"],
        attempts=row["attempts"],
    )
