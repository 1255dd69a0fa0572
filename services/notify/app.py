"""Opens notify: the bus, the store and the mail server, and what runs from start to drain."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import aclosing, asynccontextmanager
from functools import partial

from starlette.applications import Starlette

from services.notify.channels.email import open_channel
from services.notify.channels.letter import Letters
from services.notify.channels.push import CONNECT_TIMEOUT, RETRIES, TIMEOUT
from services.notify.channels.signer import signer_of
from services.notify.channels.unsubscribing import key
from services.notify.channels.unsubscription import Unsubscriptions
from services.notify.ladder.delivery import Channel, Waits
from services.notify.ladder.preferences import table
from services.notify.parts import Base, Parts, connected
from services.notify.sending.courier import Courier
from services.notify.sending.ways import ByEmail
from services.notify.store.store import open_store
from services.notify.store.subscriptions import Subscriptions
from services.notify.webhooks.lines import Lines
from shared import bus, clock, subjects
from shared.clock import SECOND
from shared.health.endpoints import Health
from shared.outward import open_outward
from shared.outward.destinations import Rules
from shared.process import start
from shared.process.reporter import Reporter, over
from shared.settings import Settings

Run = Callable[[], Coroutine[None, None, None]]


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
        parts = connected(base, ByEmail(channel, letters), links, doorbell)
        sending = _sending(parts)
        async with _running(*sending, *_rest(base, parts)) as tasks:
            waited = (parts.followed, parts.subscriptions.some)
            couriers = list(parts.couriers.values())
            lines = parts.webhooks.lines
            health.drain = partial(_drain, couriers, waited, tasks[: len(sending)], lines)
            start.require(health, "routes", start.route_faults(health.routes()))
            start.require(health, "subjects", start.subject_faults(subjects.PATTERNS))
            yield Starlette(routes=health.routes())


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
