"""Owns the connection to NATS: the only module that imports nats.

The wire keeps nothing: no buffering while disconnected, a publish that cannot leave is dropped,
a request that cannot leave fails at once. Whoever waits for a fact re-reads the log.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.addresses import without_password
from shared.errors import StartError, Unavailable
from shared.health import Check
from shared.probe import Probe

logger = logging.getLogger("linkup.bus")

Handler = Callable[["Delivery"], Awaitable[None]]

FLUSH_EVERY = 256  # publishes: without a buffer limit nothing else slows a burst down
CONNECT_TIMEOUT = 10.0
FLUSH_TIMEOUT = 5.0
PING_TIMEOUT = 2.0  # below the deadline of what is asked over the bus: the bus is blamed first


class Delivery:
    """One message from the bus, and the way to answer it."""

    __slots__ = ("_msg", "payload", "reply_to", "subject")

    def __init__(self, msg: Msg) -> None:
        self.subject: str = msg.subject
        self.payload: bytes = msg.data
        self.reply_to: str = msg.reply


class NoResponders(Unavailable):
    """Nobody listens on that subject: said by the broker at once."""


class BusTimeout(Unavailable):
    """The request left; whether it was carried out is unknown."""


class Subscription:
    """Interest in one subject. What overflows its limits is dropped and repaired from the log."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def close(self) -> None:
        """Stop at once; on a lost connection there is nothing to tell the broker."""
        if not self._inner._closed:  # noqa: SLF001 - the client has no public word for it
            await _quietly(self._inner.unsubscribe())

    async def drain(self) -> None:
        """Stop taking, finish what was taken."""
        await _quietly(self._inner.drain())


class Bus:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._unflushed = 0
        self._flush: asyncio.Task[bool] | None = None  # under way
        self._next_flush: asyncio.Task[bool] | None = None
        self.probe = Probe("nats-server", self._ping)

    @property
    def connected(self) -> bool:
        return bool(self._client.is_connected)

    @property
    def max_payload(self) -> int:
        return int(self._client.max_payload)

    def check(self) -> Check:
        if self.connected:
            return self.probe.check()
        return Check("fail", "no connection to nats-server: start it or check LINKUP_NATS_URL")

    async def _ping(self) -> None:
        """There and back: the client's own pings take 10 s and more to find it frozen."""
        try:
            await self._round_trip(PING_TIMEOUT)
        except (nats.errors.Error, TimeoutError, OSError):
            raise Unavailable("no answer to a ping") from None

    async def _round_trip(self, timeout: float) -> None:
        """As the client's `flush`, but what waits for the answer is never cancelled: in
        nats-py 2.16 an answer that comes late would end all reading (InvalidStateError)."""
        if not self.connected:
            raise nats.errors.ConnectionClosedError
        answered = asyncio.get_running_loop().create_future()
        await self._client._send_ping(answered)  # noqa: SLF001 - `flush` makes its own future
        done, _ = await asyncio.wait([answered], timeout=timeout)
        if not done:
            raise TimeoutError

    async def publish(self, subject: str, payload: bytes) -> None:
        """Hand to the wire, or drop when there is none: the log repairs it."""
        try:
            await self._client.publish(subject, payload)
            self._unflushed += 1
            if self._unflushed >= FLUSH_EVERY:
                await self.flush()
        except (nats.errors.Error, OSError, Unavailable) as error:
            logger.debug("publish dropped: %s", type(error).__name__)

    def post(self, subject: str, payload: bytes) -> None:
        """As `publish`, for what is seldom said: it waits for nothing, however much is said."""
        publishing = self._client.publish(subject, payload)
        with suppress(StopIteration, nats.errors.Error, OSError):
            publishing.send(None)  # the client only waits when a thousand flushes are asked for
        publishing.close()

    async def request(self, subject: str, payload: bytes, timeout: float) -> bytes:
        """Raises NoResponders or Unavailable (not carried out), BusTimeout (unknown)."""
        try:
            with _heeding_cancellation():
                reply = await self._client.request(subject, payload, timeout=timeout)
        except nats.errors.NoRespondersError:
            raise NoResponders("The service is starting or away") from None
        except (nats.errors.TimeoutError, TimeoutError):
            raise BusTimeout("The service did not answer in time") from None
        except (nats.errors.Error, OSError):
            raise Unavailable("The message bus is out of reach") from None
        self.probe.proved()
        return bytes(reply.data)

    async def subscribe(
        self,
        subject: str,
        handler: Handler,
        *,
        queue: str = "",
        pending_msgs: int = 1024,
        pending_bytes: int = 8 * 1024 * 1024,
    ) -> Subscription:
        """Calls of one subscription's handler run one after another: it must only enqueue.

        `pending_*`: bounds of what waits for the handler; beyond them messages are dropped.
        """

        async def deliver(msg: Msg) -> None:
            self.probe.proved()
            try:
                await handler(Delivery(msg))
            except Exception:
                logger.exception("a handler failed", extra={"subject": msg.subject})

        try:
            inner = await self._client.subscribe(
                subject,
                queue=queue,
                cb=deliver,
                pending_msgs_limit=pending_msgs,
                pending_bytes_limit=pending_bytes,
            )
        except (nats.errors.Error, OSError):
            raise Unavailable("The message bus is out of reach") from None
        return Subscription(inner)

    async def flush(self) -> None:
        """Wait until the broker has seen all that was handed over. Raises Unavailable.

        Those who come while one is under way share the next: this one began too early for them.
        """
        if self._next_flush is None:
            self._next_flush = asyncio.create_task(self._flush_after(self._flush))
        if not await asyncio.shield(self._next_flush):
            raise Unavailable("The message bus is out of reach")

    async def _flush_after(self, previous: "asyncio.Task[bool] | None") -> bool:
        """Whether the broker answered."""
        if previous is not None:
            await asyncio.wait([previous])
        self._flush, self._next_flush = self._next_flush, None
        self._unflushed = 0
        try:
            # nats-py 2.16 writes a PING at once, past commands that wait for its own flusher: the
            # first answer can come before the broker has seen them, the second one cannot.
            await self._round_trip(FLUSH_TIMEOUT)
            await self._round_trip(FLUSH_TIMEOUT)
        except (nats.errors.Error, TimeoutError, OSError):
            return False
        return True


class _Link:
    """Logs what becomes of the connection; one line until it is open."""

    def __init__(self, url: str, on_reconnect: Callable[[], Awaitable[None]] | None) -> None:
        self.shown = without_password(url)
        self.open = False
        self.trouble = ""
        self._on_reconnect = on_reconnect

    async def on_error(self, error: Exception) -> None:
        if self.open:
            logger.warning("bus: %s", _reason(error))
        elif not self.trouble:
            logger.warning("no nats-server at %s yet: %s", self.shown, _reason(error))
        self.trouble = _reason(error)

    async def on_disconnect(self) -> None:
        if self.open:
            logger.warning("disconnected from the bus")

    async def on_reconnected(self) -> None:
        logger.info("connected to the bus again")
        if self._on_reconnect is not None:
            await self._on_reconnect()


@asynccontextmanager
async def connect(
    url: str,
    name: str,
    on_reconnect: Callable[[], Awaitable[None]] | None = None,
    timeout: float = CONNECT_TIMEOUT,
) -> AsyncIterator[Bus]:
    """A connection for the life of the process. Raises StartError when the broker is not there."""

    link = _Link(url, on_reconnect)
    client = Client()
    bus = Bus(client)
    try:
        async with asyncio.timeout(timeout):  # the client's own first connect: 60 times 2 s
            await client.connect(
                url.split(","),
                name=name,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.25,  # type: ignore[arg-type]  # any number of seconds
                connect_timeout=2,
                ping_interval=5,
                max_outstanding_pings=2,
                drain_timeout=5,
                pending_size=0,  # fail at once while disconnected (R1)
                inbox_prefix=f"_INBOX_{name}".encode(),
                error_cb=link.on_error,
                disconnected_cb=link.on_disconnect,
                reconnected_cb=link.on_reconnected,
            )
    except (TimeoutError, nats.errors.Error, OSError) as error:
        await _quietly(client.close())
        raise StartError(
            f"cannot reach nats-server at {link.shown}: {link.trouble or _reason(error)}; "
            "start it, or set LINKUP_NATS_URL to where it is"
        ) from None
    link.open = True
    bus.probe.proved()
    probing = asyncio.create_task(bus.probe.run())
    try:
        yield bus
    finally:
        link.open = False
        probing.cancel()
        await asyncio.wait([probing])
        await _quietly(client.close())


@contextmanager
def _heeding_cancellation() -> Iterator[None]:
    """`asyncio.wait_for`, which the client waits with, forgets a cancellation that comes together
    with the answer (cpython#86296, mended in 3.12): a loop that asks would never end."""
    task = asyncio.current_task()
    assert task is not None
    before = task.cancelling()
    try:
        yield
    finally:
        if task.cancelling() > before:
            raise asyncio.CancelledError


async def _quietly(step: Awaitable[Any]) -> None:
    """Closing a connection that is already lost is no error."""
    try:
        await step
    except (nats.errors.Error, OSError):
        logger.debug("closing a lost connection")


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
