"""The effect of settings that no other test covers, on the running product."""

import asyncio
import io
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from PIL import Image

from services.persistence.app import open_app
from services.persistence.upkeep import retention
from shared.health.catalogue import ALL
from shared.health.endpoints import Health
from shared.settings import DAY, Settings
from tests.integration.test_attachments import Browser
from tests.support import web
from tests.support.peer import gather, http, synced
from tests.support.stack import Stack, run_stack
from tests.support.stores import empty_store, reading
from tests.support.waiting import eventually
from tests.unit.gateway.test_attachments import box

pytestmark = pytest.mark.asyncio(loop_scope="module")

UPLOADS = 8
SMALL: dict[str, Any] = {
    "outbox_frames": 10,
    "outbox_bytes": 65_536,
    "attachment_image_bytes": 4_000,
    "attachment_document_bytes": 1_000,
    "attachment_audio_bytes": 2_000,
    "attachment_video_bytes": 3_000,
    "attachment_link_for": 1.0,
    "upload_per_minute": UPLOADS,
    "message_rate": 0,
    "metrics": False,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with run_stack(tmp_path_factory.mktemp("small"), **SMALL) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(stack: Stack) -> AsyncIterator[httpx2.AsyncClient]:
    async with web.client(base_url=stack.url, timeout=60) as client:
        yield client


@pytest.mark.parametrize("service", ALL)
async def test_s120_without_metrics_nobody_is_told_any(stack: Stack, service: str) -> None:
    url = f"http://127.0.0.1:{stack.port(service)}"
    async with web.client(base_url=url, timeout=60) as client:
        assert (await client.get("/metrics")).status_code == 404
        assert (await client.get("/health")).status_code == 200


async def crowd(stack: Stack, number: int, content: str) -> None:
    """Messages that come together, so that they leave for Bob together."""
    crowd_id = time.monotonic_ns()
    async with http(stack, "alice") as api:
        sends = [
            api.post(
                "/v1/messages",
                {"to": "bob", "client_id": f"{crowd_id}-{one}", "content": content},
            )
            for one in range(number)
        ]
        assert {answer.status_code for answer in await gather(*sends)} == {201}


@pytest.mark.parametrize(
    ("number", "content"), [(100, "few bytes"), (9, "\U0001f600" * 5000)], ids=["frames", "bytes"]
)
async def test_f_t9_a_socket_that_has_more_waiting_than_the_outbox_holds_is_closed_4001(
    stack: Stack, number: int, content: str
) -> None:
    async with synced(stack, "alice"), synced(stack, "bob") as bob:
        while bob.socket.close_code is None:
            await crowd(stack, number, content)
        assert await bob.closed() == 4001


def picture(size: int) -> bytes:
    """A PNG of so many bytes: what stands behind its end is part of the file."""
    written = io.BytesIO()
    Image.new("RGB", (8, 6), "red").save(written, "PNG")
    return written.getvalue().ljust(size, b"\0")


KINDS = {
    "image": (picture, "a.png"),
    "document": (lambda size: b"x" * size, "a.txt"),
    "audio": (lambda size: (b"ID3\4\0\0\0\0\0\x0f" + bytes(200)).ljust(size, b"\0"), "a.mp3"),
    "video": (lambda size: box(b"isom", b"vide", b"soun").ljust(size, b"\0"), "a.mp4"),
}


@pytest.mark.parametrize("kind", list(KINDS))
async def test_f_t9_a_file_may_hold_what_the_setting_of_its_kind_says(
    stack: Stack, client: httpx2.AsyncClient, kind: str
) -> None:
    make, name = KINDS[kind]
    most = SMALL[f"attachment_{kind}_bytes"]
    uploader = Browser(stack, client, f"uploader of {kind}s")
    assert (await uploader.post(make(most), name)).status_code == 201
    refused = await uploader.post(make(most + 1), name)
    assert (refused.status_code, refused.json()["code"]) == (413, "too_large")


async def test_f_t9_the_url_of_a_file_ends_when_the_setting_says(
    stack: Stack, client: httpx2.AsyncClient
) -> None:
    alice, nobody = Browser(stack, client, "alice"), Browser(stack, client, None)
    file_id, urls = (await alice.upload(b"here"))["attachment_id"], list[str]()

    async def good() -> bool:
        urls.append((await alice.link(file_id))["url"])
        return (await nobody.get(urls[-1])).status_code == 200

    async def over() -> bool:
        return (await nobody.get(urls[-1])).status_code == 404

    await eventually(good)  # it may end before a busy machine asks
    await eventually(over)


async def test_f_t9_a_user_uploads_as_many_files_a_minute_as_the_setting_says(
    stack: Stack, client: httpx2.AsyncClient
) -> None:
    busy = Browser(stack, client, "busy")
    began, uploads = time.monotonic(), 0
    while (status := (await busy.post(b"one of many")).status_code) == 201:
        uploads += 1
    again = UPLOADS * (time.monotonic() - began) / 60  # as many are allowed again meanwhile
    assert status == 429
    assert UPLOADS <= uploads <= UPLOADS + again


# ------------------------------------------------------------------ how long the feed is kept


@pytest.fixture
def aged(tmp_path: Path) -> Path:
    """A data directory with two rows of the feed of nine days ago, and a follower silent since."""
    database = tmp_path / "linkup.db"
    database.write_bytes(empty_store().read_bytes())
    then = time.time_ns() // 1000 - int(9 * DAY * 1e6)
    with closing(sqlite3.connect(database)) as store, store:
        store.executemany(
            "INSERT INTO feed (user_id, cursor, n, kind, created_at)"
            " VALUES ('bob', ?1, ?1, 'conversation', ?2)",
            [(n, then) for n in (1, 2)],  # the last one stays: its number goes on
        )
        store.execute("INSERT INTO followers VALUES ('archive', '1', 2, ?)", (then,))
    return tmp_path


async def kept(nats_url: str, data: Path, **settings: float) -> tuple[int, int]:
    """Rows of the feed and of followers that are left once persistence has looked twice."""
    looked: list[int] = []
    prune = retention.Retention.prune

    async def counted(self: retention.Retention) -> int:
        looked.append(await prune(self))
        return looked[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retention, "PAUSE", 0.01)
        patch.setattr(retention, "GRACE", 0.0)
        patch.setattr(retention.Retention, "prune", counted)
        configured = Settings(nats_url=nats_url, data_dir=str(data), **settings)  # type: ignore[arg-type]
        async with open_app(configured, Health("persistence")):
            await eventually(lambda: len(looked) >= 2)
    with reading(data / "linkup.db") as store:
        [counts] = store.execute(
            "SELECT (SELECT count(*) FROM feed), (SELECT count(*) FROM followers)"
        )
    return tuple(counts)


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        ({}, (2, 1)),
        ({"feed_retention": 7 * DAY}, (1, 1)),
        ({"feed_retention": 10 * DAY}, (2, 1)),
        ({"follower_patience": 8 * DAY}, (2, 0)),
        ({"follower_patience": 10 * DAY}, (2, 1)),
    ],
)
@pytest.mark.asyncio(loop_scope="function")
async def test_f_t9_the_feed_and_silent_followers_are_kept_as_long_as_the_settings_say(
    nats_url: str, aged: Path, settings: dict[str, float], left: tuple[int, int]
) -> None:
    assert await asyncio.wait_for(kept(nats_url, aged, **settings), 30) == left


# ------------------------------------------------------------------ how often it is audited


@pytest.mark.asyncio(loop_scope="function")
async def test_the_store_is_audited_as_often_as_the_setting_says(
    nats_url: str, aged: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configured = Settings(nats_url=nats_url, data_dir=str(aged), audit_every=0.01)
    with caplog.at_level("INFO", "linkup.persistence.auditor"):
        async with open_app(configured, Health("persistence")):
            await eventually(lambda: caplog.text.count("the store is audited") >= 2)


# ------------------------------------------------------------------ how long errors are kept


@pytest.mark.asyncio(loop_scope="function")
@pytest.mark.parametrize(("keep", "left"), [(0.0, 1), (60.0, 0)])
async def test_an_error_is_kept_as_long_as_the_setting_says(
    nats_url: str, aged: Path, keep: float, left: int
) -> None:
    file = aged / "linkup.db"
    with closing(sqlite3.connect(file)) as other, other:
        row = ("e1", "overload", "low", "gateway", "too many", "{}", 1, 1, 1, "")
        columns = "error_id, category, severity, service, message, context, first_at, occurred_at"
        other.execute(f"INSERT INTO errors ({columns}, count, notes) VALUES ({'?,' * 9}?)", row)  # noqa: S608
    configured = Settings(nats_url=nats_url, data_dir=str(aged), errors_keep=keep)

    def kept() -> int:
        with closing(sqlite3.connect(file)) as other:
            [(count,)] = other.execute("SELECT count(*) FROM errors WHERE error_id = 'e1'")
        return int(count)

    async with open_app(configured, Health("persistence")):
        await eventually(lambda: kept() == left)
    assert kept() == left
