"""Builds notify: the bus, the store, the follower and the couriers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from functools import partial

from starlette.applications import Starlette

from services.notify.audit import Audit
from services.notify.channels.email import open_channel
from services.notify.channels.letter import Letters
from services.notify.channels.links import Links
from services.notify.channels.notes import Notes
from services.notify.channels.push import AT_ONCE, CONNECT_TIMEOUT, RETRIES, TIMEOUT, Push
from services.notify.channels.realtime import Realtime
from services.notify.channels.signer import signer_of
from services.notify.channels.unsubscription import Unsubscriptions
from services.notify.choices import Choices
from services.notify.courier import Courier
from services.notify.enquiry import Enquiry
from services.notify.follower import Follower
from services.notify.inbox.announcements import Announcements
from services.notify.inbox.fold import Changes
from services.notify.inbox.lists import Lists
from services.notify.inbox.pruning import Pruning
from services.notify.inbox.render import Words
from services.notify.ladder.delivery import Channel, Waits
from services.notify.ladder.preferences import table
from services.notify.notices import open_notices
from services.notify.operation import Operation
from services.notify.questions import Questions
from services.notify.steps import Steps
from services.notify.store import Store, open_store
from services.notify.subscriptions import Subscriptions
from services.notify.unsubscribing import Unsubscribing, key
from services.notify.ways import ByEmail, ByPush
from shared import bus, clock, start, subjects
from shared.addresses import file_of
from shared.breaker import Breaker
from shared.clock import SECOND
from shared.destinations import Rules
from shared.disk import disk_check
from shared.health import Health
from shared.outward import open_outward
from shared.reporter import Reporter, over
from shared.settings import Settings

Run = Callable[[], Coroutine[None, None, None]]


@asynccontextmanager
async def open_app(settings: Settings, health: Health) -> AsyncIterator[Starlette]:
    """Raises SettingError and StartError."""
    channel = await open_channel(settings)
    known = table(settings.notification_types, settings.notification_defaults)
    signer, rules = signer_of(settings), Rules(settings.outbound_allowed)
    doorbell, followed = asyncio.Event(), asyncio.Event()

    async def on_reconnect() -> None:
        doorbell.set()

    async with (
        open_store(settings.notify_store_url, known) as store,
        bus.connect(settings.nats_url, "notify", on_reconnect) as wire,
        open_outward(rules, timeout=TIMEOUT, connect_timeout=CONNECT_TIMEOUT) as outward,
    ):
        waits = _waits(settings)
        await store.recover(clock.now(), waits)
        links = Unsubscriptions(await key(store), settings.public_url)
        letters = await asyncio.to_thread(Letters, settings, clock.now, links.link)
        enquiry = Enquiry(wire, store, known, settings.smtp_refusals)
        breaker = Breaker("the mail server", settings.smtp_retries)
        mailer = Courier(
            ByEmail(channel, letters),
            store,
            enquiry,
            waits=waits["email"],
            breaker=breaker,
            clock=clock.now,
            count=health.counters.add,
            most_refusals=settings.smtp_refusals,
        )
        couriers, starts = [mailer], [partial(_after, followed, mailer.run)]
        public_key = signer.public_key if signer else ""
        subscriptions = Subscriptions(store, rules, clock.now, public_key)
        if signer is not None:
            full = settings.push_content == "full"
            push = Push(outward, rules, subscriptions, signer, clock=clock.now, with_content=full)
            way = ByPush(push, Notes(Links(settings)))
            pusher = _pusher(way, store, enquiry, waits["push"], health)
            couriers.append(pusher)
            starts.append(partial(_after, followed, partial(_once, subscriptions, pusher)))
        words = Words(wire)
        realtime = Realtime(wire, store.between, words, known)

        def woken() -> None:
            for courier in couriers:
                courier.wake()

        def told(changes: Changes) -> None:
            woken()
            realtime.changed(changes)

        follower = Follower(
            wire,
            store,
            doorbell,
            waits=waits,
            clock=clock.now,
            told=told,
            operated=health.operated,
            followed=followed,
        )
        health.checks["bus"] = wire.check
        health.checks["subscriptions"] = wire.subscriptions
        health.checks["store"] = store.writes.check
        health.checks["log"] = follower.check
        health.checks["disk"] = disk_check(file_of(settings.notify_store_url))
        health.figures["log_lag_seconds"] = follower.lag
        health.checks["email"] = mailer.check
        health.checks["smtp"] = breaker.check
        questions = Questions(wire, health)
        Steps(store).answer(questions)
        Choices(store.between, known).answer(questions)
        subscriptions.answer(questions)
        lists = Lists(store.between, words, known, clock.now, realtime.changed, realtime.heard)
        lists.answer(questions)
        Unsubscribing(store, known, links).answer(questions)
        opened = partial(open_notices, known=known, waits=waits)
        Announcements(wire, store.between, known, clock.now, told, opened).answer(questions)
        audit = Audit(store, health.counters, settings, clock.now)
        pruning = Pruning(store.between, int(settings.notification_keep * SECOND), clock.now)
        operation = Operation(settings, store.between, pruning, clock.now, woken)
        operation.answer(questions)
        reporting = Reporter(health.errors, over(wire)).run
        runs = (follower.run, questions.run, realtime.run, store.writes.run, audit.run, reporting)
        async with _running(*starts, *runs, pruning.run) as tasks:
            waited = (followed, subscriptions.some)
            health.drain = partial(_drain, couriers, waited, tasks[: len(starts)])
            start.require(health, "routes", start.route_faults(health.routes()))
            start.require(health, "subjects", start.subject_faults(subjects.PATTERNS))
            yield Starlette(routes=health.routes())


def _waits(settings: Settings) -> dict[Channel, Waits]:
    """Of each channel that there is."""
    email = Waits(
        unread=int(settings.notify_email_after * SECOND),
        pause=int(settings.notify_email_pause * SECOND),
        retries=settings.smtp_retries,
    )
    if not settings.vapid_private_key:
        return {"email": email}
    unread = int(settings.notify_push_after * SECOND)
    return {"email": email, "push": Waits(unread=unread, pause=0, retries=RETRIES)}


def _pusher(way: ByPush, store: Store, enquiry: Enquiry, waits: Waits, health: Health) -> Courier:
    pusher = Courier(
        way,
        store,
        enquiry,
        waits=waits,
        breaker=Breaker("web push", RETRIES),
        clock=clock.now,
        concurrency=AT_ONCE,
        count=health.counters.add,
    )
    health.checks["push"] = pusher.check
    return pusher


async def _after(event: asyncio.Event, run: Run) -> None:
    await event.wait()
    await run()


async def _once(subscriptions: Subscriptions, pusher: Courier) -> None:
    """It runs once there is somebody to push to, and costs nothing before."""
    await subscriptions.look()
    await subscriptions.some.wait()
    await pusher.run()


@asynccontextmanager
async def _running(*runs: Run) -> AsyncIterator[list[asyncio.Task[None]]]:
    """A defect in one of them ends the process: the supervisor starts it again from the log."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run()) for run in runs]
        yield tasks
        for task in tasks:
            task.cancel()


async def _drain(
    couriers: list[Courier], waited: Iterable[asyncio.Event], tasks: list[asyncio.Task[None]]
) -> None:
    """What is on its way comes to its end; what the time does not suffice for is cut off."""
    for courier in couriers:
        courier.stop()
    for event in waited:
        event.set()  # for a courier that waits for it to end too
    await asyncio.wait(tasks)
