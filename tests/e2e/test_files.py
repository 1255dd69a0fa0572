"""Tests the files of the web page as a browser gets them: their headers, and their lifetime."""

import json
import re

import pytest
from playwright.async_api import Browser

from tests.support.stack import Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/chat/alice/", "/static/app.js", "/static/style.css"]
)
async def test_every_file_comes_with_the_strict_headers(
    stack: Stack, browser: Browser, path: str
) -> None:
    context = await browser.new_context()
    answer = await context.request.get(stack.url + path)
    again = await context.request.get(
        stack.url + path, headers={"If-None-Match": answer.headers["etag"]}
    )
    await context.close()
    assert (answer.status, again.status) == (200, 304)
    for headers in (answer.headers, again.headers):
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-cache"


async def test_a_file_of_this_release_is_kept_and_one_of_another_is_asked_for_again(
    stack: Stack, browser: Browser
) -> None:
    context = await browser.new_context()
    page = await (await context.request.get(stack.url)).text()
    [version] = set(re.findall(r'"/static/([^/"]+)/', page))
    assert len(re.findall(r'"/static/', page)) == page.count(f'"/static/{version}/') > 50
    for path, kept in ((version, True), ("0" * 16, False), ("page", None), ("0" * 15, None)):
        answer = await context.request.get(f"{stack.url}/static/{path}/style.css")
        assert answer.status == (404 if kept is None else 200)
        assert ("immutable" in answer.headers.get("cache-control", "")) == bool(kept)
    await context.close()


@pytest.mark.parametrize(
    "path", ["/static/../../pyproject.toml", "/static/%2e%2e/%2e%2e/README.md", "/static/", "/x"]
)
async def test_nothing_else_is_served(stack: Stack, browser: Browser, path: str) -> None:
    context = await browser.new_context()
    answer = await context.request.get(stack.url + path)
    assert answer.status == 404
    assert json.loads(await answer.text())["code"] == "not_found"
    await context.close()
