"""Owns signed URLs, which allow downloading a file until they expire.

A URL names nobody and holds no secret: an HMAC over what it grants, with a key that the store made
and all gateways share.
"""

import asyncio
import hmac
import time
from collections.abc import Callable
from urllib.parse import urlencode

from msgspec import Struct

from services.gateway.upstream.queries import Log
from shared.api import Variant
from shared.commands import LinkKey, LinkKeyAnswer
from shared.errors import NotFound

PURPOSE = b"linkup attachment links"  # no signature of this key fits anything else
KEPT = 60.0  # seconds until the store is asked for its key again: it may be another store


class Links(Struct, frozen=True):
    """Signs and checks URLs with a key. They are valid for `lasting` seconds."""

    key: bytes
    lasting: int

    def expiry(self, now: float) -> int:
        """Return a time in seconds since 1970, at least so long from now as set."""
        return int(now) + 1 + self.lasting

    def url(self, attachment_id: str, variant: Variant, expires: int) -> str:
        """Return the URL without a host: it is valid on every gateway."""
        signature = self._signature(attachment_id, variant, expires)
        query = {"variant": variant, "expires": expires, "signature": signature}
        return f"/v1/attachments/{attachment_id}/content?{urlencode(query)}"

    def check(
        self, attachment_id: str, variant: Variant, expires: int, signature: str, now: float
    ) -> None:
        """Raises NotFound, as for a file that is not there: forged, expired, absent are alike."""
        signed = self._signature(attachment_id, variant, expires)
        if not hmac.compare_digest(signed.encode(), signature.encode()) or expires < now:
            raise NotFound("There is no such attachment")

    def _signature(self, attachment_id: str, variant: Variant, expires: int) -> str:
        said = f"{attachment_id}\n{variant}\n{expires}"
        return hmac.digest(self.key, said.encode(), "sha256").hex()


def links(key: bytes, lasting: float) -> Links:
    """Return the links that are signed with a key of the store."""
    return Links(hmac.digest(key, PURPOSE, "sha256"), int(lasting))


class SharedLinks:
    """Links with the key of the store. `lasting`: seconds. `clock`: seconds, never back.

    A URL that nobody signed costs no question of its own: all who come while the key is asked for
    wait for one answer.
    """

    def __init__(
        self, log: Log, lasting: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._lasting = lasting
        self._clock = clock
        self._links: Links | None = None
        self._asked_at = 0.0
        self._asking: asyncio.Task[Links] | None = None

    async def get(self) -> Links:
        """Raises what the log does, if it has to be asked."""
        if self._links is not None and self._clock() < self._asked_at + KEPT:
            return self._links
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> Links:
        now = self._clock()
        answer = await self._log.ask(LinkKey(), LinkKeyAnswer)
        self._links, self._asked_at = links(answer.key, self._lasting), now
        return self._links
