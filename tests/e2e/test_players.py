"""Tests that what is shown or played goes on when its URL has ended."""

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.e2e.browser import Open, keep_clock
from tests.e2e.test_attachments import picture
from tests.support.waiting import eventually

# Where it was, as it was; a new source begins at its first second.
GOES_ON = """({ error, readyState, currentTime, paused, playbackRate }) =>
    !error && readyState >= 2 && Math.round(currentTime) === 100 && paused && playbackRate === 2"""
SECONDS = 120
RATE = 44_100

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]


def sound() -> bytes:
    """Silence that no browser holds all of: ten megabytes."""
    body = bytes(SECONDS * RATE * 2)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16)
    rest = b"WAVE" + form + struct.pack("<4sI", b"data", len(body)) + body
    return struct.pack("<4sI", b"RIFF", len(rest)) + rest


class Links:
    """URLs that end when a test says so: nothing is served until another one was asked for."""

    def __init__(self) -> None:
        self._ended = False
        self.refused = 0

    async def watch(self, page: Page) -> None:
        await page.route("**/v1/attachments/*", self._link)
        await page.route("**/v1/attachments/*/content?*", self._content)

    def end(self) -> None:
        self._ended = True

    async def _link(self, route: Route) -> None:
        self._ended = False
        await route.continue_()

    async def _content(self, route: Route) -> None:
        if self._ended:
            self.refused += 1
            await route.fulfill(status=404, json={"code": "not_found"})
        else:
            await route.continue_()


async def until(player: Locator, condition: str) -> None:
    await eventually(lambda: player.evaluate(condition))


async def attached(page: Page, path: Path) -> None:
    await page.get_by_label("Files", exact=True).set_input_files(path)
    await page.get_by_role("button", name="Send").click()
    await page.get_by_role("button", name=f"Open {path.name}").click()


async def test_f_p8_a_paused_sound_goes_on_when_its_url_has_ended(
    open_as: Open, tmp_path: Path
) -> None:
    page = await open_as("paul8", "/chat/paul8/")
    links = Links()
    await links.watch(page)
    song = tmp_path / "song.wav"
    song.write_bytes(sound())
    await attached(page, song)
    player = page.locator(".viewer audio")
    await expect(player).to_have_js_property("readyState", 4)
    await player.evaluate("(player) => { player.pause(); player.playbackRate = 2; }")
    links.end()
    await player.evaluate("(player) => { player.currentTime = 100; }")
    await eventually(lambda: links.refused > 0)
    await until(player, GOES_ON)
    await player.evaluate("(player) => player.play()")
    await until(player, "(player) => player.currentTime > 100.2")
    links.end()
    await player.evaluate("(player) => { player.currentTime = 20; }")  # while it plays
    await until(player, "({ currentTime: at, paused }) => at > 20.2 && at < 90 && !paused")


async def test_f_p8_a_picture_and_its_download_outlive_their_url(
    open_as: Open, tmp_path: Path
) -> None:
    page = await open_as("pia8", "/chat/pia8/")
    links = Links()
    await links.watch(page)
    photo = tmp_path / "pier.png"
    photo.write_bytes(picture(64, 36))
    await attached(page, photo)
    shown = page.locator(".viewer img")
    await expect(shown).to_have_js_property("naturalWidth", 64)
    await page.keyboard.press("Escape")
    links.end()  # and the page does not know
    await page.get_by_role("button", name="Open pier.png").click()
    await expect(shown).to_have_js_property("naturalWidth", 64)
    links.end()
    await keep_clock(page)
    await page.clock.set_fixed_time(datetime.now(UTC) + timedelta(minutes=10))
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Download").click()
    await (await downloading.value).save_as(tmp_path / "saved.png")
    assert (tmp_path / "saved.png").read_bytes() == photo.read_bytes()
