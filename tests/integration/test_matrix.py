"""Every user, every verb, every thing: what is not theirs answers as what does not exist (IDOR).

The verbs stand in tests/support/matrix.py; one that is missing there fails
tests/contract/test_matrix.py.
"""

import re
import statistics
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from shared.subjects import direct_conversation_id, group_conversation_id
from tests.support import matrix, web
from tests.support.matrix import VERBS, Kind, Verb
from tests.support.peer import Http, Peer, gather
from tests.support.scene import ASKERS, HOMES, UNSEEN, Scene, home_of, scene
from tests.support.stack import UNLIMITED, Stack, run_stack
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

ABSENT: dict[Kind, Any] = {
    Kind.CONVERSATION: direct_conversation_id("nobody", "never"),
    Kind.GROUP: group_conversation_id("nobody", "never"),
    Kind.MESSAGE: 2**53 - 1,
    Kind.USER: "nobody",
    Kind.FILE: "0" * 32,
}
MALFORMED: dict[Kind, list[Any]] = {
    Kind.CONVERSATION: ["a b", "\xe4", "x" * 65],
    Kind.GROUP: ["a b", "\xe4", "x" * 65],
    Kind.MESSAGE: [0, -1, 2**53, 1.5, "x"],
    Kind.USER: ["a\x00b", "x" * 129, ""],
    Kind.FILE: ["a b", "A", "\xe4", "x" * 65],
}
UNRELATED = ("error", "pong", "typing", "badge_update", "notification_read")
WRITES_TO_ME = {
    "alice": "carol",
    "bob": "alice",
    "carol": "alice",
    "olga": "piet",
    "piet": "olga",
}


NAMING_VERBS = [verb for verb in VERBS if verb.kind is not Kind.LISTING]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Its own: who is here knows of nothing but this."""
    async with run_stack(tmp_path_factory.mktemp("matrix"), **UNLIMITED) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(stack: Stack) -> AsyncIterator[Scene]:
    async with scene(stack) as one:
        yield one


# ------------------------------------------------------------------ it is played


async def test_idor_what_is_not_theirs_answers_as_what_is_absent(played: Scene) -> None:
    """Every user, verb and thing; nobody else hears of it, and nothing is stored."""
    before = played.stored()
    heard = {name: len(peer.frames) for name, peer in played.peers.items()}
    tried = sum(await gather(*[all_forbidden(played, user_id) for user_id in ASKERS]))
    await all_told(played)
    after = played.stored()
    assert tried > 300
    assert {name for name in before if before[name] != after[name]} == set()
    for name, peer in played.peers.items():
        frames = peer.frames[heard[name] :]
        assert [f for f in frames if f["type"] not in UNRELATED] == []
        assert [f["user_id"] for f in frames if f["type"] == "typing"] == [WRITES_TO_ME[name]]


async def all_forbidden(played: Scene, user_id: str) -> int:
    """Check that each forbidden request is answered as for a thing that does not exist, and return
    the number of these requests."""
    tried = 0
    for verb in NAMING_VERBS:
        if verb.is_frame and user_id == UNSEEN:
            continue  # who has a socket has been seen
        absent = await played.ask(user_id, verb, ABSENT[verb.kind])
        for thing in played.of(verb.kind):
            if not thing.is_open_to(user_id, verb):
                answer = await played.ask(user_id, verb, thing.id)
                assert answer == absent, f"{user_id}, {verb}, {thing.label}"
                tried += 1
    return tried


async def all_told(played: Scene) -> None:
    """Wait until all typing events under way have come: a user's chores are done in order."""
    for reader, writer in WRITES_TO_ME.items():
        await played.peers[writer].send("typing", to=reader, is_typing=True)
        await played.peers[reader].next("typing", user_id=writer)
    for peer in played.peers.values():
        await peer.settled()


@pytest.mark.slow
async def test_idor_what_is_malformed_answers_everybody_alike(played: Scene) -> None:
    before = played.stored()
    for verb in NAMING_VERBS:
        for value in MALFORMED[verb.kind]:
            askers = [name for name in ASKERS if not verb.is_frame or name != UNSEEN]
            answers = await gather(*[played.ask(name, verb, value) for name in askers])
            if answers[0][0] != 307:  # without its last part a path leads to that of all members
                assert refusal(answers[0]) in ("invalid_frame", "invalid_request", "not_found")
            assert [answer for answer in answers if answer != answers[0]] == [], f"{verb} {value!r}"
    assert played.stored() == before


async def test_idor_no_listing_tells_of_what_is_not_theirs(played: Scene) -> None:
    """`ask` looks through each answer for the texts of others."""
    listings = [verb for verb in VERBS if verb.kind is Kind.LISTING]
    for user_id in ASKERS:
        answers = [await played.ask(user_id, verb, None) for verb in listings]
        assert [answer[0] for answer in answers] == [200] * len(listings)
    for user_id, label in HOMES.items():
        told = await played.apis[user_id].history(home_of(user_id))
        assert f"kept of {label}" in [message["content"] for message in told]


LOUD = [verb for verb in NAMING_VERBS if not verb.silent]
SILENT = [verb for verb in NAMING_VERBS if verb.silent]


@pytest.mark.parametrize("verb", LOUD, ids=str)
async def test_the_same_verb_is_open_to_a_member(played: Scene, verb: Verb) -> None:
    """Or nothing above would mean anything."""
    absent = await played.ask("alice", verb, ABSENT[verb.kind])
    answer = await played.ask("alice", verb, await own(played, verb))
    assert answer != absent
    assert refusal(answer) is None


@pytest.mark.parametrize("verb", SILENT, ids=str)
async def test_the_same_verb_of_a_member_is_heard(played: Scene, verb: Verb) -> None:
    """Again until it is: some of it is dropped when it comes too fast."""
    bob = played.peers["bob"]
    await bob.settled()
    mark = len(bob.frames)

    async def heard() -> bool:
        assert await played.ask("alice", verb, await own(played, verb)) == ()
        await bob.settled()
        return any(frame["type"] == verb.name for frame in bob.frames[mark:])

    await eventually(heard)


async def own(played: Scene, verb: Verb) -> Any:
    """A thing that alice may do anything with."""
    match verb.kind:
        case Kind.CONVERSATION:
            return played.of(Kind.CONVERSATION)[0].id
        case Kind.GROUP:
            body = {"title": "for this verb", "members": ["bob"]}
            answer = await played.apis["alice"].post("/v1/conversations", body)
            return answer.json()["conversation"]["conversation_id"]
        case Kind.USER:
            return "bob"
        case Kind.FILE:
            return await played.uploaded("alice", "for this verb")
    pair = ("bob", "alice") if verb.others else ("alice", "bob")
    ack = await played.peers[pair[0]].message(pair[1], "for this verb")
    return ack["message_id"]


def refusal(answer: Any) -> str | None:
    """The code of the error, wherever an answer has it."""
    found = re.search(r"'code': '(\w+)'", str(answer))
    return found[1] if found else None


# ------------------------------------------------------------------ tokens of nobody


@pytest.mark.parametrize("claims", [{"exp": 1}, {"aud": "another"}, None], ids=["old", "aud", "no"])
async def test_idor_without_a_token_every_thing_answers_401(
    played: Scene, claims: dict[str, Any] | None
) -> None:
    token = "x.y.z" if claims is None else played.stack.token("alice", **claims)
    async with web.client(base_url=played.stack.url, timeout=30) as client:
        played.apis["void"] = Http(client, token)
        for verb in matrix.ROUTES:
            things = [ABSENT.get(verb.kind), *[thing.id for thing in played.of(verb.kind)]]
            answers = [await played.ask("void", verb, thing) for thing in things]
            assert answers[0][0] == 401
            assert [answer for answer in answers if answer != answers[0]] == []


@pytest.mark.parametrize("claims", [{"exp": 1}, {"aud": "another"}], ids=["old", "aud"])
async def test_idor_without_a_token_no_socket_opens(played: Scene, claims: dict[str, Any]) -> None:
    async with connect(played.stack.ws_url) as socket:
        void = Peer(socket, "alice")
        await void.send("hello", token=played.stack.token("alice", **claims))
        assert (await void.next())["code"] == "unauthorized"
        assert await void.closed() == 4401


# ------------------------------------------------------------------ time tells nothing


@pytest.mark.prove
@pytest.mark.timeout(300)
async def test_idor_time_does_not_tell_the_forbidden_from_the_absent(played: Scene) -> None:
    """The median of 100 of each, in turns: less than 5 ms apart."""
    for verb in NAMING_VERBS:
        thing = next((t for t in played.of(verb.kind) if not t.is_open_to("carol", verb)), None)
        if thing is None:
            continue
        seconds: dict[Any, list[float]] = {thing.id: [], ABSENT[verb.kind]: []}
        for _ in range(100):
            for tried, took in seconds.items():
                began = time.perf_counter()
                await played.ask("carol", verb, tried)
                took.append(time.perf_counter() - began)
        forbidden, absent = (statistics.median(took) for took in seconds.values())
        assert abs(forbidden - absent) < 0.005, f"{verb}: {forbidden:.4f} against {absent:.4f}"
