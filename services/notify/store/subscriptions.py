"""Owns push subscriptions: which browsers a user has, and what became of each push to each.

Before a push leaves, its row says `sending`. A device that has a row is not pushed to again for
the same delivery, whatever happens: at most one push per device (C8). While a delivery waits for
one device, it may come to be about more messages; these are pushed to the others too.
"""

import asyncio
import hashlib
import sqlite3
from collections.abc import Callable, Mapping
from typing import Literal

from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import Struct

from services.notify.inbox import rows as items
from services.notify.questions import Questions
from services.notify.store.store import Store
from shared import vapid
from shared.clock import SECOND
from shared.commands import PushAnswer, PushKey, PushKeyAnswer, PushSubscribe, PushUnsubscribe
from shared.errors import InvalidRequest, Unsupported
from shared.outward.destinations import Refused, Rules

MOST = 20  # of a user
AUTH_BYTES = 16
KEPT = 7 * 86_400 * SECOND  # longer than any notification is tried for
PRUNED = 100  # rows that one transaction deletes at most

Outcome = Literal["sent", "failed", "unknown", "removed", "postponed"]

SUBSCRIBE = """
    INSERT INTO push_subscriptions (endpoint, user_id, p256dh, auth, subscribed_at)
    SELECT :endpoint, :user_id, :p256dh, :auth, :now
    WHERE NOT EXISTS (SELECT 1 FROM erasures WHERE user_id = :user_id)
    ON CONFLICT (endpoint) DO UPDATE SET user_id = excluded.user_id, p256dh = excluded.p256dh,
        auth = excluded.auth, subscribed_at = excluded.subscribed_at
"""
DROP_OLDEST = """
    DELETE FROM push_subscriptions WHERE user_id = :user_id AND endpoint NOT IN (
        SELECT endpoint FROM push_subscriptions WHERE user_id = :user_id
        ORDER BY subscribed_at DESC, rowid DESC LIMIT :most
    )
"""
UNSUBSCRIBE = "DELETE FROM push_subscriptions WHERE endpoint = :endpoint AND user_id = :user_id"
REMOVE = "DELETE FROM push_subscriptions WHERE endpoint = :endpoint AND subscribed_at = :at"
ANY = "SELECT 1 FROM push_subscriptions LIMIT 1"
COUNT = "SELECT count(*) FROM push_subscriptions WHERE user_id = :user_id"
OF_USER = """
    SELECT endpoint, p256dh, auth, subscribed_at FROM push_subscriptions
    WHERE user_id = :user_id ORDER BY subscribed_at
"""
OUTCOMES = """
    SELECT device, outcome FROM pushes WHERE delivery_id = :delivery_id AND last_seq >= :last_seq
"""
BEGIN = """
    INSERT INTO pushes (delivery_id, device, last_seq, outcome, at)
    VALUES (:delivery_id, :device, :last_seq, 'sending', :now)
    ON CONFLICT (delivery_id, device) DO UPDATE SET last_seq = excluded.last_seq,
        outcome = excluded.outcome, at = excluded.at WHERE last_seq < excluded.last_seq
"""
SETTLE = """
    UPDATE pushes SET outcome = :outcome, at = :now
    WHERE delivery_id = :delivery_id AND device = :device
"""
RELEASE = "DELETE FROM pushes WHERE delivery_id = :delivery_id AND device = :device"
PRUNE = """
    DELETE FROM pushes WHERE rowid IN (
        SELECT rowid FROM pushes WHERE at < :before ORDER BY at LIMIT :most
    )
"""


class Subscription(Struct, frozen=True):
    """A browser, by the address at which its push service takes messages for it."""

    endpoint: str
    p256dh: str
    auth: str
    subscribed_at: int

    @property
    def device(self) -> str:
        """The name under which outcomes are kept; who has it cannot push."""
        return hashlib.blake2b(self.endpoint.encode(), digest_size=16).hexdigest()


class Errand(Struct, frozen=True):
    """A delivery, and the number of the last message that is shown now."""

    delivery_id: str
    user_id: str
    last_seq: int


class Devices(Struct, frozen=True):
    """`left`: those that have not been pushed to. `outcomes`: of the others. `badge`: the number of
    their user's unread notifications."""

    left: list[Subscription]
    outcomes: list[str]
    badge: int


class Subscriptions:
    """`public_key`: that of web push, "" where it is switched off."""

    def __init__(
        self, store: Store, rules: Rules, clock: Callable[[], int], public_key: str
    ) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        self._public_key = public_key
        self.some = asyncio.Event()  # set once there has been one

    async def look(self) -> None:
        """Find out whether there are any."""
        if await self._store.between(lambda raw: raw.execute(ANY).fetchone()):
            self.some.set()

    def answer(self, questions: Questions) -> None:
        questions.on(PushKey, self.key)
        questions.on(PushSubscribe, self.subscribe)
        questions.on(PushUnsubscribe, self.unsubscribe)

    async def key(self, asked: PushKey) -> PushKeyAnswer:
        return PushKeyAnswer(public_key=self._public_key)

    async def subscribe(self, asked: PushSubscribe) -> PushAnswer:
        """Raises InvalidRequest, which names the field, and Unsupported."""
        if not self._public_key:
            raise Unsupported("Web push is switched off on this server")
        self._check(asked)
        values = {
            "endpoint": asked.endpoint,
            "user_id": asked.user_id,
            "p256dh": asked.p256dh.rstrip("="),
            "auth": asked.auth.rstrip("="),
            "now": self._clock(),
        }

        def work(connection: sqlite3.Connection) -> PushAnswer:
            connection.execute(SUBSCRIBE, values)
            connection.execute(DROP_OLDEST, {"user_id": asked.user_id, "most": MOST})
            return _counted(connection, asked.user_id)

        answer = await self._store.between(work)
        self.some.set()
        return answer

    async def unsubscribe(self, asked: PushUnsubscribe) -> PushAnswer:
        values = {"endpoint": asked.endpoint, "user_id": asked.user_id}

        def work(connection: sqlite3.Connection) -> PushAnswer:
            connection.execute(UNSUBSCRIBE, values)
            return _counted(connection, asked.user_id)

        return await self._store.between(work)

    async def devices(self, errand: Errand) -> Devices:
        asked = {"delivery_id": errand.delivery_id, "last_seq": errand.last_seq}
        user = {"user_id": errand.user_id}

        def work(connection: sqlite3.Connection) -> Devices:
            done = {row["device"]: row["outcome"] for row in connection.execute(OUTCOMES, asked)}
            found = [Subscription(**row) for row in connection.execute(OF_USER, user)]
            left = [one for one in found if one.device not in done]
            badge = items.unread_of(connection, errand.user_id)
            return Devices(left, list(done.values()), badge)

        return await self._store.between(work)

    async def begin(self, errand: Errand, devices: list[Subscription]) -> None:
        """The point of no return of each of these devices. Raises Unavailable."""
        now = self._clock()
        row = {"delivery_id": errand.delivery_id, "last_seq": errand.last_seq, "now": now}
        rows = [row | {"device": one.device} for one in devices]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(BEGIN, rows)
            connection.execute(PRUNE, {"before": now - KEPT, "most": PRUNED})

        await self._store.between(work)

    async def settle(self, errand: Errand, outcomes: Mapping[Subscription, Outcome]) -> None:
        """Store the outcomes. A postponed push was not accepted for certain. Raises Unavailable."""
        now = self._clock()

        def work(connection: sqlite3.Connection) -> None:
            for one, outcome in outcomes.items():
                row = {"delivery_id": errand.delivery_id, "device": one.device}
                if outcome == "postponed":
                    connection.execute(RELEASE, row)
                    continue
                connection.execute(SETTLE, row | {"outcome": outcome, "now": now})
                if outcome == "removed":
                    connection.execute(REMOVE, {"endpoint": one.endpoint, "at": one.subscribed_at})

        await self._store.between(work)

    def _check(self, asked: PushSubscribe) -> None:
        try:
            self._rules.target(asked.endpoint)
        except Refused as error:
            raise InvalidRequest(f"`endpoint` {error}", field="endpoint") from None
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(
                ec.SECP256R1(), _uncompressed(vapid.decoded(asked.p256dh))
            )
        except ValueError:
            message = "`keys.p256dh` must be an uncompressed point of P-256"
            raise InvalidRequest(message, field="keys.p256dh") from None
        if not _is_auth(asked.auth):
            message = f"`keys.auth` must be {AUTH_BYTES} bytes in base64url"
            raise InvalidRequest(message, field="keys.auth")


def _uncompressed(point: bytes) -> bytes:
    """Raises ValueError: the library would take a compressed point too."""
    if len(point) != 65:
        raise ValueError(len(point))
    return point


def _is_auth(text: str) -> bool:
    try:
        return len(vapid.decoded(text)) == AUTH_BYTES
    except ValueError:
        return False


def _counted(connection: sqlite3.Connection, user_id: str) -> PushAnswer:
    [(count,)] = connection.execute(COUNT, {"user_id": user_id}).fetchall()
    return PushAnswer(subscriptions=count)
