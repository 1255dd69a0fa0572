"""The doorbell: soon, and seldom, however much is stored."""

import asyncio
from collections.abc import Iterable

import pytest

from services.persistence.doorbell import REST, Doorbell
from shared import subjects
from tests.support.virtual import VirtualLoop


class Bell:
    """A bus that notes when the doorbell rang, by the loop's clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.heard: list[float] = []
        self._loop = loop

    def post(self, subject: str, payload: bytes) -> None:
        assert (subject, payload) == (subjects.LOG, b"")
        self.heard.append(self._loop.time())


def heard(commits: Iterable[float]) -> list[float]:
    """The rings, when something is stored at those times."""
    loop = VirtualLoop()
    bell = Bell(loop)

    async def store() -> None:
        doorbell = Doorbell(bell)  # type: ignore[arg-type]  # the part of a Bus it uses
        for at in commits:
            await asyncio.sleep(at - loop.time())
            doorbell.ring()
        await asyncio.sleep(10)

    try:
        loop.run_until_complete(store())
    finally:
        loop.close()
    return bell.heard


@pytest.mark.parametrize("pause", [2 * REST, 60.0])
def test_what_is_stored_after_a_rest_is_told_at_once(pause: float) -> None:
    assert heard([1.0, 1.0 + pause]) == pytest.approx([1.0, 1.0 + pause])


def test_a_hundred_commits_a_second_ring_six_times() -> None:
    assert len(heard(number / 100 for number in range(100))) == 1 / REST + 1


def test_the_last_commit_of_a_burst_is_told_as_well() -> None:
    assert heard([1.0, 1.01]) == pytest.approx([1.0, 1.0 + REST])
