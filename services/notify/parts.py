"""Owns the parts of notify, and how they are connected."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from services.notify.channels.links import Links
from services.notify.channels.notes import Notes
from services.notify.channels.push import AT_ONCE, RETRIES, Push
from services.notify.channels.realtime import Realtime
from services.notify.channels.signer import Signer
from services.notify.channels.unsubscribing import Unsubscribing
from services.notify.channels.unsubscription import Unsubscriptions
from services.notify.follower import Follower
from services.notify.inbox.announcements import Announcements
from services.notify.inbox.fold import Changes
from services.notify.inbox.lists import Lists
from services.notify.inbox.pruning import Pruning
from services.notify.inbox.render import Words
from services.notify.ladder.delivery import Channel, Waits
from services.notify.ladder.preferences import Table
from services.notify.preferences.choices import Choices
from services.notify.questions import Questions
from services.notify.sending.courier import CONCURRENCY, Courier
from services.notify.sending.enquiry import Enquiry
from services.notify.sending.reach import Reaches
from services.notify.sending.ways import ByEmail, ByPush
from services.notify.store.erasure import Erasure
from services.notify.store.export import Exports
from services.notify.store.notices import open_notices
from services.notify.store.store import Store
from services.notify.store.subscriptions import Subscriptions
from services.notify.upkeep.audit import Audit
from services.notify.upkeep.operation import Operation
from services.notify.upkeep.steps import Steps
from services.notify.webhooks.letters import Letters as DeadLetters
from services.notify.webhooks.lines import Terms
from services.notify.webhooks.registry import Registry
from shared import clock
from shared.breaker import Breaker
from shared.bus import Bus
from shared.clock import SECOND
from shared.health.disk import disk_check
from shared.health.endpoints import Health
from shared.outward import Outward
from shared.outward.destinations import Rules
from shared.settings import Settings
from shared.settings.addresses import file_of


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


def connected(base: Base, email: ByEmail, links: Unsubscriptions, doorbell: asyncio.Event) -> Parts:
    """Return the parts; `doorbell` is set when the log may have grown."""
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
    enquiry = Enquiry(base.wire, store, known, base.settings.smtp_refusals)
    for answering in (
        Steps(store),
        Reaches(enquiry, base.waits),
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
