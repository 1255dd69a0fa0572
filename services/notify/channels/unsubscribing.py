"""Owns the end of e-mails by a link: the question about it, and the key that signs the links."""

import secrets
import sqlite3

from msgspec.structs import replace

from services.notify.channels.unsubscription import ALL, Unsubscriptions
from services.notify.ladder.preferences import Table, changed, shown
from services.notify.preferences import choices
from services.notify.questions import Questions
from services.notify.store.store import Store
from shared.commands import PutPreferences, TypePreference, Unsubscribe, UnsubscribeAnswer

MAKE = "INSERT INTO keys (name, value) VALUES ('unsubscribe', :fresh) ON CONFLICT DO NOTHING"
LOAD = "SELECT value FROM keys WHERE name = 'unsubscribe'"
KEY_BYTES = 32


class Unsubscribing:
    def __init__(self, store: Store, known: Table, links: Unsubscriptions) -> None:
        self._store = store
        self._known = known
        self._links = links

    def answer(self, questions: Questions) -> None:
        questions.on(Unsubscribe, self.unsubscribe)

    async def unsubscribe(self, asked: Unsubscribe) -> UnsubscribeAnswer:
        """Raises NotFound for a token that is not ours. A repeat changes nothing."""
        user_id, notification_type = self._links.read(asked.token)

        def work(connection: sqlite3.Connection) -> bool:
            chosen = choices.of(connection, user_id)
            sent = [
                one
                for one in shown(self._known, chosen).types
                if one.email and notification_type in (ALL, one.notification_type)
            ]
            if sent and asked.act:
                choices.save(connection, changed(chosen, _without_email(user_id, sent)))
            return asked.act or not sent

        ended = await self._store.between(work)
        return UnsubscribeAnswer(notification_type=notification_type, ended=ended)


def _without_email(user_id: str, types: list[TypePreference]) -> PutPreferences:
    return PutPreferences(user_id=user_id, types=[replace(one, email=False) for one in types])


async def key(store: Store) -> bytes:
    """The key of this database, made when it is first asked for. Raises Unavailable."""

    def work(connection: sqlite3.Connection) -> bytes:
        connection.execute(MAKE, {"fresh": secrets.token_hex(KEY_BYTES)})
        [(value,)] = connection.execute(LOAD).fetchall()
        return bytes.fromhex(value)

    return await store.between(work)
