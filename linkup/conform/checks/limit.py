"""Checks of limits: sizes, rates and abuse, each with its named outcome."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from linkup.conform.caller import Caller
from linkup.conform.check import Check, checks
from linkup.conform.deployment import Answer
from linkup.conform.player import Frame, Player
from linkup.conform.scene import Scene
from linkup.conform.verdict import Skipped, Unkept, demand, expect

LIMIT = 64 * 1024
MOST_BURST = 200
MOST_SEARCHES = 60
STRIKES = 20


async def exactly_64_kib_is_taken(scene: Scene) -> None:
    """A frame of exactly 64 KiB is accepted."""
    alice = await scene.enter("alice")
    await alice.send_text(_padded(alice, LIMIT))
    expect("the outcome", (await alice.outcome("size"))["type"], "ack")


async def a_byte_above_64_kib_is_too_large(scene: Scene) -> None:
    """A frame of 64 KiB and one byte is `too_large`, with its client_id; the WebSocket stays."""
    await _too_large(scene, LIMIT + 1)


async def _too_large(scene: Scene, size: int) -> None:
    alice = await scene.enter("alice")
    await alice.send_text(_padded(alice, size))
    error = await alice.outcome("size")
    expect("the code", error.get("code"), "too_large")
    expect("temporary", error.get("temporary"), False)
    await alice.acked(alice.user_id, "still here")


async def below_128_kib_is_too_large(scene: Scene) -> None:
    """A frame of 120 KiB is `too_large`, and the WebSocket stays open."""
    await _too_large(scene, 120 * 1024)


async def a_rate_limit_says_when(scene: Scene) -> None:
    """Messages above the rate are `rate_limited` with retry_after_ms; a repeat is not counted."""
    alice, phone = await scene.enter("alice"), await scene.enter("alice")
    error = await _exhaust(alice)
    expect("temporary", error.get("temporary"), True)
    demand(error.get("retry_after_ms", 0) > 0, "retry_after_ms above 0", error)
    again = await phone.acked(alice.user_id, "quick", "quick-0")
    expect("the repeat's duplicate", again["duplicate"], True)


async def a_rate_limit_over_all_roads(scene: Scene) -> None:
    """The message rate covers WebSockets and HTTP, which returns 429 with Retry-After."""
    alice, api = await scene.enter("alice"), await scene.api("alice")
    error = await _exhaust(alice)
    # No more at once than a bucket would hold that they had for themselves.
    posts = range(alice.frames[0]["limits"]["message_burst"])
    async with _emptied(alice):
        answers = await asyncio.gather(*(_post(api, alice, f"post-{n}") for n in posts))
    answer = max(answers, key=lambda answer: answer.status)
    expect("the status behind a full bucket", [answer.status, error["code"]], [429, "rate_limited"])
    demand(int(answer.headers.get("retry-after", "0")) >= 1, "Retry-After", answer.headers)


@asynccontextmanager
async def _emptied(alice: Player) -> AsyncIterator[None]:
    """Send messages at twice the rate, or a slow server would refill the bucket meanwhile."""

    async def empty() -> None:
        for number in itertools.count():
            await _flood(alice, f"flood-{number}", 1)
            await asyncio.sleep(0.5 / alice.frames[0]["limits"]["message_rate"])

    emptying = asyncio.create_task(empty())
    try:
        yield
    finally:
        emptying.cancel()
        await asyncio.wait([emptying])
    if not emptying.cancelled():
        emptying.result()


async def _post(api: Caller, alice: Player, client_id: str) -> Answer:
    body = {"to": alice.user_id, "content": "by post", "client_id": client_id}
    return await api.post("/v1/messages", body)


async def too_many_requests_say_when(scene: Scene) -> None:
    """Searches above the rate get 429 with Retry-After; other users are not affected."""
    api = await scene.api("alice")
    for _ in range(MOST_SEARCHES):
        answer = await api.get("/v1/search", q="conform")
        if answer.status != 200:
            break
    else:
        raise Skipped(f"this server lets a user search {MOST_SEARCHES} times in a row")
    problem = answer.json()
    found = [answer.status, problem["code"], problem["temporary"]]
    expect("the answer", found, [429, "rate_limited", True])
    demand(int(answer.headers.get("retry-after", "0")) >= 1, "Retry-After", answer.headers)
    other = await (await scene.api("bob")).get("/v1/search", q="conform")
    expect("the status for another user", other.status, 200)


async def too_many_sockets_of_a_user(scene: Scene) -> None:
    """Eleven WebSockets of a user are each accepted or closed with 4029; the first stays open."""
    first = await scene.enter("alice")
    others: list[Player] = []
    for _ in range(10):
        player = await scene.socket("alice")
        await player.send("hello", token=await scene.token("alice"))
        others.append(player)
    codes = [await _welcomed_or_closed(player) for player in others]
    demand(set(codes) <= {0, 4029}, "welcome or 4029", codes)
    await first.settled()


async def abuse_ends_the_socket(scene: Scene) -> None:
    """Twenty malformed frames in a minute close the WebSocket with 4408."""
    if not scene.deployment.abuse:
        raise Skipped("counts as an attack: pass --abuse")
    alice = await scene.enter("alice")
    for _ in range(STRIKES):
        await alice.send_text("nonsense")
    expect("the close code", await alice.closed(), 4408)


async def _exhaust(alice: Player) -> Frame:
    """Send until the first rate_limited. Raises Skipped without a limit, or with a high one."""
    limits: dict[str, Any] = alice.frames[0]["limits"]
    if not limits.get("message_rate"):
        raise Skipped("this server has no limit on messages (welcome.limits.message_rate is 0)")
    if limits["message_burst"] > MOST_BURST:
        raise Skipped(f"this server's burst is above {MOST_BURST}")
    await _flood(alice, "quick", 3 * limits["message_burst"] + 30)
    return await alice.next("error", code="rate_limited")


async def _flood(alice: Player, name: str, count: int) -> None:
    for number in range(count):
        await alice.send("message", to=alice.user_id, content=name, client_id=f"{name}-{number}")


async def _welcomed_or_closed(player: Player) -> int:
    try:
        await player.next("welcome")
    except Unkept:
        return await player.closed()
    return 0


def _padded(alice: Player, size: int) -> str:
    frame = {"type": "message", "to": alice.user_id, "client_id": "size", "content": "x"}
    text = json.dumps(frame)
    return text[:-1] + " " * (size - len(text)) + "}"


CHECKS: tuple[Check, ...] = checks(
    "limit",
    "Common",
    ("C10", exactly_64_kib_is_taken),
    ("C10", a_byte_above_64_kib_is_too_large),
    ("C10", below_128_kib_is_too_large),
    ("C10", a_rate_limit_says_when),
    ("C10", a_rate_limit_over_all_roads),
    ("C10", too_many_requests_say_when),
    ("C10", too_many_sockets_of_a_user),
    ("C10", abuse_ends_the_socket),
)
