"""Owns the cost of finding people by name: over HTTP, among many people and among few, in turns."""

import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import httpx2
from msgspec import Struct

from tests.bench import priority
from tests.bench.results import Machine, machine
from tests.support.stack import Stack, run_stack

FEW, MANY = 100, 100_000
ROUNDS, WARM = 200, 20
PAGE = 20
MOST = 3.0  # times the cost among few
BULK = 500
KEY = "the-key-of-the-host-app-of-at-least-32-bytes"
SETTINGS: dict[str, Any] = {
    "host_key": KEY,
    "host_per_minute": 0,
    "search_per_minute": 0,
    "api_per_minute": 0,
    "canary_every": 0,
}
FIRST = ("Anna", "Björn", "Chloé", "Dmitri", "Émile", "Fatima", "Göran", "Hélène", "Ivo", "John")
LAST = ("Adams", "Brown", "Cohen", "Dubois", "Evans", "Fischer", "Garcia", "Holm", "Ivanov", "Li")
# What many are found by, what few are, what nobody is; and two words that one in a hundred has.
QUERIES = ("a", "ann", "user7", "zzz", "john li", "chlo dub", "a b")


class Found(Struct, frozen=True, kw_only=True):
    """Milliseconds of a request for the first page."""

    q: str
    few_ms: float
    many_ms: float

    @property
    def ratio(self) -> float:
        return self.many_ms / self.few_ms


class People(Struct, frozen=True, kw_only=True):
    """`per_second`: users made known by `POST /v1/admin/users`, 500 in a request."""

    machine: Machine
    few: int
    many: int
    per_second: float
    found: list[Found]


async def measure(many: int, folder: Path, say: Callable[[str], None]) -> People:
    with priority.alone(say):
        async with AsyncExitStack() as stack:
            sides = [
                await stack.enter_async_context(run_stack(folder / str(size), **SETTINGS))
                for size in (FEW, many)
            ]
            say(f"making {many:,} people known")
            took = [await _fill(side, size) for side, size in zip(sides, (FEW, many), strict=True)]
            clients = [await stack.enter_async_context(_client(side)) for side in sides]
            found = [await _compare(q, clients) for q in QUERIES]
    per_second = many / took[1]
    return People(machine=machine(), few=FEW, many=many, per_second=per_second, found=found)


def _client(stack: Stack) -> httpx2.AsyncClient:
    headers = {"authorization": f"Bearer {stack.token('user-0')}"}
    return httpx2.AsyncClient(base_url=stack.url, headers=headers, timeout=60)


async def _fill(stack: Stack, count: int) -> float:
    """Return the seconds that it took."""
    rest, began = _people(count), time.monotonic()
    headers = {"authorization": f"Bearer {KEY}"}
    async with httpx2.AsyncClient(base_url=stack.url, headers=headers, timeout=60) as host:
        while part := list(islice(rest, BULK)):
            (await host.post("/v1/admin/users", json={"users": part})).raise_for_status()
    return time.monotonic() - began


def _people(count: int) -> Iterator[dict[str, str]]:
    """Everybody has a first name, a last name, and a word of their own."""
    for n in range(count):
        yield {"user_id": f"user-{n}", "name": f"{FIRST[n % 10]} {LAST[n // 10 % 10]} User{n}"}


async def _compare(q: str, clients: list[httpx2.AsyncClient]) -> Found:
    """In turn, so that whatever else runs here slows both alike."""
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(WARM + ROUNDS):
        for client, times in zip(clients, taken, strict=True):
            began = time.perf_counter()
            (await client.get("/v1/users", params={"q": q, "limit": PAGE})).raise_for_status()
            if number >= WARM:
                times.append((time.perf_counter() - began) * 1e3)
    return Found(q=q, few_ms=median(taken[0]), many_ms=median(taken[1]))


def words(people: People) -> str:
    rows = [
        f"`GET /v1/users?q=` among {people.many:,} people and among {people.few}, in turns, p50; "
        f"{people.per_second:,.0f} people a second were made known",
        "",
        f"| q | {people.few} | {people.many:,} | ratio | |",
        "|---|---|---|---|---|",
        *(
            f"| {one.q} | {one.few_ms:.2f} ms | {one.many_ms:.2f} ms | {one.ratio:.2f} "
            f"| {'pass' if one.ratio <= MOST else 'FAIL'} |"
            for one in people.found
        ),
    ]
    return "\n".join(rows) + "\n"
