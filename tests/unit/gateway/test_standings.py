"""A gateway learns of bans and revoked tokens, and closes the sockets that they end."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from services.gateway.auth import Authenticator, Identity
from services.gateway.auth import standings as module
from services.gateway.auth.standings import FRESH, Standings
from services.gateway.socket.eviction import Eviction
from shared import commands
from shared.bus import Delivery
from shared.clock import SECOND
from shared.commands import GOOD, HeadsAnswer, Joined, Standing, Stands
from shared.errors import Unauthorized
from shared.health.records import Ledger
from shared.settings import Settings
from tests.unit.gateway.fakes import Socket

BANNED = Standing(banned=True)
SECRET = "s" * 32


class Log:
    """Answers for every user with `standing`, and counts the questions."""

    def __init__(self) -> None:
        self.asked = 0
        self.now = 100.0
        self.standing: Standing | None = None
        self.gate: asyncio.Event | None = None

    async def join(self, user_id: str) -> Joined:
        self.asked += 1
        answer = Joined(epoch="e", head=0, profile=None, standing=self.standing)
        if self.gate is not None:
            await self.gate.wait()
        return answer

    def clock(self) -> float:
        return self.now


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def standings(log: Log) -> Standings:
    return Standings(log.join, log.clock)


def identity(user_id: str = "alice") -> Identity:
    return Identity(user_id=user_id, expires_at=1e12)


async def is_in(standings: Standings, user_id: str = "alice") -> bool:
    try:
        await standings.admit(identity(user_id))
    except Unauthorized:
        return False
    return True


async def test_requests_of_a_user_ask_once_in_a_while(log: Log, standings: Standings) -> None:
    assert [await is_in(standings) for _ in range(3)] == [True] * 3
    assert log.asked == 1
    log.now += FRESH
    log.standing = BANNED
    assert not await is_in(standings)
    assert log.asked == 2


async def test_a_change_that_is_told_counts_at_once(log: Log, standings: Standings) -> None:
    assert await is_in(standings)
    standings.tell("alice", BANNED, log.now)
    assert not await is_in(standings)
    standings.tell("alice", GOOD, log.now)
    assert await is_in(standings)
    assert log.asked == 1


async def test_an_answer_that_was_overtaken_does_not_count(log: Log, standings: Standings) -> None:
    log.gate = asyncio.Event()
    asking = asyncio.create_task(is_in(standings))
    await asyncio.sleep(0)
    log.now += 0.1
    standings.tell("alice", BANNED, log.now)
    log.gate.set()
    assert not await asking


async def test_a_comparison_says_it_again(log: Log, standings: Standings) -> None:
    standings.compared("bob", None, log.now)  # who asks nothing is not remembered
    await is_in(standings)
    standings.compared("alice", BANNED, log.now)
    assert not await is_in(standings)
    assert await is_in(standings, "bob")
    assert log.asked == 2


async def test_only_so_many_are_remembered(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    standings = Standings(log.join, log.clock)
    for user_id in ("alice", "bob", "carol", "carol", "alice"):
        await is_in(standings, user_id)
    assert log.asked == 4


# ------------------------------------------------------------------ tokens


def auth() -> Authenticator:
    return Authenticator(Settings(jwt_secret=SECRET))


def signed(**claims: Any) -> str:
    content = {"sub": "alice", "aud": "linkup", "exp": 2**40, **claims}
    return jwt.encode(content, SECRET, algorithm="HS256")


@pytest.mark.parametrize(("said", "issued_at"), [({}, 0.0), ({"iat": 5}, 5.0), ({"iat": "x"}, 0.0)])
def test_when_a_token_was_issued(said: dict[str, Any], issued_at: float) -> None:
    assert auth().verify(signed(**said)).issued_at == issued_at


def test_a_token_of_a_clock_ahead_was_issued_when_it_was_shown() -> None:
    now = int(time.time())
    assert auth().verify(signed(iat=now + 30)).issued_at <= now + 29


async def test_a_refresh_with_a_revoked_token_is_refused(log: Log, standings: Standings) -> None:
    one = auth()
    one.standings = standings
    token = signed()
    revoked = {one.verify(token).token_id: 2**50}
    standings.tell("alice", Standing(revoked=revoked), log.now)
    with pytest.raises(Unauthorized) as refused:
        one.verify_or_later(token)
    assert refused.value.why == "revoked"
    assert one.verify_or_later(signed(jti="2")).user_id == "alice"


# ------------------------------------------------------------------ sockets


class Wire:
    """A bus with one subscription."""

    async def subscribe(self, subject: str, deliver: Callable[[Delivery], None]) -> None:
        self.subject, self.deliver = subject, deliver

    def say(self, payload: bytes) -> None:
        self.deliver(Delivery(self.subject, payload, ""))


def evicting(log: Log, *sockets: Socket, wire: Any = None) -> Eviction:
    connections = [socket.connection for socket in sockets]
    return Eviction(wire, Standings(log.join, log.clock), lambda user_id: connections)


async def test_a_change_ends_the_sockets_of_refused_tokens(log: Log) -> None:
    gone, stays = Socket(), Socket()
    for socket, at in ((gone, 5), (stays, 6)):
        socket.start()
        socket.connection.identity = Identity(user_id="alice", expires_at=1e12, issued_at=at)
    wire = Wire()
    await evicting(log, gone, stays, wire=wire).listen()
    told = Stands(user_id="alice", standing=Standing(valid_after=5 * SECOND))
    wire.say(commands.encode(told))
    [error] = [frame for frame in gone.outbox.take() if frame["type"] == "error"]
    assert (error["code"], error["temporary"]) == ("unauthorized", False)
    assert (gone.connection.close_code, stays.connection.close_code) == (4401, None)


def test_what_got_lost_ends_them_with_the_next_comparison(log: Log) -> None:
    socket = Socket()
    answer = HeadsAnswer(epoch="e", heads={"alice": 1}, standings={"alice": BANNED})
    evicting(log, socket).compared(answer, log.now)
    assert (socket.connection.close_code, socket.ends) == (4401, 1)
    evicting(log, socket).compared(answer, log.now)
    assert socket.ends == 1


async def test_what_does_not_decode_is_recorded(log: Log, recorded: Ledger) -> None:
    wire = Wire()
    await evicting(log, wire=wire).listen()
    wire.say(b"{")
    [found] = recorded.recent()
    assert found.category == "routing_error"
