"""Builds persistence: the store, its writer and readers, and what they listen to."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from databases import DatabaseURL
from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette

from services.persistence.connections import hold
from services.persistence.erasure import Erasure
from services.persistence.followers import Followers
from services.persistence.indexer import Indexer
from services.persistence.readers import Readers
from services.persistence.recovery import recover
from services.persistence.retention import Retention
from services.persistence.schema import bring_up_to_date
from services.persistence.state import Limits
from services.persistence.store import Store
from services.persistence.writer import Writer
from shared import bus, start, subjects
from shared.errors import SettingError, StartError
from shared.health import Check, Health
from shared.settings import Settings

REMEDY = "check the disk and who else holds the file, or restore the data directory from a backup"


@asynccontextmanager
async def open_app(settings: Settings, health: Health) -> AsyncIterator[Starlette]:
    """Everything with a life, in order; taken down in reverse, the store last."""
    url = settings.store_url
    if DatabaseURL(url).dialect != "sqlite":
        raise SettingError("LINKUP_DATABASE_URL: this release stores in sqlite:///… only")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(hold(settings.data))
        store = Store(url, _limits(settings))
        stack.push_async_callback(store.close)
        try:
            await bring_up_to_date(url)
            await store.open()
        except (sqlite3.Error, DBAPIError) as error:
            reason = error.orig if isinstance(error, DBAPIError) else error
            raise StartError(f"cannot open the store: {reason}; {REMEDY}") from None
        nats = await stack.enter_async_context(bus.connect(settings.nats_url, "persistence"))
        await _listen(stack, nats, store, settings)
        health.checks["bus"] = lambda: _bus(nats)
        health.checks["store"] = lambda: _store(store)
        start.hold(health, "routes", start.route_faults(health.routes()))
        start.hold(health, "subjects", start.subject_faults(subjects.PATTERNS))
        yield Starlette(routes=health.routes())


def _limits(settings: Settings) -> Limits:
    return Limits(
        settings.message_burst,
        settings.message_rate,
        settings.edit_window,
        settings.delete_window,
        settings.group_history,
        settings.attachment_unsent_for,
    )


async def _listen(stack: AsyncExitStack, nats: bus.Bus, store: Store, settings: Settings) -> None:
    writer, followers = Writer(store, nats), Followers()
    readers = Readers(settings.store_url, store.epoch, nats, followers)
    retention = Retention(
        store, followers, keep=settings.feed_retention, patience=settings.follower_patience
    )
    await retention.load()
    tasks = await stack.enter_async_context(asyncio.TaskGroup())
    reading = [tasks.create_task(readers.run()) for _ in range(settings.readers)]
    writing = tasks.create_task(writer.run())
    indexing = tasks.create_task(Indexer(store).run())
    pruning = tasks.create_task(retention.run())
    erasing = tasks.create_task(Erasure(store).run())
    recovering = tasks.create_task(recover(store))
    queries = await nats.subscribe(subjects.query("*"), readers.accept, queue=subjects.QUERY_GROUP)
    batches = await nats.subscribe(subjects.STORE, writer.accept, queue=subjects.STORE_GROUP)

    async def drain() -> None:
        """Take no more, carry out what was taken, answer it, then let go."""
        await batches.close()
        await queries.close()
        await writer.finish()
        await writing
        for task in (*reading, indexing, pruning, erasing, recovering):
            task.cancel()

    stack.push_async_callback(drain)


def _bus(nats: bus.Bus) -> Check:
    if nats.connected:
        return Check("pass")
    return Check("fail", "no connection to nats-server: start it or check LINKUP_NATS_URL")


def _store(store: Store) -> Check:
    if not store.trouble:
        return Check("pass")
    return Check("fail", f"the last commit failed: {store.trouble}")
