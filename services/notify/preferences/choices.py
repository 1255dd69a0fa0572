"""Owns the preferences that users have chosen, and the questions about them."""

import asyncio
import sqlite3
from collections.abc import Iterable

import msgspec

from services.notify.database import Between
from services.notify.ladder.preferences import (
    Chosen,
    Table,
    changed,
    check,
    preference,
    shown,
)
from services.notify.preferences.zones import zone_of
from services.notify.questions import Questions
from shared.commands import Preferences, PreferencesAnswer, PutPreferences
from shared.errors import InvalidRequest

LOAD = """
    SELECT p.user_id, p.chosen FROM json_each(:user_ids) AS k
    JOIN preferences AS p ON p.user_id = k.value
"""
# The link in an e-mail outlives its recipient.
SAVE = """
    INSERT INTO preferences (user_id, chosen) SELECT :user_id, :chosen
    WHERE NOT EXISTS (SELECT 1 FROM erasures WHERE user_id = :user_id)
    ON CONFLICT (user_id) DO UPDATE SET chosen = excluded.chosen
"""


class Choices:
    def __init__(self, between: Between, known: Table) -> None:
        self._between = between
        self._known = known

    def answer(self, questions: Questions) -> None:
        questions.on(Preferences, self.preferences)
        questions.on(PutPreferences, self.put)

    async def preferences(self, asked: Preferences) -> PreferencesAnswer:
        return shown(self._known, await self._between(lambda raw: of(raw, asked.user_id)))

    async def put(self, asked: PutPreferences) -> PreferencesAnswer:
        """All of it or, with an InvalidRequest, nothing."""
        check(self._known, asked)
        if isinstance(asked.time_zone, str):
            await _check_zone(asked.time_zone)

        def work(connection: sqlite3.Connection) -> Chosen:
            after = changed(of(connection, asked.user_id), asked)
            save(connection, after)
            return after

        return shown(self._known, await self._between(work))


async def _check_zone(name: str) -> None:
    """In a thread: a zone is read from its file when it is first named."""
    if await asyncio.to_thread(zone_of, name) is None:
        message = f"`time_zone`: there is no zone {name!r}; write one as Europe/Berlin"
        raise InvalidRequest(message, field="time_zone")


def of(connection: sqlite3.Connection, user_id: str) -> Chosen:
    return chosen(connection, [user_id]).get(user_id, Chosen(user_id=user_id))


def chosen(connection: sqlite3.Connection, user_ids: Iterable[str]) -> dict[str, Chosen]:
    """Return the choices by user; a user who has made none is left out."""
    asked = {"user_ids": msgspec.json.encode(list(user_ids)).decode()}
    found = connection.execute(LOAD, asked).fetchall()
    return {row["user_id"]: msgspec.json.decode(row["chosen"], type=Chosen) for row in found}


def switched_off(
    connection: sqlite3.Connection, user_ids: set[str], known: Table, kind: str
) -> set[str]:
    """Return those of them who want no notifications of that type."""
    found = chosen(connection, user_ids) if user_ids else {}
    return {one for one in user_ids if not preference(known, found.get(one), kind).enabled}


def save(connection: sqlite3.Connection, after: Chosen) -> None:
    """Store the choices of a user. Of somebody who was erased, nothing is stored."""
    encoded = msgspec.json.encode(after).decode()
    connection.execute(SAVE, {"user_id": after.user_id, "chosen": encoded})
