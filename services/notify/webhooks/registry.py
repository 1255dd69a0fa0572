"""Owns which webhooks there are, and the questions about them."""

import asyncio
import base64
import secrets
import sqlite3
from collections import Counter

from msgspec.structs import replace

from services.notify.questions import Questions
from services.notify.webhooks import rows
from services.notify.webhooks.lines import MOST, Lines, Terms
from services.notify.webhooks.reader import REQUEST_TIMEOUT, follower, page
from services.notify.webhooks.rows import Hook, Place
from shared import signature, subjects
from shared.clock import SECOND
from shared.commands import (
    DeleteWebhook,
    DeleteWebhookAnswer,
    FactPage,
    LeaveLog,
    PutWebhook,
    PutWebhookAnswer,
    Webhook,
    Webhooks,
    WebhooksAnswer,
    encode,
)
from shared.errors import InvalidRequest, LinkupError, NotFound
from shared.outward.destinations import Refused

MADE_BYTES = 32
RETRY = 1.0  # seconds
OVERLAP = 86_400 * SECOND  # during which the old secret also signs
ASKED = "asked"

Counts = Counter[tuple[str, str]]  # of events, by webhook and state


class Registry:
    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self.rules = terms.rules
        self._between = terms.between
        self._turn = asyncio.Lock()  # one change at a time
        self._stale = asyncio.Event()  # `lines` may differ from the database
        self.lines = Lines(terms, self._stale.set)

    def answer(self, questions: Questions) -> None:
        questions.on(PutWebhook, self.put)
        questions.on(Webhooks, self.list)
        questions.on(DeleteWebhook, self.delete)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.lines.run())
            self._stale.set()
            while True:
                await self._stale.wait()
                self._stale.clear()
                try:
                    await self.look()
                except LinkupError:
                    await asyncio.sleep(RETRY)
                    self._stale.set()

    async def look(self) -> None:
        """Serve the webhooks that are stored."""
        self.lines.want(await self._between(rows.hooks))

    async def put(self, asked: PutWebhook) -> PutWebhookAnswer:
        """Raises InvalidRequest, which names the field, and Unavailable."""
        self._check(asked)
        async with self._turn:
            known = (await self._known()).get(asked.webhook_id)
            if known is None:
                return await self._register(asked)
            changed = _changed(known, asked, self._terms.clock())
            if changed != known:
                await self._between(lambda raw: _change(raw, changed, known.off))
                await self.look()
            return PutWebhookAnswer(webhook=await self._shown(changed), created=False)

    async def list(self, asked: Webhooks) -> WebhooksAnswer:
        """Raises NotFound if the named one is not there."""
        counts = await self._between(_counts)
        known = await self._known()
        if asked.webhook_id and asked.webhook_id not in known:
            raise NotFound("There is no such webhook")
        named = [known[asked.webhook_id]] if asked.webhook_id else known.values()
        return WebhooksAnswer(webhooks=[self._seen(hook, counts) for hook in named])

    async def delete(self, asked: DeleteWebhook) -> DeleteWebhookAnswer:
        name = asked.webhook_id
        async with self._turn:
            deleted = await self._between(lambda raw: rows.delete(raw, name))
            await self.look()
        if deleted:
            await self._leave(name)
        return DeleteWebhookAnswer(deleted=deleted)

    async def hook(self, webhook_id: str) -> Hook:
        """Raises NotFound."""
        hook = (await self._known()).get(webhook_id)
        if hook is None:
            raise NotFound("There is no such webhook")
        return hook

    async def _known(self) -> dict[str, Hook]:
        return {hook.webhook_id: hook for hook in await self._between(rows.hooks)}

    def _check(self, asked: PutWebhook) -> None:
        try:
            self.rules.target(asked.url)
        except Refused as error:
            raise InvalidRequest(f"`url` {error}", field="url") from None
        if asked.secret and not signature.is_secret(asked.secret):
            raise InvalidRequest(f"`secret` must be {signature.FORM}", field="secret")

    async def _register(self, asked: PutWebhook) -> PutWebhookAnswer:
        """A new one begins at the end of the log."""
        if len(await self._known()) >= MOST:
            raise InvalidRequest(f"There are {MOST} webhooks already, which is the maximum")
        begins = FactPage(follower=follower(asked.webhook_id), positions={}, at_end=True)
        log = await page(self._terms.bus, begins)
        place: Place = log.epoch, log.positions
        made = "" if asked.secret else _made()
        now = self._terms.clock()
        hook = Hook(
            webhook_id=asked.webhook_id,
            url=asked.url,
            events=tuple(asked.events),
            secret=asked.secret or made,
            off="" if asked.enabled else ASKED,
            created_at=now,
            updated_at=now,
        )
        await self._between(lambda raw: rows.save(raw, hook, place))
        await self.look()
        return PutWebhookAnswer(webhook=await self._shown(hook), created=True, secret=made)

    async def _leave(self, webhook_id: str) -> None:
        """Tell persistence to keep nothing for this webhook any more, if it can be reached."""
        try:
            asked = encode(LeaveLog(follower=follower(webhook_id)))
            await self._terms.bus.request(subjects.query("leave_log"), asked, REQUEST_TIMEOUT)
        except LinkupError:
            pass

    async def _shown(self, hook: Hook) -> Webhook:
        return self._seen(hook, await self._between(_counts))

    def _seen(self, hook: Hook, counts: Counts) -> Webhook:
        line = self.lines.of(hook.webhook_id)
        return Webhook(
            webhook_id=hook.webhook_id,
            url=hook.url,
            events=list(hook.events),
            off=hook.off,
            created_at=hook.created_at,
            updated_at=hook.updated_at,
            delivered=hook.delivered,
            waiting=counts[hook.webhook_id, "waiting"],
            dead=counts[hook.webhook_id, "dead"],
            breaker=line.sender.breaker.state if line else "closed",
            reason=line.sender.reason if line else "",
            behind=line.behind() if line else 0.0,
        )


def _counts(connection: sqlite3.Connection) -> Counts:
    return Counter({(name, state): n for name, state, n in connection.execute(rows.COUNTS)})


def _changed(known: Hook, asked: PutWebhook, now: int) -> Hook:
    off = "" if asked.enabled else known.off or ASKED
    wanted = replace(known, url=asked.url, events=tuple(asked.events), off=off)
    if asked.secret and asked.secret != known.secret:
        wanted = replace(
            wanted, secret=asked.secret, old_secret=known.secret, old_until=now + OVERLAP
        )
    return wanted if wanted == known else replace(wanted, updated_at=now)


def _change(connection: sqlite3.Connection, hook: Hook, was_off: str) -> None:
    """Store a webhook. If it was switched off by a 410, the events given up then are sent again."""
    rows.save(connection, hook, ("", {}))
    if was_off and not hook.off:
        revived = {"webhook_id": hook.webhook_id, "reason": rows.GONE, "now": hook.updated_at}
        connection.execute(rows.REVIVE_OF, revived)


def _made() -> str:
    return signature.PREFIX + base64.b64encode(secrets.token_bytes(MADE_BYTES)).decode()
