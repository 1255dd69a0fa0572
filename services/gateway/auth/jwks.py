"""Owns the public keys that the host app publishes at LINKUP_JWKS_URL.

They are fetched at the start, every LINKUP_JWKS_EVERY seconds, and when a token names a key that is
not known. While they cannot be fetched, the known keys stay valid.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import jwt
import msgspec
from msgspec import Struct

from services.gateway.auth.keys import Keys, public_key
from shared.breaker import Breaker
from shared.errors import SettingError, Unavailable
from shared.health.endpoints import Check
from shared.outward import NotSent, Outward, Unanswered, open_outward
from shared.outward.destinations import Refused, Rules
from shared.retry import Retries
from shared.settings import Settings

logger = logging.getLogger("linkup.gateway.jwks")

COOLDOWN = 30.0  # seconds between two fetches for the sake of unknown keys, which anybody can name
TIMEOUT = 5.0  # seconds for a fetch, which those wait for who show an unknown key
MOST_BYTES = 64 * 1024
MOST_KEYS = 64
RETRIES = Retries(base=2.0, cap=60.0)


class Unusable(Exception):
    """The answer is no set of keys; the text says why."""


class _Published(Struct):
    keys: list[dict[str, Any]]


class KeySet:
    """Puts the published keys into `keys`. `every`: seconds. `clock`: seconds, never back."""

    def __init__(
        self,
        url: str,
        every: float,
        outward: Outward,
        keys: Keys,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._every = every
        self._outward = outward
        self._keys = keys
        self._clock = clock
        self._breaker = Breaker("the host of LINKUP_JWKS_URL", RETRIES, clock)
        self._body: bytes | None = None  # the last set of keys, as it came
        self._fault = "not fetched yet"
        self._failures = 0  # in a row
        self._spared_until = float("-inf")
        self._wanted = asyncio.Event()
        self._answered = asyncio.Event()  # unless a fetch is under way or wanted

    async def run(self) -> None:
        """Fetch the keys until cancelled."""
        while True:
            self._answered.clear()
            try:
                await self._fetch()
            finally:
                self._wanted.clear()
                self._answered.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._wanted.wait()

    def want(self) -> bool:
        """Ask for a fetch because a token names an unknown key; return whether one is under way.
        Raises Unavailable if the keys have never been fetched and cannot be now."""
        if not self._answered.is_set():
            return True
        if self._clock() < self._spared_until or not self._breaker.room(1):
            if self._body is None:
                raise Unavailable("The keys of tokens are not known yet; try again later")
            return False
        self._spared_until = self._clock() + COOLDOWN
        self._answered.clear()
        self._wanted.set()
        return True

    async def answered(self) -> None:
        """Wait for the fetch that is under way. Raises Unavailable as `want` does."""
        await self._answered.wait()
        if self._body is None:
            raise Unavailable("The keys of tokens are not known yet; try again later")

    def check(self) -> Check:
        """Return a warning at worst: who is in stays in, and known keys stay valid."""
        state = self._breaker.check().observed
        if not self._fault:
            return Check("pass", "", state)
        known = "no key is known" if self._body is None else "the last known keys stay valid"
        return Check("warn", f"LINKUP_JWKS_URL: {self._fault}; {known}", state)

    def _pause(self) -> float:
        if not self._failures:
            return self._every
        again = RETRIES.pause(self._failures, random.random())
        return min(self._every, max(self._breaker.wait(), again))

    async def _fetch(self) -> None:
        self._breaker.begin()
        try:
            body = await self._asked()
            if body != self._body:
                self._keys.replace(usable(body))
                logger.info("the keys of tokens have changed")
        except (Refused, NotSent, Unanswered, Unusable) as error:
            self._failures += 1
            self._fault = str(error)
            self._breaker.end(False, self._fault)
        else:
            self._failures, self._fault, self._body = 0, "", body
            self._breaker.end(True)

    async def _asked(self) -> bytes:
        """Raises Refused, NotSent, Unanswered and Unusable."""
        headers = {"Accept": "application/json"}
        answer = await self._outward.request(
            "GET", self._url, headers=headers, answer_bytes=MOST_BYTES + 1
        )
        if answer.status != 200:
            raise Unusable(f"it answers with status {answer.status}")
        if len(answer.body) > MOST_BYTES:
            raise Unusable(f"its answer has more than {MOST_BYTES} bytes")
        return answer.body


def usable(body: bytes) -> Sequence[jwt.PyJWK]:
    """Return the keys of a JSON Web Key Set (RFC 7517, section 5) that tokens may be verified with.
    Raises Unusable."""
    try:
        published = msgspec.json.decode(body, type=_Published).keys
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Unusable("its answer is not a JSON Web Key Set") from None
    if len(published) > MOST_KEYS:
        raise Unusable(f"its answer has more than {MOST_KEYS} keys")
    return [key for key in map(public_key, published) if key is not None]


@asynccontextmanager
async def followed(settings: Settings, keys: Keys) -> AsyncIterator[KeySet]:
    """Follow the published keys until the block ends. Raises SettingError."""
    rules = Rules(settings.outbound_allowed)
    try:
        rules.target(settings.jwks_url)
    except Refused as error:
        raise SettingError(
            f"LINKUP_JWKS_URL={settings.jwks_url} {error}; a host of your own network must be in "
            "LINKUP_OUTBOUND_ALLOWED"
        ) from None
    async with (
        open_outward(rules, timeout=TIMEOUT, connect_timeout=TIMEOUT) as outward,
        asyncio.TaskGroup() as tasks,
    ):
        key_set = KeySet(settings.jwks_url, settings.jwks_every, outward, keys)
        running = tasks.create_task(key_set.run())
        yield key_set
        running.cancel()
