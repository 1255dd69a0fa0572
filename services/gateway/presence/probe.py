"""Owns the query to all gateways whether a user is online: any answer means yes.

Nobody listens where a user has no socket, so that *no* comes from the broker at once. Changes
are announced elsewhere: a question where others merely listen would wait for its timeout.
"""

import asyncio
from collections.abc import Sequence

from shared import subjects
from shared.bus import Bus, BusTimeout, NoResponders
from shared.chunks import chunks
from shared.errors import Unavailable

TIMEOUT = 1.0
AT_ONCE = 50


async def ask(bus: Bus, user_ids: Sequence[str]) -> list[bool | None]:
    """Return whether each user is online; None if the query could not be sent."""
    answers: list[bool | None] = []
    for chunk in chunks(user_ids, AT_ONCE):
        answers += await asyncio.gather(*[_is_online(bus, user_id) for user_id in chunk])
    return answers


async def _is_online(bus: Bus, user_id: str) -> bool | None:
    try:
        await bus.request(subjects.ask(user_id), b"", TIMEOUT)
    except (NoResponders, BusTimeout):
        return False
    except Unavailable:
        return None
    return True
