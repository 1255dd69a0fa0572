"""Owns the addresses that the mail server refuses for good: after so many refusals, no e-mail is
sent to one any more. Another address of the same user begins anew.
"""

import hashlib
import sqlite3
from collections.abc import Iterable

import msgspec

from services.notify.ladder.delivery import Ending

REFUSED = """
    INSERT INTO refusals (user_id, address, count) VALUES (:user_id, :address, 1)
    ON CONFLICT (user_id) DO UPDATE SET address = excluded.address,
        count = CASE WHEN refusals.address = excluded.address THEN refusals.count + 1 ELSE 1 END
"""
ACCEPTED = "DELETE FROM refusals WHERE user_id IN (SELECT value FROM json_each(:user_ids))"
SUPPRESSED = """
    SELECT r.user_id, r.address FROM json_each(:user_ids) AS k JOIN refusals AS r
    ON r.user_id = k.value AND r.count >= :most
"""
COUNT = "SELECT count(*) FROM refusals WHERE count >= :most"


def note(connection: sqlite3.Connection, endings: Iterable[Ending]) -> None:
    """Count the refusals; an e-mail that is accepted shows that the address is good."""
    accepted = []
    for one in endings:
        if one.outcome.refused:
            asked = {"user_id": one.delivery.user_id, "address": hidden(one.address)}
            connection.execute(REFUSED, asked)
        elif one.outcome.kind == "sent":
            accepted.append(one.delivery.user_id)
    if accepted:
        connection.execute(ACCEPTED, {"user_ids": msgspec.json.encode(accepted).decode()})


def suppressed(
    connection: sqlite3.Connection, user_ids: Iterable[str], most: int
) -> dict[str, str]:
    """The address, `hidden`, to which nothing is sent any more, by user. `most`: 0 for no end."""
    if not most:
        return {}
    asked = {"user_ids": msgspec.json.encode(list(user_ids)).decode(), "most": most}
    return {user_id: address for user_id, address in connection.execute(SUPPRESSED, asked)}


def count(connection: sqlite3.Connection, most: int) -> int:
    if not most:
        return 0
    [(found,)] = connection.execute(COUNT, {"most": most}).fetchall()
    return int(found)


def hidden(address: str) -> str:
    """Return the digest to compare and store: only persistence keeps and forgets addresses."""
    digest = hashlib.blake2b(address.encode(), digest_size=16, person=b"linkup.refused")
    return digest.hexdigest()
