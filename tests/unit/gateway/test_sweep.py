"""The end of files: each erasure touches its own, and only a round looks through the folder."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from services.gateway.attachments.objects import Objects
from services.gateway.attachments.sweep import Sweep
from services.gateway.upstream.lanes import Lanes
from shared.commands import CondemnAttachments, Condemned, Done, ForgetAttachments, Result
from tests.support.background import running
from tests.support.waiting import eventually


class FakeLanes:
    """Says once of each erased file that it is due."""

    def __init__(self) -> None:
        self.due: list[str] = []
        self.forgotten: list[str] = []

    def has_forgotten(self, attachment_ids: list[str]) -> bool:
        return self.forgotten == attachment_ids

    async def call(self, command: Any, size: int = 0) -> Result:
        if isinstance(command, CondemnAttachments):
            due, self.due = self.due, []
            return Condemned(attachment_ids=due)
        assert isinstance(command, ForgetAttachments)
        self.forgotten += command.attachment_ids
        return Done()


@pytest.fixture
def looked_through(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were listed."""
    listed: list[Path] = []
    glob = Path.glob

    def spy(self: Path, *given: Any, **options: Any) -> Any:
        listed.append(self)
        return glob(self, *given, **options)

    monkeypatch.setattr(Path, "glob", spy)
    return listed


async def test_f_s21_each_erasure_touches_only_its_own_files(
    tmp_path: Path, looked_through: list[Path]
) -> None:
    objects, lanes = Objects(tmp_path.as_uri()), FakeLanes()
    for path in ("original/a", "thumbnail/a", "original/b", "original/kept"):
        await objects.put(path, b"x")
    sweep = Sweep(cast(Lanes, lanes), objects, every=3600.0)
    async with running(sweep.run()):
        await eventually(lambda: looked_through == [tmp_path])  # the round at the start
        for erased in (["a"], ["a", "b"]):
            lanes.due.append(erased[-1])
            sweep.wake()
            await eventually(partial(lanes.has_forgotten, erased))
    folders = (tmp_path / "original", tmp_path / "thumbnail")
    assert [path.name for folder in folders for path in folder.iterdir()] == ["kept"]
    assert looked_through == [tmp_path]


async def test_f_s21_a_round_comes_in_its_time_however_much_is_erased(
    tmp_path: Path, looked_through: list[Path]
) -> None:
    sweep = Sweep(cast(Lanes, FakeLanes()), Objects(tmp_path.as_uri()), every=0.05)

    async def erase() -> None:
        while True:
            sweep.wake()
            await asyncio.sleep(0)

    async with running(sweep.run()), running(erase()):
        await eventually(lambda: len(looked_through) >= 3)
