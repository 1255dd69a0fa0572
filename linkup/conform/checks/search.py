"""Checks of search: it finds what its user may see, as it is now. The index may lag behind."""

import asyncio
import time

from linkup.conform.caller import Caller
from linkup.conform.check import checks
from linkup.conform.scene import Scene
from linkup.conform.verdict import Unkept, expect

ABSENT = "conform-no-such-conversation"
SECONDS = 15.0  # for the index to come by
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 2.0  # between two tries: a server may limit searches


async def words_newest_first(scene: Scene) -> None:
    """A search finds messages with all its words, newest first; the last may be a prefix."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    for text in ("the first Zürich", "second", "the other ZURICH"):
        await alice.acked(bob.user_id, text)
    both = ["the other ZURICH", "the first Zürich"]
    api = await scene.api("bob")
    await _finds(api, "zurich", both)
    await _finds(api, "the zur", both)
    await _finds(api, "first zurich", both[1:])


async def pages_of_a_search(scene: Scene) -> None:
    """`next` of a page of results continues after it."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    said = [f"page {number}" for number in range(5)]
    for text in said:
        await alice.acked(bob.user_id, text)
    api = await scene.api("bob")
    await _finds(api, "page", said[::-1])
    expect("page by page", await _all(api, "page", limit=2), said[::-1])


async def nobody_finds_what_is_not_theirs(scene: Scene) -> None:
    """Searching a conversation of other users is answered as for an unknown one."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    ack = await alice.acked(bob.user_id, "between us")
    await scene.enter("eve")
    await _finds(await scene.api("bob"), "between", ["between us"])
    eve = await scene.api("eve")
    expect("what a stranger finds", await _all(eve, "between"), [])
    answers = []
    for conversation_id in (ack["conversation_id"], ABSENT):
        answer = await eve.get("/v1/search", q="between", conversation_id=conversation_id)
        expect("the status", answer.status, 404)
        answers.append(answer.json())
    expect("the answer to what may not be seen", answers[0], answers[1])


async def what_was_erased_is_not_found(scene: Scene) -> None:
    """A search does not find text that was edited away, deleted or hidden."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    said = [f"zebra {word}" for word in ("edited", "wiped", "hidden")]
    edited, wiped, hidden = [(await alice.acked(bob.user_id, one))["message_id"] for one in said]
    api = await scene.api("bob")
    await _finds(api, "zebra", said[::-1])
    await alice.send("edit_message", message_id=edited, content="a horse", client_id="edit")
    await alice.send("delete_message", message_id=wiped, mode="everyone", client_id="wipe")
    await bob.send("delete_message", message_id=hidden, mode="me", client_id="hide")
    for player, told in ((alice, "edit"), (alice, "wipe"), (bob, "hide")):
        await player.outcome(told)
    expect("what is found", await _all(api, "zebra"), [])
    await _finds(api, "horse", ["a horse"])
    await _finds(await scene.api("alice"), "zebra", ["zebra hidden"])


async def signs_are_no_operators(scene: Scene) -> None:
    """Quotes, operators and wildcards have no meaning in a query."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    await alice.acked(bob.user_id, "quiet line")
    api = await scene.api("bob")
    await _finds(api, '"quiet" (line*', ["quiet line"])
    for query in ('"', "quiet OR loud", "content:quiet", "'; DROP", "%", "*"):
        expect(f"what {query!r} finds", await _all(api, query), [])


async def _all(api: Caller, query: str, limit: int = 50) -> list[str]:
    found: list[str] = []
    before: dict[str, int] = {}
    while True:
        answer = await api.get("/v1/search", q=query, limit=limit, **before)
        expect("the status", answer.status, 200)
        page = answer.json()
        found += [row["content"] for row in page["messages"]]
        if page["next"] is None:
            return found
        before = {"before": page["next"]}


async def _finds(api: Caller, query: str, wanted: list[str]) -> None:
    until, pause = time.monotonic() + SECONDS, FIRST_PAUSE
    while (found := await _all(api, query)) != wanted:
        if time.monotonic() > until:
            raise Unkept(f"{query!r} to find {wanted}", str(found))
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


CHECKS = checks(
    "search",
    "HTTP",
    ("", words_newest_first),
    ("", pages_of_a_search),
    ("C9", nobody_finds_what_is_not_theirs),
    ("", what_was_erased_is_not_found),
    ("", signs_are_no_operators),
)
