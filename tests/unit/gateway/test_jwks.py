"""The published keys: rotation, a host that is down, slow or huge, and unknown keys."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services.gateway.auth import Authenticator, jwks, published_keys
from services.gateway.auth.jwks import COOLDOWN, KeySet
from shared.breaker import STATES
from shared.errors import SettingError, Unauthorized, Unavailable
from shared.health.endpoints import Health
from shared.outward import open_outward
from shared.outward.destinations import Rules
from shared.settings import Settings
from tests.support.endpoint import Endpoint, certificate, endpoint
from tests.support.waiting import TIMEOUT_FACTOR, eventually
from tests.unit.gateway.test_keys import ED, OTHER_RSA, P256, RSA, SECRET, by, of_curve, of_rsa

A, B = of_rsa(RSA, kid="a"), of_rsa(OTHER_RSA, kid="b")
BY_A, BY_B = (by(key, "RS256", kid) for key, kid in ((RSA, "a"), (OTHER_RSA, "b")))
BY_NOBODY = by(ED, "EdDSA", "nobody")


class Host:
    """A gateway's tokens, and the host that publishes their keys."""

    def __init__(self, there: Endpoint) -> None:
        self.there = there
        self.auth = Authenticator(Settings(jwt_secret=SECRET))
        self.key_set: KeySet
        self.now = 1000.0

    def publish(self, *keys: dict[str, Any]) -> None:
        self.there.content = json.dumps({"keys": keys}).encode()

    def answers(self, *acts: str) -> None:
        self.there.script = list(acts)

    async def admits(self, token: str) -> bool:
        try:
            return (await self.auth.identify(token)).user_id == "alice"
        except Unauthorized:
            return False

    async def ask_again(self) -> None:
        """As after a while: a token that names an unknown key is shown."""
        self.now += COOLDOWN
        before = len(self.there.asked)
        await self.admits(BY_NOBODY)
        assert len(self.there.asked) > before

    def warned(self, words: str) -> bool:
        check = self.key_set.check()
        return check.status == "warn" and words in check.output


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("endpoint")
    certificate(folder)
    return folder


@pytest.fixture
async def host(trusted: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Host]:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted / "endpoint.pem"))
    async with endpoint(trusted) as there:
        there.usual = "200"
        yield Host(there)


@asynccontextmanager
async def running(host: Host) -> AsyncIterator[Host]:
    async with open_outward(Rules(["127.0.0.0/8"]), timeout=5.0 * TIMEOUT_FACTOR) as outward:
        url = host.there.url("/jwks.json")
        host.key_set = KeySet(url, 3600, outward, host.auth.keys, lambda: host.now)
        host.auth.source = host.key_set
        task = asyncio.create_task(host.key_set.run())
        try:
            yield host
        finally:
            task.cancel()
            await asyncio.wait([task])


async def test_s3_published_keys_let_in_and_are_rotated(host: Host) -> None:
    host.publish(A)
    async with running(host):
        assert await host.admits(BY_A)
        assert host.key_set.check().status == "pass"
        assert not await host.admits(BY_B)
        host.publish(A, B)
        host.now += COOLDOWN
        assert await host.admits(BY_B)  # at once: an unknown key is asked for
        assert await host.admits(BY_A)
        host.publish(B)
        await host.ask_again()
        assert await host.admits(BY_B)
        assert not await host.admits(BY_A)  # although it is remembered
        assert await host.admits(by(SECRET, "HS256"))


async def test_s3_unknown_keys_are_asked_for_once_and_seldom(host: Host) -> None:
    host.publish(A)
    async with running(host):
        assert await host.admits(BY_A)
        assert len(host.there.asked) == 1
        for seconds, asked in ((0.0, 2), (COOLDOWN - 1, 2), (1.0, 3)):
            host.now += seconds
            shown = [by(ED, "EdDSA", f"unknown-{number}") for number in range(100)]
            assert not any(await asyncio.gather(*map(host.admits, shown)))
            assert len(host.there.asked) == asked
    assert host.there.asked[0].method == "GET"


FAULTS = {
    "an error": ("500", "status 500"),
    "a redirect": ("302 location: https://127.0.0.1/x", "status 302"),
    "a cut connection": ("drop,drop", "Disconnected"),  # a GET is sent again on a new connection
    "no answer": ("hang", "Timeout"),
    "a body without an end": ("endless", "status 201"),
}


@pytest.mark.parametrize(("act", "words"), FAULTS.values(), ids=FAULTS.keys())
async def test_s3_while_the_host_fails_known_keys_stay_good(
    host: Host, act: str, words: str
) -> None:
    host.publish(A)
    rules = Rules(["127.0.0.0/8"])
    async with running(host), open_outward(rules, timeout=1.0 * TIMEOUT_FACTOR) as impatient:
        assert await host.admits(BY_A)
        if act == "hang":
            host.key_set._outward = impatient  # noqa: SLF001 - the others have all their time
        host.answers(*act.split(","))
        await host.ask_again()
        assert host.warned(words)
        host.auth.keys.changed()  # nothing is remembered
        assert await host.admits(BY_A)


BODIES = {
    "too long": (b" " * 70_000 + b'{"keys": []}', "more than 65536 bytes"),
    "too many": (json.dumps({"keys": [A] * 65}).encode(), "more than 64 keys"),
    "no JSON": (b"<html>", "not a JSON Web Key Set"),
    "cut off": (json.dumps({"keys": [A]}).encode()[:-5], "not a JSON Web Key Set"),
    "another object": (b'{"error": "x"}', "not a JSON Web Key Set"),
    "a list": (b"[]", "not a JSON Web Key Set"),
    "keys that are none": (b'{"keys": [7]}', "not a JSON Web Key Set"),
    "nested deeply": (b'{"keys": [{"a":' + b"[" * 30_000, "not a JSON Web Key Set"),
    "not UTF-8": (b'{"keys": [{"kty": "\xff"}]}', "not a JSON Web Key Set"),
}


@pytest.mark.parametrize(("body", "words"), BODIES.values(), ids=BODIES.keys())
async def test_s3_what_is_no_set_of_keys_takes_none_away(
    host: Host, body: bytes, words: str
) -> None:
    host.publish(A)
    async with running(host):
        assert await host.admits(BY_A)
        host.there.content = body
        await host.ask_again()
        assert host.warned(words)
        assert await host.admits(BY_A)
        host.publish(B)
        await host.ask_again()
        assert host.key_set.check().status == "pass"
        assert not await host.admits(BY_A)


async def test_s3_a_set_without_usable_keys_takes_all_away(host: Host) -> None:
    host.publish(A)
    async with running(host):
        assert await host.admits(BY_A)
        host.publish({"kty": "oct", "k": "c2VjcmV0", "kid": "a"}, of_curve(P256, use="enc"))
        await host.ask_again()
        assert not await host.admits(BY_A)


async def test_while_no_key_was_ever_fetched_nobody_is_called_unauthorized(host: Host) -> None:
    """A client would not come back with the same token."""
    host.publish(A)
    host.answers("500", "500")
    async with running(host):
        for _ in range(2):
            with pytest.raises(Unavailable):
                await host.auth.identify(BY_A)
        assert host.warned("no key is known")
        assert await host.admits(by(SECRET, "HS256"))
        host.now += COOLDOWN
        assert await host.admits(BY_A)


async def test_s121_a_host_that_fails_is_left_alone(host: Host) -> None:
    host.publish(A)
    async with running(host):
        assert await host.admits(BY_A)
        host.answers(*["500"] * 5)
        for _ in range(5):
            await host.ask_again()
        assert host.key_set.check().observed == STATES.index("open")
        host.now += 1.0
        asked = len(host.there.asked)
        assert not await host.admits(BY_NOBODY)
        assert len(host.there.asked) == asked
        await host.ask_again()
        assert host.key_set.check().status == "pass"


async def test_a_refresh_with_a_new_key_is_to_be_tried_again(host: Host) -> None:
    host.publish(A)
    async with running(host):
        assert await host.admits(BY_A)
        host.publish(A, B)
        with pytest.raises(Unavailable):
            host.auth.verify_or_later(BY_B)
        await host.key_set.answered()
        assert host.auth.verify_or_later(BY_B).user_id == "alice"
        with pytest.raises(Unauthorized):
            host.auth.verify_or_later(BY_NOBODY)


async def test_who_waits_for_a_key_holds_up_nobody(host: Host) -> None:
    host.publish(A)
    async with running(host):
        assert await host.admits(BY_A)
        host.answers("hang")
        waiting = asyncio.create_task(host.admits(BY_NOBODY))
        await eventually(lambda: len(host.there.asked) == 2)
        assert await host.admits(BY_A)
        waiting.cancel()
        host.there.release.set()
        await host.key_set.answered()


async def test_s3_the_setting_is_followed_and_seen_in_the_health(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "TIMEOUT", 5.0 * TIMEOUT_FACTOR)
    host.publish(A)
    url, health = host.there.url("/jwks.json"), Health("gateway")
    settings = Settings(jwt_secret=SECRET, jwks_url=url, outbound_allowed=("127.0.0.1",))
    async with published_keys(host.auth, settings, health):
        assert await host.admits(BY_A)
        assert health.checks["jwks"]().status == "pass"
    with pytest.raises(SettingError, match="LINKUP_OUTBOUND_ALLOWED"):
        async with published_keys(host.auth, Settings(jwks_url=url), health):
            pytest.fail("a private address")


async def test_without_the_setting_nothing_is_fetched(host: Host) -> None:
    health = Health("gateway")
    async with published_keys(host.auth, Settings(jwt_secret=SECRET), health):
        assert not await host.admits(BY_A)
    assert "jwks" not in health.checks


async def test_keys_are_fetched_again_after_a_while(host: Host) -> None:
    host.publish(A)
    async with open_outward(Rules(["127.0.0.0/8"])) as outward:
        key_set = KeySet(host.there.url("/x"), 0.01, outward, host.auth.keys)
        task = asyncio.create_task(key_set.run())
        await key_set.answered()
        host.publish(B)
        await eventually(lambda: len(host.there.asked) >= 4)
        task.cancel()
        await asyncio.wait([task])
    assert host.auth.verify(BY_B).user_id == "alice"
