"""The link in an e-mail ends e-mails, without signing in, and only by POST."""

import re
from collections.abc import AsyncIterator
from email import message_from_bytes
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from tests.support.peer import synced
from tests.support.stack import Stack, run_stack
from tests.support.traffic import socket_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

PUBLIC_URL = "https://chat.example.com"
SETTINGS: dict[str, Any] = {
    "notify_email_after": 0.05,
    "notify_email_pause": 0,
    "public_url": PUBLIC_URL,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with run_stack(tmp_path_factory.mktemp("unsubscribe"), **SETTINGS) as running:
        yield running


def links(stack: Stack, user_id: str) -> list[str]:
    """Where the e-mails to that user say that they end, as paths."""
    found = []
    for file in (stack.data_dir / "mail").glob("*.eml"):
        letter = message_from_bytes(file.read_bytes())
        if letter["To"] == f"{user_id}@example.com":
            found.append(letter["List-Unsubscribe"].strip("<>").removeprefix(PUBLIC_URL))
    return found


async def written_to(stack: Stack, user_id: str) -> str:
    """The link in an e-mail that this user just got."""
    token = stack.token(user_id, email=f"{user_id}@example.com")
    async with socket_of(stack, user_id, token=token) as socket:
        await socket.recv()
    async with synced(stack, "ann") as ann:
        await ann.message(user_id, "are you there?")
    await eventually(lambda: links(stack, user_id) != [])
    return links(stack, user_id)[0]


async def email_of(stack: Stack, user_id: str) -> bool:
    headers = {"Authorization": f"Bearer {stack.token(user_id)}"}
    async with httpx2.AsyncClient(base_url=stack.url, headers=headers) as api:
        types = (await api.get("/v1/notification-preferences")).json()["types"]
    by_type = {one["notification_type"]: one for one in types}
    assert by_type["new_message"]["push"]
    assert by_type["mention"]["email"]
    return bool(by_type["new_message"]["email"])


async def test_s74_one_click_ends_the_emails_of_a_type(stack: Stack) -> None:
    link = await written_to(stack, "bob")
    async with httpx2.AsyncClient(base_url=stack.url) as browser:
        page = await browser.get(link)
        assert (page.status_code, await email_of(stack, "bob")) == (200, True)
        assert "e-mails of the type “new message”" in page.text
        assert re.search(r'<form method="post">\s*<button', page.text)
        one_click = {"List-Unsubscribe": "One-Click"}
        for _ in range(2):
            done = await browser.post(link, data=one_click)
            assert (done.status_code, await email_of(stack, "bob")) == (200, False)
            assert "You are unsubscribed" in done.text
        again = await browser.get(link)
        assert "You are unsubscribed" in again.text
        assert "<form" not in again.text
    async with synced(stack, "ann") as ann:
        await ann.message("bob", "and now?")
    await written_to(stack, "carol")
    assert links(stack, "bob") == [link]


async def test_the_page_runs_nothing_and_is_not_found_by_others(stack: Stack) -> None:
    link = await written_to(stack, "dora")
    async with httpx2.AsyncClient(base_url=stack.url) as browser:
        page = await browser.get(link)
    assert "script" not in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "form-action 'self'" in policy
    assert page.headers["x-robots-tag"] == "noindex"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["content-type"] == "text/html; charset=utf-8"


async def test_a_wrong_token_is_404_and_says_nothing(stack: Stack) -> None:
    link = await written_to(stack, "erin")
    async with httpx2.AsyncClient(base_url=stack.url) as browser:
        for wrong in (link[:-3] + "abc", "/unsubscribe/x", "/unsubscribe/%00", f"{link}x"):
            for answer in (await browser.get(wrong), await browser.post(wrong)):
                assert answer.status_code == 404
                assert answer.json()["code"] == "not_found"
        assert await email_of(stack, "erin")
