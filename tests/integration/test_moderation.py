"""The running product asks the host app before a message is stored."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from standardwebhooks.webhooks import Webhook as Verifier

from services.gateway.upstream.judge import connected
from shared.errors import SettingError
from shared.settings import Settings, in_force
from tests.support import web
from tests.support.endpoint import Asked, Endpoint, certificate, endpoint
from tests.support.peer import peer
from tests.support.stack import Stack, run_stack

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "whsec_" + "c2VjcmV0" * 4
HOST = {"Authorization": f"Bearer {'h' * 32}"}


def judged(asked: Asked) -> bytes:
    """The host app: it does not like shouting."""
    said = json.loads(asked.body)["messages"]
    shouts = {"allow": False, "message": "Please do not shout."}
    results = [shouts if one["content"].isupper() else {"allow": True} for one in said]
    return json.dumps({"results": results}).encode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def there(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Endpoint]:
    folder = tmp_path_factory.mktemp("host")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate(folder)))
        async with endpoint(folder) as there:
            yield there


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(there: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    settings: dict[str, Any] = {
        "host_key": "h" * 32,
        "moderation_url": there.url("/moderate"),
        "moderation_secret": SECRET,
        "outbound_allowed": "127.0.0.1",
    }
    async with run_stack(tmp_path_factory.mktemp("stack"), **settings) as running:
        yield running


@pytest.fixture(autouse=True)
def _like_new(there: Endpoint) -> None:
    there.forget()
    there.usual, there.reply = "200", judged


async def test_what_the_host_does_not_allow_is_not_stored_and_its_words_are_told(
    stack: Stack, there: Endpoint
) -> None:
    async with peer(stack, "alice") as alice, peer(stack, "bob") as bob:
        error = await alice.message("bob", "HELLO", "m1")
        assert (error["code"], error["message"]) == ("rejected", "Please do not shout.")
        ack = await alice.message("bob", "hello", "m2")
        assert (ack["type"], ack["seq"]) == ("ack", 1)
        assert (await bob.next("message"))["content"] == "hello"
        edit = {"message_id": ack["message_id"], "client_id": "e1"}
        await alice.send("edit_message", content="HELLO", **edit)
        assert (await alice.outcome("e1"))["code"] == "rejected"
    asked = [json.loads(one.body)["messages"] for one in there.asked]
    assert [said["content"] for [said] in asked] == ["HELLO", "hello", "HELLO"]
    assert asked[0][0]["sender_id"] == "alice"
    assert asked[0][0]["to"] == "bob"
    assert asked[2][0]["edits"] == ack["message_id"]
    for one in there.asked:
        Verifier(SECRET).verify(one.body, one.headers)


async def test_it_is_the_same_over_http_and_the_host_itself_is_not_asked(
    stack: Stack, there: Endpoint
) -> None:
    async with peer(stack, "bob"), peer(stack, "carol"):
        pass
    of_carol = {"Authorization": f"Bearer {stack.token('carol')}"}
    body = {"to": "bob", "client_id": "h1", "content": "HELLO"}
    async with web.client(base_url=stack.url, timeout=60) as client:
        refused = await client.post("/v1/messages", json=body, headers=of_carol)
        assert (refused.status_code, refused.json()["code"]) == (422, "rejected")
        assert refused.json()["detail"] == "Please do not shout."
        asked = len(there.asked)
        sent = await client.post(
            "/v1/admin/messages", json=body | {"user_id": "carol"}, headers=HOST
        )
        assert sent.status_code == 201
        assert len(there.asked) == asked


async def test_c3_a_message_that_was_allowed_once_stays_acknowledged(
    stack: Stack, there: Endpoint
) -> None:
    async with peer(stack, "bob"), peer(stack, "dave") as dave:
        there.reply = lambda asked: b'{"results": [{"allow": true}]}'
        first = await dave.message("bob", "HELLO", "d1")
        there.reply = judged
        again = await dave.message("bob", "HELLO", "d1")
        assert (again["type"], again["seq"]) == ("ack", first["seq"])
        assert again["duplicate"]


@pytest.mark.parametrize("answer", ["500", "302 location: https://x.test/", "drop", "nothing"])
async def test_without_an_answer_messages_are_sent_as_the_setting_says(
    stack: Stack, there: Endpoint, answer: str
) -> None:
    there.script = [answer if answer != "nothing" else "200"]
    there.reply = lambda asked: b'{"results": []}'
    async with peer(stack, "bob"), peer(stack, "eve") as eve:
        assert (await eve.message("bob", "HELLO", f"e-{answer[:3]}"))["type"] == "ack"
        there.reply = judged
        assert (await eve.message("bob", "HELLO", f"f-{answer[:3]}"))["code"] == "rejected"


NO_ANSWERS = {
    "nothing": b"",
    "cut off": b'{"results": [',
    "another object": b'{"allow": true}',
    "nested deeply": b'{"results": [], "odd": ' + b"[" * 30_000,
    "not UTF-8": b'{"results": [], "odd": "\xff"}',
}


@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS.keys())
async def test_what_is_no_answer_counts_as_missing_and_the_gateway_lives(
    stack: Stack, there: Endpoint, answer: bytes
) -> None:
    pid = stack.pids()["gateway"]
    there.reply = lambda asked: answer
    async with peer(stack, "bob"), peer(stack, "finn") as finn:
        assert (await finn.message("bob", "HELLO", f"g-{len(answer)}"))["type"] == "ack"
        there.reply = judged
        assert (await finn.message("bob", "HELLO", f"h-{len(answer)}"))["code"] == "rejected"
    assert stack.pids()["gateway"] == pid


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"moderation_url": "https://10.0.0.1/x"}, "LINKUP_MODERATION_URL"),
        ({"moderation_url": "https://app.example/x", "moderation_secret": "s"}, "_SECRET"),
    ],
)
async def test_what_cannot_be_used_is_told_at_the_start(
    settings: dict[str, str], text: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match=text):
        async with connected(Settings(**settings)):  # type: ignore[arg-type]
            pass
    assert "s3cret" not in str(in_force(Settings(moderation_secret="s3cret")))
