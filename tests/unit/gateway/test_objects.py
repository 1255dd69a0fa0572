"""The object store: whole objects or none, on a disk and off it, and errors in our own words."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import obstore
import pytest

from services.gateway.attachments import objects as module
from services.gateway.attachments.objects import STAGED_FOR, Objects
from shared.errors import NotFound, StartError, Unavailable
from tests.support.waiting import eventually

ANY_NAME = os.fsdecode(b"a folder\n#1?%20\x01\xff")  # f_s2
CHUNK = bytes(range(256)) * 512  # 128 KiB


@pytest.fixture(params=["file", "memory"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    url = (tmp_path / ANY_NAME).as_uri() if request.param == "file" else "memory:///"
    return Objects(url)


async def chunks(count: int, then: Exception | None = None) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield CHUNK
    if then is not None:
        raise then


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*/*"))


async def read(objects: Objects, path: str, start: int, end: int) -> bytes:
    return b"".join([part async for part in objects.read(path, start, end)])


@pytest.mark.parametrize("count", [0, 1, 9])
async def test_what_was_written_is_read(objects: Objects, count: int) -> None:
    assert await objects.write("original/a", chunks(count)) == count * len(CHUNK)
    size = await objects.size("original/a")
    assert size == count * len(CHUNK)
    assert await read(objects, "original/a", 0, size) == CHUNK * count


async def test_a_part_is_read_and_a_file_opened(objects: Objects) -> None:
    await objects.write("original/a", chunks(3))
    assert await read(objects, "original/a", 100_000, 200_000) == (CHUNK * 3)[100_000:200_000]

    def look() -> bytes:
        with objects.open("original/a") as file:
            file.seek(-10, os.SEEK_END)
            end = file.read()
            file.seek(5)
            return end + file.read(3)

    assert await asyncio.to_thread(look) == CHUNK[-10:] + CHUNK[5:8]


async def test_an_error_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    objects = Objects(tmp_path.as_uri())
    with pytest.raises(ZeroDivisionError):
        await objects.write("original/a", chunks(9, ZeroDivisionError()))
    with pytest.raises(NotFound):
        await objects.size("original/a")
    await eventually(lambda: names(tmp_path) == [])  # a thread of the store's does it


async def test_deleting_what_is_gone_is_a_success(objects: Objects) -> None:
    await objects.put("thumbnail/a", b"x")
    await objects.delete(["thumbnail/a", "thumbnail/a", "original/never"])
    with pytest.raises(NotFound):
        await read(objects, "thumbnail/a", 0, 1)


async def test_only_old_unfinished_objects_are_cleared(tmp_path: Path) -> None:
    objects = Objects(tmp_path.as_uri())
    await objects.put("original/whole", b"x")
    for name in ("old#1", "young#1"):
        (tmp_path / "original" / name).write_bytes(b"x")
    for name in ("old#1", "whole"):
        os.utime(tmp_path / "original" / name, (STAGED_FOR, STAGED_FOR))
    await objects.clear_staged()
    assert names(tmp_path) == ["whole", "young#1"]


async def test_what_an_upload_ends_while_they_are_looked_for_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = Objects(tmp_path.as_uri())
    monkeypatch.setattr(Path, "glob", lambda *_: iter([tmp_path / "original" / "ended#1"]))
    await objects.clear_staged()


async def test_c1_a_store_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    objects = Objects((tmp_path / "store").as_uri())
    (tmp_path / "store").rmdir()
    (tmp_path / "store").write_bytes(b"a file, where a folder was")
    with pytest.raises(Unavailable):
        await objects.put("original/a", b"x")
    with pytest.raises(Unavailable):
        await objects.write("original/a", chunks(9))


async def test_c1_a_store_that_does_not_answer_in_time_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(module, "ANSWERED_WITHIN", 0.01)
    monkeypatch.setattr(obstore, "put_async", never)
    with pytest.raises(Unavailable):
        await Objects(tmp_path.as_uri()).put("original/a", b"x")


@pytest.mark.parametrize("url", ["file:///dev/null/x", "nonsense://x", "attachments", ""])
def test_a_url_that_cannot_be_used_stops_the_start(url: str) -> None:
    with pytest.raises(StartError, match="LINKUP_ATTACHMENTS_URL"):
        Objects(url)
