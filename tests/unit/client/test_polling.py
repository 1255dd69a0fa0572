"""Tests the Python client's road over HTTP, against answers that the test gives."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from linkup_client import BadgeUpdate, ConnectionRefused, RequestFailed, frames
from linkup_client.backoff import Timing
from linkup_client.polling import Polling
from linkup_client.tokens import Tokens
from msgspec import structs

from tests.support.waiting import eventually
from tests.unit.client.scripted import FAST, NOW

QUICK = structs.replace(FAST, poll_every=0.005)
EMPTY = {"epoch": "e", "cursor": 7}


class Server:
    """`pages`: the answers of the polls, the last one again and again."""

    def __init__(self) -> None:
        self.pages: list[Any] = [EMPTY]
        self.polls: list[dict[str, list[str]]] = []
        self.posts: list[tuple[str, Any, asyncio.Future[Any]]] = []

    async def ask(self, method: str, target: str, body: Any, kind: type[Any]) -> Any:
        if method == "POST":
            answer = asyncio.get_running_loop().create_future()
            self.posts.append((target, body, answer))
            return msgspec.convert(await answer, kind)
        if target.startswith("/v1/notifications"):
            return msgspec.convert({"unread_count": 3}, kind)
        self.polls.append(parse_qs(urlsplit(target).query))
        page = self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]
        if isinstance(page, Exception):
            raise page
        return msgspec.json.decode(msgspec.json.encode(page), type=kind)

    def ack(self, number: int) -> None:
        _, body, answer = self.posts[number]
        stored = {"message_id": 1, "conversation_id": "d1", "seq": 1, "created_at": NOW}
        answer.set_result({**stored, "client_id": body["client_id"], "duplicate": False})

    def contents(self) -> list[str]:
        return [body["content"] for _, body, _ in self.posts]


class Owner:
    def __init__(self) -> None:
        self.cursor = 7
        self.welcomes: list[frames.Welcome] = []
        self.frames: list[Any] = []
        self.lost = 0

    def hello(self, token: str) -> frames.Hello:
        return frames.Hello(token=token, epoch="e", cursor=self.cursor)

    def refuses(self, welcome: frames.Welcome) -> str | None:
        return None

    def on_welcome(self, welcome: frames.Welcome) -> None:
        self.welcomes.append(welcome)

    def on_frame(self, frame: Any, size: int) -> None:
        self.frames.append(frame)
        self.cursor = max(self.cursor, getattr(frame, "cursor", 0))

    def on_tick(self, now: float) -> None: ...

    def on_lost(self) -> None:
        self.lost += 1

    def of(self, kind: type[Any]) -> list[Any]:
        return [frame for frame in self.frames if isinstance(frame, kind)]


class Scene:
    def __init__(self, timing: Timing = QUICK, token: Any = "token") -> None:
        self.server, self.owner = Server(), Owner()
        self.polling = Polling(self.server.ask, Tokens(token), timing, self.owner)
        self.run: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self.run = asyncio.create_task(self.polling.run())
        await eventually(lambda: self.polling.is_open)

    def send(self, content: str, to: str = "bob") -> None:
        message = frames.SendMessage(client_id=f"c-{content}", content=content, to=to)
        self.polling.send(frames.encode(message))

    async def posted(self, *contents: str) -> None:
        await eventually(lambda: self.server.contents() == list(contents))


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    yield scene
    if scene.run is not None:
        scene.run.cancel()
        await asyncio.wait((scene.run,))


def refusal(code: str, temporary: bool, **more: Any) -> RequestFailed:
    return RequestFailed(code, "no", temporary, **more)


async def test_s62_pages_are_followed_to_the_end_and_asked_for_again(scene: Scene) -> None:
    read = {"type": "receipt", "conversation_id": "d", "user_id": "bob", "at": NOW}
    event = {**read, "cursor": 8, "delivered_seq": 1, "read_seq": 1}
    scene.server.pages = [{**EMPTY, "cursor": 8, "frames": [event], "has_more": True}, EMPTY]
    await scene.open()
    await eventually(lambda: len(scene.server.polls) > 2)
    assert [poll["cursor"] for poll in scene.server.polls[:3]] == [["7"], ["8"], ["8"]]
    assert [welcome.epoch for welcome in scene.owner.welcomes] == ["e"]
    assert [receipt.cursor for receipt in scene.owner.of(frames.Receipt)] == [8]


async def test_c10_a_full_inbox_is_not_asked_for_without_a_pause(scene: Scene) -> None:
    scene.server.pages = [{**EMPTY, "has_more": True}]  # and nothing of it was kept
    rare = structs.replace(FAST, poll_every=60)
    scene.polling = Polling(scene.server.ask, Tokens("t"), rare, scene.owner)
    await scene.open()
    await asyncio.sleep(0.05)
    assert len(scene.server.polls) == 1


async def test_c4_one_message_at_a_time_to_each_conversation(scene: Scene) -> None:
    await scene.open()
    for content in ("1", "2", "1"):
        scene.send(content)
    scene.send("x", to="cleo")
    await scene.posted("1", "x")
    scene.server.ack(0)
    await scene.posted("1", "x", "2")
    assert [ack.client_id for ack in scene.owner.of(frames.Ack)] == ["c-1"]
    assert "type" not in scene.server.posts[0][1]


async def test_c4_after_a_temporary_error_all_comes_again_from_its_head(scene: Scene) -> None:
    await scene.open()
    for content in ("1", "2", "3"):
        scene.send(content)
    await scene.posted("1")
    scene.server.posts[0][2].set_exception(refusal("rate_limited", True, retry_after_ms=40))
    await eventually(lambda: bool(scene.owner.of(frames.Error)))
    [error] = scene.owner.of(frames.Error)
    assert (error.client_id, error.temporary, error.retry_after_ms) == ("c-1", True, 40)
    scene.send("1")
    await scene.posted("1", "1")


async def test_c2_a_refused_message_lets_the_next_one_go(scene: Scene) -> None:
    await scene.open()
    scene.send("1")
    scene.send("2")
    await scene.posted("1")
    scene.server.posts[0][2].set_exception(refusal("not_found", False))
    await scene.posted("1", "2")
    assert [error.temporary for error in scene.owner.of(frames.Error)] == [False]


async def test_what_the_token_function_raises_ends_it_also_when_a_message_is_sent(
    scene: Scene,
) -> None:
    await scene.open()
    scene.send("1")
    await scene.posted("1")
    scene.server.posts[0][2].set_exception(KeyError("secret"))
    assert scene.run is not None
    with pytest.raises(KeyError, match="secret"):
        await scene.run
    assert not scene.polling.is_open


async def test_s37_a_mark_is_told_until_it_is_taken(scene: Scene) -> None:
    await scene.open()
    scene.polling.send(frames.encode(frames.MarkChatRead(conversation_id="d/1", up_to=4)))
    scene.polling.send(frames.encode(frames.PresenceSubscribe(user_ids=["bob"])))
    await eventually(lambda: len(scene.server.posts) == 1)
    scene.server.posts[0][2].set_exception(refusal("unavailable", True))
    await eventually(lambda: len(scene.server.posts) == 2)
    target, body, answer = scene.server.posts[1]
    answer.set_result({})
    assert (target, body) == ("/v1/conversations/d%2F1/read", {"up_to": 4})
    scene.polling.send(frames.encode(frames.Delivered(conversation_id="d", seq=5)))
    await eventually(lambda: len(scene.server.posts) == 3)
    assert scene.server.posts[2][:2] == ("/v1/conversations/d/delivered", {"up_to": 5})


async def test_s62_unread_notifications_are_counted_at_once_and_every_few_polls(
    scene: Scene,
) -> None:
    await scene.open()
    await eventually(lambda: len(scene.owner.of(BadgeUpdate)) >= 2)
    assert scene.owner.of(BadgeUpdate)[0].unread_count == 3
    assert len(scene.server.polls) >= 7


async def test_s62_without_an_answer_it_is_closed_until_the_next(scene: Scene) -> None:
    gone = refusal("unavailable", True, answered=False)
    scene.server.pages = [EMPTY, gone, refusal("rate_limited", True), EMPTY]
    await scene.open()
    await eventually(lambda: scene.owner.lost == 1)
    await eventually(lambda: len(scene.owner.welcomes) == 2)
    assert scene.polling.is_open


async def test_c6_a_position_that_is_too_old_is_told_as_a_socket_would(scene: Scene) -> None:
    old = refusal("resync_required", False)
    scene.server.pages = [old, {"epoch": "f", "cursor": 9}]
    await scene.open()
    [resync] = scene.owner.of(frames.ResyncRequired)
    assert (resync.epoch, resync.cursor) == ("f", 9)
    assert "cursor" not in scene.server.polls[1]


async def test_s3_a_refused_token_ends_it_unless_a_fresh_one_is_taken(scene: Scene) -> None:
    scene.server.pages = [refusal("unauthorized", False)]
    with pytest.raises(ConnectionRefused, match="4401"):
        await scene.polling.run()
    assert len(scene.server.polls) == 1

    async def fresh() -> str:
        return "token"

    again = Scene(token=fresh)
    again.server.pages = [refusal("unauthorized", False), EMPTY, refusal("unauthorized", False)]
    with pytest.raises(ConnectionRefused, match="4401"):
        await again.polling.run()
    assert len(again.server.polls) == 4
    assert len(again.owner.welcomes) == 1
