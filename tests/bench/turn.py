"""Owns one turn: every figure of one running product, measured from outside."""

import asyncio
import http.client
import secrets
import urllib.parse
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial

from linkup.load import joining
from linkup.load.cpu import Usage
from linkup.load.pairs import Receiver, Sender
from linkup.load.sockets import LoadSocket
from linkup.load.tally import Tally
from shared.subjects import direct_conversation_id
from tests.bench import polls
from tests.bench.memory import memory_kb
from tests.bench.subject import PAIRS, PREFIX, RATE, SIZE, WINDOW, Subject, Unsound
from tests.support.waiting import eventually

AFTERWARDS = 1.5  # s: a second after a join its heads are compared
FORGOTTEN = 6.5  # s: who left is offline after 5, and that is written
PAGE, WARM_PAGES = 50, 20
TALKED = 150  # messages: the page is not the whole conversation

Found = dict[str, float]


Join = Callable[[Subject, list[LoadSocket]], Awaitable[None]]


async def measured(subject: Subject, parts: Collection[str]) -> Found:
    """Raises LoadFailed and Unsound."""
    found = Found()
    if "idle" in parts:
        found |= await _idle(subject)
    if {"idle", "join"} & set(parts):
        found |= await _sockets(subject, both="join" in parts)
    if "quiet" in parts:
        found |= await _quiet(subject)
    if "full" in parts:
        found |= await _full(subject)
    if "history" in parts:
        found |= await _history(subject)
    return found


async def _idle(subject: Subject) -> Found:
    subject.say("idle")
    usage, seconds = Usage(subject.pids), subject.extent.seconds
    await asyncio.sleep(1.0)  # after the start
    usage.start()
    await asyncio.sleep(seconds)
    wakes = {name: n / seconds for name, n in usage.wakes().items()}
    cpu = {name: spent / seconds * 1e3 for name, spent in usage.seconds().items()}
    return summed("idle.wakes", wakes) | summed("idle.cpu", cpu)


async def _sockets(subject: Subject, both: bool) -> Found:
    """Memory of sockets that do nothing, CPU of what brings them there.

    The first hundred fill what a process keeps anyway; memory that one wave of sockets has given
    back serves the next, so it is measured in a process that never had as many.
    """
    subject.say(f"{subject.extent.sockets} joins of new users")
    first, lines = _lines(100), _lines(subject.extent.sockets)
    gateway, count = subject.pids["gateway"], len(lines)
    await _join(subject, first)
    before = memory_kb(gateway)
    spent = await subject.spent(lambda: _join(subject, lines))
    found = {"idle.kb": (memory_kb(gateway) - before) / count}
    found |= summed("join.first", {name: s / count * 1e3 for name, s in spent.items()})
    await asyncio.gather(*(line.leave() for line in [*first, *lines]))
    if not both:
        return found
    subject.say("joins of known users")
    await asyncio.sleep(FORGOTTEN)
    found |= await _joins("join.alone", subject, first, _join_one_by_one)
    return found | await _joins("join.cpu", subject, lines, _join)


async def _joins(key: str, subject: Subject, known: list[LoadSocket], join: Join) -> Found:
    """CPU milliseconds of a join of these users, who had left."""
    again = [LoadSocket(line.user_id, Tally()) for line in known]
    spent = await subject.spent(lambda: join(subject, again))
    await asyncio.gather(*(line.leave() for line in again))
    return summed(key, {name: s / len(again) * 1e3 for name, s in spent.items()})


def _lines(count: int) -> list[LoadSocket]:
    run = f"{PREFIX}{secrets.token_hex(4)}"
    return [LoadSocket(f"{run}-{number}", Tally()) for number in range(count)]


async def _join(subject: Subject, lines: list[LoadSocket]) -> None:
    """As a crowd does: always a few at once."""
    await joining.join(lines, subject.url, subject.tokens, lambda text: None)
    await asyncio.sleep(AFTERWARDS)


async def _join_one_by_one(subject: Subject, lines: list[LoadSocket]) -> None:
    for line in lines:
        await joining.join([line], subject.url, subject.tokens, lambda text: None)
    await asyncio.sleep(AFTERWARDS)


async def _quiet(subject: Subject) -> Found:
    subject.say(f"{RATE:g} messages/s")
    report, returns = await subject.during(RATE, partial(polls.per_second, subject.pids))
    acks = report.ack
    found = {"ack_p50": acks.p50_ms, "ack_p95": acks.p95_ms, "ack_p99": acks.p99_ms}
    rate = report.messages_per_second
    returned = {name: n / rate for name, n in returns.items()}
    return (
        {f"quiet.{name}": ms for name, ms in found.items() if ms is not None}
        | summed("quiet.cpu", report.server_cpu_us)
        | summed("quiet.wakes", report.server_wakes)
        | (summed("quiet.polls", returned) if returned else {})
    )


async def _full(subject: Subject) -> Found:
    subject.say(f"{PAIRS} pairs, {WINDOW} in flight")
    report = await subject.load()
    return {"full.rate": report.messages_per_second} | summed("full.cpu", report.server_cpu_us)


async def _history(subject: Subject) -> Found:
    pages = subject.extent.pages
    subject.say(f"{pages} history pages")
    reader, path = await _conversation(subject)
    token = subject.tokens.of(reader)
    await asyncio.to_thread(_read_pages, subject.url, path, token, WARM_PAGES)
    spent = await subject.spent(
        lambda: asyncio.to_thread(_read_pages, subject.url, path, token, pages)
    )
    return summed("history.cpu", {name: s / pages * 1e3 for name, s in spent.items()})


async def _conversation(subject: Subject) -> tuple[str, str]:
    """One with more than a page in it: who may read it, and its route."""
    one, other = (line.user_id for line in _lines(2))
    tally = Tally()
    sender = Sender(one, other, "x" * SIZE, WINDOW, tally)
    receiver = Receiver(sender, tally)
    await joining.join([sender, receiver], subject.url, subject.tokens, lambda text: None)
    for _ in range(TALKED):
        sender.submit(asyncio.get_running_loop().time())
    await eventually(lambda: tally.delivered == TALKED)
    await asyncio.gather(sender.leave(), receiver.leave())
    name = urllib.parse.quote(direct_conversation_id(one, other), safe="")
    return other, f"/v1/conversations/{name}/messages?limit={PAGE}"


def _read_pages(url: str, path: str, token: str, count: int) -> None:
    """One after another, over one connection."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)
    try:
        for _ in range(count):
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise Unsound(f"GET {path}: {answer.status} {body[:200]!r}")
    finally:
        connection.close()


def summed(key: str, each: Mapping[str, float]) -> Found:
    """The processes' parts, and all together under the key alone."""
    return {key: sum(each.values())} | {f"{key}/{name}": part for name, part in each.items()}
