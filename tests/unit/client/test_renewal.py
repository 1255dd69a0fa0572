"""The client replaces each token before it ends, while its connection stays."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from linkup_client import Client, ConnectionRefused, connect
from linkup_client.renewal import pause
from linkup_client.tokens import end_of
from msgspec import structs

from tests.support.waiting import eventually, within
from tests.unit.client.scripted import FAST, Peer, Script, scripted

# Without a socket for a while, the client would ask for tokens to use HTTP.
QUICK = structs.replace(FAST, renewals_apart=0.01, patience=600)


def token_of(user_id: str, number: int = 0, *, exp: object = 0) -> str:
    """A token that has ended, so the next one is asked for as soon as may be."""
    claims = json.dumps({"sub": user_id, "exp": exp, "jti": str(number)}).encode()
    return f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.c2ln"


def giving(*answers: str | Exception) -> Callable[[], Awaitable[str]]:
    """Give or raise these, one after the other, and the last one again and again."""
    left = list(answers)

    async def get() -> str:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return get


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    async with scripted() as running:
        yield running


@asynccontextmanager
async def met(
    script: Script, get: Callable[[], Awaitable[str]]
) -> AsyncIterator[tuple[Client, Peer]]:
    peer = asyncio.create_task(script.come_in())
    async with connect(script.url, get, timing=QUICK) as client:
        yield client, await peer


async def test_s3_the_server_is_told_each_new_token_and_the_connection_stays(
    script: Script,
) -> None:
    tokens = [token_of("ann", number) for number in range(3)]
    async with met(script, giving(tokens[0], OSError("away"), *tokens[1:])) as (client, peer):
        for token in tokens[1:]:
            assert await peer.recv("refresh") == {"type": "refresh", "token": token}
        assert (client.state, script.visits) == ("connected", 1)


async def test_s3_the_same_token_again_is_not_asked_for_until_it_is_refused(
    script: Script,
) -> None:
    asked = 0

    async def get() -> str:
        nonlocal asked
        asked += 1
        return token_of("ann")

    async with met(script, get) as (_, peer):
        await eventually(lambda: asked == 2)
        await peer.close(4401)
        await (await script.peer()).recv("hello")
        assert asked == 3


@pytest.mark.parametrize("exp", [None, "0", [5], 10**400])
def test_s3_a_token_that_does_not_say_its_end_is_used_until_it_is_refused(exp: object) -> None:
    assert end_of(token_of("ann", exp=exp)) is None
    assert end_of("ticket") is None


async def test_s3_what_the_token_function_raises_ends_the_client(script: Script) -> None:
    async with met(script, giving(token_of("ann"), KeyError("no session"))) as (client, _):
        async with within(5):
            with pytest.raises(KeyError):
                await anext(client)
        assert client.state == "failed"


async def test_f_p21_a_new_token_of_another_user_never_leaves(script: Script) -> None:
    async with met(script, giving(token_of("ann"), token_of("eve"))) as (client, _):
        async with within(5):
            with pytest.raises(ConnectionRefused, match="'eve', not of 'ann'"):
                await anext(client)
        assert script.visits == 1


def test_s3_a_minute_is_left_or_a_quarter_of_a_short_time() -> None:
    assert [pause(left, 5) for left in (600, 40, 4, -9)] == [540, 30, 5, 5]
