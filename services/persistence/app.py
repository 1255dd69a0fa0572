"""Builds persistence: the store, its writer and readers, and their subscriptions."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.applications import Starlette

from services.persistence.decide.state import Limits
from services.persistence.queries.followers import Followers
from services.persistence.queries.readers import Readers
from services.persistence.store.connections import ReaderConnection, hold
from services.persistence.store.schema import bring_up_to_date
from services.persistence.store.store import REMEDY, Store
from services.persistence.upkeep.auditor import Auditor
from services.persistence.upkeep.canary import CanaryPruning
from services.persistence.upkeep.erasure import Erasure
from services.persistence.upkeep.errors import StoredErrors
from services.persistence.upkeep.indexer import Indexer
from services.persistence.upkeep.reports import Reports
from services.persistence.upkeep.retention import Retention
from services.persistence.upkeep.user_erasure import UserErasure
from services.persistence.writer import Writer
from shared import bus, subjects
from shared.errors import SettingError, StartError
from shared.health.disk import disk_check
from shared.health.endpoints import Health
from shared.process import readiness, reporter, start
from shared.process.reporter import Reporter
from shared.settings import Settings
from shared.settings.addresses import file_of, path_of
from shared.sqlite.held import Held


@asynccontextmanager
async def open_app(settings: Settings, health: Health) -> AsyncIterator[Starlette]:
    """Open everything that has a life, in order; it is taken down in reverse, the store last."""
    url = settings.store_url
    if not url.startswith("sqlite:"):
        raise SettingError("LINKUP_DATABASE_URL: this release stores in sqlite:///… only")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(hold(settings.data))
        store = Store(url, _limits(settings))
        stack.push_async_callback(store.close)
        try:
            await bring_up_to_date(url)
            await store.open()
        except sqlite3.Error as error:
            raise StartError(
                f"cannot open the store {path_of(url)}: {error}; {REMEDY}, whether "
                "its directory is there, or restore the data directory from a backup"
            ) from None
        nats = await stack.enter_async_context(bus.connect(settings.nats_url, "persistence"))
        health.checks["bus"] = nats.check
        health.checks["subscriptions"] = nats.subscriptions
        health.checks["store"] = store.writes.check
        health.checks["disk"] = disk_check(file_of(url))
        await _listen(stack, nats, store, settings, health)
        start.require(health, "routes", start.route_faults(health.routes()))
        start.require(health, "subjects", start.subject_faults(subjects.PATTERNS))
        yield Starlette(routes=health.routes())


def _limits(settings: Settings) -> Limits:
    return Limits(
        settings.message_burst,
        settings.message_rate,
        settings.edit_window,
        settings.delete_window,
        settings.group_history,
        settings.attachment_unsent_for,
        settings.audit_log_keep,
        settings.contacts == "listed",
    )


async def _listen(
    stack: AsyncExitStack, nats: bus.Bus, store: Store, settings: Settings, health: Health
) -> None:
    writer, followers = Writer(store, nats, health.operated, health.metrics), Followers()
    readers = Readers(
        *(settings.store_url, store.epoch, nats, followers, store.guard),
        operated=health.operated,
        recent=writer.recent,
        contacts_only=settings.contacts == "listed",
    )
    health.figures["batches_waiting"] = writer.waiting
    health.figures["questions_waiting"] = readers.waiting
    health.checks["reader"] = readers.reads.check
    retention = Retention(
        store, followers, keep=settings.feed_retention, patience=settings.follower_patience
    )
    await retention.load()
    reader = Held(settings.store_url, ReaderConnection, store.guard)
    auditor = Auditor(reader, health.counters, settings.audit_every)
    health.checks["audit"] = auditor.check
    tasks = await stack.enter_async_context(asyncio.TaskGroup())
    reading = [tasks.create_task(readers.run()) for _ in range(settings.readers)]
    writing = tasks.create_task(writer.run())
    indexing = tasks.create_task(Indexer(store).run())
    pruning = tasks.create_task(retention.run())
    erasing = tasks.create_task(Erasure(store).run())
    users = UserErasure(
        store, writer.store, Held(settings.store_url, ReaderConnection, store.guard), followers
    )
    forgetting = tasks.create_task(users.run())
    canaries = tasks.create_task(CanaryPruning(store, followers).run())
    auditing = tasks.create_task(auditor.run())
    probing = [tasks.create_task(probe.run()) for probe in (store.writes, readers.reads)]
    errors = StoredErrors(store, nats, settings.errors_keep)
    reports = Reports(store, nats)
    answering = (errors.requests, reports.requests)
    runs = (errors.run, Reporter(health.errors, errors.tell).run, *(one.run for one in answering))
    reporting = [tasks.create_task(run()) for run in runs]

    def examine(delivery: bus.Delivery) -> None:
        nats.post(delivery.reply_to, readiness.tell(health, delivery.payload))

    def remember(delivery: bus.Delivery) -> None:
        nats.post(delivery.reply_to, reporter.recent(health.errors))

    at_once = {  # also when no reader gets anywhere
        subjects.query("health"): examine,
        subjects.query("recent_errors"): remember,
        subjects.query("resolve_error"): errors.requests.accept,
        subjects.query("resolve_report"): reports.requests.accept,
    }

    def accept(delivery: bus.Delivery) -> None:
        at_once.get(delivery.subject, readers.accept)(delivery)

    queries = await nats.subscribe(subjects.query("*"), accept, queue=subjects.QUERY_GROUP)
    told = await nats.subscribe(subjects.ERRORS, errors.accept, queue=subjects.ERRORS_GROUP)
    batches = await nats.subscribe(subjects.STORE, writer.accept, queue=subjects.STORE_GROUP)

    async def drain() -> None:
        """Take no more, carry out what was taken, answer it, then let go."""
        await batches.close()
        await queries.close()
        await told.close()
        await writer.finish()
        await writing
        for task in (
            *reading,
            indexing,
            pruning,
            erasing,
            forgetting,
            canaries,
            auditing,
            *probing,
            *reporting,
        ):
            task.cancel()

    stack.push_async_callback(drain)
