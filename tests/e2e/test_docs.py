"""The page of the contract, in a browser: everything is on it, and it fits a phone."""

import pytest
from playwright.async_api import Browser, Page, expect

from shared.frames import ClientFrame, ServerFrame
from shared.routes import ROUTES
from tests.support.stack import Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]

PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 900}


async def opened(stack: Stack, browser: Browser, size: dict[str, int], faults: list[str]) -> Page:
    page = await browser.new_page(viewport={"width": size["width"], "height": size["height"]})
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda entry: faults.append(entry.text) if entry.type == "error" else None)
    await page.goto(f"{stack.url}/docs")
    await expect(page.get_by_role("status")).to_have_count(0)
    return page


async def test_the_contract_can_be_read_in_a_browser(stack: Stack, browser: Browser) -> None:
    faults: list[str] = []
    page = await opened(stack, browser, DESKTOP, faults)
    for route in ROUTES:
        article = page.locator("article").filter(
            has=page.locator(".route", has_text=f"{route.method}{route.path}")
        )
        await expect(article.get_by_text("Answers").first).to_be_visible()
    for side, union in (("client", ClientFrame), ("server", ServerFrame)):
        articles = page.locator(f"#frames-{side} article")
        assert await articles.count() == len(union.__args__)
    content = page.locator("#schema-SendMessage tr", has_text="content")
    await expect(content).to_contain_text("at most 5000 characters")
    await page.get_by_text("Frames of a client").first.click()
    await page.get_by_role("link", name="sync_request").click()
    await expect(page.locator("#frame-client\\.sync_request")).to_be_in_viewport()
    await page.close()
    assert faults == []


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_the_contract_is_never_wider_than_the_screen(
    stack: Stack, browser: Browser, size: dict[str, int]
) -> None:
    faults: list[str] = []
    page = await opened(stack, browser, size, faults)
    assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    await page.close()
    assert faults == []
