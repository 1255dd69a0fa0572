"""Owns the windows of a browser, each as empty as a new one, most of them used before.

A context of the browser takes as long to make and to fill its cache as many a test takes. So what
a test leaves is wiped and lent to the next one, unless the clock was set there, which stays.
"""

import json
from collections import defaultdict
from typing import Any, NamedTuple

from playwright.async_api import Browser, BrowserContext, CDPSession, Page


class Window(NamedTuple):
    """`keeper` is a page of the same origin that stays: it keeps the process and its cache."""

    context: BrowserContext
    keeper: Page
    devtools: CDPSession


class Windows:
    """`options` are those of a context: who asks for the same gets one that was used before."""

    def __init__(self, browser: Browser, origin: str) -> None:
        self._browser, self._origin = browser, origin
        self._idle: defaultdict[str, list[Window]] = defaultdict(list)
        self._lent: list[tuple[str, Window]] = []

    async def open(self, options: dict[str, Any]) -> Page:
        key = json.dumps(options, sort_keys=True)
        window = self._idle[key].pop() if self._idle[key] else await self._make(options)
        self._lent.append((key, window))
        return await window.context.new_page()

    async def _make(self, options: dict[str, Any]) -> Window:
        context = await self._browser.new_context(**options)
        keeper = await context.new_page()
        await keeper.goto(f"{self._origin}/livez")
        return Window(context, keeper, await context.new_cdp_session(keeper))

    async def take_back(self) -> None:
        """All that are open, at the end of a test."""
        while self._lent:
            key, window = self._lent.pop()
            if await window.keeper.evaluate("'__pwClock' in globalThis"):
                await window.context.close()
            else:
                await self._wipe(window)
                self._idle[key].append(window)

    async def _wipe(self, window: Window) -> None:
        for page in window.context.pages:
            if page is not window.keeper:
                await page.close()
        await window.context.set_offline(False)
        await window.context.clear_cookies()
        everything = {"origin": self._origin, "storageTypes": "all"}
        await window.devtools.send("Storage.clearDataForOrigin", everything)
