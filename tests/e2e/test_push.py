"""Web push in a real browser: its service worker shows what was encrypted for it.

No push service can be reached from here. So the page is given a subscription whose push service is
the test, and what was decrypted is delivered to the worker through the DevTools protocol.
"""

import asyncio
import sqlite3
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from services.notify.channels.push import Note, Push
from services.notify.channels.signer import signer_of
from services.notify.store.store import open_store
from services.notify.store.subscriptions import Errand, Subscriptions
from shared import vapid
from shared.clock import now
from shared.commands import PushSubscribe
from shared.frames import Priority
from shared.outward import open_outward
from shared.outward.destinations import Rules
from shared.settings import Settings
from tests.e2e.browser import Open
from tests.support.endpoint import certificate, endpoint
from tests.support.receiver import Receiver
from tests.support.stack import Stack
from tests.support.waiting import eventually, within

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
]

# A browser's push service, which this browser does not reach.
SERVICE = """({p256dh, auth}) => {
  let held = null;
  const subscribe = async ({ applicationServerKey: key }) => {
    const endpoint = `https://push.example/${crypto.randomUUID()}`;
    const json = { endpoint, expirationTime: null, keys: { p256dh, auth } };
    held = { endpoint, options: { applicationServerKey: key.buffer }, toJSON: () => json };
    held.unsubscribe = async () => { held = null; return true; };
    return held;
  };
  PushManager.prototype.subscribe = subscribe;
  PushManager.prototype.getSubscription = async () => held;
}"""
SHOWN = """async () => {
  const registration = await navigator.serviceWorker.ready;
  const shown = await registration.getNotifications();
  return shown.map(({ title, body, tag, requireInteraction, data }) => (
    { title, body, tag, requireInteraction, url: data.url }));
}"""


CALL = """async ([name, user_id, token]) => {
  const files = new URL(".", document.querySelector("script[type=module]").src);
  const push = await import(new URL("page/push.js", files));
  const { LinkupClient } = await import(new URL("linkup-client.js", files));
  const told = await push[name](new LinkupClient({ userId: user_id, getToken: async () => token }));
  return typeof told === "string" ? told : "";
}"""


async def call(page: Page, stack: Stack, user_id: str, name: str) -> str:
    """A function of the module, as the page's switch calls it."""
    told: str = await page.evaluate(CALL, [name, user_id, stack.token(user_id)])
    return told


def subscribed(stack: Stack, user_id: str) -> int:
    with closing(sqlite3.connect(stack.data_dir / "notify.db", timeout=5)) as database:
        asked = "SELECT count(*) FROM push_subscriptions WHERE user_id = ?"
        [(count,)] = database.execute(asked, (user_id,)).fetchall()
        return int(count)


async def forgotten(stack: Stack, user_id: str) -> None:
    """At the server alone, as after it was restored."""
    with closing(sqlite3.connect(stack.data_dir / "notify.db", timeout=5)) as database, database:
        database.execute("DELETE FROM push_subscriptions WHERE user_id = ?", (user_id,))


async def test_s97_a_person_subscribes_this_browser_and_ends_it(
    stack: Stack, open_as: Open
) -> None:
    page = await open_as("paula")
    await page.context.grant_permissions(["notifications"], origin=stack.url)
    await page.evaluate(SERVICE, Receiver().keys)
    assert await call(page, stack, "paula", "pushState") == "unsubscribed"
    await page.get_by_role("button", name="Notifications").click()
    await page.get_by_role("button", name="Notification settings").click()
    switch = page.get_by_role("switch", name="Push messages")
    await switch.click()
    await eventually(lambda: subscribed(stack, "paula") == 1)
    await expect(switch).to_be_checked()
    assert await call(page, stack, "paula", "pushState") == "subscribed"
    await switch.click()
    await eventually(lambda: subscribed(stack, "paula") == 0)
    await expect(switch).not_to_be_checked()
    assert await call(page, stack, "paula", "subscribe") == "subscribed"
    await page.get_by_role("button", name="Close").click()
    await forgotten(stack, "paula")
    await call(page, stack, "paula", "keepSubscription")
    await eventually(lambda: subscribed(stack, "paula") == 1)
    token = await page.evaluate("JSON.parse(sessionStorage['linkup.session']).token")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Another user")).to_be_visible()
    await eventually(lambda: subscribed(stack, "paula") == 0)
    headers = {"authorization": f"Bearer {token}"}

    async def is_refused() -> bool:  # the page leaves after five seconds, whatever is under way
        answer = await page.request.get(f"{stack.url}/v1/unread", headers=headers)
        return answer.status == 401

    await eventually(is_refused)
    await page.context.clear_permissions()


async def test_s97_who_refuses_notifications_is_not_subscribed(stack: Stack, open_as: Open) -> None:
    page = await open_as("petra")
    await page.evaluate("Notification.requestPermission = async () => 'denied'")
    assert await call(page, stack, "petra", "subscribe") == "denied"
    assert subscribed(stack, "petra") == 0


async def test_s97_the_service_worker_shows_what_was_encrypted_for_its_browser(
    stack: Stack,
    open_as: Open,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = await open_as("pablo")
    await page.context.grant_permissions(["notifications"], origin=stack.url)
    browser = Receiver()
    await page.evaluate(SERVICE, browser.keys)
    await call(page, stack, "pablo", "subscribe")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate(tmp_path)))
    for priority in ("normal", "urgent"):
        encrypted = await pushed(tmp_path, browser, priority)
        content = browser.decrypt(encrypted).decode()
        shown = {"title": "Bob \U0001f44b", "body": "Lunch?", "tag": priority}
        expected = {**shown, "requireInteraction": priority == "urgent", "url": "/chat/bob/"}
        await eventually(partial(delivered, page, stack, content, expected), 30)
    await page.context.clear_permissions()


async def pushed(folder: Path, browser: Receiver, priority: Priority) -> bytes:
    """The body of the request that the push service gets."""
    rules, settings = Rules(["127.0.0.1"]), Settings(vapid_private_key=vapid.new_key())
    signer = signer_of(settings)
    assert signer is not None
    note = Note(
        title="Bob \U0001f44b",
        body="Lunch?",
        url="/chat/bob/",
        tag=priority,
        notification_id="n1",
        priority=priority,
        badge=1,
    )
    async with (
        endpoint(folder) as there,
        open_store(f"sqlite:///{folder}/{priority}.db") as store,
        open_outward(rules) as outward,
    ):
        subscriptions = Subscriptions(store, rules, now, signer.public_key)
        asked = PushSubscribe(user_id="pablo", endpoint=there.url("/x"), **browser.keys)
        await subscriptions.subscribe(asked)
        push = Push(outward, rules, subscriptions, signer, clock=now)
        assert (await push.send(Errand("d1", "pablo", 1), note, begun)).kind == "sent"
        return there.asked[0].body


async def begun() -> bool:
    return True


async def delivered(page: Page, stack: Stack, content: str, expected: dict[str, Any]) -> bool:
    """Return whether a push is shown. DevTools drops one for a worker that is not active yet."""
    await page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    await deliver(page, stack, content)
    with suppress(TimeoutError):
        await eventually(partial(shows, page, expected), 2)
    return await shows(page, expected)


async def deliver(page: Page, stack: Stack, content: str) -> None:
    """Deliver to each worker of the address: other windows may have one, which shows it there."""
    devtools = await page.context.new_cdp_session(page)
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    devtools.on("ServiceWorker.workerRegistrationUpdated", told.put_nowait)
    await devtools.send("ServiceWorker.enable")
    async with within(10):
        live: list[str] = []
        while not live:  # those of tests before this one are deleted
            found = (await told.get())["registrations"]
            live = [one["registrationId"] for one in found if not one["isDeleted"]]
    for one in live:
        there = {"origin": stack.url, "registrationId": one}
        await devtools.send("ServiceWorker.deliverPushMessage", {**there, "data": content})
    await devtools.detach()


async def shows(page: Page, expected: dict[str, Any]) -> bool:
    return expected in await page.evaluate(SHOWN)
