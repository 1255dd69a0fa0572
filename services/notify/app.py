"""Builds notify: the bus, the store, the follower and the couriers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from starlette.applications import Starlette

from services.notify.channels.email import open_channel
from services.notify.channels.letter import Letters
from services.notify.channels.links import Links
from services.notify.channels.notes import Notes
from services.notify.channels.push import AT_ONCE, CONNECT_TIMEOUT, RETRIES, TIMEOUT, Push
from services.notify.channels.realtime import Realtime
from services.notify.channels.signer import Signer, signer_of
from services.notify.channels.unsubscribing import Unsubscribing, key
from services.notify.channels.unsubscription import Unsubscriptions
from services.notify.follower import Follower
from services.notify.inbox.announcements import Announcements
from services.notify.inbox.fold import Changes
from services.notify.inbox.lists import Lists
from services.notify.inbox.pruning import Pruning
from services.notify.inbox.render import Words
from services.notify.ladder.delivery import Channel, Waits
from services.notify.ladder.preferences import Table, table
from services.notify.preferences.choices import Choices
from services.notify.questions import Questions
from services.notify.sending.courier import CONCURRENCY, Courier
from services.notify.sending.enquiry import Enquiry
from services.notify.sending.ways import ByEmail, ByPush
from services.notify.store.erasure import Erasure
from services.notify.store.export import Exports
from services.notify.store.notices import open_notices
from services.notify.store.store import Store, open_store
from services.notify.store.subscriptions import Subscriptions
from services.notify.upkeep.audit import Audit
from services.notify.upkeep.operation import Operation
from services.notify.upkeep.steps import Steps
from services.notify.webhooks.letters import Letters as DeadLetters
from services.notify.webhooks.lines import Lines, Terms
from services.notify.webhooks.registry import Registry
from shared import bus, clock, subjects
from shared.breaker import Breaker
from shared.bus import Bus
from shared.clock import SECOND
from shared.health.disk import disk_check
from shared.health.endpoints import Health
from shared.outward import Outward, open_outward
from shared.outward.destinations import Rules
from shared.process import start
from shared.process.reporter import Reporter, over
from shared.settings import Settings
from shared.settings.addresses import file_of

Run = Callable[[], Coroutine[None, None, None]]


@dataclass(slots=True, frozen=True, kw_only=True)
class Base:
    """The base that all parts share. `signer`: None where web push is switched off."""

    settings: Settings
    health: Health
    store: Store
    wire: Bus
    outward: Outward
    rules: Rules
    signer: Signer | None
    known: Table
    waits: Mapping[Channel, Waits]


@dataclass(slots=True, frozen=True, kw_only=True)
class Parts:
    """All that notify consists of, connected to each other; nothing of it runs yet.

    `followed`: set once the end of the log has been reached, before which nothing is sent.
    """

    couriers: Mapping[Channel, Courier]
    follower: Follower
    followed: asyncio.Event
    realtime: Realtime
    subscriptions: Subscriptions
    questions: Questions
    audit: Audit
    pruning: Pruning
    erasure: Erasure
    webhooks: Registry


@asynccontextmanager
async def open_app(settings: Settings, health: Health) -> AsyncIterator[Starlette]:
    """Raises SettingError and StartError."""
    signer = signer_of(settings)
    known = table(settings.notification_types, settings.notification_defaults)
    rules, doorbell = Rules(settings.outbound_allowed), asyncio.Event()

    async def on_reconnect() -> None:
        doorbell.set()

    async with (
        aclosing(await open_channel(settings)) as channel,
        open_store(settings.notify_store_url, known) as store,
        bus.connect(settings.nats_url, "notify", on_reconnect) as wire,
        open_outward(rules, timeout=TIMEOUT, connect_timeout=CONNECT_TIMEOUT) as outward,
    ):
        base = Base(
            settings=settings,
            health=health,
            store=store,
            wire=wire,
            outward=outward,
            rules=rules,
            signer=signer,
            known=known,
            waits=_waits(settings),
        )
        await store.recover(clock.now(), base.waits)
        links = Unsubscriptions(await key(store), settings.public_url)
        letters = await asyncio.to_thread(Letters, settings, clock.now, links.link)
        parts = _connected(base, ByEmail(channel, letters), links, doorbell)
        sending = _sending(parts)
        async with _running(*sending, *_rest(base, parts)) as tasks:
            waited = (parts.followed, parts.subscriptions.some)
            couriers = list(parts.couriers.values())
            lines = parts.webhooks.lines
            health.drain = partial(_drain, couriers, waited, tasks[: len(sending)], lines)
            start.require(health, "routes", start.route_faults(health.routes()))
            start.require(health, "subjects", start.subject_faults(subjects.PATTERNS))
            yield Starlette(routes=health.routes())


def _connected(
    base: Base, email: ByEmail, links: Unsubscriptions, doorbell: asyncio.Event
) -> Parts:
    store, health, known = base.store, base.health, base.known
    public_key = base.signer.public_key if base.signer else ""
    subscriptions = Subscriptions(store, base.rules, clock.now, public_key)
    couriers = _couriers(base, email, subscriptions)
    words, followed = Words(base.wire), asyncio.Event()
    realtime = Realtime(base.wire, store.between, words, known)

    def woken() -> None:
        for courier in couriers.values():
            courier.wake()

    def told(changes: Changes) -> None:
        woken()
        realtime.changed(changes)

    follower = Follower(
        base.wire,
        store,
        doorbell,
        waits=base.waits,
        clock=clock.now,
        told=told,
        operated=health.operated,
        followed=followed,
    )
    parts = Parts(
        couriers=couriers,
        follower=follower,
        followed=followed,
        realtime=realtime,
        subscriptions=subscriptions,
        questions=Questions(base.wire, health),
        audit=Audit(store, health.counters, base.settings, clock.now),
        pruning=Pruning(store.between, int(base.settings.notification_keep * SECOND), clock.now),
        erasure=Erasure(
            store.between,
            store.apart,
            store.erasing,
            base.settings.data / "mail",
            clock.now,
        ),
        webhooks=_webhooks(base),
    )
    _watched(base, parts)
    _answered(base, parts, links, words, told, woken)
    return parts


def _couriers(
    base: Base, email: ByEmail, subscriptions: Subscriptions
) -> Mapping[Channel, Courier]:
    """One for each channel that there is, with a breaker of its own."""
    enquiry = Enquiry(base.wire, base.store, base.known, base.settings.smtp_refusals)
    mailer = _mailer(base, email, enquiry)
    if base.signer is None:
        return {"email": mailer}
    push = Push(
        base.outward,
        base.rules,
        subscriptions,
        base.signer,
        clock=clock.now,
        with_content=base.settings.push_content == "full",
    )
    base.health.figures["breakers_open.push"] = push.failing
    way = ByPush(push, Notes(Links(base.settings)))
    return {"email": mailer, "push": _pusher(base, way, enquiry)}


def _mailer(base: Base, way: ByEmail, enquiry: Enquiry) -> Courier:
    settings = base.settings
    breaker = Breaker("the mail server", settings.smtp_retries)
    base.health.checks["smtp"] = breaker.check
    return Courier(
        way,
        base.store,
        enquiry,
        waits=base.waits["email"],
        breaker=breaker,
        clock=clock.now,
        concurrency=min(CONCURRENCY, settings.smtp_connections),
        more=max(0, settings.smtp_connections - CONCURRENCY),
        count=base.health.counters.add,
        most_refusals=settings.smtp_refusals,
    )


def _pusher(base: Base, way: ByPush, enquiry: Enquiry) -> Courier:
    return Courier(
        way,
        base.store,
        enquiry,
        waits=base.waits["push"],
        breaker=Breaker("web push", RETRIES),
        clock=clock.now,
        concurrency=AT_ONCE,
        count=base.health.counters.add,
    )


def _webhooks(base: Base) -> Registry:
    settings = base.settings
    return Registry(
        Terms(
            bus=base.wire,
            between=base.store.between,
            rules=base.rules,
            retries=settings.webhook_retries,
            lasting=settings.webhook_retry_for,
            clock=clock.now,
            count=base.health.counters.add,
        )
    )


def _waits(settings: Settings) -> dict[Channel, Waits]:
    """Return the delays of each channel that is switched on."""
    email = Waits(
        unread=int(settings.notify_email_after * SECOND),
        pause=int(settings.notify_email_pause * SECOND),
        retries=settings.smtp_retries,
    )
    if not settings.vapid_private_key:
        return {"email": email}
    unread = int(settings.notify_push_after * SECOND)
    return {"email": email, "push": Waits(unread=unread, pause=0, retries=RETRIES)}


def _watched(base: Base, parts: Parts) -> None:
    """Add what the health report looks at."""
    health = base.health
    health.checks["bus"] = base.wire.check
    health.checks["subscriptions"] = base.wire.subscriptions
    health.checks["store"] = base.store.writes.check
    health.checks["log"] = parts.follower.check
    health.checks["webhooks"] = parts.webhooks.lines.check
    health.checks["disk"] = disk_check(file_of(base.settings.notify_store_url))
    health.figures["log_lag_seconds"] = parts.follower.lag
    health.figures["webhook_lag_seconds"] = parts.webhooks.lines.lag
    health.figures["breakers_open.webhooks"] = parts.webhooks.lines.failing
    for channel, courier in parts.couriers.items():
        health.checks[channel] = courier.check


def _answered(
    base: Base,
    parts: Parts,
    links: Unsubscriptions,
    words: Words,
    told: Callable[[Changes], None],
    woken: Callable[[], None],
) -> None:
    """Bind each question to who answers it."""
    store, known, realtime = base.store, base.known, parts.realtime
    lists = Lists(store.between, words, known, clock.now, realtime.changed)
    opened = partial(open_notices, known=known, waits=base.waits)
    for answering in (
        Steps(store),
        Choices(store.between, known),
        parts.subscriptions,
        lists,
        realtime,
        Unsubscribing(store, known, links),
        Announcements(base.wire, store.between, known, clock.now, told, opened),
        Operation(base.settings, store.between, parts.pruning, clock.now, woken),
        parts.erasure,
        Exports(store.between),
        parts.webhooks,
        DeadLetters(parts.webhooks, store.between, clock.now),
    ):
        answering.answer(parts.questions)


def _sending(parts: Parts) -> list[Run]:
    """The runs of the couriers, which a drain waits for."""
    runs: list[Run] = [partial(_after, parts.followed, parts.couriers["email"].run)]
    if (pusher := parts.couriers.get("push")) is not None:
        once = partial(_once, parts.subscriptions, pusher)
        runs.append(partial(_after, parts.followed, once))
    return runs


def _rest(base: Base, parts: Parts) -> list[Run]:
    return [
        parts.follower.run,
        parts.questions.run,
        parts.realtime.run,
        base.store.writes.run,
        parts.audit.run,
        Reporter(base.health.errors, over(base.wire)).run,
        parts.pruning.run,
        parts.erasure.run,
        parts.webhooks.run,
    ]


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
    couriers: list[Courier],
    waited: Iterable[asyncio.Event],
    tasks: list[asyncio.Task[None]],
    webhooks: Lines,
) -> None:
    """Let the deliveries on their way end; those that take too long are cut off."""
    for courier in couriers:
        courier.stop()
    for event in waited:
        event.set()  # for a courier that waits for it to end too
    await asyncio.gather(asyncio.wait(tasks), webhooks.drain())
