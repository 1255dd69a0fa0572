"""Full-text search over HTTP finds what its user may see, as it is now, and nothing else."""

from typing import Any

import pytest

from tests.support.peer import Http, http, peer
from tests.support.stack import Stack
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def found(api: Http, q: str, **asked: Any) -> list[str]:
    answer = await api.get("/v1/search", q=q, **asked)
    assert answer.status_code == 200, answer.text
    return [row["content"] for row in answer.json()["messages"]]


async def finds(api: Http, q: str, *contents: str) -> None:
    """Sooner or later: the index runs behind the acks, in their order."""

    async def shown() -> bool:
        return await found(api, q) == list(contents)

    await eventually(shown)


async def test_s46_words_newest_first_in_own_conversations_only(stack: Stack) -> None:
    async with peer(stack, "alice") as alice, peer(stack, "eve") as eve:
        await alice.message("bob", "Grüße from the kraken")
        await alice.message("carol", "the kraken sleeps")
        await eve.message("carol", "kraken, says eve")
        ack = await alice.message("bob", "Release the KRAKEN!")
    place = ack["conversation_id"]
    async with http(stack, "bob") as bob, http(stack, "carol") as carol, http(stack, "eve") as api:
        both = ["Release the KRAKEN!", "Grüße from the kraken"]
        await finds(bob, "kraken", *both)
        assert await found(bob, "krak") == both
        assert await found(bob, "GRUßE !! krak") == both[1:]
        assert await found(carol, "kraken") == ["kraken, says eve", "the kraken sleeps"]
        assert await found(bob, "kraken", conversation_id=place) == both
        refused = await api.get("/v1/search", q="kraken", conversation_id=place)
        absent = await api.get("/v1/search", q="kraken", conversation_id="nowhere")
    assert refused.status_code == 404
    assert refused.json() == absent.json()


async def test_pages_meet_without_gap(stack: Stack) -> None:
    said = [f"pageable {number}" for number in range(7)]
    async with peer(stack, "alice") as alice, http(stack, "bob") as bob:
        for text in said:
            await alice.message("bob", text)
        await finds(bob, "pageable", *said[::-1])
        contents: list[str] = []
        before: dict[str, int] = {}
        while True:
            page = (await bob.get("/v1/search", q="pageable", limit=3, **before)).json()
            contents += [row["content"] for row in page["messages"]]
            if page["next"] is None:
                break
            before = {"before": page["next"]}
    assert contents == said[::-1]


async def test_s66_d18_what_is_edited_erased_hidden_or_cleared_is_not_found(stack: Stack) -> None:
    async with (
        peer(stack, "alice") as alice,
        http(stack, "alice") as api,
        http(stack, "bob") as bob,
    ):
        said = [f"zebra {word}" for word in ("edited", "erased", "hidden")]
        edited, erased, hidden = [await alice.message("bob", text) for text in said]
        await finds(bob, "zebra", *said[::-1])
        await api.patch(f"/v1/messages/{edited['message_id']}", {"content": "a horse"})
        await api.request("DELETE", f"/v1/messages/{erased['message_id']}", {"mode": "everyone"})
        await bob.request("DELETE", f"/v1/messages/{hidden['message_id']}", {"mode": "me"})
        assert await found(bob, "zebra") == []
        await finds(bob, "horse", "a horse")
        assert await found(api, "zebra") == ["zebra hidden"]
        await bob.post(f"/v1/conversations/{edited['conversation_id']}/clear", {})
        assert await found(bob, "horse") == []
        assert await found(api, "horse") == ["a horse"]


NO_OPERATORS = [
    *('"', '"""', "a OR b", "NOT x", "content:x", "(x", "x NEAR y", "^x", "-x", "'; DROP"),
    *("%", "_", "!!", "*", "\U0001f600", "x " * 90, "{a b}:c", "\\"),
]


async def test_no_word_is_an_operator(stack: Stack) -> None:
    async with peer(stack, "eve") as eve, http(stack, "eve") as api:
        await eve.message("eve", "one quiet line")
        await finds(api, "quiet", "one quiet line")
        answers = {q: await found(api, q) for q in NO_OPERATORS}
    assert {q: answer for q, answer in answers.items() if answer} == {}


@pytest.mark.parametrize(
    "asked",
    [{}, {"q": ""}, {"q": "  "}, {"q": "x" * 201}, {"q": "a\x00b"}, {"q": "x", "limit": 0},
     {"q": "x", "limit": 101}, {"q": "x", "conversation_id": "a b"}, {"q": "x", "before": "y"},
     {"q": "x", "before": 0}, {"q": "x", "user_id": "bob"}],
)  # fmt: skip
async def test_what_is_no_search_is_400(stack: Stack, asked: dict[str, Any]) -> None:
    async with http(stack, "bob") as bob:
        answer = await bob.get("/v1/search", **asked)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
