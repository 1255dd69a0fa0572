"""Owns the state of the erasure of a user."""

from services.persistence.queries.source import Source
from shared.commands import Erasure, ErasureAnswer
from shared.errors import NotFound

ONE = """
SELECT e.asked_at, e.finished_at,
  (SELECT count(*) FROM attachments AS a WHERE a.owner_id = e.user_id)
FROM erasures AS e WHERE e.user_id = ?1
"""


def erasure(source: Source, asked: Erasure) -> ErasureAnswer:
    """Raises NotFound for a user whom nobody has asked to erase."""
    found = source.fetch(ONE, (asked.user_id,))
    if not found:
        raise NotFound("There is no such user")
    asked_at, finished_at, files = found[0]
    return ErasureAnswer(asked_at=asked_at, finished_at=finished_at, files=files)
