"""Owns the unread counts that sockets are told: at connect, and corrected every ten seconds.

Notify publishes each change. What is lost on the wire is found by comparing what each socket was
told with what notify knows.
"""

import asyncio
import functools
import logging
from collections.abc import Callable, Iterable

from services.gateway.socket.connection import Connection
from services.gateway.upstream.notices import Notices
from shared import frames
from shared.chunks import chunks
from shared.commands import MAX_BADGES, Badges, BadgesAnswer
from shared.errors import LinkupError

logger = logging.getLogger("linkup.gateway.badges")

GATHERING = 0.05  # seconds in which those who come share one question
SPACING = 0.25  # seconds after a question: in a crowd, all who come meanwhile share the next one

Sockets = Callable[[str], Iterable[Connection]]


class Counts:
    """The unread counts that sockets were told. `sockets` returns those of a user."""

    def __init__(self, notices: Notices, sockets: Sockets) -> None:
        self._notices = notices
        self._sockets = sockets
        self._wanted: dict[str, None] = {}  # users, in the order in which they came
        self._wake = asyncio.Event()

    def want(self, user_ids: Iterable[str]) -> None:
        """Compare what the sockets of these users were told, soon."""
        self._wanted.update(dict.fromkeys(user_ids))
        if self._wanted:
            self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHERING)
            self._wake.clear()
            wanted, self._wanted = list(self._wanted), {}
            for user_ids in chunks(wanted, MAX_BADGES):
                await self._compare(user_ids)
            await asyncio.sleep(SPACING)

    async def _compare(self, user_ids: list[str]) -> None:
        """Compare the counts. A socket that is told one meanwhile knows better: it is compared the
        next time."""
        before = {each: each.badge for one in user_ids for each in self._sockets(one)}
        if not before:
            return
        narrow = {each.user_id for each in before if each.view.only is not None}
        asked = Badges(user_ids=user_ids, narrow=sorted(narrow))
        try:
            answer = await self._notices.ask(asked, BadgesAnswer)
        except LinkupError as error:
            logger.debug("no counts of unread notifications: %s", error.code)
            return
        for connection, badge in before.items():
            unread = answer.unread.get(connection.user_id, 0)
            if connection.badge == badge != unread and connection.offer(encoded(unread)):
                connection.badge = unread


@functools.lru_cache(maxsize=1024)
def encoded(unread: int) -> bytes:
    return frames.encode(frames.BadgeUpdate(unread_count=unread))
