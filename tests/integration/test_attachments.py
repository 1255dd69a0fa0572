"""Files, from the upload to the erased disk: real processes, real sockets, real objects."""

import asyncio
import io
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import httpx2
import pytest
import pytest_asyncio
from linkup_client import FileFailed, Message, connect
from PIL import Image

from services.gateway.attachments.links import links
from shared.api import Variant
from tests.support import web
from tests.support.peer import Frame, synced
from tests.support.stack import Stack, run_stack
from tests.support.stores import reading
from tests.support.traffic import newcomers
from tests.support.waiting import eventually, within

pytestmark = pytest.mark.asyncio(loop_scope="session")

MEGABYTE = 1_000_000
NAME = 'Gr\u00fc\u00dfe; "a"/..\\b.png'


class Browser:
    """fetch() of one user, or of nobody."""

    def __init__(self, stack: Stack, client: httpx2.AsyncClient, user_id: str | None) -> None:
        self._client = client
        self._headers = {"authorization": f"Bearer {stack.token(user_id)}"} if user_id else {}

    async def post(self, content: Any, name: str = "a.txt", **headers: str) -> httpx2.Response:
        return await self._client.post(
            "/v1/attachments",
            params={"name": name},
            content=content,
            headers=self._headers | headers,
        )

    async def upload(self, content: Any, name: str = "a.txt") -> Frame:
        answer = await self.post(content, name)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self._client.get(path, headers=self._headers | headers)

    async def link(self, attachment_id: str) -> Frame:
        answer = await self.get(f"/v1/attachments/{attachment_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest_asyncio.fixture(loop_scope="session")
async def client(stack: Stack) -> AsyncIterator[httpx2.AsyncClient]:
    async with web.client(base_url=stack.url, timeout=30) as one:
        yield one


def picture(size: tuple[int, int] = (800, 600)) -> bytes:
    written = io.BytesIO()
    Image.effect_noise(size, 30).save(written, "PNG")
    return written.getvalue()


def objects(stack: Stack) -> list[str]:
    """Every file of the store, finished or not."""
    return [path.name for path in (stack.data_dir / "attachments").glob("*/*")]


def records(stack: Stack) -> list[str]:
    with reading(stack.data_dir / "linkup.db") as db:
        found = db.execute("SELECT attachment_id FROM attachments").fetchall()
    return [attachment_id for (attachment_id,) in found]


def kept(stack: Stack) -> set[str]:
    return {*objects(stack), *records(stack)}


# ------------------------------------------------------------------ the whole way


async def test_s34_a_file_goes_from_one_to_the_other_and_is_erased(
    stack: Stack, client: httpx2.AsyncClient
) -> None:
    content = picture()
    users = ("alice", "bob", "carol", None)
    alice, bob, carol, nobody = (Browser(stack, client, who) for who in users)
    async with synced(stack, "alice") as sender, synced(stack, "bob") as reader:
        uploaded = await alice.upload(content, NAME)
        file_id = uploaded["attachment_id"]
        ack = await sender.message("bob", "", attachments=[file_id])
        message = await reader.next("message", message_id=ack["message_id"])
        assert message["attachments"] == [uploaded]
        assert (message["content"], uploaded["name"]) == ("", NAME)
        assert (uploaded["media_type"], uploaded["size"]) == ("image/png", len(content))
        assert (uploaded["width"], uploaded["height"], uploaded["thumbnail"]) == (800, 600, True)

        link = await bob.link(file_id)
        assert (await nobody.get(link["url"])).content == content
        with Image.open(io.BytesIO((await nobody.get(link["thumbnail_url"])).content)) as small:
            assert small.size == (320, 240)
        for who in (carol, nobody):
            assert (await who.get(f"/v1/attachments/{file_id}")).status_code in (401, 404)

        await sender.send("delete_message", message_id=ack["message_id"], mode="everyone")
        await reader.next("message_deleted", message_id=ack["message_id"])
        await eventually(lambda: file_id not in objects(stack) + records(stack))
        assert (await nobody.get(link["url"])).status_code == 404
        assert (await bob.get(f"/v1/attachments/{file_id}")).status_code == 404


async def test_s34_over_http_and_in_history_and_inbox(
    stack: Stack, client: httpx2.AsyncClient
) -> None:
    one, other = await newcomers(stack, "alice", "bob")
    alice, bob = Browser(stack, client, one), Browser(stack, client, other)
    async with synced(stack, one), synced(stack, other):
        uploaded = await alice.upload(b"one, two", "list.csv")
        body = {
            "to": other,
            "content": "",
            "client_id": "http-1",
            "attachments": [uploaded["attachment_id"]],
        }
        headers = {"authorization": f"Bearer {stack.token(one)}"}
        sent = [await client.post("/v1/messages", json=body, headers=headers) for _ in range(2)]
        empty = await client.post("/v1/messages", json={**body, "attachments": []}, headers=headers)
        place = sent[0].json()["conversation_id"]
        page = (await bob.get(f"/v1/conversations/{place}/messages?limit=1")).json()
        inbox = (await bob.get("/v1/conversations")).json()
        unread = (await bob.get("/v1/unread")).json()
    assert [answer.status_code for answer in sent] == [201, 200]
    assert empty.status_code == 400  # nothing is left to say
    assert page["messages"][0]["attachments"] == [uploaded]
    assert inbox["conversations"][0]["last_message"]["attachments"] == [uploaded]
    assert unread["items"][0]["preview"] == "list.csv"


async def test_a_message_says_something_or_carries_something(stack: Stack) -> None:
    async with synced(stack, "alice") as alice:
        nothing: list[dict[str, Any]] = [{}, {"attachments": []}]
        for fields in nothing:
            error = await alice.message("bob", "", **fields)
            assert error["code"] == "invalid_frame"
            assert "`attachments`" in error["message"]
        error = await alice.message("bob", "x", attachments=["a", "a"])
        assert error["code"] == "invalid_frame"
        error = await alice.message("bob", "x", attachments=[str(n) for n in range(11)])
        assert error["code"] == "invalid_frame"


# ------------------------------------------------------------------ what is refused


async def test_s45_what_is_too_much_or_a_program_is_refused_and_leaves_nothing(
    stack: Stack, client: httpx2.AsyncClient
) -> None:
    before = kept(stack)
    alice, head = Browser(stack, client, "alice"), picture()
    declared = await alice.post(head + bytes(10 * MEGABYTE))
    streamed = await alice.post(chunks(head + bytes(MEGABYTE), 11))
    program = await alice.post(b"\x7fELF" + bytes(1000), "holiday.png")
    damaged = await alice.post(head[:2000], "a.png")
    empty = await alice.post(b"")
    nameless = [await alice.post(b"x", name) for name in ("", "a\r\nb", "x" * 256)]
    assert [answer.status_code for answer in (declared, streamed)] == [413, 413]
    assert declared.json()["code"] == streamed.json()["code"] == "too_large"
    assert [answer.json()["code"] for answer in (program, damaged)] == ["unsupported"] * 2
    assert [answer.status_code for answer in (empty, *nameless)] == [400] * 4
    assert kept(stack) <= before  # what was erased earlier may go meanwhile


async def chunks(chunk: bytes, count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield chunk


async def in_halves(chunk: bytes, count: int, go_on: asyncio.Event) -> AsyncIterator[bytes]:
    for _ in range(2):
        for _ in range(count):
            yield chunk
        await go_on.wait()


async def test_d34_a_cut_upload_leaves_nothing(stack: Stack) -> None:
    before = kept(stack)
    host, port = stack.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /v1/attachments?name=cut.bin HTTP/1.1\r\n"
        b"Host: localhost\r\nContent-Length: 9000000\r\n"
        + f"Authorization: Bearer {stack.token('alice')}\r\n\r\n".encode()
    )
    writer.write(bytes(4 * MEGABYTE))
    await writer.drain()
    await eventually(lambda: any("#" in name for name in objects(stack)))
    assert len(set(records(stack)) - before) == 1
    writer.transport.abort()
    await eventually(lambda: kept(stack) <= before)


# ------------------------------------------------------------------ signed URLs


def signed(stack: Stack, file_id: str, variant: Variant, expires: float) -> str:
    with reading(stack.data_dir / "linkup.db") as db:
        [(key,)] = db.execute("SELECT value FROM meta WHERE key = 'link_key'")
    return links(bytes.fromhex(key), 300).url(file_id, variant, int(expires))


async def test_d34_a_url_is_for_one_file_and_for_minutes(
    stack: Stack, client: httpx2.AsyncClient
) -> None:
    """Expired, forged and absent answer alike, to the byte."""
    alice, nobody = Browser(stack, client, "alice"), Browser(stack, client, None)
    one, other = await alice.upload(b"one"), await alice.upload(b"other")
    link = await alice.link(one["attachment_id"])
    now = time.time()
    wrong = [
        signed(stack, one["attachment_id"], "original", now - 1),
        link["url"].replace(one["attachment_id"], other["attachment_id"]),
        link["url"].replace("original", "thumbnail"),
        link["url"][:-1] + ("0" if link["url"][-1] != "0" else "1"),
        signed(stack, "0" * 32, "original", now + 60),
        signed(stack, one["attachment_id"], "thumbnail", now + 60),
    ]
    answers = [await nobody.get(url) for url in wrong]
    assert [answer.status_code for answer in answers] == [404] * len(wrong)
    assert len({answer.content for answer in answers}) == 1
    assert (await nobody.get(link["url"])).content == b"one"
    assert link["expires_at"] > "2026"
    assert "alice" not in link["url"]


async def test_what_a_browser_would_run_is_a_download(
    stack: Stack, client: httpx2.AsyncClient
) -> None:
    alice = Browser(stack, client, "alice")
    page = await alice.upload(b"<!DOCTYPE html><script>alert(1)</script>", NAME)
    answer = await alice.get((await alice.link(page["attachment_id"]))["url"])
    assert page["media_type"] == "text/html"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert "Gr%C3%BC%C3%9Fe%3B%20%22a%22%2F..%5Cb.png" in answer.headers["content-disposition"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


async def test_a_video_is_fetched_in_parts(stack: Stack, client: httpx2.AsyncClient) -> None:
    alice = Browser(stack, client, "alice")
    content = os.urandom(300_000)
    url = (await alice.link((await alice.upload(content))["attachment_id"]))["url"]
    part = await alice.get(url, range="bytes=299990-")
    first = await alice.get(url, range="bytes=0-0")
    beyond = await alice.get(url, range="bytes=300000-")
    assert (part.status_code, part.content) == (206, content[299990:])
    assert part.headers["content-range"] == "bytes 299990-299999/300000"
    assert (first.status_code, first.content) == (206, content[:1])
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */300000")


# ------------------------------------------------------------------ while files come in


async def test_c10_a_large_upload_costs_no_memory_and_delays_no_ack(
    stack: Stack, client: httpx2.AsyncClient
) -> None:
    """40 MB through a gateway whose memory grows by less than half of it, while acks flow."""
    alice = Browser(stack, client, "alice")
    await alice.upload(picture())  # what is loaded once is loaded
    pid = stack.pids()["gateway"]
    before = peak_bytes(pid)
    async with synced(stack, "bob"), synced(stack, "carol") as carol:
        acks, some = 0, asyncio.Event()
        content = in_halves(os.urandom(MEGABYTE), 20, some)
        uploading = asyncio.create_task(alice.upload(content, "noise.bin"))
        while not uploading.done():
            assert (await carol.message("bob", "meanwhile"))["type"] in ("ack", "error")
            acks += 1
            if acks == 3:
                some.set()
        uploaded = await uploading
    assert uploaded["size"] == 40 * MEGABYTE
    assert peak_bytes(pid) - before < 20 * MEGABYTE


def peak_bytes(pid: int) -> int:
    """The most that process ever had in memory."""
    [line] = [
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmHWM" in line
    ]
    return int(line.split()[1]) * 1024


async def test_c10_a_user_has_four_uploads_at_once(
    stack: Stack, client: httpx2.AsyncClient
) -> None:
    alice, bob = Browser(stack, client, "alice"), Browser(stack, client, "bob")
    go_on = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield bytes(20_000)
        await go_on.wait()
        yield b"end"

    before = set(records(stack))
    running = [asyncio.create_task(alice.post(slow())) for _ in range(4)]
    await eventually(lambda: len(set(records(stack)) - before) == 4)
    assert (await alice.post(b"x")).json()["code"] == "rate_limited"
    assert (await bob.post(b"x")).status_code == 201
    go_on.set()
    assert [answer.status_code for answer in await asyncio.gather(*running)] == [201] * 4


# ------------------------------------------------------------------ by the Python client


async def test_s34_a_file_goes_up_and_is_found_by_who_gets_the_message(
    stack: Stack, tmp_path: Path
) -> None:
    bob = connect(stack.ws_url, stack.token("bob"))
    path = tmp_path / "plan.txt"
    path.write_bytes(b"the plan\n" * 50_000)
    async with bob, connect(stack.ws_url, stack.token("alice")) as ann:
        with path.open("rb") as file:
            plan = await ann.upload(file, "pl\u00e4n.txt")
        await ann.send(to="bob", attachments=[plan.attachment_id])
        async with within(10):
            message = await anext(event async for event in bob if isinstance(event, Message))
        assert (message.content, message.attachments) == ("", [plan])
        assert (plan.name, plan.media_type, plan.size) == ("pl\u00e4n.txt", "text/plain", 450_000)
        link = await bob.file_link(plan.attachment_id)
        async with web.client(timeout=30) as browser:
            assert (await browser.get(link.url)).content == path.read_bytes()
        assert link.thumbnail_url is None


async def test_a_file_that_is_not_taken_says_why(stack: Stack) -> None:
    async with connect(stack.ws_url, stack.token("alice")) as ann:
        for content, code in ((b"\x7fELF" + bytes(99), "unsupported"), (b"", "invalid_request")):
            with pytest.raises(FileFailed) as failed:
                await ann.upload(content, "a")
            assert (failed.value.code, failed.value.temporary) == (code, False)
        with pytest.raises(FileFailed) as failed:
            await ann.file_link("0a1b")
        assert failed.value.code == "not_found"


async def test_a_cancelled_upload_leaves_nothing(stack: Stack) -> None:
    before = sorted(objects(stack)), sorted(records(stack))
    async with connect(stack.ws_url, stack.token("alice")) as ann:
        uploading = asyncio.create_task(ann.upload(cast(BinaryIO, Endless()), "a"))
        await eventually(lambda: any("#" in name for name in objects(stack)))
        uploading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await uploading
        await eventually(lambda: (sorted(objects(stack)), sorted(records(stack))) == before)


class Endless(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        return bytes(max(size, 65_536))


# ------------------------------------------------------------------ the sweep


@pytest.mark.slow
async def test_what_nobody_needs_is_swept_whatever_died_in_between(tmp_path: Path) -> None:
    """A gateway sweeps when it starts, and when something was erased: here never else."""
    never: dict[str, Any] = {"attachment_unsent_for": 0.001, "attachment_sweep_every": 86_400}
    async with (
        run_stack(tmp_path, **never) as stack,
        web.client(base_url=stack.url, timeout=30) as client,
    ):
        alice = Browser(stack, client, "alice")
        async with synced(stack, "bob"), synced(stack, "alice") as sender:
            kept = (await alice.upload(picture()))["attachment_id"]
            assert (await sender.message("bob", "", attachments=[kept]))["type"] == "ack"
            regretted = (await sender.message("bob", "regretted"))["message_id"]
        unsent = (await alice.upload(picture()))["attachment_id"]
        without_bytes = (await alice.upload(b"gone"))["attachment_id"]
        (stack.data_dir / "attachments" / "original" / without_bytes).unlink()
        uploading = asyncio.create_task(alice.post(begun(), "killed.bin"))
        await eventually(lambda: any("#" in name for name in objects(stack)))
        assert len(records(stack)) == 4
        assert unsent in objects(stack)

        await stack.kill("gateway")
        uploading.cancel()  # it waits for what it would send, and does not notice
        [staged] = (stack.data_dir / "attachments").glob("*/*#*")
        os.utime(staged, (0, 0))
        await stack.ready()
        async with synced(stack, "alice") as sender:
            await sender.send("delete_message", message_id=regretted, mode="everyone")
            await eventually(lambda: records(stack) == [kept])
            await eventually(lambda: objects(stack) == [kept, kept])


async def begun() -> AsyncIterator[bytes]:
    yield bytes(2 * MEGABYTE)
    await asyncio.Event().wait()
