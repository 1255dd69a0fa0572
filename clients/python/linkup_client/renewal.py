"""Owns replacing the token of a connection before it ends."""

import asyncio
import logging
import time
from collections.abc import Callable

from linkup_client.tokens import Tokens, end_of

logger = logging.getLogger("linkup_client")

LEAD = 60.0  # s before the end of a token, or a quarter of its time if that is less


async def renew(tokens: Tokens, token: str, tell: Callable[[str], None], *, least: float) -> None:
    """Call `tell` with a new token before `token` ends, and so on, until one does not say when it
    ends or is the same again. Raises like `tokens.get`, but for OSError: then it asks once more.

    `least`: the seconds between two requests, whatever the clock of this machine says.
    """
    while (end := end_of(token)) is not None:
        await asyncio.sleep(pause(end - time.time(), least))
        before, token = token, await _fresh(tokens, least)
        if token == before:
            return
        tell(token)


def pause(left: float, least: float) -> float:
    """Return for how many seconds a token is used that ends in `left` seconds."""
    return max(least, left - min(LEAD, left / 4))


async def _fresh(tokens: Tokens, least: float) -> str:
    while True:
        try:
            return await tokens.get()
        except OSError as fault:  # TimeoutError is one
            logger.info("there is no new token yet: %s", fault or type(fault).__name__)
            await asyncio.sleep(least)
