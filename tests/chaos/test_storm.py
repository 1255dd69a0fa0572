"""A crowd comes back in one instant, and all are in; who was there before hardly notices."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from linkup_client.wire import open_socket
from msgspec import structs

from linkup.load.cpu import Usage
from tests.bench import echo
from tests.support.beside import chatting
from tests.support.stack import Stack, run_stack
from tests.support.storm import Crowd, Outcome, storm
from tests.support.waiting import TIMEOUT_FACTOR, eventually
from tests.support.waiting import within as patience

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNLIMITED: dict[str, Any] = {"message_rate": 0, "sockets_per_address": 0, "sockets_per_user": 0}
MISSED = 5
AT_ONCE = 500  # messages on their way to the store
PAIRS = 5
CALM = 3.0  # seconds
STAY = 1.0  # seconds until the crowd leaves again, when what was sent meanwhile is acked
LONGER = 10.0  # than a bare echo
TRIES = 5  # a comparison each: other load on the machine can spoil one of them
COST = 5.0  # times the CPU time of a bare echo: they are told what they missed, too; 3 to 4
PACE = 1.2  # times the seconds in which a bare echo gets as much CPU time; about 0.9


class Return(NamedTuple):
    outcome: Outcome
    calm: float  # p99 of the others' acks before, in seconds
    beside_echo: float  # the same while the crowd comes to a bare echo
    meanwhile: float
    echo: Outcome  # the same crowd at a bare echo

    def __str__(self) -> str:
        last, floor = self.outcome.came[-1], self.echo.came[-1]
        return (
            f"{len(self.outcome.came)} in within {last:.2f} s, {last / floor:.1f} times a bare echo"
            f" ({floor:.2f} s); others' ack p99 {self.calm * 1e3:.0f} ms before,"
            f" {self.beside_echo * 1e3:.0f} ms while they come to the echo,"
            f" {self.meanwhile * 1e3:.0f} ms meanwhile"
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with run_stack(tmp_path_factory.mktemp("storm"), **UNLIMITED) as stack:
        yield stack


def crowd_of(stack: Stack, hellos: list[str]) -> Crowd:
    host, _, port = stack.url.rpartition("/")[2].partition(":")
    return Crowd(host, int(port), hellos)


def hello_of(stack: Stack, user_id: str, **resumed: Any) -> str:
    return json.dumps({"type": "hello", "token": stack.token(user_id), **resumed})


async def write_to(stack: Stack, user_ids: list[str]) -> str:
    """MISSED messages to each; the store's epoch."""
    told: dict[str, Any] = {"epoch": "", "acked": 0}

    def on_text(text: bytes) -> None:
        frame = json.loads(text)
        told["epoch"] = frame.get("epoch") or told["epoch"]
        told["acked"] += frame["type"] == "ack"

    socket = await open_socket(stack.ws_url, on_text, lambda code, reason: None)
    socket.send(hello_of(stack, "writer").encode())
    written = [(to, f"{to}-{number}") for to in user_ids for number in range(MISSED)]
    for count, (to, client_id) in enumerate(written):
        frame = {"type": "message", "to": to, "client_id": client_id, "content": "you missed this"}
        socket.send(json.dumps(frame).encode())
        await eventually(lambda sent=count: told["acked"] > sent - AT_ONCE)  # type: ignore[misc]
    await eventually(lambda: told["acked"] == len(written))
    await socket.close()
    return str(told["epoch"])


async def left(stack: Stack, name: str, count: int) -> list[str]:
    """Return the first frames of so many, who were here and missed some."""
    user_ids = [f"{name}{number}" for number in range(count)]
    first = await storm(crowd_of(stack, [hello_of(stack, user_id) for user_id in user_ids]))
    assert first.refused == {}
    epoch = await write_to(stack, user_ids)
    return [hello_of(stack, user_id, epoch=epoch, cursor=0) for user_id in user_ids]


@asynccontextmanager
async def echoing(count: int) -> AsyncIterator[tuple[Crowd, int]]:
    """A bare echo that is up: a crowd that comes to it, and its pid."""
    async with echo.server() as (url, pid):
        host, _, port = url.rpartition("//")[2].rstrip("/").partition(":")
        crowd = Crowd(host, int(port), ["hello"] * count, path="/", until="hello")
        await storm(structs.replace(crowd, hellos=["hello"]))
        yield crowd, pid


async def come_back(stack: Stack, name: str, count: int) -> Return:
    """They were here, missed some, and come back in one instant."""
    hellos = await left(stack, name, count)
    async with echoing(count) as (crowd, _), chatting(stack, PAIRS) as beside:
        began = time.monotonic()
        await eventually(lambda: time.monotonic() > began + CALM)
        calm = beside.p99(began, time.monotonic() - 1)
        floor = await storm(structs.replace(crowd, stay=STAY))
        outcome = await storm(structs.replace(crowd_of(stack, hellos), stay=STAY))
    assert beside.faults == []
    at_echo = beside.p99(floor.began, floor.ended)
    return Return(outcome, calm, at_echo, beside.p99(outcome.began, outcome.ended), floor)


def check(told: Return, count: int) -> None:
    assert told.outcome.refused == {}
    assert told.outcome.messages == [MISSED] * count


def within(seconds: float, told: Return) -> float:
    """As long as a machine may take that does other things as well, by what an echo took."""
    return max(seconds * TIMEOUT_FACTOR, LONGER * told.echo.came[-1])


@pytest.mark.timeout(120)
@pytest.mark.parametrize("count", [150, pytest.param(600, marks=pytest.mark.slow)])
async def test_f_s1_hundreds_come_back_in_one_instant_and_none_is_refused(
    stack: Stack, count: int
) -> None:
    """600 are more than one queue of the store's readers holds."""
    told = await come_back(stack, f"some{count}x", count)
    sys.stdout.write(f"{told}\n")
    check(told, count)
    assert told.outcome.came[-1] < within(4.0, told)


async def test_f_s1_hundreds_look_at_their_inbox_in_one_instant(stack: Stack) -> None:
    """More than the store's readers take at once: the rest waits in line at the gateway."""
    tokens = [stack.token(f"looker{number}") for number in range(600)]
    persistence = stack.pids()["persistence"]
    for _ in range(5):
        for start in range(0, len(tokens), 50):  # then the gateway knows the standing of each
            some = tokens[start : start + 50]
            asking = [status_of(stack, "/v1/conversations", token) for token in some]
            assert set(await asyncio.gather(*asking)) == {200}
        os.kill(persistence, signal.SIGSTOP)
        try:
            looks = [answer_to(stack, "/v1/conversations", token) for token in tokens]
            looking = [asyncio.create_task(look) for look in looks]
            await asyncio.sleep(0)
            assert await status_of(stack, "/livez", "") == 200  # requests are begun in their order
        finally:
            os.kill(persistence, signal.SIGCONT)
        answers = await asyncio.gather(*looking)
        refused = [body for status, body in answers if status != 200]
        if not refused:
            return
        assert b"overloaded" not in b"".join(refused)  # a slow machine makes some wait too long
    raise AssertionError(refused)


async def status_of(stack: Stack, path: str, token: str) -> int:
    return (await answer_to(stack, path, token))[0]


async def answer_to(stack: Stack, path: str, token: str) -> tuple[int, bytes]:
    """Return the status and the body of the answer to a request on a connection of its own."""
    host, _, port = stack.url.rpartition("/")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    fields = f"Host: {host}:{port}\r\nAuthorization: Bearer {token}\r\nConnection: close"
    writer.write(f"GET {path} HTTP/1.1\r\n{fields}\r\n\r\n".encode())
    async with patience(30):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), body


@pytest.mark.slow
async def test_f_s1_the_wait_in_line_has_an_end_by_setting(tmp_path: Path) -> None:
    async with run_stack(tmp_path, log_waiting=1) as stack:
        token = stack.token("ann")
        assert await status_of(stack, "/v1/conversations", token) == 200
        persistence = stack.pids()["persistence"]
        os.kill(persistence, signal.SIGSTOP)
        waiting = asyncio.create_task(status_of(stack, "/v1/conversations", token))
        try:
            await eventually(lambda: refused_as_overloaded(stack, token))
        finally:
            os.kill(persistence, signal.SIGCONT)
        assert await waiting in (200, 503)


async def refused_as_overloaded(stack: Stack, token: str) -> bool:
    status = await status_of(stack, "/v1/unread", token)
    return status == 503 and "LINKUP_LOG_WAITING" in stack.log.read_text()


class Spent(NamedTuple):
    """On a crowd: seconds until the last one was in; CPU seconds of the servers, and of all."""

    seconds: float
    servers: float
    cpu: float


async def spent(pids: dict[str, int], crowd: Crowd) -> tuple[Outcome, Spent]:
    usage = Usage(pids)
    usage.start()
    outcome = await storm(crowd)
    servers = sum(usage.seconds().values())
    return outcome, Spent(outcome.came[-1], servers, servers + outcome.cpu)


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(300)
async def test_f_s1_a_thousand_resume_hardly_slower_than_at_a_bare_echo(stack: Stack) -> None:
    """All in within 1.5 times as long as there and a second. For what they cost in CPU time, and
    that is little, they wait no longer: a slow or busy machine takes longer for the echo as well.
    """
    tries = []
    for number in range(TRIES):
        hellos = await left(stack, f"again{number}x", 1000)
        async with echoing(1000) as (crowd, pid):
            _, floor = await spent({"echo": pid}, crowd)
            outcome, found = await spent(stack.pids(), crowd_of(stack, hellos))
        assert outcome.refused == {}
        assert outcome.messages == [MISSED] * 1000
        cost = found.servers / floor.servers
        pace = (found.seconds / found.cpu) / (floor.seconds / floor.cpu)
        tries.append(f"cost {cost:.1f}, pace {pace:.1f}: {found}, {floor}")
        sys.stdout.write(f"{tries[-1]}\n")
        soon = found.seconds <= 1.5 * floor.seconds + 1.0 * TIMEOUT_FACTOR
        if soon and cost <= COST and pace <= PACE:
            return
    pytest.fail("\n".join(tries))


@pytest.mark.prove
@pytest.mark.timeout(600)
@pytest.mark.parametrize("count", [1000, 3000])
async def test_f_s1_thousands_come_back_in_one_instant(stack: Stack, count: int) -> None:
    """All in within 4 s per 1,000, and nobody else waits three times as long for an ack as beside
    the same crowd at a bare echo."""
    told = await come_back(stack, f"all{count}x", count)
    sys.stdout.write(f"{told}\n")
    check(told, count)
    assert told.outcome.came[-1] < within(4.0 * count / 1000, told)
    assert told.meanwhile < 3 * max(told.calm, told.beside_echo)
