"""The link in an e-mail ends e-mails, without signing in, and only by POST."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from services.gateway import contract
from services.gateway.api.response import problems
from services.gateway.api.unsubscribing import Unsubscribing
from services.gateway.auth import Authenticator
from services.gateway.rates import Rates
from services.gateway.socket.refusals import Refusals
from services.gateway.upstream.notices import Notices
from shared.commands import ErasedNotices, EraseNotices, Preferences, PreferencesAnswer
from shared.errors import LinkupError
from shared.health.counters import Counters
from shared.settings import Settings
from tests.integration.notify_support import (
    FakeLog,
    Mailbox,
    fake_log,
    notify,
    smtp_server,
    to_mailbox,
)
from tests.support.recorder import Recorder
from tests.support.waiting import eventually

PUBLIC_URL = "https://chat.example.com"


class Scene:
    """notify, a mailbox, and a browser of somebody who is not signed in."""

    def __init__(self, log: FakeLog, mailbox: Mailbox, browser: httpx2.AsyncClient) -> None:
        self.log = log
        self.mailbox = mailbox
        self.browser = browser

    async def link(self) -> str:
        """Return the link of the e-mail that Bob gets."""
        await self.log.send("ann", "bob", "are you there?")
        await eventually(lambda: self.mailbox.accepted != [])
        return str(self.mailbox.accepted[0]["List-Unsubscribe"]).strip("<>")

    async def emails(self) -> dict[str, bool]:
        """Return, for two types of notification, whether Bob gets e-mails."""
        answer = await self.log.ask(Preferences(user_id="bob"), PreferencesAnswer)
        wanted = {one.notification_type: one.email for one in answer.types if one.push}
        return {name: wanted[name] for name in ("new_message", "mention")}


@pytest.fixture
async def scene(nats_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    async with fake_log(nats_url) as log, smtp_server() as mailbox:
        log.know("ann")
        log.know("bob")
        settings = to_mailbox(mailbox) | {"public_url": PUBLIC_URL}
        async with gateway(log) as browser, notify(nats_url, tmp_path, **settings):
            yield Scene(log, mailbox, browser)


@asynccontextmanager
async def gateway(log: FakeLog) -> AsyncIterator[httpx2.AsyncClient]:
    assert log.bus is not None
    settings = Settings(jwt_secret="k" * 32)
    auth, refusals = Authenticator(settings, Counters()), Refusals(Counters())
    endpoints = Unsubscribing(Notices(log.bus)).endpoints()
    app = Starlette(
        routes=contract.bind(endpoints, auth, Rates(settings), settings, Recorder()),
        exception_handlers={LinkupError: problems(refusals)},
    )
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url=PUBLIC_URL) as browser:
        yield browser


async def test_s74_one_click_ends_the_emails_of_a_type(scene: Scene) -> None:
    link, browser = await scene.link(), scene.browser
    page = await browser.get(link)
    assert page.status_code == 200
    assert "e-mails of the type “new message”" in page.text
    assert re.search(r'<form method="post">\s*<button', page.text)
    assert await scene.emails() == {"new_message": True, "mention": True}
    for _ in range(2):
        done = await browser.post(link, data={"List-Unsubscribe": "One-Click"})
        assert done.status_code == 200
        assert "You are unsubscribed" in done.text
        assert await scene.emails() == {"new_message": False, "mention": True}
    again = await browser.get(link)
    assert "You are unsubscribed" in again.text
    assert "<form" not in again.text
    await scene.log.send("ann", "bob", "and now?")
    await scene.log.send("bob", "ann", "a later one, to somebody else")
    await eventually(lambda: len(scene.mailbox.accepted) == 2)
    assert [letter["To"] for letter in scene.mailbox.accepted] == [
        *("bob@example.test", "ann@example.test"),
    ]


async def test_s74_the_page_speaks_the_language_of_the_browser(scene: Scene) -> None:
    link, browser = await scene.link(), scene.browser
    german = {"Accept-Language": "de-AT,en;q=0.5"}
    page = await browser.get(link, headers=german)
    assert '<html lang="de">' in page.text
    assert "dieser Art mehr (new message)" in page.text
    done = await browser.post(link, headers=german)
    assert "abgemeldet" in done.text
    assert done.headers["vary"] == "Accept-Language"


async def test_the_page_runs_nothing_and_is_not_found_by_others(scene: Scene) -> None:
    page = await scene.browser.get(await scene.link())
    assert "script" not in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "form-action 'self'" in policy
    assert page.headers["x-robots-tag"] == "noindex"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["content-type"] == "text/html; charset=utf-8"


async def test_the_link_of_who_was_erased_stores_nothing_of_them(scene: Scene) -> None:
    link = await scene.link()

    async def is_erased() -> bool:
        return (await scene.log.ask(EraseNotices(user_id="bob", since=1), ErasedNotices)).finished

    await eventually(is_erased)
    done = await scene.browser.post(link)
    assert done.status_code == 200
    assert await scene.emails() == {"new_message": True, "mention": True}


async def test_a_wrong_token_is_404_and_says_nothing(scene: Scene) -> None:
    link = await scene.link()
    for wrong in (link[:-3] + "abc", "/unsubscribe/x", "/unsubscribe/%00", f"{link}x"):
        for answer in (await scene.browser.get(wrong), await scene.browser.post(wrong)):
            assert answer.status_code == 404
            assert answer.json()["code"] == "not_found"
    assert await scene.emails() == {"new_message": True, "mention": True}
