"""Owns lists of people: by the words of their names, those whom the asker may write to, and for
the host app all.

A page costs as much among many people as among few: it begins within an index in the order that it
is shown in, and looks at a bounded number of people.
"""

from typing import NamedTuple

import msgspec

from services.persistence.queries.source import PROFILE, Source, page_size
from services.persistence.queries.visibility import apart
from services.persistence.store import names
from services.persistence.store.connections import Row
from shared import api, frames
from shared.commands import FindUsers, ListUsers, ReadUser, Snapshot
from shared.errors import NotFound
from shared.reserved import PREFIX, are_apart, is_reserved

ENOUGH = 128  # people looked at for one page

# Somebody is listed under the first of their words that begins with the prefix.
_LISTED = """
SELECT n.word, n.user_id, u.name, u.avatar,
  NOT EXISTS (SELECT 1 FROM names AS x
    WHERE x.user_id = n.user_id AND x.word >= ?4 AND x.word < n.word)
  AND NOT EXISTS (SELECT 1 FROM json_each(?6) AS j WHERE NOT EXISTS (
    SELECT 1 FROM names AS x WHERE x.user_id = n.user_id
      AND x.word >= j.value AND x.word < j.value || char(1114111)))
"""
_WITHIN = f"""
(n.word, n.user_id) > (?2, ?3) AND n.word < ?5 AND n.user_id <> ?1
  AND NOT {apart("n.user_id", "?1")}
ORDER BY n.word, n.user_id LIMIT ?7
"""
ANYBODY = f"""
{_LISTED} FROM names AS n CROSS JOIN users AS u ON u.user_id = n.user_id WHERE {_WITHIN}
"""
# The asker's contacts are few beside all people, so these are sorted instead.
CONTACTS = f"""
{_LISTED} FROM contacts AS k CROSS JOIN names AS n ON n.user_id = k.contact_id
CROSS JOIN users AS u ON u.user_id = n.user_id WHERE k.user_id = ?1 AND {_WITHIN}
"""
COUNT = """
SELECT count(*) FROM (SELECT 1 FROM names AS n WHERE n.word >= ?1 AND n.word < ?2 LIMIT ?3) AS some
"""

# Somebody who is erased is there only for those who have met them.
ONE = """
SELECT u.user_id, u.name, u.avatar, h.erased
FROM users AS u JOIN heads AS h ON h.user_id = u.user_id
WHERE u.user_id = ?2
  AND NOT EXISTS (SELECT 1 FROM blocks AS k WHERE k.user_id = ?2 AND k.blocked_id = ?1)
"""
MET = """
SELECT 1 WHERE ?1 = ?2
  OR EXISTS (SELECT 1 FROM contacts AS k WHERE k.user_id = ?1 AND k.contact_id = ?2)
  OR EXISTS (SELECT 1 FROM members AS a JOIN members AS b
    ON b.conversation_id = a.conversation_id AND b.user_id = ?2 WHERE a.user_id = ?1)
"""
IDS = """
SELECT h.user_id FROM heads AS h
WHERE h.user_id > ?1 AND NOT h.erased AND substr(h.user_id, 1, length(?2)) <> ?2
ORDER BY h.user_id LIMIT ?3
"""
RECORDS = f"""
SELECT {PROFILE}, u.created_at, u.last_seen, coalesce(s.banned, false)
FROM json_each(?1) AS j CROSS JOIN users AS u ON u.user_id = j.value
CROSS JOIN heads AS h ON h.user_id = u.user_id AND NOT h.erased
LEFT JOIN standings AS s ON s.user_id = u.user_id ORDER BY j.key
"""  # noqa: S608 - a list of columns


class Place(NamedTuple):
    """The end of a page: a person, and the word that they are listed under."""

    word: str
    user_id: str

    def __str__(self) -> str:
        return f"{self.word} {self.user_id}"


def found_users(source: Source, asked: FindUsers) -> Snapshot:
    shown, end = _page(source, asked)
    views = [
        api.UserView(user_id=user_id, name=name, avatar=avatar)
        for _, user_id, name, avatar, _ in shown
    ]
    return Snapshot(body=api.encode(api.UsersAnswer(users=views, next=end)))


def read_user(source: Source, asked: ReadUser) -> Snapshot:
    """Raises NotFound, for who does not exist as for who blocks the asker. If users write to their
    contacts only, or the user is erased, also for who is neither a contact nor in a conversation
    with the asker."""
    pair = (asked.user_id, asked.other_id)
    rows = source.fetch(ONE, pair)
    must_have_met = source.contacts_only or any(erased for *_, erased in rows)
    met = rows and (not must_have_met or source.fetch(MET, pair))
    if not met or are_apart(*pair):
        raise NotFound("There is no such user")
    user_id, name, avatar, _ = rows[0]
    return Snapshot(body=api.encode(api.UserView(user_id=user_id, name=name, avatar=avatar)))


def listed_users(source: Source, asked: ListUsers) -> Snapshot:
    """Raises NotFound for one that is not there."""
    if asked.user_id is not None:
        return _one(source, asked.user_id)
    user_ids, end = _found_ids(source, asked) if asked.q else _ids(source, asked)
    body = api.UserRecords(users=_records(source, user_ids), next=end)
    return Snapshot(body=api.encode(body))


def _one(source: Source, user_id: str) -> Snapshot:
    records = _records(source, [user_id])
    if not records:
        raise NotFound("There is no such user")
    return Snapshot(body=api.encode(records[0]))


def _found_ids(source: Source, asked: ListUsers) -> tuple[list[str], str | None]:
    """Find users as a user with an empty id, whom nobody can have blocked."""
    find = FindUsers(user_id="", q=asked.q or "", after=asked.after, limit=asked.limit)
    shown, end = _page(source, find)
    return [user_id for _, user_id, *_ in shown], end


def _ids(source: Source, asked: ListUsers) -> tuple[list[str], str | None]:
    limit = page_size(asked.limit)
    rows = source.fetch(IDS, (asked.after, PREFIX, limit + 1))
    user_ids = [user_id for (user_id,) in rows[:limit]]
    return user_ids, user_ids[-1] if len(rows) > limit else None


def _records(source: Source, user_ids: list[str]) -> list[api.UserRecord]:
    rows = source.fetch(RECORDS, (msgspec.json.encode(user_ids).decode(),))
    return [_record(row) for row in rows]


def _record(row: Row) -> api.UserRecord:
    user_id, name, email, time_zone, locale, avatar, created_at, last_seen, banned = row
    return api.UserRecord(
        user_id=user_id,
        name=name,
        email=email,
        tz=time_zone,
        locale=locale,
        avatar=avatar,
        created_at=frames.time_of(created_at),
        last_seen=None if last_seen is None else frames.time_of(last_seen),
        banned=bool(banned),
    )


def _page(source: Source, asked: FindUsers) -> tuple[list[Row], str | None]:
    """Return the people of a page, and its end if there are more."""
    prefixes, limit = names.prefixes(asked.q), page_size(asked.limit)
    if not prefixes or is_reserved(asked.user_id):
        return [], None
    prefix, place = _begun(source, asked.after, prefixes)
    others = msgspec.json.encode([one for one in prefixes if one != prefix]).decode()
    about = (prefix, prefix + names.END, others)
    listed = CONTACTS if source.contacts_only and asked.user_id else ANYBODY
    found: list[Row] = []
    looked, at_once = 0, limit + 1
    while True:
        rows = source.fetch(listed, (asked.user_id, *place, *about, at_once))
        found += [row for row in rows if row[-1]]
        looked += len(rows)
        if len(found) > limit:
            return found[:limit], str(Place(*found[limit - 1][:2]))
        if len(rows) < at_once:
            return found, None
        place = Place(*rows[-1][:2])
        if looked >= ENOUGH:
            return found, str(place)
        at_once = ENOUGH


def _begun(source: Source, after: str, prefixes: list[str]) -> tuple[str, Place]:
    """Return the prefix that people are listed by, and the place after which the page begins. No
    prefix begins another, so the word of the page before says which one it was."""
    place = Place(*after.partition(" ")[::2])
    for prefix in prefixes:
        if place.word.startswith(prefix):
            return prefix, place
    prefix = prefixes[0] if len(prefixes) == 1 else _rarest(source, prefixes)
    return prefix, Place(prefix, "")


def _rarest(source: Source, prefixes: list[str]) -> str:
    """Return the rarest prefix, counted up to what a page looks at, and the longest of equals."""

    def rank(prefix: str) -> tuple[int, int]:
        [(count,)] = source.fetch(COUNT, (prefix, prefix + names.END, ENOUGH))
        return count, -len(prefix)

    return min(prefixes, key=rank)
