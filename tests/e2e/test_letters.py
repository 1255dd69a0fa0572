"""An e-mail is readable in a browser: in light and dark, on a phone and on a desk."""

import re
import sqlite3
from contextlib import closing

import pytest
from playwright.async_api import Browser, expect

from services.notify.channels.unsubscription import Unsubscriptions
from tests.e2e.letters import SCENES, SCHEMES, WIDTHS, html, open_letter
from tests.support.stack import Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]

# Of each text that is seen: the contrast with what is behind it (WCAG 2.1), and the text.
CONTRASTS = """() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = numbers(colour).map((c) => (c /= 255) <= 0.03928 ? c / 12.92
      : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if ((numbers(colour)[3] ?? 1) === 1) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement, text = texts.currentNode.data.trim();
    if (!text || !element.getClientRects().length) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), text]);
  }
  return found;
}"""
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("scene", SCENES)
async def test_s74_an_email_can_be_read_and_loads_nothing(browser: Browser, scene: str) -> None:
    asked: list[str] = []
    page = await open_letter(browser, "", "light", WIDTHS[0])
    page.on("request", lambda request: asked.append(request.url))
    await page.set_content(html(scene))
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        contrasts = await page.evaluate(CONTRASTS)
        assert len(contrasts) > 5
        assert [text for contrast, text in contrasts if contrast < 4.5] == [], scheme
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 400})
        assert await page.evaluate(OVERFLOW) <= 0
    links = await page.get_by_role("link").evaluate_all("all => all.map((one) => one.href)")
    assert links
    assert all(link.startswith("https://") for link in links)
    assert asked == []
    assert not re.search(r"<(img|link|script|iframe)|url\(", html(scene))
    await page.close()


async def test_s74_names_in_another_direction_do_not_reorder_the_words(browser: Browser) -> None:
    page = await open_letter(browser, html("scripts"), "light", WIDTHS[1])
    bubbles = page.locator("td.bubble")
    directions = await bubbles.evaluate_all(
        "all => all.map((one) => getComputedStyle(one).direction)"
    )
    assert directions == ["rtl", "ltr", "rtl"]
    assert await page.locator("h1 bdi").inner_text() == "פרויקט Atlas 🚀"
    await page.close()


async def test_s74_the_page_of_the_link_unsubscribes_by_its_button(
    browser: Browser, stack: Stack
) -> None:
    with closing(sqlite3.connect(stack.data_dir / "notify.db")) as store:
        [(key,)] = store.execute("SELECT value FROM keys WHERE name = 'unsubscribe'").fetchall()
    link = Unsubscriptions(bytes.fromhex(key), stack.url).link("lena", "new_message")
    page, faults = await browser.new_page(), list[str]()
    page.on("console", lambda entry: faults.append(entry.text))
    await page.goto(link)
    button = page.get_by_role("button", name="Unsubscribe")
    await expect(button).to_have_css("background-color", "rgb(15, 118, 110)")
    await button.click()
    await expect(page.get_by_role("heading", name="You are unsubscribed")).to_be_visible()
    await expect(button).to_have_count(0)
    assert faults == []
    await page.close()
